"""The listener: who is let in and who is not; real connections from many addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from gsm_meter_bridge.connections import listener as inbound
from gsm_meter_bridge.connections.listener import Listener, ListenerConfig
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import ClientIdentity, Identification
from gsm_meter_bridge.vocabulary import Scalar
from tests.support.hostile import endless_line, random_octets, slow_loris
from tests.support.sockets import LOOPBACK, Far, at_work, call, module, networks
from tests.support.waiting import PATIENCE_S, until

IMEI = "865374036612201"
KNOWN: Mapping[str, Scalar] = {
    "model": "LERS GSM Mini",
    "serial_number": "00201",
    "firmware": "M1.1.0",
    "signal_dbm": -71,
}
PACKET = encode({**KNOWN, "imei": IMEI}, datetime(2026, 3, 1, tzinfo=UTC))
LIAR = PACKET.replace(b"865374036612201", b"865374036612209")
MODULES = {
    "pump": module("pump", identify_by=ClientIdentity(imei=IMEI, networks=networks("127.0.0.0/16"))),
    "hut": module("hut", "energomera_gs04", identify_by=ClientIdentity(networks=networks("127.0.0.7"))),
    "shed": module("shed", "energomera_gs04", identify_by=ClientIdentity(meter_serial="009000000000101")),
}


@dataclass
class ListenerFixture:
    """A listener at work, and what has become known through it."""

    port: int
    pool: ConnectionPool
    unidentified: UnidentifiedClients
    health: Health = field(default_factory=Health)
    introduced: list[tuple[str, Identification]] = field(default_factory=list)

    def connected(self, name: str) -> bool:
        status = self.pool.status(name)
        return status is not None and status.connected

    def unknown(self, host: str) -> int:
        """How often an unidentified client called from there."""
        return sum(s.connections for s in self.unidentified.all() if s.host == host)


async def _no_number(_: TcpLink) -> str | None:
    return None


@asynccontextmanager
async def served(meter_serial: Any = _no_number, **plan: Any) -> AsyncIterator[ListenerFixture]:
    pool, unidentified = ConnectionPool(MODULES), UnidentifiedClients()
    plan = {"networks": networks("127.0.0.0/8"), "identification_timeout_s": 30.0, **plan}
    here = ListenerFixture(0, pool, unidentified)

    def introduced(name: str, identification: Identification) -> None:
        here.introduced.append((name, identification))

    lers = ListenerConfig("lers", LOOPBACK, 0, **plan)
    listener = Listener(lers, MODULES, pool, unidentified, introduced, meter_serial, here.health)
    async with at_work(listener.run()):
        await until(lambda: listener.port)
        here.port = listener.port
        yield here


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_listener_identifies_module_however_its_packet_is_split(size: int) -> None:
    async with served() as here:
        far = await call(here.port)
        for at in range(0, len(PACKET), size):
            far.send(PACKET[at : at + size])
            await asyncio.sleep(0)
        far.send(b"\x00")
        await until(lambda: here.introduced)
        ((name, identification),) = here.introduced
        assert (name, here.connected("pump")) == ("pump", True)
        assert {r.name: r.value for r in identification.readings}["signal_dbm"] == -71
        assert here.unidentified.all() == ()
        far.reset()


async def test_listener_leaves_bytes_after_packet_to_user_of_link() -> None:
    async with served() as here:
        far = await call(here.port)
        far.send(PACKET + b"\x7e\x00first")
        await until(lambda: here.introduced)
        async with here.pool.acquire("pump", "test") as link:
            came = bytearray()
            link.give_to(came.extend)
            far.send(b"second")
            await until(lambda: came == b"\x7e\x00firstsecond")
        far.reset()


async def test_listener_replaces_old_connection_if_module_reconnects() -> None:
    async with served() as here:
        old = await call(here.port)
        old.send(PACKET + b"\0")
        await until(lambda: len(here.introduced) == 1)
        new = await call(here.port)
        new.send(PACKET + b"\0")
        await until(lambda: len(here.introduced) == 2 and old.ended)
        assert here.connected("pump")
        assert not new.ended
        new.reset()


@pytest.mark.parametrize(("packet", "source"), [(LIAR, LOOPBACK), (PACKET, "127.1.0.1")])
async def test_listener_leaves_client_unidentified_if_imei_or_network_differs(
    packet: bytes, source: str
) -> None:
    async with served() as here:
        far = await call(here.port, source)
        far.send(packet + b"\0")
        await until(lambda: here.unknown(source))
        (unidentified,) = here.unidentified.all()
        assert (unidentified.listener, unidentified.claims["serial_number"]) == ("lers", "00201")
        assert (here.introduced, here.connected("pump")) == ([], False)
        assert not far.ended  # closed at once, it would call again
        far.reset()


async def test_listener_identifies_silent_client_by_address() -> None:
    async with served(identification_timeout_s=0.01) as here:
        far = await call(here.port, "127.0.0.7")
        await until(lambda: here.connected("hut"))
        async with here.pool.acquire("hut", "test") as link:
            link.write(b"/?!\r\n")
            await until(lambda: far.received == b"/?!\r\n")
        far.reset()


async def test_listener_identifies_module_by_address_if_packet_is_invalid() -> None:
    async with served(identification_timeout_s=0.3) as here:
        far = await call(here.port, "127.0.0.7")
        far.send(b"\x7e\xa0\x00\x01")
        await until(lambda: here.connected("hut"))
        far.reset()


async def test_listener_finds_packet_after_noise() -> None:
    async with served() as here:
        far = await call(here.port)
        for data in (b"\0\xff\x7e", b"Welcome\r\n", PACKET, b"\0"):
            far.send(data)
            await asyncio.sleep(0.01)
        await until(lambda: here.introduced)
        far.reset()


@pytest.mark.parametrize("end", [b"", b" ", b"\r"])
async def test_listener_ends_packet_without_line_end_at_pause(
    end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_TICK_S", 0.01)
    monkeypatch.setattr(inbound, "_PAUSE_S", 0.05)
    async with served() as here:
        far = await call(here.port)
        far.send(PACKET.rstrip() + end)
        await until(lambda: here.introduced)
        async with here.pool.acquire("pump", "test") as link:
            link.write(b"/?!")
            await until(lambda: far.received == b"/?!")
        far.reset()


async def test_listener_does_not_end_packet_at_pause_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "_TICK_S", 0.01)
    monkeypatch.setattr(inbound, "_PAUSE_S", 0.02)
    async with served() as here:
        far = await call(here.port)
        for at in range(0, len(PACKET), 40):
            far.send(PACKET[at : at + 40])
            await asyncio.sleep(0.1)
        far.send(b"\0")
        await until(lambda: here.introduced)
        far.reset()


@pytest.mark.parametrize("noise", [b"\r\n", b"\0", b"/EKT5CE301\r\n", b"\x7e\xa0\x07\x03\x21\x41\x93\x7e"])
async def test_listener_identifies_energomera_module_if_noise_comes_first(noise: bytes) -> None:
    async def serial(link: TcpLink) -> str | None:
        return "009000000000101"

    async with served(serial, identification_timeout_s=0.1, identify_by_meter=True) as here:
        hut, shed = await call(here.port, "127.0.0.7"), await call(here.port, "127.0.0.8")
        hut.send(noise)
        shed.send(noise)
        await until(lambda: here.connected("hut") and here.connected("shed"))
        assert here.unidentified.all() == ()
        for far in (hut, shed):
            far.reset()


async def test_listener_asks_meter_of_silent_client_for_serial_number() -> None:
    asked: list[str] = []

    async def serial(link: TcpLink) -> str | None:
        asked.append(link.peer[0])
        return "009000000000101"

    async with served(serial, identification_timeout_s=0.01, identify_by_meter=True) as here:
        far = await call(here.port)
        await until(lambda: here.connected("shed"))
        assert asked == [LOOPBACK]
        assert here.unidentified.all() == ()
        far.reset()


@pytest.mark.parametrize("reported", ["another number", "nothing", "an error"])
async def test_listener_leaves_client_unidentified_if_meter_serial_does_not_match(reported: str) -> None:
    async def serial(link: TcpLink) -> str | None:
        if reported == "an error":
            raise LinkLostError("does not answer")
        return "009000000000999" if reported == "another number" else None

    async with served(serial, identification_timeout_s=0.01, identify_by_meter=True) as here:
        far = await call(here.port)
        await until(lambda: here.unknown(LOOPBACK))
        assert here.connected("shed") is False
        far.reset()


async def test_listener_asks_no_meter_unless_configured() -> None:
    async def serial(link: TcpLink) -> str | None:
        raise AssertionError(link)

    async with served(serial, identification_timeout_s=0.01) as here:
        far = await call(here.port)
        await until(lambda: here.unknown(LOOPBACK))
        far.reset()


async def test_listener_forgets_unidentified_client_if_module_has_same_address() -> None:
    async with served() as here:
        far = await call(here.port)
        far.send(LIAR + b"\0")
        await until(lambda: here.unknown(LOOPBACK))
        ours = await call(here.port)
        ours.send(PACKET + b"\0")
        await until(lambda: here.introduced)
        assert here.unidentified.all() == ()
        far.reset()
        ours.reset()


async def _all_in(here: ListenerFixture, *sources: str) -> list[Far]:
    return [await call(here.port, source) for source in sources]


async def test_listener_limits_connections_per_address() -> None:
    async with served(max_connections_per_address=2) as here:
        fars = await _all_in(here, *["127.0.0.8"] * 3, "127.0.0.9")
        await until(lambda: fars[2].ended)
        assert [f.ended for f in fars] == [False, False, True, False]
        fars[0].reset()
        await until(lambda: fars[0].ended)
        await _comes_in(here, "127.0.0.8")
        for far in fars:
            far.reset()


async def _comes_in(here: ListenerFixture, source: str) -> None:
    """A place that has become free is had again, once the listener has noticed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            far = await call(here.port, source)
            far.send(PACKET + b"\0")
            await until(partial(lambda far: far.ended or here.introduced, far))
            if here.introduced:
                far.reset()
                return


