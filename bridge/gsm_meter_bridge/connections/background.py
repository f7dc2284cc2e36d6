"""Background tasks whose exceptions are logged and affect no other task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gsm_meter_bridge.health import Door, Health


def nothing() -> None:
    """Do nothing."""


class BackgroundTasks:
    """The background tasks of one component; their input came in at `door`."""

    def __init__(self, health: Health, door: Door) -> None:
        self._health, self._door = health, door
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self, what: str, work: Coroutine[Any, Any, None], on_error: Callable[[], None] = nothing
    ) -> None:
        """Start `work`; `what` names it in the log, `on_error` is called after an unforeseen exception."""
        task = asyncio.create_task(self._guarded(what, work, on_error), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in self._tasks:
            task.cancel()

    async def wait(self) -> None:
        """Wait until all tasks have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _guarded(
        self, what: str, work: Coroutine[Any, Any, None], on_error: Callable[[], None]
    ) -> None:
        with self._health.guard(self._door, what, passing=False) as guard:
            await work
        if guard.error is not None:
            on_error()
