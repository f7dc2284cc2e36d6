"""Conversations over real connections: how they end, and that the link survives each end."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from gsm_meter_bridge.connections.conversation import MOST_BYTES, converse
from gsm_meter_bridge.errors import DecodeError, LinkLostError
from tests.support.sockets import Far, linked
from tests.support.waiting import until

Talk = Generator[bytes, bytes, bytes]


def _lines(*answers: bytes) -> Talk:
    """Say each, wait for a whole line after it, return all lines."""
    received = b""
    for n, line in enumerate(answers, start=1):
        received += yield line
        while received.count(b"\n") < n:
            received += yield b""
    return received


def _offended() -> Talk:
    raise DecodeError("reply", "is nonsense", len((yield b"hello\n")))


async def _echo(far: Far, pieces: int = 1) -> None:
    """Send back what came, once, in so many pieces."""
    await until(lambda: far.received.endswith(b"\n"))
    received, far.received = bytes(far.received), bytearray()
    for n in range(pieces):
        far.send(received[n * len(received) // pieces : (n + 1) * len(received) // pieces])
        await asyncio.sleep(0.002)


async def _still_usable(link: object, far: Far) -> None:
    far.received = bytearray()
    echo = asyncio.create_task(_echo(far))
    assert await converse(link, _lines(b"again\n")) == b"again\n"  # type: ignore[arg-type]
    await echo


async def test_conversation_returns_result_if_reply_is_split() -> None:
    async with linked() as (link, far):
        for pieces in (1, 2, 5):
            echo = asyncio.create_task(_echo(far, pieces))
            assert await converse(link, _lines(b"over\n")) == b"over\n"
            await echo
        await _still_usable(link, far)


async def test_conversation_receives_bytes_that_were_unread() -> None:
    async with linked() as (link, _):
        link.unread = b"before\n"
        assert await converse(link, _lines(b"x")) == b"before\n"


async def test_conversation_returns_at_once_if_it_sends_nothing() -> None:
    def mute() -> Talk:
        return b"at once"
        yield b""

    async with linked() as (link, far):
        assert await converse(link, mute()) == b"at once"
        await _still_usable(link, far)


async def test_conversation_raises_its_own_error_and_link_stays_usable() -> None:
    async with linked() as (link, far):
        echo = asyncio.create_task(_echo(far))
        with pytest.raises(DecodeError, match="is nonsense"):
            await converse(link, _offended())
        await echo
        await _still_usable(link, far)


async def test_conversation_fails_if_peer_is_silent_and_link_stays_usable() -> None:
    async with linked() as (link, far):
        closed: list[bool] = []

        def patient() -> Talk:
            try:
                return (yield b"anybody?\n")
            finally:
                closed.append(True)

        with pytest.raises(LinkLostError, match="does not answer"):
            await converse(link, patient(), reply_timeout_s=0.05)
        assert closed == [True]
        await _still_usable(link, far)


async def test_conversation_fails_if_it_exceeds_longest_duration() -> None:
    async with linked() as (link, far):

        async def chatter() -> None:
            while True:
                far.send(b".")
                await asyncio.sleep(0.005)

        task = asyncio.create_task(chatter())
        with pytest.raises(LinkLostError, match="does not answer"):
            await converse(link, _lines(b"x"), reply_timeout_s=5, longest_s=0.1)
        task.cancel()
        assert not link.closed


async def test_conversation_fails_if_connection_is_lost() -> None:
    async with linked() as (link, far):
        asyncio.get_running_loop().call_later(0.02, far.reset)
        with pytest.raises(LinkLostError, match="was closed by the far end"):
            await converse(link, _lines(b"x"))
        with pytest.raises(LinkLostError, match="was closed by the far end"):
            await converse(link, _lines(b"x"))


async def test_conversation_leaves_link_usable_if_cancelled() -> None:
    async with linked() as (link, far):
        task = asyncio.create_task(converse(link, _lines(b"anybody?\n")))
        await until(lambda: far.received)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await _still_usable(link, far)


async def test_conversation_fails_if_peer_sends_more_than_byte_limit() -> None:
    async with linked() as (link, far):
        far.send(b"x" * (MOST_BYTES + 100_000))
        with pytest.raises(LinkLostError, match="sends more than"):
            await converse(link, _lines(b"hello\n"))
