"""A bridge without modem and broker: jobs on one end, simulated modules on the other, a clock that is set.

Requests and replies are real PDUs; only the radio in between is missing, and it fails on demand.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.gateways import GatewayModem, Gateways
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import DeliveryError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.families.energomera_gs04 import simulated as simulated_energomera
from gsm_meter_bridge.families.lers_gsm_mini import simulated as simulated_lers
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.jobs.runner import Runner
from gsm_meter_bridge.model import Access, Module, Request, RequestKind, SimulatedModule, SmsText
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.sms import encode_delivers
from gsm_meter_bridge.storage import registry, store
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret

POLICY = Policy(reply_timeout_s=60.0, deadline_s=600.0, late_reply_window_s=3600.0, retry_delay_s=30.0)
START = 1_790_000_000.0
BRIDGE = "home"
KEY = InstallationKey(bytes(32))
OWN, HUT, PUMP = "+79990000000", "+79990000101", "+79990000201"


def modules() -> dict[str, Module]:
    """A hut with an Energomera module and a pump with a LERS modem."""
    energomera, lers = family_of("energomera_gs04"), family_of("lers_gsm_mini")
    profile = bundled_profile(energomera, "assumed_status")
    return {
        "hut": Module("hut", "Hut", energomera, HUT, Access(Secret("12345678"), profile)),
        "pump": Module("pump", "Pump", lers, PUMP, Access(Secret("1234"))),
    }


@dataclass
class FakeTransport:
    """The delivery of the tests. `lost` and `mute` count messages and replies still to be swallowed.

    `reply_later` keeps replies that come by and by in `later`. `refuse_after` is how many changes a module
    takes before it refuses one.
    """

    name: str = "sms"
    route: str = "test"
    serves: tuple[str, ...] = (registry.ANY,)
    ready: bool = True
    lost: int = 0
    mute: int = 0
    refuse_after: int | None = None
    reply_later: bool = False
    later: list[str] = field(default_factory=list)
    error: DeliveryError | None = None
    error_after: bool = False
    sent: list[tuple[str, str]] = field(default_factory=list)
    withheld: list[tuple[str, str]] = field(default_factory=list)
    devices: Mapping[str, SimulatedModule] = field(default_factory=dict)
    receiver: Receiver | None = None
    now: Callable[[], float] = lambda: START

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        """Carry `request` to the simulated module and its replies to the receiver."""
        error, self.error = self.error, None
        if error is not None and not self.error_after:
            raise error
        if request.kind in (RequestKind.CALL, RequestKind.ARRIVAL):
            return None
        sms = module.family.encode(request, module.access)
        text, octets = (sms.text, b"") if isinstance(sms, SmsText) else (sms.octets.hex(), sms.octets)
        self.sent.append((module.id, text))
        if self.lost:
            self.lost -= 1
        else:
            await self._reply(module, request, text, octets)
        if error is not None:
            raise error
        return len(self.sent) % 256

    async def _reply(self, module: Module, request: Request, text: str, octets: bytes) -> None:
        if self.refuse_after == 0 and request.kind is RequestKind.WRITE:
            self.withheld.append((module.msisdn, "ERROR 0x05"))
        else:
            for reply in self.devices[module.id].receive(OWN, text, float(len(self.sent)) * 10_000.0, octets):
                if reply.after_s and self.reply_later:
                    self.later.append(reply.text)
                else:
                    self.withheld.append((module.msisdn, reply.text))
        if self.refuse_after is not None and request.kind is RequestKind.WRITE:
            self.refuse_after -= 1
        if self.mute:
            self.mute -= 1
        else:
            await self.release()

    async def release(self) -> None:
        """Let the withheld replies arrive."""
        for sender, text in self.withheld:
            await self.arrive(sender, text)
        self.withheld.clear()

    async def arrive(self, sender: str, text: str) -> None:
        """Let a message arrive at our modem, in as many parts as it takes."""
        assert self.receiver is not None
        at = datetime.fromtimestamp(self.now(), UTC)
        for pdu in encode_delivers(sender, text, at, reference=len(self.sent) % 256):
            await self.receiver.store("test", pdu.pdu)
            await self.receiver.forget("test", pdu.pdu)


@dataclass
class InMemoryBridge:
    """The parts of a bridge under test."""

    context: BridgeContext
    radio: FakeTransport
    runner: Runner
    receiver: Receiver
    commands: Commands
    clock: list[float]
    budgets: Budgets

    @property
    def database(self) -> Database:
        """Its database."""
        return self.context.database

    @property
    def modules(self) -> MutableMapping[str, Module]:
        """Its modules; a change is seen by all parts."""
        return self.context.modules

    def now(self) -> float:
        """The time, a Unix time in seconds."""
        return self.context.now()

    async def work(self) -> bool:
        """Send all that is due and take in all that came; return whether anything was sent."""
        sent = False
        await self.runner.time_out()
        while await self.runner.send_next():
            sent = True
            await self.receiver.process_inbox()
        await self.receiver.process_inbox()
        return sent

    async def settle(self) -> None:
        """Work until no step is left that could be taken now.

        What times out or comes in may have something sent the next time: twice nothing is the end.
        """
        idle = 0
        for _ in range(12):
            idle = 0 if await self.work() else idle + 1
            if idle == 2:
                return

    async def know_all(self) -> None:
        """Have every module asked for everything."""
        for module in self.modules:
            await self.commands.read_settings(module, CommandOptions())
        for _ in range(3):
            await self.settle()

    async def know_status(self, module: str) -> None:
        """Have a module asked for what polls ask for."""
        await self.commands.request_status(module, CommandOptions())
        await self.settle()

    async def later(self, seconds: float) -> None:
        """Let time pass, then work."""
        self.clock[0] += seconds
        await self.settle()

    async def job(self, job: Job) -> Job:
        """The job as it is now."""
        async with self.database.transaction() as tx:
            found = await store.get(tx, job.id)
        assert found is not None
        return found

    def texts(self, module: str) -> list[str]:
        """What was sent to a module."""
        return [text for name, text in self.radio.sent if name == module]


def factory_radio(**faults: str | float) -> FakeTransport:
    """A radio with modules as they leave the factory; `faults` are the pump's."""
    return FakeTransport(
        devices={
            "hut": simulated_energomera.SIMULATED("12345678", {}, {}),
            "pump": simulated_lers.SIMULATED("1234", {}, faults),
        }
    )


