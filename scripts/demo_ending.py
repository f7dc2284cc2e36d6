"""How the demo ends: once and soon, whatever the terminal sends and whichever process ended before."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOPPED = 128 + signal.SIGINT
GOODBYE_S = 0.8  # three times that, at worst, are the two seconds that anybody waits after Ctrl-C

T = TypeVar("T")


def stoppable() -> None:
    """Let a signal end the program in good order, before there is an event loop that could."""
    for number in ENDINGS:
        signal.signal(number, lambda *_: sys.exit(STOPPED))


async def until_stopped(work: Coroutine[Any, Any, T]) -> T | None:
    """Do `work`; the first signal cancels it, so that it cleans up, and no later one disturbs that.

    None where it was stopped.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def stop() -> None:
        _stop_reading(loop)
        task.cancel()

    for number in ENDINGS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        _stop_reading(loop)


def _stop_reading(loop: asyncio.AbstractEventLoop) -> None:
    for number in ENDINGS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and make it where it takes too long."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GOODBYE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def end_at_once(process: subprocess.Popen[bytes]) -> None:
    """The same of one that is waited for without an event loop."""
    process.terminate()
    try:
        process.wait(GOODBYE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
