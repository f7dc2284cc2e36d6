"""Runs a dialogue, written as a generator of bytes, over a connection."""

from __future__ import annotations

import asyncio
import logging

from gsm_meter_bridge.dialogue import Dialogue, T
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link import TcpLink, drop

_LOGGER = logging.getLogger(__name__)
REPLY_TIMEOUT_S = 15.0
"""How long a meter behind a module may take to answer, in seconds (Energomera manual, 8.2.3)."""
LONGEST_S = 300.0
MOST_BYTES = 1024 * 1024
"""A far end that sends more than this in one dialogue is faulty."""


async def converse(
    link: TcpLink,
    dialogue: Dialogue[T],
    reply_timeout_s: float | None = None,
    longest_s: float = LONGEST_S,
    repeats: int = 0,
) -> T:
    """Return what `dialogue` returns; requests without an answer are sent again, `repeats` times in total.

    Raises LinkLostError if the connection ends, the far end is silent for `reply_timeout_s`, or the dialogue
    takes longer than `longest_s` or receives more than MOST_BYTES; and whatever the dialogue raises.
    """
    came: asyncio.Queue[bytes | None] = asyncio.Queue()

    def ended() -> None:
        came.put_nowait(None)

    link.give_to(came.put_nowait)
    link.watch(ended)
    try:
        async with asyncio.timeout(longest_s):
            return await _hold(link, dialogue, came, reply_timeout_s or REPLY_TIMEOUT_S, repeats)
    except TimeoutError as error:
        raise LinkLostError(f"{link.url} does not answer") from error
    finally:
        dialogue.close()
        link.unwatch(ended)
        link.take = drop


async def _hold(
    link: TcpLink,
    dialogue: Dialogue[T],
    came: asyncio.Queue[bytes | None],
    reply_timeout_s: float,
    repeats: int,
) -> T:
    bytes_left, last = MOST_BYTES, b""
    try:
        to_send = next(dialogue)
        while True:
            if to_send:
                last = to_send
                link.write(to_send)
            try:
                async with asyncio.timeout(reply_timeout_s):
                    data = await came.get()
            except TimeoutError:
                if not repeats or link.closed:
                    raise
                repeats -= 1
                _LOGGER.info("%s: no answer in %.0f s; asked again", link.url, reply_timeout_s)
                to_send = last
                continue
            if data is None:
                raise LinkLostError(f"{link.url} was closed by the far end")
            bytes_left -= len(data)
            if bytes_left < 0:
                raise LinkLostError(f"{link.url} sends more than {MOST_BYTES} bytes")
            to_send = dialogue.send(data)
    except StopIteration as done:
        value: T = done.value
        return value
