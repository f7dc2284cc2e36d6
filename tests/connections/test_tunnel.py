"""Tunnels: a program at one end, a module at the other, both real connections."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gsm_meter_bridge.connections import tunnel
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, TunnelConfig
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Far, at_work, backlog, call, linked, module, networks, site
from tests.support.waiting import until

MIB = 1024 * 1024


@dataclass
class End:
    """What a test has of a tunnel: the pool, where the tunnel is, and the module at its far end."""

    pool: ConnectionPool
    port: int
    link: TcpLink
    meter: Far


@asynccontextmanager
async def _dug(*, read: bool = True, allowed: str = "127.0.0.0/8") -> AsyncIterator[End]:
    """A tunnel to a module that has dialled us."""
    pool = ConnectionPool({"pump": module("pump")})
    plan = TunnelConfig(LOOPBACK, free_port(), networks(allowed))
    async with linked(read=read) as (link, meter), at_work(Tunnel("pump", plan, pool).run()):
        pool.attach("pump", link)
        yield End(pool, plan.port, link, meter)


async def test_tunnel_passes_bytes_unchanged_in_both_directions() -> None:
    noise = random.Random(2)
    there, back = noise.randbytes(MIB), noise.randbytes(MIB)
    async with _dug() as end:
        program = await call(end.port)
        program.send(there)  # before there can be a way
        end.meter.send(back)
        await until(lambda: len(end.meter.received) == len(program.received) == MIB)
        assert (end.meter.received, program.received) == (there, back)
        status = end.pool.status("pump")
        assert status is not None
        assert (status.sent, status.received, status.used_by) == (MIB, MIB, "tunnel from 127.0.0.1")
        program.reset()


async def test_tunnel_excludes_other_users_and_leaves_link_usable() -> None:
    async with _dug() as end:
        program = await call(end.port)
        program.send(b"x")
        await until(lambda: end.meter.received == b"x")
        with pytest.raises(SendRefusedError, match=r"in use .tunnel from"):
            async with end.pool.acquire("pump", "status", timeout_s=0.05):
                pass
        program.reset()
        async with end.pool.acquire("pump", "status") as link:
            came = bytearray()
            link.give_to(came.extend)
            end.meter.send(b"answer")
            await until(lambda: came == b"answer")
        assert not end.link.closed


async def test_tunnel_keeps_next_program_waiting_until_first_leaves() -> None:
    async with _dug() as end:
        first, second = await call(end.port), await call(end.port)
        first.send(b"1")
        await until(lambda: end.meter.received == b"1")
        second.send(b"2")
        await asyncio.sleep(0.05)
        assert end.meter.received == b"1"
        first.reset()
        await until(lambda: end.meter.received == b"12")
        end.meter.send(b"for the second")
        await until(lambda: second.received == b"for the second")
        assert first.received == b""


async def test_tunnel_closes_program_that_waits_too_long_and_shows_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tunnel, "_WAIT_S", 0.05)
    async with _dug() as end:
        async with end.pool.acquire("pump", "tunnel from 10.0.0.9"):
            program = await call(end.port)
            await until(lambda: program.ended)
        status = end.pool.status("pump")
        assert status is not None
        assert (status.tunnel_problem or "").endswith("its connection is in use (tunnel from 10.0.0.9)")
        again = await call(end.port)
        again.send(b"x")
        await until(lambda: end.meter.received == b"x")
        status = end.pool.status("pump")
        assert status is not None
        assert status.tunnel_problem is None


async def test_tunnel_refuses_program_from_network_not_allowed() -> None:
    async with _dug(allowed="127.0.0.2/32") as end:
        refused = await call(end.port)
        await until(lambda: refused.ended)
        allowed = await call(end.port, "127.0.0.2")
        allowed.send(b"x")
        await until(lambda: end.meter.received == b"x")
        status = end.pool.status("pump")
        assert status is not None
        assert status.used_by == "tunnel from 127.0.0.2"


async def test_tunnel_closes_program_if_module_is_not_connected(caplog: pytest.LogCaptureFixture) -> None:
    pool = ConnectionPool({"pump": module("pump")})
    plan = TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8"))
    async with at_work(Tunnel("pump", plan, pool).run()):
        program = await call(plan.port)
        await until(lambda: program.ended)
    assert "no tunnel: pump is not connected" in caplog.text
    status = pool.status("pump")
    assert status is not None
    assert status.tunnel_problem == "the program from 127.0.0.1 got no connection: pump is not connected"


async def test_tunnel_closes_program_after_last_bytes_if_module_disconnects() -> None:
    async with _dug() as end:
        program = await call(end.port)
        program.send(b"x")
        await until(lambda: end.meter.received == b"x")
        end.meter.send(b"last words")
        end.meter.writer.close()
        await until(lambda: program.ended)
        assert program.received == b"last words"


async def test_tunnel_dials_module_and_hangs_up_after_use() -> None:
    async with site() as here:
        pool = ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, here.port))})
        plan = TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8"))
        async with at_work(Tunnel("hut", plan, pool).run()):
            program = await call(plan.port)
            program.send(b"all of it")
            program.writer.close()
            await until(lambda: here.guests and here.guests[0].ended)
            assert here.guests[0].received == b"all of it"
            assert not pool.status("hut") or not pool.status("hut").connected  # type: ignore[union-attr]


@pytest.mark.parametrize("slow", ["module", "program"])
async def test_tunnel_bounds_memory_if_module_or_program_reads_slowly(slow: str) -> None:
    async with _dug(read=slow != "module") as end:
        program = await call(end.port, read=slow != "program")
        fast, reader = (program, end.meter) if slow == "module" else (end.meter, program)
        fast.send(b"x" * 48 * MIB)
        most = 0
        for _ in range(60):
            await asyncio.sleep(0.005)
            most = max(most, _waiting())
        assert most <= 128 * 1024
        reader.read()
        await until(lambda: len(reader.received) == 48 * MIB)
        program.reset()


def _waiting() -> int:
    """What any link of this process keeps."""
    links = [o for o in gc.get_objects() if isinstance(o, TcpLink) and o._transport is not None]
    return max(backlog(link) for link in links)


async def test_tunnel_closes_programs_if_stopped() -> None:
    async with _dug() as end:
        program = await call(end.port)
        program.send(b"x")
        await until(lambda: end.meter.received == b"x")
    await until(lambda: program.ended)
