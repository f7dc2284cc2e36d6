"""A cellular world from a YAML file: a network, one modem on a pty, simulated modules."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tty
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import voluptuous as vol
import yaml

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import families
from gsm_meter_bridge.family import SimulatedModule
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.modem_state import Identity
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from gsm_meter_bridge.vocabulary import Scalar

_LOGGER = logging.getLogger(__name__)

_NUMBER = vol.Match(r"^\+\d{5,15}$", msg='expected a number in quotes, like "+79990000101"')
_SCALARS = {str: vol.Any(str, int, float, bool)}
_SCHEMA = vol.Schema(
    {
        vol.Optional("modem", default=dict): {
            vol.Optional(name): str for name in Identity.__dataclass_fields__
        },
        vol.Optional("network", default=dict): {
            vol.Optional("delay_s", default=0.3): vol.All(vol.Coerce(float), vol.Range(0, 3600)),
            vol.Optional("signal_csq", default=18): vol.All(int, vol.Range(0, 31)),
        },
        vol.Required("modules"): {
            vol.Match(r"^[a-z0-9_]{1,32}$", msg="expected an id of a-z, 0-9 and _"): {
                vol.Required("family"): str,
                vol.Required("msisdn"): _NUMBER,
                vol.Optional("password", default=None): vol.Any(None, str),
                vol.Optional("reachable", default=True): bool,
                vol.Optional("values", default=dict): _SCALARS,
                vol.Optional("faults", default=dict): _SCALARS,
            }
        },
    }
)


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """One module of the world; `silent`: it will never answer."""

    id: str
    family: str
    msisdn: str
    password: str = field(repr=False)
    reachable: bool
    values: Mapping[str, Scalar]
    faults: Mapping[str, Scalar]

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


@dataclass(frozen=True, slots=True)
class World:
    """What is to be simulated."""

    identity: Identity
    delay_s: float
    signal_csq: int
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
        plans = tuple(_plan(source, name, m) for name, m in checked["modules"].items())
        network = checked["network"]
        return cls(Identity(**checked["modem"]), network["delay_s"], network["signal_csq"], plans)

    @asynccontextmanager
    async def run(self, link: Path | None = None) -> AsyncIterator[RunningWorld]:
        """Bring the world to life; the modem's port is a pty, to which `link` leads."""
        carrier = Carrier(self.delay_s)
        modem = VirtualModem(carrier, self.identity)
        modem.faults.csq = self.signal_csq
        modules = {plan.id: _device(plan) for plan in self.modules}
        for plan in self.modules:
            carrier.attach_module(plan.msisdn, modules[plan.id], reachable=plan.reachable)
        with _port(modem) as device, _linked(link, device) as shown:
            try:
                yield RunningWorld(shown, carrier, modem, modules)
            finally:
                await carrier.close()


def _plan(source: str, name: str, checked: Mapping[str, Any]) -> ModulePlan:
    family = families().get(checked["family"])
    if family is None:
        known = ", ".join(families())
        raise ConfigError(
            [f"{source}: modules.{name}.family: {checked['family']!r}; expected one of {known}"]
        )
    rest = {key: value for key, value in checked.items() if key != "password"}
    return ModulePlan(id=name, password=checked["password"] or family.default_password, **rest)


def _device(plan: ModulePlan) -> SimulatedModule:
    simulated = import_module(f"gsm_meter_bridge.families.{plan.family}.simulated").SIMULATED
    device: SimulatedModule = simulated(plan.password, plan.values, plan.faults)
    return device


@contextlib.contextmanager
def _port(modem: VirtualModem) -> Any:
    """Put the modem on a pty; the slave stays open here, so the other side may come and go."""
    master, slave = os.openpty()
    loop = asyncio.get_running_loop()
    try:
        tty.setraw(slave)
        os.set_blocking(master, False)
        modem.write = _writer(master)
        loop.add_reader(master, lambda: _read(master, modem))
        yield os.ttyname(slave)
    finally:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


def _writer(master: int) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        try:
            os.write(master, data)
        except BlockingIOError:
            _LOGGER.warning("nobody reads the simulated modem; %d octets are lost", len(data))

    return write


def _read(master: int, modem: VirtualModem) -> None:
    with contextlib.suppress(BlockingIOError):
        modem.feed(os.read(master, 4096))


@contextlib.contextmanager
def _linked(link: Path | None, device: str) -> Any:
    if link is None:
        yield device
        return
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(device)
    fresh.replace(link)
    try:
        yield str(link)
    finally:
        link.unlink(missing_ok=True)


async def simulate(link: Path, modules: Path | None = None) -> None:
    """Run the world in `modules`, or the built-in one, with its modem at `link`, until cancelled."""
    world = World.load(modules)
    async with world.run(link) as running:
        _LOGGER.info("modem %s at %s; %d modules", world.identity.msisdn, running.device, len(world.modules))
        for plan in world.modules:
            _LOGGER.info("%s: %s at %s", plan.id, plan.family, plan.msisdn)
        await asyncio.Event().wait()
