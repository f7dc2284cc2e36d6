"""Polls of meters: when, by whom they are asked for, and what becomes of what they tell."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import LinkLostError, WrongPasswordError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, Connectivity, DataCall, Meter
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.refusals import RefusedPasswords
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import KEY
from tests.support.poll_fixture import METER, PollFixture
from tests.support.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.meter_polling._TICK_S", 0.01)


async def test_poller_stores_readings_with_their_source() -> None:
    polling = PollFixture()
    meter_poller = polling.meter_poller()
    assert meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    values = {o.source: {r.name: r.value for r in o.readings} for o in polling.observations}
    assert values == {"tcp": {"tcp": True, "signal_dbm": -71}, "dialled": {"ip": "10.20.30.40"}}
    assert polling.seized == ["hut status"]


@pytest.mark.parametrize(
    ("transport", "address"),
    [
        ("inbound", Address("10.20.30.40", 9001)),
        ("cenc", Address("10.0.0.1", 47000, "cenc")),
        ("tcp", Address("hut.example", 9001)),
    ],
)
async def test_poller_stores_no_ip_if_address_is_not_of_module(transport: str, address: Address) -> None:
    polling = PollFixture(Connectivity(address=address, meter=METER), transport_=transport)
    meter_poller = polling.meter_poller()
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert [o.source for o in polling.observations] == [transport]


async def test_poller_reports_failed_poll_if_module_cannot_be_reached() -> None:
    polling = PollFixture(fails=True)
    meter_poller = polling.meter_poller()
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert (polling.failed, polling.observations) == (["hut"], [])


@pytest.mark.parametrize(("passwords", "tried"), [(("a", "a"), ["a"]), (("a", "b", "b"), ["a", "b"])])
async def test_poller_does_not_try_refused_password_again(
    passwords: tuple[str, ...], tried: list[str]
) -> None:
    """Each of `passwords` is that of a new start on the same database."""
    database, tries = await Database.open(None, KEY), []

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        assert meter.password is not None
        tries.append(meter.password.reveal())
        raise WrongPasswordError("the meter does not take the password")

    for password in passwords:
        meter = Meter(client="reader", password=Secret(password))
        polling = PollFixture(Connectivity(address=Address("10.20.30.40", 9001), meter=meter))
        polling.read = read  # type: ignore[method-assign]
        meter_poller = polling.meter_poller(RefusedPasswords(database))
        task = asyncio.create_task(meter_poller.run())
        async with asyncio.timeout(PATIENCE_S):
            while len(polling.failed) < 3:
                meter_poller.ask("hut")
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        assert "may block" in (polling.problems[-1] or "")
    assert tries == tried
    await database.close()


async def test_poller_reports_failed_poll_if_meter_does_not_answer() -> None:
    polling = PollFixture()

    async def read(link: TcpLink, meter: Meter, report: MeterReport) -> None:
        raise LinkLostError("it does not answer")

    polling.read = read  # type: ignore[method-assign]
    meter_poller = polling.meter_poller()
    meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert polling.failed == ["hut"]


@pytest.mark.parametrize(
    "polling",
    [PollFixture(Connectivity(address=Address("a", 1))), PollFixture(reachable=False)],
    ids=["no meter", "no line"],
)
async def test_poller_refuses_request_if_module_has_no_meter_or_connection(polling: PollFixture) -> None:
    assert not polling.meter_poller().ask("hut")


async def test_poller_polls_meter_at_each_interval() -> None:
    polling = PollFixture(interval_s=0.01)
    meter_poller = polling.meter_poller()
    task = asyncio.create_task(meter_poller.run())
    async with asyncio.timeout(PATIENCE_S):
        while len(polling.seized) < 3:
            polling.received.clear()
            await polling.received.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_poller_does_not_dial_in_quiet_hours() -> None:
    polling = _quiet_house(0, 24)
    polling.interval_s = 0.01
    meter_poller = polling.meter_poller()
    assert not meter_poller.ask("hut")
    await polling.until_received(meter_poller)
    assert polling.seized == []


def _quiet_house(from_h: int, until_h: int) -> PollFixture:
    address = Address("10.20.30.40", 9001, quiet_minutes=(from_h * 60, until_h * 60))
    return PollFixture(Connectivity(address=address, meter=METER))


@pytest.mark.parametrize(
    ("from_h", "until_h", "asked"),
    [(11, 13, False), (13, 14, True), (22, 11, True), (22, 13, False)],
)
async def test_quiet_hours_are_in_local_time_of_bridge(from_h: int, until_h: int, *, asked: bool) -> None:
    noon = datetime(2027, 1, 1, 12, 0).astimezone().timestamp()
    meter_poller = _quiet_house(from_h, until_h).meter_poller(now=lambda: noon)
    assert meter_poller.ask("hut") is asked


@pytest.mark.parametrize(
    ("call", "wanted", "polled"),
    [(DataCall(), True, True), (DataCall(), False, False), (DataCall(polls=True), False, True)],
    ids=["wanted", "a poll", "a poll that may cost"],
)
async def test_poller_makes_data_call_only_if_wanted_or_allowed_for_polls(
    call: DataCall, *, wanted: bool, polled: bool
) -> None:
    polling = PollFixture(Connectivity(data_call=call, meter=METER), transport_="csd")
    meter_poller = polling.meter_poller()
    assert meter_poller.ask("hut", wanted=wanted) is polled
    if polled:
        await polling.until_received(meter_poller)
        assert [(o.source, [r.name for r in o.readings]) for o in polling.observations] == [
            ("csd", ["signal_dbm"])
        ]
    else:
        assert polling.seized == []


@pytest.mark.parametrize("step_s", [-180 * 86_400.0, 20 * 86_400.0, -1e9])
async def test_poller_continues_after_step_of_wall_clock(step_s: float) -> None:
    polling = PollFixture(interval_s=0.02)
    meter_poller = polling.meter_poller()
    wall = [1e9]
    meter_poller._now = lambda: wall[0]
    task = asyncio.create_task(meter_poller.run())
    async with asyncio.timeout(PATIENCE_S):
        while not polling.observations:
            await asyncio.sleep(0.005)
        wall[0] += step_s
        reported = len(polling.observations)
        while len(polling.observations) <= reported + 2:
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert polling.observations[-1].at == wall[0]
