"""Reads what is behind connections: at times where that costs nothing, and before an SMS is spent."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from ipaddress import ip_address
from typing import Protocol

from gsm_meter_bridge.errors import GsmMeterError, SendRefusedError
from gsm_meter_bridge.family import Meter, Module, Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.vocabulary import within_day
from gsm_meter_bridge.waiting import wait_set

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 32
_TICK_S = 1.0
_FIRST_WITHIN_S = 60.0
CSD = "csd"
DIALLED = "dialled"
"""Source of an address that is known because the module answers there."""

ReadMeter = Callable[[TcpLink, Meter], Awaitable[tuple[Reading, ...]]]


class Board(Protocol):
    """Whoever has the connections; see `delivery.switchboard`."""

    def can_reach(self, module: str, *, calls: bool) -> bool:
        """Return whether a module is connected, or could be dialled; by a data call only where it `calls`."""
        ...

    def seize(
        self, module: str, by: str, timeout_s: float = ..., *, calls: bool
    ) -> AbstractAsyncContextManager[TcpLink]:
        """Give the connection with a module to one user alone."""
        ...

    def way(self, module: str) -> str:
        """Return how a module is connected: inbound, tcp, cenc or csd."""
        ...


class Visit(Protocol):
    """Whoever is asked to visit a module; see `Visits.ask`."""

    def __call__(self, module: str, *, wanted: bool) -> bool:
        """Return whether it is visited now."""
        ...


def no_visit(module: str, *, wanted: bool) -> bool:
    """Visit nobody."""
    return False


class Observe(Protocol):
    """Whoever stores what was told; see `jobs.receiver.Receiver.observe`."""

    async def __call__(self, told: Sequence[Observation], *, status: bool) -> None:
        """Store it."""
        ...


class Visits:
    """Visits the meters of modules that are connected or can be dialled.

    A visit only reads, so it is no job: one that fails is made again next time, and `on_failure` hears of it,
    so that whoever waits for a status is served by SMS. A data call is made only for a status that is wanted,
    unless the module is to be polled so.
    """

    def __init__(
        self,
        modules: Mapping[str, Module],
        intervals_s: Mapping[str, float],
        board: Board,
        read: ReadMeter,
        observe: Observe,
        on_failure: Callable[[str], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._modules = modules
        self._intervals_s = intervals_s
        self._board = board
        self._read = read
        self._observe = observe
        self._on_failure = on_failure
        self._now = now
        self._due: list[tuple[float, str, bool]] = []
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._news = asyncio.Event()

    def ask(self, module: str, *, wanted: bool = True) -> bool:
        """Visit `module` now; False where that cannot be: no meter, no connection, or quiet hours.

        `wanted`: somebody asked for it, it is not just time.
        """
        if not self._may_visit(module, wanted=wanted):
            return False
        heapq.heappush(self._due, (self._now(), module, wanted))
        self._news.set()
        return True

    async def run(self) -> None:
        """Visit until cancelled."""
        for module in self._modules.values():
            if module.reach.meter is not None and module.reach.by_tcp:
                soon = min(_FIRST_WITHIN_S, self._intervals_s[module.id])
                self._plan(module.id, random.uniform(0, soon))  # noqa: S311
        try:
            while True:
                self._begin_due()
                await wait_set(self._news, _TICK_S)
                self._news.clear()
        finally:
            for task in self._under_way.values():
                task.cancel()

    def _may_visit(self, module: str, *, wanted: bool) -> bool:
        it = self._modules[module]
        calls = _calls(it, wanted=wanted)
        return it.reach.meter is not None and self._board.can_reach(module, calls=calls) and not _is_quiet(it)

    def _plan(self, module: str, in_s: float) -> None:
        heapq.heappush(self._due, (self._now() + in_s, module, False))

    def _begin_due(self) -> None:
        while self._due and self._due[0][0] <= self._now():
            _, module, wanted = heapq.heappop(self._due)
            if module not in self._under_way:
                task = asyncio.create_task(self._visit(module, wanted=wanted), name=f"visit {module}")
                self._under_way[module] = task
                task.add_done_callback(lambda _, module=module: self._under_way.pop(module))  # type: ignore[misc]

    async def _visit(self, module: str, *, wanted: bool) -> None:
        try:
            if not self._may_visit(module, wanted=wanted):
                raise SendRefusedError("it is not connected, or not to be dialled at this hour")
            async with self._places:
                await self._read_one(module, wanted=wanted)
        except GsmMeterError as error:
            _LOGGER.info("%s: its meter was not read: %s", module, error)
            await self._on_failure(module)
        finally:
            if not any(name == module for _, name, _ in self._due):
                self._plan(module, self._intervals_s[module] * random.uniform(0.9, 1.1))  # noqa: S311

    async def _read_one(self, module: str, *, wanted: bool) -> None:
        reach = self._modules[module].reach
        calls = _calls(self._modules[module], wanted=wanted)
        if reach.meter is None:
            return
        async with self._board.seize(module, "status", calls=calls) as link:
            way = self._board.way(module)
            told = await self._read(link, reach.meter)
        now = self._now()
        connected = () if way == CSD else (Reading("tcp", value=True),)
        found = [Observation(module, (*connected, *told), way, now)]
        if reach.address is not None and way == "tcp" and _is_ip(reach.address.host):
            found.append(Observation(module, (Reading("ip", reach.address.host),), DIALLED, now))
        await self._observe(found, status=True)


def _calls(module: Module, *, wanted: bool) -> bool:
    """Return whether a data call may be made to visit it."""
    call = module.reach.data_call
    return call is not None and (wanted or call.polls)


def _is_quiet(module: Module) -> bool:
    address = module.reach.address
    if address is None or address.quiet_minutes is None:
        return False
    clock = datetime.now().astimezone()
    return within_day(clock.hour * 60 + clock.minute, address.quiet_minutes)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
