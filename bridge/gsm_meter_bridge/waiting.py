"""Waiting for something or for a time; doing several things until one of them fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any


async def wait_set(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait until `event` is set, at most `timeout_s` seconds; return whether it is.

    Not `asyncio.wait_for`: up to Python 3.11 that forgets a cancellation which comes together with the event.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


Calm = Callable[[], AbstractAsyncContextManager[object]]
"""Entered while tasks are cancelled: nothing that must not be cut off is under way then."""


async def run_together(works: Mapping[str, Coroutine[Any, Any, None]], calm: Calm) -> None:
    """Do all of `works`, by name, until one fails: then the others are cancelled and its error is raised.

    Who cancels this task must be calm already.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await _end(tasks)
        raise
    async with calm():
        await _end(tasks)
    for task in done:
        task.result()


async def run_calmly(work: Coroutine[Any, Any, None], calm: Calm) -> None:
    """Do `work`; where this task is cancelled, `work` is cancelled once it is calm."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        async with calm():
            await _end([task])
        raise


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
