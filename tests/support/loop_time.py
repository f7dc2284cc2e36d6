"""The event loop's time, which a test sets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

_STEP_S = 0.1
_TURNS = 20
"""Turns of the loop in each step: enough for messages to come by loopback, and for answers to go back."""


class LoopTime:
    """The time of the event loop and its timers. It runs as always but in `wait` and `until`, which set it.

    Only for tests whose peers all live in this event loop: in each step everything that is due runs, and
    threads that were started end, however slow the machine is. A database, or a broker that is a process,
    would fall behind. `time.monotonic` is not changed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._clock, self._added_s = loop.time, 0.0
        self._set: float | None = None
        self._threads = set(threading.enumerate())

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._clock() + self._added_s if self._set is None else self._set

    def stall(self, seconds: float) -> None:
        """Let time pass at once, in which nothing runs, as if the event loop had been blocked."""
        self._added_s += seconds

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self() + seconds
        await self._steps(lambda: self() >= end, end)

    async def until(self, wanted: Callable[[], object], longest_s: float = 900.0) -> None:
        """Let time pass until `wanted` is true; fail after `longest_s` of it."""
        await self._steps(wanted, self() + longest_s)
        assert wanted(), f"not so after {longest_s:g} s"

    async def _steps(self, is_over: Callable[[], object], end: float) -> None:
        with self._stopped() as begin:
            at = begin
            await self._do_what_is_due()
            while not is_over() and at < end:
                self._set = at = min(at + _STEP_S, end)
                await self._do_what_is_due()

    @contextmanager
    def _stopped(self) -> Iterator[float]:
        """Let time go by `_set` alone, and go on from there."""
        self._set = begin = self()
        try:
            yield begin
        finally:
            self._added_s, self._set = self() - self._clock(), None

    async def _do_what_is_due(self) -> None:
        while True:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self._threads.issuperset(threading.enumerate()):
                return
            time.sleep(0.001)


@asynccontextmanager
async def loop_time() -> AsyncIterator[LoopTime]:
    """The time of the running event loop, which a test may set."""
    loop = asyncio.get_running_loop()
    true, new = loop.time, LoopTime(loop)
    loop.time = new  # type: ignore[method-assign]
    try:
        yield new
    finally:
        loop.time = true  # type: ignore[method-assign]
