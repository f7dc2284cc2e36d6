"""A poller of meters without sockets, and what was told to whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.connections.meter_notes import (
    BriefMemories,
    BriefRefusals,
    Memories,
    MeterNotes,
    PasswordRefusalStore,
)
from gsm_meter_bridge.connections.meter_polling import MeterPoller, MeterPolling
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, Connectivity, Meter, Module
from gsm_meter_bridge.model.job import Observation
from tests.support.in_memory_bridge import modules
from tests.support.waiting import PATIENCE_S

METER = Meter()


DIALLED = Connectivity(address=Address("10.20.30.40", 9001), meter=METER)


@dataclass
class PollFixture:
    """A pool without sockets, and what was told to whom."""

    connectivity: Connectivity = DIALLED
    reachable: bool = True
    transport_: str = "tcp"
    fails: bool = False
    interval_s: float = 3600.0
    seized: list[str] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    problems: list[str | None] = field(default_factory=list)
    received: asyncio.Event = field(default_factory=asyncio.Event)
    health: Health = field(default_factory=Health)

    def can_reach(self, module: str, *, calls: bool) -> bool:
        return self.reachable and (self.connectivity.data_call is None or calls)

    def transport(self, module: str) -> str:
        return self.transport_

    @asynccontextmanager
    async def acquire(
        self, module: str, by: str, timeout_s: float = 10.0, *, calls: bool = True
    ) -> AsyncIterator[TcpLink]:
        self.seized.append(f"{module} {by}")
        if self.fails:
            raise SendRefusedError("it cannot be reached")
        yield TcpLink()

    def set_problem(self, module: str, problem: str | None) -> None:
        self.problems.append(problem)

    async def read(self, link: TcpLink, meter: Meter, report: MeterReport) -> None:
        assert meter is METER
        report.add("signal_dbm", -71)

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        assert status
        self.observations += observations
        self.received.set()

    async def poll_failed(self, module: str) -> None:
        self.failed.append(module)
        self.received.set()

    def meter_poller(
        self,
        refusals: PasswordRefusalStore | None = None,
        now: Callable[[], float] = time.time,
        memories: Memories | None = None,
    ) -> MeterPoller:
        hut: Module = replace(modules()["hut"], connectivity=self.connectivity)
        notes = MeterNotes(refusals or BriefRefusals(), memories or BriefMemories())
        polling = MeterPolling({"hut": self.interval_s}, self.read, notes)
        return MeterPoller({"hut": hut}, self, polling, self, now=now, health=self.health)

    async def until_received(self, meter_poller: MeterPoller) -> None:
        task = asyncio.create_task(meter_poller.run())
        try:
            await asyncio.wait_for(self.received.wait(), PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                while meter_poller._under_way:
                    await asyncio.sleep(0.001)
        finally:
            task.cancel()
            await asyncio.wait([task])
