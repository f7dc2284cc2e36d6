"""A meter is asked over a real connection, and tells what it is and what there is to publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.connections.meter import meter_serial, read_meter
from gsm_meter_bridge.connections.meter_dlms import clock_difference_s
from gsm_meter_bridge.dlms import ENERGIES, Attribute, Obis
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.data import Data, Tag, structure
from gsm_meter_bridge.dlms.hls import Keys
from gsm_meter_bridge.dlms.status import METER_CLOCK, SERIAL_NUMBER
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import GsmMeterError, InvalidValueError, WrongPasswordError
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret
from tests.support.meter_line import line_to

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


async def test_dlms_meter_reports_extended_status() -> None:
    async with line_to(_dlms().feed) as link:
        values = {r.name: r.value for r in (await read_meter(link, _READER)).readings}
        again = {r.name: r.value for r in (await read_meter(link, _READER)).readings}
    clock = values.pop("meter_clock_difference_s")
    assert values == {
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


async def test_wrong_password_raises_wrong_password_error() -> None:
    async with line_to(_dlms().feed) as link:
        with pytest.raises(WrongPasswordError):
            await read_meter(link, Meter(client="reader", password=Secret("87654321")))


async def test_configurator_client_requires_password() -> None:
    async with line_to(_dlms().feed) as link:
        with pytest.raises(InvalidValueError, match=r"meter\.password"):
            await read_meter(link, Meter(client="configurator"))


async def test_iec_meter_reports_type_serial_number_and_energy() -> None:
    meter = IecMeter(Secret("777777"), {"ET0PE": ("4711.25", "3000.00", "1711.25", "0.00", "x")})
    async with line_to(meter.feed) as link:
        values = {r.name: r.value for r in (await read_meter(link, Meter("iec"))).readings}
    assert values["meter_link"] == "ok"
    assert values["meter_type"] == "CE308"
    assert values["energy_import_kwh"] == 4711.25
    assert values["energy_import_t2_kwh"] == 1711.25
    assert "energy_import_t4_kwh" not in values
    assert values["meter_serial"]


async def test_iec_meter_report_omits_values_that_meter_lacks() -> None:
    async with line_to(IecMeter(Secret("777777")).feed) as link:
        names = {r.name for r in (await read_meter(link, Meter("iec"))).readings}
    # the archive of today has the total and one tariff
    assert names == {"meter_link", "meter_type", "meter_serial", "energy_import_kwh", "energy_import_t1_kwh"}


@pytest.mark.parametrize("feed", [IecMeter(Secret("777777")).feed, _dlms().feed], ids=["iec", "dlms"])
async def test_meter_serial_is_read_by_iec_and_by_dlms(
    feed: Callable[[bytes], bytes], short_wait: None
) -> None:
    async with line_to(feed) as link:
        assert await meter_serial(link)


async def test_meter_serial_is_none_if_meter_does_not_answer(short_wait: None) -> None:
    async with line_to(lambda _: b"") as link:
        assert await meter_serial(link) is None
        with pytest.raises(GsmMeterError, match="does not answer"):
            await read_meter(link, _READER)


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.conversation.REPLY_TIMEOUT_S", 1.0)


_AT = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
_NOW = _AT.timestamp()


@pytest.mark.parametrize(
    ("hour", "deviation_min"), [(15, -180), (15, 180), (12, 0)], ids=["standard", "the other way", "UTC"]
)
def test_clock_difference_is_right_with_either_sign_of_zone(hour: int, deviation_min: int) -> None:
    clock = CosemTime(datetime(2026, 11, 21, hour, 0, 7), deviation_min, 0, b"")  # noqa: DTZ001
    assert clock_difference_s(clock, _AT.timestamp()) == 7


def test_clock_difference_is_none_if_clock_is_not_set() -> None:
    assert clock_difference_s(CosemTime(None, 0, 0, b""), _AT.timestamp()) is None


def _octets(year: int, month: int, day: int, hour: int, deviation: int) -> bytes:
    date = year.to_bytes(2) + bytes((month, day, 0xFF, hour, 0, 0, 0))
    return date + deviation.to_bytes(2, signed=True) + b"\0"


CLOCKS = [
    ((1, 1, 1, 0, 180), "the year 1"),
    ((1, 1, 1, 0, -180), "the year 1"),
    ((9999, 12, 31, 23, -180), "the year 9999"),
    ((9999, 12, 31, 23, -0x8000), "the year 9999"),
    ((1970, 1, 1, 0, 0), "the year 1970"),
    ((1999, 12, 31, 23, 0), "the year 1999"),
    ((2100, 1, 1, 0, 0), "the year 2100"),
    ((0, 0, 0, 0, 0), "is no date"),
    ((2026, 13, 1, 0, 0), "is no date"),
    ((2026, 2, 30, 0, 0), "is no date"),
    ((2026, 1, 1, 24, 0), "is no date"),
    ((65534, 1, 1, 0, 0), "is no date"),
    ((2026, 11, 21, 12, 841), "its zone is 841 min"),
    ((2026, 11, 21, 12, -0x7FFF), "its zone is -32767 min"),
    ((2026, 11, 21, 12, 0x7FFF), "its zone is 32767 min"),
]


@pytest.mark.parametrize(("parts", "fault"), CLOCKS)
async def test_impossible_clock_is_left_out_and_other_values_are_kept(
    parts: tuple[int, int, int, int, int], fault: str
) -> None:
    clock = Data(Tag.OCTET_STRING, _octets(*parts))
    assert clock_difference_s(CosemTime.of(clock), _NOW) is None
    async with line_to(_odd({Attribute(8, METER_CLOCK, 2): clock})) as link:
        report = await read_meter(link, _READER)
    values = {r.name: r.value for r in report.readings}
    assert values["energy_import_kwh"] == 4711.25
    assert "meter_clock_difference_s" not in values
    (problem,) = report.problems
    assert problem.startswith("its clock makes no sense: ")
    assert fault in problem


@pytest.mark.parametrize(
    "parts",
    [(2026, 11, 21, 12, 840), (2026, 11, 21, 12, -0x8000), (0xFFFF, 0xFF, 0xFF, 0xFF, -0x8000)],
    ids=["as far as can be", "no zone", "left open"],
)
def test_valid_clock_has_no_fault(parts: tuple[int, int, int, int, int]) -> None:
    assert CosemTime.of(Data(Tag.OCTET_STRING, _octets(*parts))).fault is None


@given(st.binary(min_size=12, max_size=12), st.floats(0, 4e9))
def test_clock_difference_is_bounded_for_any_bytes(data: bytes, now: float) -> None:
    difference = clock_difference_s(CosemTime.of(Data(Tag.OCTET_STRING, data)), now)
    assert difference is None or abs(difference) < 2e10


def _odd(objects: dict[Attribute, Data]) -> Callable[[bytes], bytes]:
    """A meter that says something else than others."""
    meter = _dlms()
    meter.values = replace(meter.values, objects=objects)
    return meter.feed


_IMPORT = ENERGIES["energy_import_kwh"]
_HUGE, _SMALL = Data(Tag.LONG64, 2**63 - 1), Data(Tag.LONG64, -(2**63))


@pytest.mark.parametrize(
    ("attribute", "objects", "lost"),
    [
        (Attribute(3, _IMPORT, 3), structure(_HUGE, Data(Tag.ENUM, 30)), "energy_import_kwh"),
        (Attribute(3, _IMPORT, 3), structure(_SMALL, Data(Tag.ENUM, 30)), "energy_import_kwh"),
        (
            Attribute(3, _IMPORT, 3),
            structure(Data(Tag.INTEGER, 127), Data(Tag.ENUM, 27)),
            "energy_import_kwh",
        ),
        (Attribute(3, _IMPORT, 3), Data(Tag.NULL), "energy_import_kwh"),
        (Attribute(3, _IMPORT, 2), Data(Tag.FLOAT64, float("nan")), "energy_import_kwh"),
        (Attribute(3, _IMPORT, 2), Data(Tag.FLOAT64, float("inf")), "energy_import_kwh"),
        (Attribute(3, _IMPORT, 2), Data(Tag.OCTET_STRING, b"4711"), "energy_import_kwh"),
        (Attribute(8, METER_CLOCK, 2), Data(Tag.OCTET_STRING, b"short"), "meter_clock_difference_s"),
        (Attribute(1, SERIAL_NUMBER, 2), structure(Data(Tag.NULL)), "meter_serial"),
        (Attribute(42, Obis.parse("0.0.25.1.0"), 3), Data(Tag.LONG64, -1), "ip"),
        (Attribute(47, Obis.parse("0.0.25.6.0"), 6), structure(Data(Tag.NULL)), "signal_dbm"),
    ],
)
async def test_invalid_value_is_left_out_and_other_values_are_kept(
    attribute: Attribute, objects: Data, lost: str
) -> None:
    async with line_to(_odd({attribute: objects})) as link:
        report = await read_meter(link, _READER)
    names = {r.name for r in report.readings}
    assert lost not in names
    assert {"energy_export_kwh", "meter_link"} <= names
    assert len(report.problems) == 1