async def test_listener_limits_connections_in_total() -> None:
    async with served(max_connections=3) as here:
        fars = await _all_in(here, *(f"127.0.0.{n}" for n in range(20, 25)))
        await until(lambda: sum(f.ended for f in fars) == 2)
        assert [f.ended for f in fars] == [False, False, False, True, True]
        fars[0].reset()
        await _comes_in(here, "127.0.0.30")
        for far in fars:
            far.reset()


async def test_listener_refuses_client_from_network_not_allowed(caplog: pytest.LogCaptureFixture) -> None:
    async with served(networks=networks("127.0.0.0/16")) as here:
        far = await call(here.port, "127.1.0.1")
        await until(lambda: far.ended)
        (unidentified,) = here.unidentified.all()
        assert (unidentified.connections, unidentified.refused) == (1, 1)
        assert unidentified.problem == "refused: its network is not allowed"
        assert here.health.problems == ()  # whoever scans the network is no module
    assert "a connection from 127.1.0.1 is refused: its network is not allowed" in caplog.text


async def test_listener_logs_repeated_refusals_once(caplog: pytest.LogCaptureFixture) -> None:
    async with served(networks=networks("127.0.0.0/16")) as here:
        for _ in range(20):
            far = await call(here.port, "127.1.0.1")
            await far.until_ended()
    assert caplog.text.count("is refused") == 1


