"""What a tunnel does not let programs do: hold the line for ever, crowd it, fill the bridge, die unseen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from gsm_meter_bridge.connections import tunnel
from gsm_meter_bridge.connections.files import Files, Use
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.link import TcpLink, join
from gsm_meter_bridge.link import tcp as link_module
from gsm_meter_bridge.model import Address, TunnelConfig
from tests.support.hostile import programs
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, Far, at_work, backlog, call, linked, module, networks, site
from tests.support.waiting import PATIENCE_S, until

MIB = 1024 * 1024


@dataclass
class End:
    """A tunnel at work, its pool, and the module at its far end."""

    pool: ConnectionPool
    port: int
    link: TcpLink
    meter: Far
    files: Files


@asynccontextmanager
async def _dug(*, read: bool = True, idle_timeout_s: float = tunnel.IDLE_TIMEOUT_S) -> AsyncIterator[End]:
    files = Files()
    pool = ConnectionPool({"pump": module("pump")}, files=files)
    plan = TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8"))
    dug = Tunnel("pump", plan, pool, idle_timeout_s=idle_timeout_s)
    async with linked(read=read) as (link, meter), at_work(dug.run()):
        pool.attach("pump", link)
        yield End(pool, plan.port, link, meter, files)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "_TICK_S", 0.01)


class Watch:
    """The time in which programs and modules are silent; `ticks` is how often the tunnel has looked."""

    now, ticks = 1000.0, 0

    def monotonic(self) -> float:
        return self.now

    async def looked(self) -> None:
        """Return once the tunnel has looked at what the watch says now."""
        ticks = self.ticks
        await until(lambda: self.ticks > ticks)


@pytest.fixture
def watch(quick: None, monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch, too_long = Watch(), Tunnel._too_long

    def look(tunnel: Tunnel, silent_s: float, at_all_s: float) -> str | None:
        watch.ticks += 1
        return too_long(tunnel, silent_s, at_all_s)

    monkeypatch.setattr(Tunnel, "_too_long", look)
    monkeypatch.setattr(tunnel, "time", watch)
    monkeypatch.setattr(link_module, "time", watch)
    return watch


async def _has_line(end: End, program: Far, word: bytes = b"x") -> None:
    program.send(word)
    await until(lambda: end.meter.received.endswith(word))


async def test_tunnel_limits_number_of_programs() -> None:
    async with _dug() as end:
        crowd = await programs(end.port, 400)
        most = tunnel._PROGRAMS_AT_MOST
        await until(lambda: sum(p.ended for p in crowd) == 400 - most)
        assert end.files.used(Use.CLIENT) == most
        for program in crowd:
            program.reset()
        await until(lambda: end.files.used(Use.CLIENT) == 0)
        await _has_line(end, await call(end.port))


async def test_tunnel_closes_silent_program(watch: Watch) -> None:
    async with _dug() as end:
        silent = await call(end.port)
        await watch.looked()
        watch.now += tunnel.IDLE_TIMEOUT_S
        await until(lambda: silent.ended)
        await _has_line(end, await call(end.port))


async def test_tunnel_keeps_active_program(watch: Watch) -> None:
    async with _dug() as end:
        program = await call(end.port)
        await _has_line(end, program)
        for n in range(6):
            watch.now += 0.9 * tunnel.IDLE_TIMEOUT_S
            sender, receiver = (program, end.meter) if n % 2 else (end.meter, program)
            sender.send(bytes((n,)))
            await until(partial(receiver.received.endswith, bytes((n,))))
            await watch.looked()
        assert not program.ended


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("limit", ["_IDLE_WHILE_OTHERS_WAIT_S", "_LONGEST_WHILE_OTHERS_WAIT_S"])
async def test_tunnel_closes_program_at_limit_if_poll_waits(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, limit, 0.05)
    async with _dug() as end:
        first = await call(end.port)
        await _has_line(end, first)
        await asyncio.sleep(0.2)
        assert not first.ended  # nobody waits
        waiting = [await call(end.port) for _ in range(3)]
        await asyncio.sleep(0.05)
        async with end.pool.acquire("pump", "status", timeout_s=PATIENCE_S) as link:
            assert first.ended
            came = bytearray()
            link.give_to(came.extend)
            end.meter.send(b"for us")
            await until(lambda: came == b"for us")
        for program in waiting:
            program.reset()


async def test_poll_of_bridge_precedes_tunnel_programs_that_wait_longer() -> None:
    async with _dug() as end:
        first = await call(end.port)
        await _has_line(end, first)
        others = [await call(end.port) for _ in range(4)]
        for other in others:
            other.send(b"other")
        await asyncio.sleep(0.1)
        turn = asyncio.create_task(_once(end.pool))
        await asyncio.sleep(0.02)
        first.reset()
        await turn
        assert b"other" not in end.meter.received
        await until(lambda: b"other" in end.meter.received)
        for other in others:
            other.reset()


async def _once(pool: ConnectionPool) -> None:
    async with pool.acquire("pump", "status"):
        await asyncio.sleep(0.05)


async def test_tunnel_does_not_dial_for_program_that_has_gone() -> None:
    async with site() as here:
        files = Files()
        pool = ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, here.port))}, files=files)
        plan = TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8"))
        async with at_work(Tunnel("hut", plan, pool).run()):
            async with pool.acquire("hut", "status"):
                gone = await call(plan.port)
                await until(lambda: pool.is_wanted("hut"))
                gone.writer.close()
                await until(lambda: files.used(Use.CLIENT) == 0)
            await asyncio.sleep(0.1)
            assert len(here.guests) == 1  # ours


async def test_tunnel_bounds_backlog_if_previous_program_filled_link() -> None:
    async with _dug(read=False) as end:
        first = await call(end.port)
        first.send(b"x" * 32 * MIB)
        await _filled(end.link)
        first.reset()
        await asyncio.sleep(0.05)
        second = await call(end.port)
        second.send(b"y" * 32 * MIB)
        most = 0
        for _ in range(40):
            await asyncio.sleep(0.005)
            most = max(most, backlog(end.link))
        assert most <= 256 * 1024
        second.reset()


async def test_joined_link_waits_if_other_link_is_full() -> None:
    async with linked() as (left, left_far), linked(read=False) as (right, right_far):
        await _filled(right)
        join(left, right)
        left_far.send(b"y" * 8 * MIB)
        await asyncio.sleep(0.2)
        assert backlog(right) <= 192 * 1024
        right_far.read()
        await until(lambda: right_far.received.endswith(b"y" * 8 * MIB))


async def _filled(link: TcpLink) -> None:
    """Write until the far end takes no more, whatever room its kernel makes."""
    full_for = 0
    while full_for < 20:
        full_for = full_for + 1 if link.full else 0
        if not link.full:
            link.write(b"x" * 64 * 1024)
        await asyncio.sleep(0.002)


async def test_tunnel_drops_program_that_does_not_read_last_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "_CLOSES_WITHIN_S", 0.1)
    async with _dug() as end:
        program = await call(end.port, read=False)
        await _has_line(end, program)
        end.meter.send(b"x" * 32 * MIB)
        await asyncio.sleep(0.1)
        end.link.abort()
        await until(lambda: end.files.used(Use.CLIENT) == 0)
        program.reset()


async def test_tunnel_drops_program_that_ends_sending_and_reads_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "_CLOSES_WITHIN_S", 0.1)
    async with _dug() as end:
        program = await call(end.port, read=False)
        program.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await _has_line(end, program)
        end.meter.send(b"x" * 32 * MIB)
        await asyncio.sleep(0.1)
        program.writer.write_eof()
        await until(lambda: end.files.used(Use.CLIENT) == 0)
        program.reset()


@pytest.mark.usefixtures("quick")
async def test_tunnel_bounds_backlog_if_previous_program_reads_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tunnel, "_IDLE_WHILE_OTHERS_WAIT_S", 0.1)
    clients: list[TcpLink] = []

    def joined(client: TcpLink, other: TcpLink) -> None:
        clients.append(client)
        join(client, other)

    monkeypatch.setattr(tunnel, "join", joined)
    async with _dug() as end:
        first, second = [await call(end.port, read=False) for _ in range(2)]
        for program in (first, second):
            program.writer.transport.pause_reading()  # type: ignore[attr-defined]
        end.meter.send(b"x" * 64 * MIB)
        await until(lambda: len(clients) == 2 and clients[1].full)
        first.writer.transport.resume_reading()  # type: ignore[attr-defined]
        first.read()
        await until(lambda: first.ended)
        await asyncio.sleep(0.1)
        assert backlog(clients[1]) <= 256 * 1024
        for program in (first, second):
            program.reset()


async def test_links_set_tcp_keepalive_to_at_most_ten_minutes() -> None:
    async with linked() as (dialled, _), _dug() as end:
        await call(end.port)
        for one in (dialled, end.link):
            assert one._transport is not None
            kept = one._transport.get_extra_info("socket")
            assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            idle_s = kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            again_s = kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            assert idle_s + again_s * kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) <= 600


async def test_tunnel_retries_if_its_port_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.port._FIRST_PAUSE_S", 0.02)
    health, pool = Health(), ConnectionPool({"pump": module("pump")})
    async with linked() as (link, meter), site() as here:
        pool.attach("pump", link)
        plan = TunnelConfig(LOOPBACK, here.port, networks("127.0.0.0/8"))
        async with at_work(Tunnel("pump", plan, pool, health).run()):
            await until(lambda: health.problems)
            (problem,) = health.problems
            assert (problem.code, problem.subject) == (BridgeProblemCode.TUNNEL_CLOSED, "tunnel pump")
            here.close()
            await until(lambda: not health.problems)
            program = await call(plan.port)
            program.send(b"x")
            await until(lambda: meter.received == b"x")
            program.reset()


LEAVE = {
    "reset": lambda p: p.reset(),
    "eof": lambda p: p.writer.write_eof(),
    "close": lambda p: p.writer.close(),
}


@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize("payloads", [b"", b"hello", b"x" * 300_000], ids=["nothing", "little", "much"])
async def test_tunnel_forgets_waiting_program_that_leaves(
    how: str, payloads: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "_HELD_LOOK_S", 0.05)
    monkeypatch.setattr(tunnel, "_WAIT_S", 3600.0)  # it does not give up by itself
    if len(payloads) > 64 * 1024:
        how = "reset"  # what was said before a goodbye is still to be read
    async with _dug() as end:
        async with end.pool.acquire("pump", "status"):
            crowd = [await call(end.port) for _ in range(tunnel._PROGRAMS_AT_MOST)]
            for program in crowd:
                program.send(payloads)
            await until(lambda: end.files.used(Use.CLIENT) == len(crowd))
            for program in crowd:
                LEAVE[how](program)
            async with asyncio.timeout(PATIENCE_S):  # the line stays taken
                await until(lambda: end.files.used(Use.CLIENT) == 0 and not end.pool.is_wanted("pump"))
        for program in crowd:
            program.reset()
        await _has_line(end, await call(end.port))


@pytest.mark.parametrize("how", LEAVE)
async def test_tunnel_stops_dialling_if_program_leaves(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialling = asyncio.Event()

    async def endless(*_: object) -> TcpLink:
        dialling.set()
        await asyncio.sleep(3600)
        raise AssertionError

    files = Files()
    pool = ConnectionPool({"hut": module("hut", address=Address(LOOPBACK, 9))}, files=files)
    plan = TunnelConfig(LOOPBACK, free_port(), networks("127.0.0.0/8"))
    monkeypatch.setattr("gsm_meter_bridge.connections.pool.dial", endless)
    async with at_work(Tunnel("hut", plan, pool).run()):
        program = await call(plan.port)
        await dialling.wait()
        assert files.used(Use.CLIENT, Use.DIALLED) == 2
        LEAVE[how](program)
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: files.used(Use.CLIENT, Use.DIALLED) == 0)
            await until(lambda: (s := pool.status("hut")) is not None and s.used_by is None)
        program.reset()


async def test_tunnel_notices_reset_of_program_while_module_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "_HELD_LOOK_S", 0.05)
    async with _dug(read=False) as end:
        end.meter.writer.transport.pause_reading()  # type: ignore[attr-defined]
        program = await call(end.port)
        program.send(b"x" * 64 * MIB)
        await until(lambda: end.link.full)
        program.reset()
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: end.files.used(Use.CLIENT) == 0)


async def test_tunnel_notices_reset_of_module_while_program_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "_HELD_LOOK_S", 0.05)
    async with _dug() as end:
        program = await call(end.port, read=False)
        program.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await _has_line(end, program)
        end.meter.send(b"x" * 64 * MIB)
        await asyncio.sleep(0.3)
        end.meter.reset()
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: end.link.closed)
        program.reset()
