"""Waiting until something is so: `until` in an event loop, `wait_until` without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 180.0
"""How long a test waits for what must come: only a failure takes so long, however slow the machine is."""


async def until(
    wanted: Callable[[], T], message: Callable[[], str] | None = None, timeout_s: float = PATIENCE_S
) -> T:
    """Return what `wanted` returns, as soon as that is true; fail with `message` after `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (found := wanted()):
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(_failure(timeout_s, message)) from None
    return found


def wait_until(
    wanted: Callable[[], T], message: Callable[[], str] | None = None, timeout_s: float = PATIENCE_S
) -> T:
    """Return what `wanted` returns, as soon as that is true; fail with `message` after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not (found := wanted()):
        assert time.monotonic() < end, _failure(timeout_s, message)
        time.sleep(0.02)
    return found


def _failure(timeout_s: float, message: Callable[[], str] | None) -> str:
    return f"not so after {timeout_s:g} s" + (f": {message()}" if message else "")
