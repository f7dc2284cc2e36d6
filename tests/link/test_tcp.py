"""TCP links over real sockets of loopback."""

from __future__ import annotations

import asyncio
import random

import pytest

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link import TcpLink, dial, join, part
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, backlog, linked
from tests.support.waiting import until

MIB = 1024 * 1024


async def test_tcp_link_passes_and_counts_bytes_in_both_directions() -> None:
    async with linked() as (link, far):
        came = bytearray()
        link.take = came.extend
        link.write(b"abc")
        far.send(b"\x00\xff")
        await until(lambda: far.received == b"abc" and came == b"\x00\xff")
        assert (link.sent, link.received) == (3, 2)
        assert link.url == f"tcp://{link.peer[0]}:{link.peer[1]}"
        assert link.peer[0] == LOOPBACK


async def test_tcp_link_delivers_unread_bytes_first() -> None:
    async with linked() as (link, far):
        link.unread = b"old "
        came = bytearray()
        link.give_to(came.extend)
        far.send(b"new")
        await until(lambda: came == b"old new")
        assert link.unread == b""


async def test_tcp_link_notifies_each_watcher_once_at_end_and_refuses_writes() -> None:
    async with linked() as (link, far):
        reported: list[str] = []

        def other() -> None:
            reported.append("other")

        link.watch(lambda: reported.append("one"))
        link.watch(other)
        link.unwatch(other)
        far.reset()
        await until(lambda: reported)
        assert (reported, link.closed) == (["one"], True)
        link.watch(other)  # too late: told at once
        assert reported == ["one", "other"]
        with pytest.raises(LinkLostError, match="was closed by the far end"):
            link.write(b"x")
        link.close()
        link.abort()
        link.hold(on=False)


async def test_tcp_link_sends_written_bytes_before_closing() -> None:
    async with linked() as (link, far):
        link.write(b"x" * MIB)
        link.close()
        await until(lambda: far.ended)
        assert len(far.received) == MIB


async def test_dial_fails_if_port_is_not_open() -> None:
    port = free_port()
    with pytest.raises(LinkLostError, match=f"tcp://127.0.0.1:{port} cannot be reached: "):
        await dial(LOOPBACK, port, 5)


async def test_tcp_link_is_closed_if_never_opened() -> None:
    link = TcpLink()
    assert link.closed
    link.close()
    link.abort()
    with pytest.raises(LinkLostError):
        link.write(b"x")


async def test_joined_links_pass_everything_untouched_in_both_directions() -> None:
    noise = random.Random(1)
    there, back = noise.randbytes(MIB), noise.randbytes(MIB)
    async with linked() as (left, left_far), linked() as (right, right_far):
        join(left, right)
        for data, far in ((there, left_far), (back, right_far)):
            at = 0
            while at < len(data):
                size = noise.choice((1, 7, 100, 4096, 70_000))
                far.send(data[at : at + size])
                at += size
                await asyncio.sleep(0)
        await until(lambda: len(right_far.received) == len(left_far.received) == MIB)
        assert (right_far.received, left_far.received) == (there, back)


async def test_joined_link_waits_if_far_end_of_other_does_not_read() -> None:
    async with linked() as (left, left_far), linked(read=False) as (right, right_far):
        join(left, right)
        left_far.send(b"x" * 48 * MIB)  # more than all buffers of the kernel take
        most, before = 0, -1
        while left.received != before:  # until nothing moves any more
            before = left.received
            for _ in range(20):
                await asyncio.sleep(0.005)
                most = max(most, backlog(right))
        assert left.received < 48 * MIB
        assert 0 < most <= 128 * 1024
        right_far.read()
        await until(lambda: len(right_far.received) == 48 * MIB)


async def test_parted_links_work_separately_again() -> None:
    async with linked() as (left, left_far), linked(read=False) as (right, _):
        join(left, right)
        left_far.send(b"x" * 32 * MIB)
        await until(lambda: backlog(right) > 0)
        part(right)
        part(left)
        came = bytearray()
        left.give_to(came.extend)
        await until(lambda: len(came) > MIB)  # it is not held any more
        left.write(b"still here")
        await until(lambda: left_far.received == b"still here")
