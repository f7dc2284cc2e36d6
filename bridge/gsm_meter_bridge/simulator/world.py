"""A cellular world from a YAML file: a network, one modem on a pty, simulated modules, meters behind them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import voluptuous as vol
import yaml

from gsm_meter_bridge.errors import ConfigError, GsmMeterError
from gsm_meter_bridge.families import families
from gsm_meter_bridge.family import SimulatedModule
from gsm_meter_bridge.simulator.carrier import Carrier, NetworkFaults
from gsm_meter_bridge.simulator.journal import journal_at
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.simulator.modem_state import Faults, Identity
from gsm_meter_bridge.simulator.port import linked, on_pty
from gsm_meter_bridge.simulator.sockets import METER, TCP, meter_of, tcp_of
from gsm_meter_bridge.simulator.tcp import TcpPlan, TcpSide, running
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from gsm_meter_bridge.vocabulary import Scalar

_LOGGER = logging.getLogger(__name__)

_NUMBER = vol.All(
    vol.Any(str, msg=(_IN_QUOTES := 'expected a number in quotes, like "+79990000101"')),
    vol.Match(r"^\+\d{5,15}$", msg=_IN_QUOTES),
)
_SCALARS = {str: vol.Any(str, int, float, bool)}
_COUNT = vol.All(int, vol.Range(0, 1_000_000))


def _number_to(highest: int, words: str) -> Callable[[object], object]:
    """Return a check that, unlike voluptuous' own, takes no `true` for 1."""

    def check(value: object) -> object:
        if type(value) is not int or not 0 <= value <= highest:
            raise vol.Invalid(words)
        return value

    return check


_FAULTS = {
    vol.Optional("no_sim"): bool,
    vol.Optional("pin"): vol.All(
        vol.Any(str, msg=(_PIN := 'expected 4 to 8 digits in quotes, like "0000"')),
        vol.Match(r"^\d{4,8}$", msg=_PIN),
    ),
    vol.Optional("pin_tries"): _number_to(3, "expected the tries of the PIN that are left, 0 to 3"),
    vol.Optional("puk"): vol.All(str, vol.Match(r"^\d{8}$", msg="expected 8 digits in quotes")),
    vol.Optional("registration"): _number_to(5, "expected a state of AT+CREG, 0 to 5"),
    vol.Optional("silent"): bool,
    vol.Optional("cms_errors"): [_number_to(65535, "expected numbers of +CMS ERROR, like [500, 38]")],
}
_SCHEMA = vol.Schema(
    {
        vol.Optional("modem", default=dict): {
            vol.Optional(name): str for name in Identity.__dataclass_fields__
        },
        vol.Optional("modem_faults", default=dict): _FAULTS,
        vol.Optional("network", default=dict): {
            vol.Optional("delay_s", default=0.3): vol.All(vol.Coerce(float), vol.Range(0, 3600)),
            vol.Optional("signal_csq", default=18): vol.All(int, vol.Range(0, 31)),
            vol.Optional("sms_storage_size", default=20): vol.All(int, vol.Range(1, 255)),
            vol.Optional("faults", default=dict): {
                vol.Optional("lose_every"): _COUNT,
                vol.Optional("lose_reply_every"): _COUNT,
                vol.Optional("duplicate_every"): _COUNT,
                vol.Optional("reorder_parts"): bool,
            },
        },
        vol.Required("modules"): {
            vol.Match(r"^[a-z0-9_]{1,32}$", msg="expected an id of a-z, 0-9 and _"): {
                vol.Required("family"): str,
                vol.Required("msisdn"): _NUMBER,
                vol.Optional("password", default=None): vol.Any(None, str),
                vol.Optional("reachable", default=True): bool,
                vol.Optional("values", default=dict): _SCALARS,
                vol.Optional("faults", default=dict): _SCALARS,
                vol.Optional("tcp", default=None): vol.Any(None, TCP),
                vol.Optional("meter", default=None): vol.Any(None, METER),
            }
        },
    }
)


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """One module of the world; `silent`: it never answers. Without `tcp`, it neither dials nor listens."""

    id: str
    family: str
    msisdn: str
    password: str = field(repr=False)
    reachable: bool
    values: Mapping[str, Scalar]
    faults: Mapping[str, Scalar]
    tcp: TcpPlan | None = None
    meter: MeterPlan | None = None

    @property
    def silent(self) -> bool:
        """Whether it never answers."""
        return bool(self.faults.get("silent")) or not self.reachable