def place(path: Path | None) -> Path | Secret | None:
    """Where the database at `path` is; tests of jobs replace it."""
    return path


@asynccontextmanager
async def world(
    path: Path | None = None,
    radio: FakeTransport | None = None,
    *,
    ticking: bool = False,
    budgets: Budgets | None = None,
    configured: dict[str, Module] | None = None,
) -> AsyncIterator[InMemoryBridge]:
    """A bridge on a database at `path` (in memory without one); a second one there is a restart.

    It serves `modules()`, or those that are `configured`.
    The clock stands still until a test moves it, unless it is `ticking`.
    """
    clock = [START]
    began = time.monotonic()

    def now() -> float:
        return clock[0] + (time.monotonic() - began if ticking else 0.0)

    database = await Database.open(place(path), KEY)
    configured = configured or modules()
    radio = radio or FakeTransport(
        devices={
            "hut": simulated_energomera.SIMULATED(
                "12345678", {"signal_dbm": -71, "band": "lte_7", "apn": "internet"}, {}
            ),
            "pump": simulated_lers.SIMULATED("1234", {"apn": "internet"}, {}),
        }
    )
    async with database.transaction() as tx:
        await registry.register(tx, BRIDGE, map(registry.Binding, configured.values()), now())
    budgets = budgets or Budgets()
    context = BridgeContext(BRIDGE, database, configured, POLICY, now)
    runner = Runner(context, [radio], budgets=budgets)
    receiver = Receiver(context, {"test": "RU"})
    radio.receiver, radio.now = receiver, now
    environment = CommandEnvironment(gateways=Gateways(lambda _: (GatewayModem(radio.route, OWN),), budgets))
    commands = Commands(context, environment, runner.wake)
    try:
        yield InMemoryBridge(context, radio, runner, receiver, commands, clock, budgets)
    finally:
        await database.close()
