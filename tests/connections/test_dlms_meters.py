"""What a DLMS meter has is read once, by its names where it lists nothing; what cannot be is a problem."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.connections.meter import meter_serial, read_meter
from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.dlms import ENERGIES, Attribute, Obis
from gsm_meter_bridge.dlms.data import Data, Tag, structure
from gsm_meter_bridge.dlms.hdlc import HdlcAddress
from gsm_meter_bridge.dlms.status import SERIAL_NUMBER
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from tests.support.meter_line import line_to
from tests.support.meter_polls import (
    OBJECT_LIST,
    PASSWORD,
    READER,
    VALUES,
    dlms_meter,
    noting,
    poll,
    values_of,
)


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.connections.conversation.REPLY_TIMEOUT_S", 0.2)


async def test_poll_reads_by_logical_names_if_object_list_is_denied() -> None:
    meter = dlms_meter(denied=frozenset({OBJECT_LIST}))
    report, error = await poll(meter.feed)
    values = values_of(report)
    assert (error, report.problems) == (None, [])
    assert (values["energy_import_kwh"], values["operator"]) == (4711.25, "Simulated")
    again, _ = await poll(meter.feed, memory=report.memory)
    assert values_of(again).keys() == values.keys()
    objects = report.memory.known.objects
    assert objects is not None
    names = {o.obis for o in objects}
    assert {ENERGIES["energy_import_kwh"], ENERGIES["energy_import_t1_kwh"]} <= names
    assert ENERGIES["energy_export_kwh"] not in names


async def test_poll_reads_object_list_and_scalers_only_once() -> None:
    sent, feed = noting(dlms_meter())
    first, _ = await poll(feed)
    count = len(sent)
    loaded = MeterMemory.load(first.memory.dump())
    assert loaded == first.memory
    sent.clear()
    again, _ = await poll(feed, memory=loaded)
    assert values_of(again).keys() == values_of(first).keys()
    assert len(sent) < count
    asked = b"".join(sent)
    assert OBJECT_LIST.encode() not in asked
    assert Attribute(3, ENERGIES["energy_import_kwh"], 3).encode() not in asked
    assert ENERGIES["energy_export_kwh"].octets not in asked


async def test_poll_reads_object_list_again_for_another_client() -> None:
    first, _ = await poll(dlms_meter().feed)
    sent, feed = noting(dlms_meter())
    await poll(feed, Meter(), first.memory)
    assert OBJECT_LIST.encode() in b"".join(sent)


async def test_poll_reads_scalers_again_if_serial_number_changes() -> None:
    first, _ = await poll(dlms_meter().feed)
    scaler = structure(Data(Tag.INTEGER, 3), Data(Tag.ENUM, 30))
    objects = {Attribute(3, ENERGIES["energy_import_kwh"], 3): scaler}
    other = replace(
        VALUES, serial_number="009000000000202", energies_wh={"energy_import_kwh": 12}, objects=objects
    )
    report, _ = await poll(dlms_meter(other).feed, memory=first.memory)
    assert values_of(report)["energy_import_kwh"] == 12.0
    assert report.memory.known.serial == "009000000000202"


async def test_meter_serial_is_read_without_object_list() -> None:
    sent, feed = noting(dlms_meter(denied=frozenset({OBJECT_LIST})))
    async with line_to(feed) as link:
        assert await meter_serial(link) == "009000000000101"
    assert OBJECT_LIST.encode() not in b"".join(sent)


@pytest.mark.parametrize(
    ("meter", "address", "data"),
    [
        (Meter(), HdlcAddress(1, 16, 2), "02 21"),
        (Meter(address=200), HdlcAddress(1, 200, 4), "00 02 02 91"),
        (Meter(logical_device=17, address=5), HdlcAddress(17, 5, 2), "22 0b"),
        (Meter(logical_device=300, address=5), HdlcAddress(300, 5, 4), "04 58 00 0b"),
        (Meter(address_octets=4), HdlcAddress(1, 16, 4), "00 02 00 21"),
        (Meter(address_octets=1), HdlcAddress(1), "03"),
    ],
)
async def test_hdlc_address_follows_meter_configuration(
    meter: Meter, address: HdlcAddress, data: str
) -> None:
    assert address.encode() == bytes.fromhex(data)
    report, error = await poll(dlms_meter(address=address).feed, meter)
    assert error is None
    assert values_of(report)["meter_serial"] == "009000000000101"


async def test_older_dlms_meter_is_read() -> None:
    report, error = await poll(dlms_meter(is_old=True).feed)
    assert error is None
    assert values_of(report)["energy_import_kwh"] == 4711.25


SENSELESS: list[tuple[Data, int]] = [
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 0xFFFFFFFF), 0),
    (Data(Tag.LONG64_UNSIGNED, 2**64 - 1), 0),
    (Data(Tag.LONG64, 2**63 - 1), 0),
    (Data(Tag.LONG64, -1), 0),
    (Data(Tag.DOUBLE_LONG, -5000), 0),
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 4711), -127),
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 4711), 18),
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 0), 18),
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 4711), 7),
    (Data(Tag.FLOAT32, float("nan")), 0),
    (Data(Tag.FLOAT64, float("-inf")), 0),
    (Data(Tag.FLOAT64, 1e300), 0),
    (Data(Tag.FLOAT64, -0.5), 0),
    (Data(Tag.DOUBLE_LONG_UNSIGNED, 4_000_000_000), 6),
]


@pytest.mark.parametrize(("value", "scaler"), SENSELESS)
async def test_poll_reports_problem_if_energy_is_impossible(value: Data, scaler: int) -> None:
    obis: Obis = ENERGIES["energy_import_kwh"]
    objects = {
        Attribute(3, obis, 2): value,
        Attribute(3, obis, 3): structure(Data(Tag.INTEGER, scaler), Data(Tag.ENUM, 30)),
    }
    report, _ = await poll(dlms_meter(replace(VALUES, objects=objects)).feed)
    assert "energy_import_kwh" not in values_of(report)
    assert values_of(report)["energy_import_t1_kwh"] == 0.5
    assert len(report.problems) == 1
    assert str(obis) in report.problems[0]


async def test_repeated_poll_transfers_less_than_one_kilobyte() -> None:
    plan = MeterPlan(energies_kwh=dict.fromkeys(ENERGIES, 1834.459), password=PASSWORD, operator="SimTel")
    for meter, most in ((READER, 900), (Meter("iec"), 400)):
        memory = MeterMemory()
        for _ in range(2):
            async with line_to(plan.end(lambda: datetime.now(UTC)).feed) as link:
                report = await read_meter(link, meter, MeterReport(memory=memory))
                size, memory = link.sent + link.received, report.memory
        assert size < most
        assert values_of(report)["energy_import_t4_kwh"] == 1834.459


@pytest.mark.parametrize("data", [b"", b"\xff" * 12, bytes(12), b" " * 12])
async def test_blank_serial_number_is_not_taken_for_another_meter(data: bytes) -> None:
    first, _ = await poll(dlms_meter().feed)
    first.judge(1_800_000_000.0, Meter())
    blank = replace(VALUES, objects={Attribute(1, SERIAL_NUMBER, 2): Data(Tag.OCTET_STRING, data)})
    report, _ = await poll(dlms_meter(blank).feed, memory=first.memory)
    assert "meter_serial" not in values_of(report)
    report.judge(1_800_000_000.0, Meter())
    assert report.memory.serial == "009000000000101"


@pytest.mark.parametrize(
    ("options", "meter"),
    [
        ({"object_list": False}, Meter()),
        ({"answers": 6}, Meter()),
        ({"logical_device": 300, "address": 5}, Meter(logical_device=300, address=5)),
        (
            {"iec_address": "007", "decimals": 7, "iec_identity": "/EKT5CE303v11"},
            Meter("iec", iec_address="007"),
        ),
        ({"parity": "even"}, Meter("iec", even_parity=True)),
    ],
)
async def test_simulated_meter_is_read_in_each_configuration(options: dict[str, Any], meter: Meter) -> None:
    report, error = await poll(MeterPlan(**options).end(lambda: datetime.now(UTC)).feed, meter)
    assert (error is not None) is ("answers" in options)
    assert (values_of(report)["meter_serial"], values_of(report)["energy_import_kwh"]) == (
        "009000000000101",
        1834.459,
    )
