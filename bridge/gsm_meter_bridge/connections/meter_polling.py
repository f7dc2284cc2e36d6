"""Polls the meters behind connections: at intervals if that is free, and before a status costs an SMS."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from gsm_meter_bridge.connections.meter_notes import MeterNotes
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import GsmMeterError, SendRefusedError, StorageError, WrongPasswordError
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Meter, Module, Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.model.quiet import is_quiet
from gsm_meter_bridge.tasks import wait_set
from gsm_meter_bridge.vocabulary import printable

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 32
_TICK_S = 1.0
_FIRST_WITHIN_S = 60.0
_LONGEST_S = 900.0
"""The longest duration of one poll, as other meters wait for the place."""
_LONGEST_MESSAGE = 200
_REFUSED = (
    "the meter did not take its password or key, which is not tried again, for it may block: write the right "
    "one into the configuration"
)
CSD = "csd"
DIALLED = "dialled"
"""Source of an address that is known because the module answered there."""

ReadMeter = Callable[[TcpLink, Meter, MeterReport], Awaitable[object]]
"""Reads a meter into the report, whose memory it uses and updates; an exception ends the poll."""


class MeterConnections(Protocol):
    """The part of `connections.pool.ConnectionPool` that polling needs."""

    def can_reach(self, module: str, *, calls: bool) -> bool:
        """Return whether a module is connected, or can be dialled; by a data call only if `calls`."""
        ...

    def acquire(
        self, module: str, by: str, timeout_s: float = ..., *, calls: bool
    ) -> AbstractAsyncContextManager[TcpLink]:
        """Acquire the connection with a module exclusively; SendRefusedError if that fails."""
        ...

    def transport(self, module: str) -> str:
        """Return the transport of a module's connection: inbound, tcp, cenc or csd."""
        ...

    def set_problem(self, module: str, problem: str | None) -> None:
        """Set what was wrong with the meter of a module at the last poll; None if nothing was."""
        ...


class PollMeter(Protocol):
    """Starts a poll of the meter of a module; see `MeterPoller.ask`."""

    def __call__(self, module: str, *, wanted: bool) -> bool:
        """Return whether the meter is polled now."""
        ...


def poll_no_meter(module: str, *, wanted: bool) -> bool:
    """Poll nothing; return False."""
    return False


class PollListener(Protocol):
    """Receives the results of polls."""

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        """Handle readings of a meter; with `status` they answer pending status requests for its module."""
        ...

    async def poll_failed(self, module: str) -> None:
        """Handle a poll of the meter of `module` that brought no readings."""
        ...


@dataclass(frozen=True, slots=True)
class MeterPolling:
    """How meters are polled: interval by module id (seconds), the read function, and the stores."""

    intervals_s: Mapping[str, float]
    read: ReadMeter
    notes: MeterNotes = field(default_factory=MeterNotes)


