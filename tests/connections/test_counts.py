"""Counts that cannot follow on the last ones are not published; an exchange of the meter begins anew."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.connections.energy import fault_of
from gsm_meter_bridge.connections.meter_memory import Count, MeterMemory
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.model import Meter

_NOW = 1_800_000_000.0
_HOUR = 3600.0

FOLLOWING = [
    (100.0, 100.0, 1, 100, None),
    (100.0, 105.5, 1, 100, None),
    (100.0, 99.9, 1, 100, "fell from 100 to 99.9 kWh"),
    (100.0, 0.0, 24, 100, "fell"),
    (100.0, 99.995, 1, 100, None),
    (100.0, 180.0, 1, 100, None),
    (100.0, 181.0, 1, 100, "grew by 81 kWh in 1.0 h, which 100 A cannot do"),
    (100.0, 181.0, 24, 100, None),
    (100.0, 105.5, 1, 5, "which 5 A cannot do"),
    (100.0, 101.0, 0, 5, None),
    (100.0, 50_000.0, 24, 100, "grew"),
    (100.0, 50_000.0, -24, 100, None),
    (100.0, 50.0, -24, 100, "fell"),
    (100.0, 3000.0, 1, 5000, None),
]


@pytest.mark.parametrize(("before", "now", "hours", "limit_a", "fault"), FOLLOWING)
def test_energy_count_has_fault_if_it_falls_or_grows_too_fast(
    before: float, now: float, hours: float, limit_a: int, fault: str | None
) -> None:
    found = fault_of(now, Count(before, _NOW - hours * _HOUR), _NOW, limit_a)
    assert found is None if fault is None else fault in (found or "")


def _report(memory: MeterMemory, serial: str | None, **kwh: float) -> MeterReport:
    report = MeterReport(memory=memory)
    if serial is not None:
        report.add("meter_serial", serial)
    for name, value in kwh.items():
        report.add(name, value)
    return report


def _reported(report: MeterReport) -> dict[str, object]:
    return {r.name: r.value for r in report.readings if r.name != "meter_serial"}


def _first() -> MeterMemory:
    report = _report(MeterMemory(), "7", energy_import_kwh=100.0, energy_import_t1_kwh=60.0)
    report.judge(_NOW, Meter())
    assert len(_reported(report)) == 2
    return report.memory


def test_report_withholds_fallen_count_and_keeps_other_counts() -> None:
    report = _report(_first(), "7", energy_import_kwh=99.0, energy_import_t1_kwh=61.0)
    report.judge(_NOW + _HOUR, Meter())
    assert _reported(report) == {"energy_import_t1_kwh": 61.0}
    message = "it fell from 100 to 99 kWh; if it was exchanged, write meter: {exchanged: <the date>}"
    assert report.problems == [f"energy_import_kwh: {message}"]
    assert report.memory.counts["energy_import_kwh"] == Count(100.0, _NOW)
    assert report.memory.counts["energy_import_t1_kwh"] == Count(61.0, _NOW + _HOUR)


def test_report_withholds_rounded_count_without_problem() -> None:
    report = _report(_first(), "7", energy_import_kwh=99.995)
    report.judge(_NOW + _HOUR, Meter())
    assert (_reported(report), report.problems) == ({}, [])


def test_report_accepts_jump_if_enough_time_has_passed() -> None:
    memory = _first()
    for hours, believed in ((1, False), (2, False), (10, True)):
        report = _report(memory, "7", energy_import_kwh=500.0)
        report.judge(_NOW + hours * _HOUR, Meter())
        assert bool(_reported(report)) is believed
        assert any("current_limit_a" in message for message in report.problems) is not believed
        memory = report.memory


@pytest.mark.parametrize(
    ("serial", "kwh", "reported"),
    [("8", 5.0, True), ("8", 90_000.0, True), ("7", 5.0, False), (" 7 ", 5.0, False), (None, 5.0, False)],
)
def test_report_accepts_unlikely_count_only_if_serial_number_changes(
    serial: str | None, kwh: float, *, reported: bool
) -> None:
    report = _report(_first(), serial, energy_import_kwh=kwh)
    report.judge(_NOW + _HOUR, Meter())
    assert bool(_reported(report)) is reported
    if serial == "8":
        assert set(report.memory.counts) == {"energy_import_kwh"}


def test_report_accepts_fallen_count_once_if_exchange_is_configured() -> None:
    memory, meter = _first(), Meter(exchanged="2026-11-26")
    for kwh, reported in ((5.0, True), (4.0, False), (5.5, True)):
        report = _report(MeterMemory.load(memory.dump()), None, energy_import_kwh=kwh)
        report.judge(_NOW + _HOUR, meter)
        assert bool(_reported(report)) is reported
        memory = report.memory


def test_report_does_not_take_first_serial_number_for_exchange() -> None:
    first = _report(MeterMemory(), None, energy_import_kwh=100.0)
    first.judge(_NOW, Meter())
    report = _report(first.memory, "7", energy_import_kwh=5.0)
    report.judge(_NOW + _HOUR, Meter())
    assert _reported(report) == {}


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"serial": 1}', '{"objects": [1]}', "\x00"])
def test_meter_memory_is_empty_if_stored_text_is_invalid(text: str) -> None:
    assert MeterMemory.load(text) == MeterMemory()
