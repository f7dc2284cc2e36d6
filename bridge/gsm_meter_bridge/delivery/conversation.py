"""Holds a conversation, written down as a generator of octets, over a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link import TcpLink, drop

T = TypeVar("T")
Dialogue = Generator[bytes, bytes, T]
"""Yields octets to send (none: only wait for more), is sent those that came, returns what it found out."""

REPLY_TIMEOUT_S = 15.0
"""How long a meter behind a module may take to answer (Energomera manual, 8.2.3)."""
LONGEST_S = 300.0


async def converse(
    link: TcpLink,
    dialogue: Dialogue[T],
    reply_timeout_s: float | None = None,
    longest_s: float = LONGEST_S,
) -> T:
    """Return what `dialogue` returns.

    Raises LinkLostError where the connection ends or the far end is silent for `reply_timeout_s`, or the
    whole takes longer than `longest_s`; and whatever the dialogue raises.
    """
    came: asyncio.Queue[bytes | None] = asyncio.Queue()

    def ended() -> None:
        came.put_nowait(None)

    link.give_to(came.put_nowait)
    link.watch(ended)
    try:
        async with asyncio.timeout(longest_s):
            return await _hold(link, dialogue, came, reply_timeout_s or REPLY_TIMEOUT_S)
    except TimeoutError as error:
        raise LinkLostError(f"{link.url} does not answer") from error
    finally:
        dialogue.close()
        link.unwatch(ended)
        link.take = drop


async def _hold(
    link: TcpLink, dialogue: Dialogue[T], came: asyncio.Queue[bytes | None], reply_timeout_s: float
) -> T:
    try:
        to_send = next(dialogue)
        while True:
            if to_send:
                link.write(to_send)
            async with asyncio.timeout(reply_timeout_s):
                octets = await came.get()
            if octets is None:
                raise LinkLostError(f"{link.url} was closed by the far end")
            to_send = dialogue.send(octets)
    except StopIteration as done:
        value: T = done.value
        return value
