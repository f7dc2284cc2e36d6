"""Helpers for asyncio: events with a time-out, groups of tasks, and cancellation at an idle moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any


async def wait_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait until `event` is set, at most `timeout_s` seconds; return whether it was set.

    Not `asyncio.wait_for`: up to Python 3.11 that loses a cancellation that arrives together with the event.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


IdleGuard = Callable[[], AbstractAsyncContextManager[object]]
"""Returns a context manager inside which no uninterruptible work runs, so that tasks can be cancelled."""


async def run_group(works: Mapping[str, Coroutine[Any, Any, None]], idle: IdleGuard) -> None:
    """Run all of `works`, by name, until one fails; then cancel the others and raise its exception.

    A caller that cancels this task must hold the idle guard already.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await _end(tasks)
        raise
    async with idle():
        await _end(tasks)
    for task in done:
        task.result()


async def cancel_when_idle(work: Coroutine[Any, Any, None], idle: IdleGuard) -> None:
    """Run `work`; if this task is cancelled, cancel `work` inside the idle guard."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        async with idle():
            await _end([task])
        raise


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