@dataclass
class RunningWorld:
    """A world at work: `device` is the path of the modem's port."""

    device: str
    carrier: Carrier
    modem: VirtualModem
    modules: dict[str, SimulatedModule]
    tcp: dict[str, TcpSide]


@dataclass(frozen=True, slots=True)
class World:
    """What is to be simulated; `modem_faults` are what the modem starts with."""

    identity: Identity
    modem_faults: Faults
    delay_s: float
    sms_storage_size: int
    faults: NetworkFaults
    modules: tuple[ModulePlan, ...]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a world from `path`, or the built-in one; ConfigError names file, place and expectation."""
        source = "world.yaml" if path is None else str(path)
        try:
            built_in = files("gsm_meter_bridge.simulator") / "world.yaml"
            text = built_in.read_text("utf-8") if path is None else path.read_text("utf-8")
            checked = _SCHEMA(yaml.safe_load(text))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError([f"{source}: cannot be read: {error}"]) from error
        except vol.MultipleInvalid as error:
            faults = (f"{source}: {'.'.join(map(str, e.path)) or 'top level'}: {e.msg}" for e in error.errors)
            raise ConfigError(faults) from error
        plans = _plans(source, checked["modules"])
        network = checked["network"]
        return cls(
            Identity(**checked["modem"]),
            Faults(csq=network["signal_csq"], **checked["modem_faults"]),
            network["delay_s"],
            network["sms_storage_size"],
            NetworkFaults(**network["faults"]),
            plans,
        )

    @asynccontextmanager
    async def run(self, link: Path | None = None, journal: Path | None = None) -> AsyncIterator[RunningWorld]:
        """Bring the world to life; the modem's port is a pty, to which `link` leads.

        Every message that a module is brought becomes a line of the file `journal`.
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


def _plans(source: str, modules: Mapping[str, Mapping[str, Any]]) -> tuple[ModulePlan, ...]:
    plans: dict[str, ModulePlan] = {}
    for name, checked in modules.items():
        plan = _plan(f"{source}: modules.{name}", name, checked)
        if plan.msisdn in plans:
            other = plans[plan.msisdn].id
            raise ConfigError(
                [f"{source}: modules.{name}.msisdn: {plan.msisdn!r} is also the number of {other}"]
            )
        plans[plan.msisdn] = plan
    return tuple(plans.values())


def _plan(place: str, name: str, checked: Mapping[str, Any]) -> ModulePlan:
    family = families().get(checked["family"])
    if family is None:
        known = ", ".join(families())
        raise ConfigError([f"{place}.family: {checked['family']!r}; expected one of {known}"])
    tcp, meter = tcp_of(checked["tcp"]), meter_of(checked["meter"], checked["values"])
    password = checked["password"] or family.default_password
    made = {"id": name, "password": password, "tcp": tcp, "meter": meter}
    plan = ModulePlan(**{**checked, **made})
    try:
        _device(plan)
    except GsmMeterError as error:
        raise ConfigError([f"{place}.values: {error}"]) from error
    return plan


def _device(plan: ModulePlan) -> SimulatedModule:
    simulated = import_module(f"gsm_meter_bridge.families.{plan.family}.simulated").SIMULATED
    device: SimulatedModule = simulated(plan.password, plan.values, plan.faults)
    return device


async def simulate(link: Path, modules: Path | None = None, journal: Path | None = None) -> None:
    """Run the world in `modules`, or the built-in one, with its modem at `link`, until cancelled.

    Every message that a module is brought becomes a line of the file `journal`.
    """
    world = World.load(modules)
    async with world.run(link, journal) as running:
        _LOGGER.info("modem %s at %s; %d modules", world.identity.msisdn, running.device, len(world.modules))
        for plan in world.modules:
            _LOGGER.info("%s: %s at %s", plan.id, plan.family, plan.msisdn)
        await asyncio.Event().wait()
