"""The pool: one line for each module, one user at a time, over real connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pytest

from gsm_meter_bridge.connections.files import Files, Use
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, ClientIdentity
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Site, at_work, linked, module, networks, site
from tests.support.waiting import PATIENCE_S, until

PUMP = module("pump", identify_by=ClientIdentity(networks=networks(LOOPBACK)))


def _pool(idle_timeout_s: float = 600.0) -> ConnectionPool:
    return ConnectionPool({"pump": PUMP}, idle_timeout_s, now=lambda: 1000.0)


def _dialling(site: Site | int, via: str = "tcp") -> ConnectionPool:
    port = site if isinstance(site, int) else site.port
    return ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, port, via))}, now=lambda: 1000.0)


async def test_pool_shows_status_of_connection() -> None:
    pool, reported = _pool(), list[str]()
    pool.on_change = reported.append
    assert (pool.status("pump"), pool.can_reach("pump"), pool.transport("pump")) == (None, False, "inbound")
    async with linked() as (link, far):
        pool.attach("pump", link)
        link.write(b"abc")
        far.send(b"de")
        await until(lambda: link.received == 2)
        status = pool.status("pump")
        assert status is not None
        assert (status.connected, status.transport, status.since, status.peer) == (
            True,
            "inbound",
            1000.0,
            LOOPBACK,
        )
        assert (status.sent, status.received, pool.can_reach("pump")) == (3, 2, True)
        far.reset()
        await until(lambda: link.closed)
        await until(lambda: len(reported) == 2)
    gone = pool.status("pump")
    assert gone is not None
    assert (gone.connected, gone.peer, gone.sent, gone.received) == (False, None, 3, 2)
    assert (reported, pool.can_reach("pump")) == (["pump", "pump"], False)


async def test_pool_counts_bytes_over_all_connections() -> None:
    pool = _pool()
    for _ in range(2):
        async with linked() as (link, far):
            pool.attach("pump", link)
            far.send(b"xyz")
            await until(partial(lambda link: link.received == 3, link))
    await asyncio.sleep(0)
    status = pool.status("pump")
    assert status is not None
    assert status.received == 6


async def test_pool_uses_newest_connection_of_module() -> None:
    pool = _pool()
    async with linked() as (old, old_far), linked() as (new, _):
        pool.attach("pump", old)
        pool.attach("pump", new)
        await until(lambda: old_far.ended)
        async with pool.acquire("pump", "test") as link:
            assert link is new
        await asyncio.sleep(0.01)  # the end of the old one changes nothing
        status = pool.status("pump")
        assert status is not None
        assert status.connected


async def test_pool_ends_old_connection_under_its_user_if_replaced() -> None:
    pool = _pool()
    async with linked() as (old, _), linked() as (new, new_far):
        pool.attach("pump", old)
        ended = asyncio.Event()
        async with pool.acquire("pump", "test") as link:
            link.watch(ended.set)
            pool.attach("pump", new)
            await asyncio.wait_for(ended.wait(), PATIENCE_S)
        async with pool.acquire("pump", "test") as link:
            link.write(b"hello")
            await until(lambda: new_far.received == b"hello")


async def test_pool_admits_one_user_at_a_time() -> None:
    pool = _pool()
    async with linked() as (link, _):
        pool.attach("pump", link)
        async with pool.acquire("pump", "first"):
            status = pool.status("pump")
            assert status is not None
            assert status.used_by == "first"
            with pytest.raises(SendRefusedError, match=r"pump: its connection is in use \(first\)"):
                async with pool.acquire("pump", "second", timeout_s=0.05):
                    pass
            waiting = asyncio.create_task(_once(pool))
            await asyncio.sleep(0.02)
            assert not waiting.done()
        assert await waiting is link
        free = pool.status("pump")
        assert free is not None
        assert free.used_by is None


async def _once(pool: ConnectionPool) -> TcpLink:
    async with pool.acquire("pump", "second") as link:
        return link


@pytest.mark.parametrize("how", ["raises", "is cancelled"])
async def test_pool_frees_connection_if_its_user_fails(how: str) -> None:
    pool = _pool()

    async def fail() -> None:
        async with pool.acquire("pump", "first") as link:
            link.give_to(lambda _: None)
            if how == "raises":
                raise SendRefusedError("no")
            await asyncio.Event().wait()

    async with linked() as (link, far):
        pool.attach("pump", link)
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            assert isinstance(task.exception(), SendRefusedError)
        async with pool.acquire("pump", "second") as again:
            came = bytearray()
            again.give_to(came.extend)
            far.send(b"x")
            await until(lambda: came == b"x")


async def test_pool_refuses_user_if_module_is_not_connected() -> None:
    with pytest.raises(SendRefusedError, match="pump is not connected"):
        async with _pool().acquire("pump", "test"):
            pass


@pytest.mark.parametrize("via", ["tcp", "cenc"])
async def test_pool_dials_module_with_address_and_closes_after_use(via: str) -> None:
    async with site() as here:
        pool = _dialling(here, via)
        assert pool.can_reach("hut")
        async with pool.acquire("hut", "test") as link:
            link.write(b"hello")
            assert pool.transport("hut") == via
        await until(lambda: here.guests and here.guests[0].ended)  # it takes one client at a time
        assert here.guests[0].received == b"hello"
        status = pool.status("hut")
        assert status is not None
        assert (status.connected, status.transport, status.sent) == (False, via, 5)


async def test_pool_refuses_user_if_module_cannot_be_dialled() -> None:
    pool = _dialling(free_port())
    for _ in range(2):  # the line is free again
        with pytest.raises(SendRefusedError, match=r"hut: tcp://127.0.0.1:.* cannot be reached"):
            async with pool.acquire("hut", "test", timeout_s=1):
                pass


async def test_pool_closes_idle_connection_but_not_under_a_user() -> None:
    pool = _pool(idle_timeout_s=0.05)
    async with AsyncExitStack() as stack:
        link, far = await stack.enter_async_context(linked())
        pool.attach("pump", link)
        await stack.enter_async_context(at_work(pool.run()))
        async with pool.acquire("pump", "tunnel"):
            await asyncio.sleep(0.15)
            assert not link.closed
        await until(lambda: far.ended)


async def test_pool_closes_connections_if_stopped() -> None:
    pool = _pool()
    async with linked() as (link, far):
        pool.attach("pump", link)
        async with at_work(pool.run()):
            await asyncio.sleep(0)
        await until(lambda: far.ended)


async def test_pool_dials_only_if_file_descriptor_is_available() -> None:
    async with site() as here:
        files = Files(1)
        pool = ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, here.port))}, files=files)
        files.take(Use.CLIENT)
        with pytest.raises(SendRefusedError, match=r"hut is not dialled: .* files may be open \(ulimit -n\)"):
            async with pool.acquire("hut", "status"):
                pass
        files.give_back(Use.CLIENT)
        for _ in range(3):
            async with pool.acquire("hut", "status"):
                assert files.used(Use.DIALLED) == 1
            await until(lambda: files.used() == 0)


async def test_pool_releases_file_descriptor_if_dialling_fails() -> None:
    files = Files(1)
    pool = ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, free_port()))}, files=files)
    for _ in range(3):
        with pytest.raises(SendRefusedError, match="cannot be reached"):
            async with pool.acquire("hut", "status"):
                pass
    assert files.used() == 0


async def test_pool_closes_unused_connection_if_module_floods_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.pool._SWEEP_S", 0.05)
    pool = _pool()
    async with linked() as (link, far), at_work(pool.run()):
        pool.attach("pump", link)
        far.send(b"x" * 100_000)
        await asyncio.sleep(0.2)
        assert not link.closed
        async with pool.acquire("pump", "test"):
            far.send(b"x" * 1_000_000)  # somebody may want it
            await until(lambda: link.received == 1_100_000)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
        assert not link.closed
        far.send(b"x" * 10_000_000)
        await until(lambda: far.ended)
        assert link.closed


async def test_pool_refuses_user_that_waits_too_long() -> None:
    pool = ConnectionPool({"pump": module("pump")})
    async with linked() as (link, _):
        pool.attach("pump", link)
        async with pool.acquire("pump", "tunnel from 127.0.0.1", program=True):
            for program in (True, False):
                with pytest.raises(SendRefusedError, match="in use"):
                    async with pool.acquire("pump", "x", timeout_s=0.02, program=program):
                        pass
            assert not pool.is_wanted("pump")