class MeterPoller:
    """Polls the meters of modules that are connected or can be dialled.

    A poll only reads, so it is no job: a failed one is repeated at the next interval, and the listener is
    notified, so that pending status requests are sent by SMS. A data call is made only for a requested
    status, unless the module is configured to be polled by data call. A meter's problem is published with
    its connection.

    `now` is the wall clock (Unix time), which dates readings; `ticks` is a monotonic clock for waiting.
    """

    def __init__(
        self,
        modules: Mapping[str, Module],
        pool: MeterConnections,
        polling: MeterPolling,
        listener: PollListener,
        *,
        health: Health | None = None,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._modules, self._pool = modules, pool
        self._intervals_s, self._read = polling.intervals_s, polling.read
        self._refusals, self._memories = polling.notes.refusals, polling.notes.memories
        self._listener = listener
        self._now, self._ticks = now, ticks
        self._health = health or Health()
        self._due: list[tuple[float, str, bool]] = []
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._wake = asyncio.Event()

    def ask(self, module: str, *, wanted: bool = True) -> bool:
        """Start a poll of the meter of `module`; False without a meter or connection, or in quiet hours.

        `wanted`: the poll was requested and is not only due by its interval.
        """
        if not self._may_poll(module, wanted=wanted):
            return False
        heapq.heappush(self._due, (self._ticks(), module, wanted))
        self._wake.set()
        return True

    async def run(self) -> None:
        """Poll until cancelled."""
        for module in self._modules.values():
            if module.connectivity.meter is not None and module.connectivity.by_tcp:
                soon = min(_FIRST_WITHIN_S, self._intervals_s[module.id])
                self._plan(module.id, random.uniform(0, soon))  # noqa: S311
        try:
            while True:
                with self._health.guard(Door.METER, "polls of meters", passing=False):
                    self._begin_due()
                await wait_set(self._wake, _TICK_S)
                self._wake.clear()
        finally:
            for task in self._under_way.values():
                task.cancel()

    def _may_poll(self, module: str, *, wanted: bool) -> bool:
        it = self._modules[module]
        calls, quiet = _calls(it, wanted=wanted), _is_quiet(it, self._now())
        return it.connectivity.meter is not None and self._pool.can_reach(module, calls=calls) and not quiet

    def _plan(self, module: str, in_s: float) -> None:
        heapq.heappush(self._due, (self._ticks() + in_s, module, False))

    def _begin_due(self) -> None:
        while self._due and self._due[0][0] <= self._ticks():
            _, module, wanted = heapq.heappop(self._due)
            if module not in self._under_way:
                task = asyncio.create_task(
                    self._poll(module, wanted=wanted), name=f"poll the meter of {module}"
                )
                self._under_way[module] = task
                task.add_done_callback(lambda task, module=module: self._over(module, task))  # type: ignore[misc]

    def _over(self, module: str, task: asyncio.Task[None]) -> None:
        """Plan the next poll, whether this one succeeded or failed."""
        del self._under_way[module]
        if task.cancelled():
            return
        with self._health.guard(Door.METER, f"{module}: a poll of its meter", passing=False):
            task.result()
        if not any(name == module for _, name, _ in self._due):
            self._plan(module, self._intervals_s[module] * random.uniform(0.9, 1.1))  # noqa: S311

    async def _poll(self, module: str, *, wanted: bool) -> None:
        if not self._may_poll(module, wanted=wanted):
            _LOGGER.info("%s: its meter is not read: not connected, or not to be dialled now", module)
            await self._listener.poll_failed(module)
            return
        report = MeterReport()
        report.hand_on = lambda: self._hand_on(module, report)
        problem = await self._broken_by(module, report, wanted=wanted)
        failed = problem is not None and not report.readings
        if not failed:
            with self._health.guard(
                Door.METER, f"{module}: the readings of its meter", passing=False
            ) as guard:
                await self._hand_on(module, report)
            if guard.error is not None:
                problem, failed = _internal(guard.error), True
        summary = "; ".join([*report.problems, *([problem] if problem else [])])
        self._pool.set_problem(module, printable(summary, _LONGEST_MESSAGE) if summary else None)
        if failed:
            await self._listener.poll_failed(module)

    async def _broken_by(self, module: str, report: MeterReport, *, wanted: bool) -> str | None:
        """Read a meter into `report`; return the reason if the poll ended early, else None."""
        with self._health.guard(Door.METER, f"{module}: its meter", passing=False) as guard:
            try:
                await self._read_one(module, report, wanted=wanted)
            except (GsmMeterError, TimeoutError) as error:
                problem = str(error) or f"it did not come to an end within {_LONGEST_S:.0f} s"
                _LOGGER.info("%s: its meter was not read%s: %s", module, _to_end(report), problem)
                return problem
        return None if guard.error is None else _internal(guard.error)

    async def _read_one(self, module: str, report: MeterReport, *, wanted: bool) -> None:
        it = self._modules[module]
        meter = it.connectivity.meter
        if meter is None:
            return
        if meter.password is not None and await self._refusals.holds(module, meter.password):
            raise SendRefusedError(_REFUSED)
        with contextlib.suppress(StorageError):  # without its memory, everything is read
            report.memory = await self._memories.recall(module)
        async with (
            self._places,
            asyncio.timeout(_LONGEST_S),
            self._pool.acquire(module, "status", calls=_calls(it, wanted=wanted)) as link,
        ):
            await self._ask_meter(module, meter, link, report)

    async def _hand_on(self, module: str, report: MeterReport) -> None:
        """Pass the plausible readings of a meter to the listener, and store its memory."""
        connectivity, transport, now = (
            self._modules[module].connectivity,
            self._pool.transport(module),
            self._now(),
        )
        report.judge(now, connectivity.meter or Meter())
        connected = () if transport == CSD else (Reading("tcp", value=True),)
        found = [Observation(module, (*connected, *report.readings), transport, now)]
        if connectivity.address is not None and transport == "tcp" and _is_ip(connectivity.address.host):
            found.append(Observation(module, (Reading("ip", connectivity.address.host),), DIALLED, now))
        if report.handed != tuple(report.readings):
            await self._listener.readings_received(found, status=True)
            report.handed = tuple(report.readings)
        try:
            await self._memories.keep(module, report.memory)
        except StorageError as error:
            _LOGGER.warning("%s: what is known of its meter is not stored: %s", module, error)

    async def _ask_meter(self, module: str, meter: Meter, link: TcpLink, report: MeterReport) -> None:
        try:
            await self._read(link, meter, report)
        except WrongPasswordError:
            if meter.password is not None:
                await self._refusals.note(module, meter.password)
            raise


def _internal(error: BaseException) -> str:
    return f"its data led to an error of the bridge ({type(error).__name__})"


def _to_end(report: MeterReport) -> str:
    return " to its end" if report.readings else ""


def _calls(module: Module, *, wanted: bool) -> bool:
    """Return whether a data call may be made to poll the meter of `module`."""
    call = module.connectivity.data_call
    return call is not None and (wanted or call.polls)


def _is_quiet(module: Module, at: float) -> bool:
    address = module.connectivity.address
    if address is None or address.quiet_minutes is None:
        return False
    return is_quiet(at, address.quiet_minutes)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
