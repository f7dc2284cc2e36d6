"""A meter is asked over a real connection, and tells what it is and what there is to publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from gsm_meter_bridge.delivery.meter import clock_difference_s, meter_serial, read_meter
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.hls import Keys
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import GsmMeterError, InvalidValueError, WrongPasswordError
from gsm_meter_bridge.family import Meter
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret

_PASSWORD = Secret("12345678")
_READER = Meter(client="reader", password=_PASSWORD)


def _dlms() -> DlmsMeter:
    accounts = {16: Account(), 32: Account(Mechanism.LLS, Keys(_PASSWORD))}
    values = MeterValues(
        datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1),
        energies_wh={"energy_import_kwh": 4_711_250, "energy_export_kwh": 500},
        ip=IPv4Address("10.20.30.40"),
        gsm=SimulatedGsm(),
    )
    return DlmsMeter(values, MeterSetup(accounts=accounts))


@asynccontextmanager
async def _line(feed: Callable[[bytes], bytes]) -> AsyncIterator[TcpLink]:
    """A connection with a meter behind it."""
    opened: list[TcpLink] = []

    def accept(link: TcpLink) -> None:
        opened.append(link)
        link.take = lambda octets: link.write(feed(octets))

    server = await asyncio.get_running_loop().create_server(lambda: TcpLink(accept), "127.0.0.1", 0)
    link = await dial("127.0.0.1", server.sockets[0].getsockname()[1], 5.0)
    try:
        yield link
    finally:
        link.abort()
        for other in opened:
            other.abort()
        server.close()


async def test_a_dlms_meter_tells_its_extended_status() -> None:
    async with _line(_dlms().feed) as link:
        told = {r.name: r.value for r in await read_meter(link, _READER)}
        again = {r.name: r.value for r in await read_meter(link, _READER)}
    clock = told.pop("meter_clock_difference_s")
    assert told == {
        "meter_link": "ok",
        "meter_serial": "009000000000101",
        "energy_import_kwh": 4711.25,
        "energy_export_kwh": 0.5,
        "ip": "10.20.30.40",
        "operator": "Simulated",
        "registration": "home",
        "signal_dbm": -73,
        "band": "lte_3",
        "radio": "lte",
        "cell_id": 7001,
        "location_area": 4321,
    }
    assert isinstance(clock, int)
    assert again["meter_serial"] == "009000000000101"


async def test_a_wrong_password_is_told_as_one() -> None:
    async with _line(_dlms().feed) as link:
        with pytest.raises(WrongPasswordError):
            await read_meter(link, Meter(client="reader", password=Secret("87654321")))


async def test_a_client_that_needs_a_password_has_one() -> None:
    async with _line(_dlms().feed) as link:
        with pytest.raises(InvalidValueError, match=r"meter\.password"):
            await read_meter(link, Meter(client="configurator"))


async def test_an_iec_meter_tells_who_it_is_and_what_it_counted() -> None:
    meter = IecMeter(Secret("777777"), {"ET0PE": ("4711.25", "3000.00", "1711.25", "0.00", "x")})
    async with _line(meter.feed) as link:
        told = {r.name: r.value for r in await read_meter(link, Meter("iec"))}
    assert told["meter_link"] == "ok"
    assert told["meter_type"] == "CE308"
    assert told["energy_import_kwh"] == 4711.25
    assert told["energy_import_t2_kwh"] == 1711.25
    assert "energy_import_t4_kwh" not in told
    assert told["meter_serial"]


async def test_what_an_iec_meter_does_not_know_is_left_out() -> None:
    async with _line(IecMeter(Secret("777777")).feed) as link:
        told = {r.name for r in await read_meter(link, Meter("iec"))}
    assert told == {"meter_link", "meter_type", "meter_serial"}


@pytest.mark.parametrize("feed", [IecMeter(Secret("777777")).feed, _dlms().feed], ids=["iec", "dlms"])
async def test_a_stranger_is_known_by_its_meter(feed: Callable[[bytes], bytes], short_wait: None) -> None:
    async with _line(feed) as link:
        assert await meter_serial(link)


async def test_where_nobody_answers_no_meter_is_known(short_wait: None) -> None:
    async with _line(lambda _: b"") as link:
        assert await meter_serial(link) is None
        with pytest.raises(GsmMeterError, match="does not answer"):
            await read_meter(link, _READER)


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.delivery.conversation.REPLY_TIMEOUT_S", 0.3)


_AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "deviation_min"), [(15, -180), (15, 180), (12, 0)], ids=["standard", "the other way", "UTC"]
)
def test_a_clock_is_right_with_either_sign_of_its_zone(hour: int, deviation_min: int) -> None:
    clock = CosemTime(datetime(2026, 11, 21, hour, 0, 7), deviation_min, 0, b"")  # noqa: DTZ001
    assert clock_difference_s(clock, _AT.timestamp()) == 7


def test_a_clock_that_is_not_set_has_no_difference() -> None:
    assert clock_difference_s(CosemTime(None, 0, 0, b""), _AT.timestamp()) is None
