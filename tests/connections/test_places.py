"""Who has the places of a listener: modules, whoever else calls, also from behind one address."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from gsm_meter_bridge.connections import listener as inbound
from gsm_meter_bridge.health import BridgeProblemCode
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import ClientIdentity
from tests.connections.test_inbound import LIAR, MODULES, PACKET, ListenerFixture, served
from tests.support.sockets import Far, call, module
from tests.support.waiting import until

NAT = "127.0.0.1"
SILENCE, PART, WHOLE = b"", b"MODEL#  LERS", LIAR + b"\0"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "_TICK_S", 0.01)
    monkeypatch.setattr(inbound, "_TIME_TO_GREET_S", 0.1)


async def _send_to(port: int, data: bytes, source: str = NAT) -> Far:
    far = await call(port, source)
    far.send(data)
    return far


async def _gets_in(here: ListenerFixture, source: str = NAT) -> None:
    ours = await _send_to(here.port, PACKET + b"\0", source)
    await until(lambda: here.introduced)
    assert not ours.ended
    ours.reset()


async def _gets_in_at_last(here: ListenerFixture) -> None:
    """Call again, as modules do, until nobody is in the way."""
    while not here.introduced:
        ours = await _send_to(here.port, PACKET + b"\0")
        await until(partial(lambda ours: here.introduced or ours.ended, ours))
        ours.reset()


@pytest.mark.parametrize(
    "payloads", [SILENCE, PART, WHOLE, b"\x7e\xa0"], ids=["silence", "part", "a lie", "noise"]
)
@pytest.mark.parametrize("limits", [{"max_connections_per_address": 3}, {"max_connections": 3}], ids=str)
async def test_listener_drops_oldest_unidentified_client_for_module(
    payloads: bytes, limits: dict[str, int]
) -> None:
    async with served(**limits) as here:
        others = [await _send_to(here.port, payloads) for _ in range(3)]
        await asyncio.sleep(0.15)
        await _gets_in(here)
        await until(lambda: any(far.ended for far in others))
        assert [far.ended for far in others] == [True, False, False]
        for far in others:
            far.reset()


async def test_listener_drops_client_whose_meter_is_still_to_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def serial(_: object) -> str | None:
        await asyncio.sleep(30)
        return None

    monkeypatch.setattr(inbound, "_ASKED_AT_ONCE", 1)
    async with served(
        serial, identify_by_meter=True, identification_timeout_s=0.01, max_connections_per_address=3
    ) as here:
        others = [await call(here.port) for _ in range(3)]
        await asyncio.sleep(0.1)
        await _gets_in(here)
        await until(lambda: any(far.ended for far in others))
        assert [far.ended for far in others] == [False, False, True]  # the first has its turn next
        for far in others:
            far.reset()


class Silent:
    """A module behind the address that says nothing, whose meter tells its number, and that calls again."""

    def __init__(self, serials_by_port: dict[int, str], serial: str) -> None:
        self.serials_by_port, self.serial, self.calls = serials_by_port, serial, 0

    async def run(self, port: int, pause_s: float) -> None:
        while True:
            self.calls += 1
            far = await call(port, NAT)
            self.serials_by_port[far.writer.get_extra_info("sockname")[1]] = self.serial
            try:
                while not far.ended:
                    await asyncio.sleep(0.01)
            finally:
                far.reset()
            await asyncio.sleep(pause_s)


def _behind_one_address(monkeypatch: pytest.MonkeyPatch, count: int) -> dict[str, str]:
    """Let there be so many modules that are known by their meters' numbers; return name -> number."""
    serials = {f"flat{n}": f"0090000000002{n:02}" for n in range(count)}
    silent = {
        name: module(name, "energomera_gs04", identify_by=ClientIdentity(meter_serial=serial))
        for name, serial in serials.items()
    }
    monkeypatch.setattr("tests.connections.test_inbound.MODULES", MODULES | silent)
    return serials


@pytest.mark.parametrize("takes_s", [0.0, 0.05, 0.3])
@pytest.mark.parametrize(
    "limits",
    [
        {"max_connections_per_address": 1},
        {"max_connections_per_address": 2},
        {"max_connections_per_address": 4},
    ],
    ids=str,
)
async def test_listener_identifies_all_silent_modules_behind_one_address(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], takes_s: float
) -> None:
    serials, serials_by_port = _behind_one_address(monkeypatch, 7), dict[int, str]()

    async def serial(link: TcpLink) -> str | None:
        await asyncio.sleep(takes_s)
        return serials_by_port.get(link.peer[1])

    async with served(serial, identify_by_meter=True, identification_timeout_s=1.0, **limits) as here:
        modules = [Silent(serials_by_port, serial) for serial in serials.values()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.run(here.port, 0.02)) for one in modules]
            await until(lambda: all(here.connected(name) for name in serials))
            await asyncio.sleep(0.3)
            assert all(here.connected(name) for name in serials)
            calls = [one.calls for one in modules]
            await asyncio.sleep(0.3)
            assert [one.calls for one in modules] == calls  # whoever is in, stays
            for task in tasks:
                task.cancel()