async def test_listener_leaves_client_unidentified_if_packet_comes_too_late() -> None:
    async with served(identification_timeout_s=0.01) as here:
        far = await call(here.port)
        await until(lambda: here.unknown(LOOPBACK))
        far.send(PACKET + b"\0")  # too late
        await asyncio.sleep(0.02)
        assert (here.introduced, here.unknown(LOOPBACK)) == ([], 1)
        far.reset()


async def test_listener_identifies_module_while_hostile_clients_are_connected() -> None:
    async with served(identification_timeout_s=1.0) as here:
        lorises = [asyncio.create_task(slow_loris(here.port, f"127.2.0.{n}")) for n in range(1, 20)]
        poured = await asyncio.gather(
            endless_line(here.port, "127.3.0.1"), random_octets(here.port, "127.3.0.2", 32 * 1024 * 1024)
        )
        assert max(poured) < 16 * 1024 * 1024  # thrown out; the kernel had taken the rest
        far = await call(here.port)
        far.send(PACKET + b"\0")
        await until(lambda: here.introduced)
        await until(lambda: all(here.unknown(f"127.3.0.{n}") for n in (1, 2)))
        await until(lambda: all(here.unknown(f"127.2.0.{n}") for n in range(1, 20)))
        for loris in lorises:
            loris.cancel()
        far.reset()


async def test_listener_closes_all_connections_if_stopped() -> None:
    async with served() as here:
        guest, unidentified = await _all_in(here, LOOPBACK, "127.0.0.3")
        unidentified.send(LIAR + b"\0")
        await until(lambda: here.unknown("127.0.0.3"))
    await until(lambda: guest.ended and unidentified.ended)
