"""The switchboard: one line for each module, one user at a time, over real connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from gsm_meter_bridge.delivery.switchboard import Switchboard
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.family import Address, Caller
from gsm_meter_bridge.link import TcpLink
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Site, at_work, linked, module, networks, site, until

PUMP = module("pump", caller=Caller(networks=networks(LOOPBACK)))


def _board(idle_timeout_s: float = 600.0) -> Switchboard:
    return Switchboard({"pump": PUMP}, idle_timeout_s, now=lambda: 1000.0)


def _dialling(site: Site | int, via: str = "tcp") -> Switchboard:
    port = site if isinstance(site, int) else site.port
    return Switchboard({"hut": module("hut", address=Address(LOOPBACK, port, via))}, now=lambda: 1000.0)


async def test_what_there_is_to_show_of_a_line() -> None:
    board, told = _board(), []
    board.on_change = told.append
    assert (board.status("pump"), board.can_reach("pump"), board.way("pump")) == (None, False, "inbound")
    async with linked() as (link, far):
        board.plug("pump", link)
        link.write(b"abc")
        far.say(b"de")
        await until(lambda: link.received == 2)
        status = board.status("pump")
        assert status is not None
        assert (status.connected, status.way, status.since, status.peer) == (
            True,
            "inbound",
            1000.0,
            LOOPBACK,
        )
        assert (status.sent, status.received, board.can_reach("pump")) == (3, 2, True)
        far.reset()
        await until(lambda: link.closed)
        await until(lambda: len(told) == 2)
    gone = board.status("pump")
    assert gone is not None
    assert (gone.connected, gone.peer, gone.sent, gone.received) == (False, None, 3, 2)
    assert (told, board.can_reach("pump")) == (["pump", "pump"], False)


async def test_octets_are_counted_over_all_connections() -> None:
    board = _board()
    for _ in range(2):
        async with linked() as (link, far):
            board.plug("pump", link)
            far.say(b"xyz")
            await until(lambda link=link: link.received == 3)  # type: ignore[misc]
    await asyncio.sleep(0)
    status = board.status("pump")
    assert status is not None
    assert status.received == 6


async def test_the_newest_connection_is_the_right_one() -> None:
    board = _board()
    async with linked() as (old, old_far), linked() as (new, _):
        board.plug("pump", old)
        board.plug("pump", new)
        await until(lambda: old_far.ended)
        async with board.seize("pump", "test") as link:
            assert link is new
        await asyncio.sleep(0.01)  # the end of the old one changes nothing
        status = board.status("pump")
        assert status is not None
        assert status.connected


async def test_who_uses_the_old_connection_hears_of_its_end() -> None:
    board = _board()
    async with linked() as (old, _), linked() as (new, new_far):
        board.plug("pump", old)
        ended = asyncio.Event()
        async with board.seize("pump", "test") as link:
            link.watch(ended.set)
            board.plug("pump", new)
            await asyncio.wait_for(ended.wait(), 10)
        async with board.seize("pump", "test") as link:
            link.write(b"hello")
            await until(lambda: new_far.heard == b"hello")


async def test_one_user_at_a_time() -> None:
    board = _board()
    async with linked() as (link, _):
        board.plug("pump", link)
        async with board.seize("pump", "first"):
            status = board.status("pump")
            assert status is not None
            assert status.used_by == "first"
            with pytest.raises(SendRefusedError, match=r"pump: its connection is in use \(first\)"):
                async with board.seize("pump", "second", timeout_s=0.05):
                    pass
            waiting = asyncio.create_task(_once(board))
            await asyncio.sleep(0.02)
            assert not waiting.done()
        assert await waiting is link
        free = board.status("pump")
        assert free is not None
        assert free.used_by is None


async def _once(board: Switchboard) -> TcpLink:
    async with board.seize("pump", "second") as link:
        return link


@pytest.mark.parametrize("how", ["raises", "is cancelled"])
async def test_a_user_that_fails_leaves_the_line_to_others(how: str) -> None:
    board = _board()

    async def fail() -> None:
        async with board.seize("pump", "first") as link:
            link.give_to(lambda _: None)
            if how == "raises":
                raise SendRefusedError("no")
            await asyncio.Event().wait()

    async with linked() as (link, far):
        board.plug("pump", link)
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            assert isinstance(task.exception(), SendRefusedError)
        async with board.seize("pump", "second") as again:
            came = bytearray()
            again.give_to(came.extend)
            far.say(b"x")
            await until(lambda: came == b"x")


async def test_a_module_that_is_not_connected() -> None:
    with pytest.raises(SendRefusedError, match="pump is not connected"):
        async with _board().seize("pump", "test"):
            pass


@pytest.mark.parametrize("via", ["tcp", "cenc"])
async def test_a_module_with_an_address_is_dialled_and_let_go(via: str) -> None:
    async with site() as here:
        board = _dialling(here, via)
        assert board.can_reach("hut")
        async with board.seize("hut", "test") as link:
            link.write(b"hello")
            assert board.way("hut") == via
        await until(lambda: here.guests and here.guests[0].ended)  # it takes one client at a time
        assert here.guests[0].heard == b"hello"
        status = board.status("hut")
        assert status is not None
        assert (status.connected, status.way, status.sent) == (False, via, 5)


async def test_a_module_that_cannot_be_dialled() -> None:
    board = _dialling(free_port())
    for _ in range(2):  # the line is free again
        with pytest.raises(SendRefusedError, match=r"hut: tcp://127.0.0.1:.* cannot be reached"):
            async with board.seize("hut", "test", timeout_s=1):
                pass


async def test_connections_that_nobody_uses_are_closed_but_not_under_a_user() -> None:
    board = _board(idle_timeout_s=0.05)
    async with AsyncExitStack() as stack:
        link, far = await stack.enter_async_context(linked())
        board.plug("pump", link)
        await stack.enter_async_context(at_work(board.run()))
        async with board.seize("pump", "tunnel"):
            await asyncio.sleep(0.15)
            assert not link.closed
        await until(lambda: far.ended)


async def test_stopped_it_leaves_no_connection() -> None:
    board = _board()
    async with linked() as (link, far):
        board.plug("pump", link)
        async with at_work(board.run()):
            await asyncio.sleep(0)
        await until(lambda: far.ended)
