"""Work that ends in good order when somebody stops it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def until_signal(work: Coroutine[Any, Any, T]) -> T | None:
    """Do `work`; SIGTERM and SIGINT cancel it, so that it cleans up. None where it was stopped."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None
