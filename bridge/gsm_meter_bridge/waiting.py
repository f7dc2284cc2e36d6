"""Waiting for something or for a time, whichever comes first."""

from __future__ import annotations

import asyncio


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
