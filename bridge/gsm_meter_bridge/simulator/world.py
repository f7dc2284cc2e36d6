"""A cellular world from a YAML file: a network, one modem on a pty, simulated modules, meters behind them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import voluptuous as vol

from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.families import families, simulated_faults, simulated_module
from gsm_meter_bridge.model import SimulatedModule
from gsm_meter_bridge.simulator.carrier import Carrier, NetworkFaults
from gsm_meter_bridge.simulator.connections import METER, TCP, meter_of, tcp_of
from gsm_meter_bridge.simulator.dialect import Dialect
from gsm_meter_bridge.simulator.journal import journal_at
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.simulator.modem_state import Faults, ModemIdentity
from gsm_meter_bridge.simulator.port import linked, on_pty
from gsm_meter_bridge.simulator.storage import SimulatedMemory, user_data
from gsm_meter_bridge.simulator.tcp import TcpPlan, TcpSide, running
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from gsm_meter_bridge.vocabulary import Scalar
from gsm_meter_bridge.yaml_file import Fault, YamlDocument, parse_yaml, read_yaml
from gsm_meter_bridge.yaml_file.checks import (
    Validator,
    decimal,
    flag,
    long_text,
    matching,
    named,
    optional,
    options,
    plain,
    refuse,
    rows,
    scalar_of,
    text,
    whole,
)
from gsm_meter_bridge.yaml_file.checks import checked as checked_document

_LOGGER = logging.getLogger(__name__)

_IN_QUOTES = 'expected a number in quotes, like "+79990000101"'
_NUMBER = matching(r"\+[0-9]{5,15}", _IN_QUOTES)
_REPLY = "expected a reply of 1 to 1000 characters"
_COUNT = whole(0, 1_000_000)


def _quoted(pattern: str, expected: str) -> Validator:
    check = matching(pattern, expected)

    def checked_in_quotes(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or not scalar.quoted:
            raise vol.Invalid(expected)
        found: str = check(scalar)
        return found

    return checked_in_quotes


_MODEM_FAULTS = options(
    {
        vol.Optional("no_sim"): flag,
        vol.Optional("pin"): _quoted("[0-9]{4,8}", 'expected 4 to 8 digits in quotes, like "0000"'),
        vol.Optional("pin_tries"): whole(0, 3, "expected the tries of the PIN that are left, 0 to 3"),
        vol.Optional("lacks"): rows(
            matching(r"[+^*]\w{1,20}", "expected names of commands, like [+CPINR]"), 0, 100
        ),
        vol.Optional("puk"): _quoted("[0-9]{8}", "expected 8 digits in quotes"),
        vol.Optional("registration"): whole(0, 5, "expected a state of AT+CREG, 0 to 5"),
        vol.Optional("silent"): flag,
        vol.Optional("cms_errors"): rows(whole(0, 65535, "expected numbers of +CMS ERROR, like [500, 38]")),
    }
)
_MODULE_FAULTS = options(
    {
        **{vol.Optional(name): check for name, check in simulated_faults().items()},
        **{vol.Optional(name): flag for name in ("silent", "duplicate")},
        **{vol.Optional(name): decimal(0, 86_400) for name in ("delay_s", "restart_s")},
        vol.Optional("tcp_speed"): decimal(0.001, 1_000_000),
    }
)
_NETWORK = options(
    {
        vol.Optional("delay_s", default=0.3): decimal(0, 3600),
        vol.Optional("signal_csq", default=18): whole(0, 31),
        vol.Optional("sms_storage_size", default=20): whole(1, 255),
        vol.Optional("faults", default=dict): options(
            {
                vol.Optional("lose_every"): _COUNT,
                vol.Optional("lose_reply_every"): _COUNT,
                vol.Optional("duplicate_every"): _COUNT,
                vol.Optional("reorder_parts"): flag,
            }
        ),
    }
)
_MODULE = options(
    {
        vol.Required("family"): text(),
        vol.Required("msisdn"): _NUMBER,
        vol.Optional("password", default=None): optional(text()),
        vol.Optional("reachable", default=True): flag,
        vol.Optional("values", default=dict): named(text(1, 64), plain, 0, 1000),
        vol.Optional("faults", default=dict): _MODULE_FAULTS,
        vol.Optional("tcp", default=None): optional(TCP),
        vol.Optional("meter", default=None): optional(METER),
        vol.Optional("dialect", default=dict): named(text(1, 150), long_text(1, 1000, _REPLY), 0, 100),
    }
)
_WORLD = options(
    {
        vol.Optional("modem", default=dict): options(
            {
                **{vol.Optional(f.name): text() for f in fields(ModemIdentity) if f.name != "ussd"},
                vol.Optional("ussd"): named(text(1, 32), text(1, 182)),
            }
        ),
        vol.Optional("modem_faults", default=dict): _MODEM_FAULTS,
        vol.Optional("network", default=dict): _NETWORK,
        vol.Required("modules"): named(
            matching("[a-z0-9_]{1,32}", "expected an id of a-z, 0-9 and _"), _MODULE
        ),
    }
)


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """One module of the world; `silent`: it never answers. Without `tcp`, it neither connects nor listens."""

    id: str
    family: str
    msisdn: str
    password: str = field(repr=False)
    reachable: bool
    values: Mapping[str, Scalar]
    faults: Mapping[str, Scalar]
    tcp: TcpPlan | None = None
    meter: MeterPlan | None = None
    dialect: Mapping[str, str] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """Whether it never answers."""
        return bool(self.faults.get("silent")) or not self.reachable


@dataclass
class RunningWorld:
    """A running world: `device` is the path of the modem's port."""

    device: str
    carrier: Carrier
    modem: VirtualModem
    modules: dict[str, SimulatedModule]
    tcp: dict[str, TcpSide]

    def power_on(self, module: str, sim: SimulatedMemory) -> None:
        """Power on a module with a SIM, from which it may take settings; it may delete them there."""
        self.modules[module].power_on(user_data(sim), sim.remove)


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated; `modem_faults` are the modem's faults at the start."""

    identity: ModemIdentity
    modem_faults: Faults
    delay_s: float
    sms_storage_size: int
    faults: NetworkFaults
    modules: tuple[ModulePlan, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a world from `path`, or the built-in one; ConfigError names file, place and allowed values."""
        document = _document(path)
        checked = checked_document(document, _WORLD)
        plans, faults = _plans(checked["modules"])
        refuse(document, faults)
        network = checked["network"]
        return cls(
            ModemIdentity(**checked["modem"]),
            Faults(csq=network["signal_csq"], **checked["modem_faults"]),
            network["delay_s"],
            network["sms_storage_size"],
            NetworkFaults(**network["faults"]),
            plans,
        )

    @asynccontextmanager
    async def run(self, link: Path | None = None, journal: Path | None = None) -> AsyncIterator[RunningWorld]:
        """Start the world and yield it running; the modem's port is a pty, to which `link` points.

        Every message delivered to a module becomes a line of the file `journal`.
        """
        with journal_at(journal) as append:
            carrier = Carrier(self.delay_s, self.faults, journal=append)
            modem = VirtualModem(carrier, self.identity, self.sms_storage_size)
            modem.faults = deepcopy(self.modem_faults)
            modules = {plan.id: _device(plan) for plan in self.modules}
            for plan in self.modules:
                carrier.attach_module(
                    plan.msisdn, modules[plan.id], reachable=plan.reachable, meter=plan.meter
                )
            sides = {p.id: TcpSide(p.id, modules[p.id], p.tcp, p.meter) for p in self.modules if p.tcp}
            with on_pty(modem) as device, linked(link, device) as shown:
                try:
                    async with running(sides.values()):
                        yield RunningWorld(shown, carrier, modem, modules, sides)
                finally:
                    modem.data.hang_up()
                    await carrier.close()


def _document(path: Path | None) -> YamlDocument:
    if path is not None:
        return read_yaml(path)
    return parse_yaml((files("gsm_meter_bridge.simulator") / "world.yaml").read_text("utf-8"), "world.yaml")


def _plans(modules: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[ModulePlan, ...], list[Fault]]:
    """Return the modules, and the faults found in their entries."""
    plans: dict[str, ModulePlan] = {}
    faults: list[Fault] = []
    for name, checked in modules.items():
        found = _plan(name, checked)
        if isinstance(found, Fault):
            faults.append(found)
        elif found.msisdn in plans:
            message = f"{found.msisdn!r} is also the number of {plans[found.msisdn].id}"
            faults.append(Fault(("modules", name, "msisdn"), message))
        else:
            plans[found.msisdn] = found
    return tuple(plans.values()), faults


def _plan(name: str, checked: Mapping[str, Any]) -> ModulePlan | Fault:
    family = families().get(checked["family"])
    if family is None:
        message = f"{checked['family']!r}; expected one of {', '.join(families())}"
        return Fault(("modules", name, "family"), message)
    tcp, meter = tcp_of(checked["tcp"]), meter_of(checked["meter"], checked["values"])
    password = checked["password"] or family.default_password
    made = {"id": name, "password": password, "tcp": tcp, "meter": meter}
    plan = ModulePlan(**{**checked, **made})
    try:
        _device(plan)
    except GsmMeterError as error:
        return Fault(("modules", name, "values"), str(error))
    return plan


def _device(plan: ModulePlan) -> SimulatedModule:
    device = simulated_module(plan.family, plan.password, plan.values, plan.faults)
    return Dialect(device, plan.password, plan.dialect) if plan.dialect else device


async def simulate(link: Path, modules: Path | None = None, journal: Path | None = None) -> None:
    """Run the world in `modules`, or the built-in one, with its modem at `link`, until cancelled.

    Every message delivered to a module becomes a line of the file `journal`.
    """
    world = World.load(modules)
    async with world.run(link, journal) as running:
        _LOGGER.info("modem %s at %s; %d modules", world.identity.msisdn, running.device, len(world.modules))
        for plan in world.modules:
            _LOGGER.info("%s: %s at %s", plan.id, plan.family, plan.msisdn)
        await asyncio.Event().wait()