async def test_listener_connects_modules_despite_silent_unidentified_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serials, serials_by_port = _behind_one_address(monkeypatch, 3), dict[int, str]()

    async def serial(link: TcpLink) -> str | None:
        await asyncio.sleep(0.1)
        return serials_by_port.get(link.peer[1])

    async with (
        served(
            serial, identify_by_meter=True, identification_timeout_s=1.0, max_connections_per_address=2
        ) as here,
        asyncio.TaskGroup() as group,
    ):
        names = [*serials.values(), *("nobody's" for _ in range(4))]
        tasks = [group.create_task(Silent(serials_by_port, one).run(here.port, 0.02)) for one in names]
        await until(lambda: all(here.connected(name) for name in serials))
        await _gets_in_at_last(here)
        for task in tasks:
            task.cancel()


async def test_listener_keeps_silent_module_that_is_identified_by_address() -> None:
    async with served(max_connections=1) as here:
        hut = await call(here.port, "127.0.0.7")
        while not here.connected("hut"):
            refused = await call(here.port)
            await refused.until_ended()
        assert not hut.ended
        hut.reset()


async def test_listener_does_not_ask_meter_while_packet_is_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    async def serial(link: TcpLink) -> str | None:
        asked.append(link.peer[1])
        return None

    monkeypatch.setattr(inbound, "_PAUSE_S", 30.0)
    async with served(serial, identify_by_meter=True, max_connections_per_address=2) as here:
        part = await _send_to(here.port, PART)
        silent = await call(here.port)
        await asyncio.sleep(0.15)
        await _gets_in_at_last(here)
        assert asked == [silent.writer.get_extra_info("sockname")[1]]
        for far in (part, silent):
            far.reset()


async def test_listener_keeps_client_that_has_had_no_time_to_identify(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbound, "_TIME_TO_GREET_S", 600.0)
    async with served(max_connections_per_address=2) as here:
        ours = await call(here.port)
        other = await call(here.port)
        flood = [await call(here.port) for _ in range(20)]
        await until(lambda: all(far.ended for far in flood))
        ours.send(PACKET + b"\0")
        await until(lambda: here.introduced)
        ours.reset()
        other.reset()


async def test_listener_does_not_count_modules_against_address_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imeis = [f"86537403661{n:04}" for n in range(20)]
    monkeypatch.setattr(
        "tests.connections.test_inbound.MODULES",
        MODULES | {f"m{imei}": module(f"m{imei}", identify_by=ClientIdentity(imei=imei)) for imei in imeis},
    )
    async with served(max_connections_per_address=2) as here:
        ours = []
        for imei in imeis:
            ours.append(await _send_to(here.port, PACKET.replace(b"865374036612201", imei.encode()) + b"\0"))
            await until(partial(here.connected, f"m{imei}"))
        unidentified = [await call(here.port) for _ in range(3)]
        await until(lambda: unidentified[2].ended)
        assert [far.ended for far in unidentified] == [False, False, True]
        assert not any(far.ended for far in ours)
        for far in (*ours, *unidentified):
            far.reset()
        await until(lambda: not any(here.connected(f"m{imei}") for imei in imeis))
        again = [await call(here.port) for _ in range(2)]  # each place is free once, not twice
        await asyncio.sleep(0.05)
        assert not any(far.ended for far in again)
        for far in again:
            far.reset()


async def test_listener_shows_refusals_until_they_have_ended_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbound, "_TIME_TO_GREET_S", 600.0)
    async with served(max_connections_per_address=1) as here:
        first = await call(here.port)
        for _ in range(5):
            refused = await call(here.port)
            await refused.until_ended()
        (problem,) = here.health.problems
        assert (problem.code, problem.subject) == (BridgeProblemCode.CLIENTS_REFUSED, "listener lers")
        assert "there are 1 connections from this address" in problem.message
        assert caplog.text.count("clients are refused") == 1
        (unidentified,) = here.unidentified.all()
        assert (unidentified.connections, unidentified.refused, unidentified.host) == (5, 5, NAT)
        assert unidentified.problem == "refused: there are 1 connections from this address"
        monkeypatch.setattr(inbound, "_FULL_FOR_S", 0.0)
        await until(lambda: not here.health.problems)
        first.reset()


async def test_listener_stops_asking_meter_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serial(link: TcpLink) -> str | None:
        if link.peer[0] == "127.0.0.9":
            return "009000000000101"
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(inbound, "_ASKED_AT_ONCE", 2)
    monkeypatch.setattr(inbound, "_ASKED_FOR_S", 0.1)
    async with served(serial, identify_by_meter=True, identification_timeout_s=0.01) as here:
        slow = [await call(here.port) for _ in range(4)]
        await until(lambda: here.unknown(NAT) == 4)
        ours = await call(here.port, "127.0.0.9")
        await until(lambda: here.connected("shed"))
        for far in (*slow, ours):
            far.reset()
