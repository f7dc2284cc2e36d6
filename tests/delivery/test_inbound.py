"""The listener: who is let in and who is not; real connections from many addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.delivery.inbound import Listener, ListenerPlan
from gsm_meter_bridge.delivery.strangers import Strangers
from gsm_meter_bridge.delivery.switchboard import Switchboard
from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.families.lers_gsm_mini.simulated_identification import encode
from gsm_meter_bridge.family import Caller, Introduction
from gsm_meter_bridge.link import TcpLink
from tests.support.hostile import endless_line, random_octets, slow_loris
from tests.support.sockets import LOOPBACK, Far, at_work, call, module, networks, until

IMEI = "865374036612201"
KNOWN = {"model": "LERS GSM Mini", "serial_number": "00201", "firmware": "M1.1.0", "signal_dbm": -71}
PACKET = encode({**KNOWN, "imei": IMEI}, datetime(2026, 3, 1, tzinfo=UTC))
LIAR = PACKET.replace(b"865374036612201", b"865374036612209")
MODULES = {
    "pump": module("pump", caller=Caller(imei=IMEI, networks=networks("127.0.0.0/16"))),
    "hut": module("hut", "energomera_gs04", caller=Caller(networks=networks("127.0.0.7"))),
    "shed": module("shed", "energomera_gs04", caller=Caller(meter_serial="009000000000101")),
}


@dataclass
class Hall:
    """A listener at work, and what has become known through it."""

    port: int
    board: Switchboard
    strangers: Strangers
    introduced: list[tuple[str, Introduction]] = field(default_factory=list)

    def connected(self, name: str) -> bool:
        status = self.board.status(name)
        return status is not None and status.connected

    def unknown(self, host: str) -> int:
        """How often a stranger called from there."""
        return sum(s.calls for s in self.strangers.all() if s.host == host)


async def _no_number(_: TcpLink) -> str | None:
    return None


@asynccontextmanager
async def _hall(meter_serial: Any = _no_number, **plan: Any) -> AsyncIterator[Hall]:
    board, strangers = Switchboard(MODULES), Strangers()
    plan = {"networks": networks("127.0.0.0/8"), "greeting_timeout_s": 30.0, **plan}
    here = Hall(0, board, strangers)

    def introduced(name: str, said: Introduction) -> None:
        here.introduced.append((name, said))

    lers = ListenerPlan("lers", LOOPBACK, 0, **plan)
    listener = Listener(lers, MODULES, board, strangers, introduced, meter_serial)
    async with at_work(listener.run()):
        await until(lambda: listener.port)
        here.port = listener.port
        yield here


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_a_module_is_known_by_what_it_says_however_that_is_cut(size: int) -> None:
    async with _hall() as hall:
        far = await call(hall.port)
        for at in range(0, len(PACKET), size):
            far.say(PACKET[at : at + size])
            await asyncio.sleep(0)
        far.say(b"\x00")
        await until(lambda: hall.introduced)
        ((name, said),) = hall.introduced
        assert (name, hall.connected("pump")) == ("pump", True)
        assert {r.name: r.value for r in said.readings}["signal_dbm"] == -71
        assert hall.strangers.all() == ()
        far.reset()


async def test_what_follows_the_packet_is_the_meters() -> None:
    async with _hall() as hall:
        far = await call(hall.port)
        far.say(PACKET + b"\x7e\x00first")
        await until(lambda: hall.introduced)
        async with hall.board.seize("pump", "test") as link:
            came = bytearray()
            link.give_to(came.extend)
            far.say(b"second")
            await until(lambda: came == b"\x7e\x00firstsecond")
        far.reset()


async def test_it_comes_back_and_its_old_connection_goes() -> None:
    async with _hall() as hall:
        old = await call(hall.port)
        old.say(PACKET + b"\0")
        await until(lambda: len(hall.introduced) == 1)
        new = await call(hall.port)
        new.say(PACKET + b"\0")
        await until(lambda: len(hall.introduced) == 2 and old.ended)
        assert hall.connected("pump")
        assert not new.ended
        new.reset()


@pytest.mark.parametrize(("packet", "source"), [(LIAR, LOOPBACK), (PACKET, "127.1.0.1")])
async def test_who_is_not_all_that_he_must_be_is_a_stranger(packet: bytes, source: str) -> None:
    async with _hall() as hall:
        far = await call(hall.port, source)
        far.say(packet + b"\0")
        await until(lambda: hall.unknown(source))
        (stranger,) = hall.strangers.all()
        assert (stranger.listener, stranger.claims["serial_number"]) == ("lers", "00201")
        assert (hall.introduced, hall.connected("pump")) == ([], False)
        assert not far.ended  # closed at once, it would call again
        far.reset()


async def test_a_silent_caller_is_known_by_its_address() -> None:
    async with _hall(greeting_timeout_s=0.01) as hall:
        far = await call(hall.port, "127.0.0.7")
        await until(lambda: hall.connected("hut"))
        async with hall.board.seize("hut", "test") as link:
            link.write(b"/?!\r\n")
            await until(lambda: far.heard == b"/?!\r\n")
        far.reset()


async def test_so_is_one_that_says_what_is_no_packet() -> None:
    async with _hall() as hall:
        far = await call(hall.port, "127.0.0.7")
        far.say(b"\x7e\xa0\x00\x01")
        await until(lambda: hall.connected("hut"))
        far.reset()


async def test_a_silent_caller_is_asked_for_the_number_of_its_meter() -> None:
    asked: list[str] = []

    async def serial(link: TcpLink) -> str | None:
        asked.append(link.peer[0])
        return "009000000000101"

    async with _hall(serial, greeting_timeout_s=0.01, ask_meters=True) as hall:
        far = await call(hall.port)
        await until(lambda: hall.connected("shed"))
        assert asked == [LOOPBACK]
        assert hall.strangers.all() == ()
        far.reset()


@pytest.mark.parametrize("told", ["another number", "nothing", "an error"])
async def test_whose_meter_does_not_say_it_is_a_stranger(told: str) -> None:
    async def serial(link: TcpLink) -> str | None:
        if told == "an error":
            raise LinkLostError("does not answer")
        return "009000000000999" if told == "another number" else None

    async with _hall(serial, greeting_timeout_s=0.01, ask_meters=True) as hall:
        far = await call(hall.port)
        await until(lambda: hall.unknown(LOOPBACK))
        assert hall.connected("shed") is False
        far.reset()


async def test_meters_are_not_asked_unless_that_is_wanted() -> None:
    async def serial(link: TcpLink) -> str | None:
        raise AssertionError(link)

    async with _hall(serial, greeting_timeout_s=0.01) as hall:
        far = await call(hall.port)
        await until(lambda: hall.unknown(LOOPBACK))
        far.reset()


async def test_a_stranger_that_turns_out_to_be_ours_is_forgotten() -> None:
    async with _hall() as hall:
        far = await call(hall.port)
        far.say(LIAR + b"\0")
        await until(lambda: hall.unknown(LOOPBACK))
        ours = await call(hall.port)
        ours.say(PACKET + b"\0")
        await until(lambda: hall.introduced)
        assert hall.strangers.all() == ()
        far.reset()
        ours.reset()


async def _all_in(hall: Hall, *sources: str) -> list[Far]:
    return [await call(hall.port, source) for source in sources]


async def test_so_many_from_one_address_and_no_more() -> None:
    async with _hall(per_address=2) as hall:
        fars = await _all_in(hall, *["127.0.0.8"] * 3, "127.0.0.9")
        await until(lambda: fars[2].ended)
        assert [f.ended for f in fars] == [False, False, True, False]
        fars[0].reset()
        await until(lambda: fars[0].ended)
        await _comes_in(hall, "127.0.0.8")
        for far in fars:
            far.reset()


async def _comes_in(hall: Hall, source: str) -> None:
    """A place that has become free is had again, once the listener has noticed."""
    async with asyncio.timeout(20):
        while True:
            far = await call(hall.port, source)
            far.say(PACKET + b"\0")
            await until(lambda far=far: far.ended or hall.introduced)  # type: ignore[misc]
            if hall.introduced:
                far.reset()
                return


async def test_so_many_in_all_and_no_more() -> None:
    async with _hall(connections=3) as hall:
        fars = await _all_in(hall, *(f"127.0.0.{n}" for n in range(20, 25)))
        await until(lambda: sum(f.ended for f in fars) == 2)
        assert [f.ended for f in fars] == [False, False, False, True, True]
        fars[0].reset()
        await _comes_in(hall, "127.0.0.30")
        for far in fars:
            far.reset()


async def test_nobody_from_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    async with _hall(networks=networks("127.0.0.0/16")) as hall:
        far = await call(hall.port, "127.1.0.1")
        await until(lambda: far.ended)
        assert hall.strangers.all() == ()
    assert "a connection from 127.1.0.1 is refused: its network is not allowed" in caplog.text


async def test_a_flood_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with _hall(networks=networks("127.0.0.0/16")) as hall:
        for _ in range(20):
            far = await call(hall.port, "127.1.0.1")
            await until(lambda far=far: far.ended)  # type: ignore[misc]
    assert caplog.text.count("is refused") == 1


async def test_who_says_nothing_for_too_long_is_a_stranger() -> None:
    async with _hall(greeting_timeout_s=0.01) as hall:
        far = await call(hall.port)
        await until(lambda: hall.unknown(LOOPBACK))
        far.say(PACKET + b"\0")  # too late
        await asyncio.sleep(0.02)
        assert (hall.introduced, hall.unknown(LOOPBACK)) == ([], 1)
        far.reset()


async def test_hostile_peers_are_strangers_and_others_are_served() -> None:
    async with _hall(greeting_timeout_s=1.0) as hall:
        lorises = [asyncio.create_task(slow_loris(hall.port, f"127.2.0.{n}")) for n in range(1, 20)]
        poured = await asyncio.gather(
            endless_line(hall.port, "127.3.0.1"), random_octets(hall.port, "127.3.0.2", 32 * 1024 * 1024)
        )
        assert max(poured) < 16 * 1024 * 1024  # thrown out; the kernel had taken the rest
        far = await call(hall.port)
        far.say(PACKET + b"\0")
        await until(lambda: hall.introduced)
        await until(lambda: all(hall.unknown(f"127.3.0.{n}") for n in (1, 2)))
        await until(lambda: all(hall.unknown(f"127.2.0.{n}") for n in range(1, 20)))
        for loris in lorises:
            loris.cancel()
        far.reset()


async def test_stopped_it_leaves_no_guest() -> None:
    async with _hall() as hall:
        guest, stranger = await _all_in(hall, LOOPBACK, "127.0.0.3")
        stranger.say(LIAR + b"\0")
        await until(lambda: hall.unknown("127.0.0.3"))
    await until(lambda: guest.ended and stranger.ended)


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with _hall() as hall:
        plan = ListenerPlan("other", LOOPBACK, hall.port, networks("127.0.0.0/8"))
        other = Listener(plan, MODULES, hall.board, hall.strangers, lambda *_: None)
        far = await call(hall.port)
        with pytest.raises(OSError, match="already in use"):
            await other.run()
        far.reset()
