"""Energy by IEC 62056-21: how it is asked, and what of an answer is a number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.iec62056.data import parse_data
from gsm_meter_bridge.iec62056.energy import (
    BY_COUNT,
    BY_MASK,
    NAMES,
    TOTALS,
    energies,
    energy_requests,
    kwh_of,
)
from gsm_meter_bridge.iec62056.messages import parse_identification

NUMBERS = {
    "16907.9477764": "16907.9477764",
    "0.0": "0",
    "0": "0",
    "00016907.94": "16907.94",
    "16907": "16907",
    "16907.": "16907",
    ".5": "0.5",
    "+12.5": "12.5",
    " 12.5 ": "12.5",
    "12,5": "12.5",
    "1.6907E4": "16907",
    "1.6907e+04": "16907",
    "16907947E-3": "16907.947",
    "12.5*kWh": "12.5",
    "12.5 * kWh": "12.5",
    "12500*Wh": "12.5",
    "0.0125*MWh": "12.5",
    "000001.2*GWh": "1200000",
    "0.123456789012345678901234567": "0.123456789012345678901234567",
    "16907.94" + "0" * 100: "16907.94",
    "0" * 100 + "12": "12",
    "1.69079477764e+004": "16907.9477764",
    "99999999.9": "99999999.9",
    "-0.0": "0",
}


@pytest.mark.parametrize(("text", "kwh"), NUMBERS.items())
def test_energy_value_is_parsed_in_each_notation(text: str, kwh: str) -> None:
    assert kwh_of(text) == Decimal(kwh)


NO_ENERGIES = {
    "": "is no number",
    "x": "is no number",
    "1.2.3": "is no number",
    "1,234.5": "is no number",
    "1 234": "is no number",
    "1_000": "is no number",
    "0x10": "is no number",
    "nan": "is no number",
    "inf": "is no number",
    "1e999": "is no number",
    "١٢": "is no number",
    "12.5kWh": "is no number",
    "ERR12": "is no number",
    "1" * 41: "is more than",
    ".": "is no number",
    "12.5*kvarh": "is no active energy",
    "230.1*V": "is no active energy",
    "-5": "is less than nothing",
    "4294967.295": "is a register of all ones",
    "42949672.95": "is a register of all ones",
    "2147483.647": "is a register of all ones",
    "100000000": "is more than",
    "1e60": "is more than",
    "99999999999": "is more than",
}


@pytest.mark.parametrize(("text", "message"), NO_ENERGIES.items())
def test_energy_answer_reports_problem_if_value_is_invalid(text: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        kwh_of(text)
    found = energies(TOTALS, ("1.5", text, "0.5"))
    assert dict(found.kwh) == {NAMES[0]: 1.5, NAMES[2]: 0.5}
    (problem,) = found.problems
    assert problem.startswith(f"{NAMES[1]}: value: ")


def test_energy_answer_of_ce303_is_parsed() -> None:
    text = "ET0PE(16907.9477764)\r\nET0PE(11504.3875082)\r\nET0PE(3628.2698795)\r\nET0PE(1775.2903887)\r\n"
    (answer,) = parse_data(f"{text}ET0PE(0.0)\r\nET0PE(0.0)\r\n")
    found = energies(TOTALS, answer.values)
    assert list(found.kwh.values()) == [16907.9477764, 11504.3875082, 3628.2698795, 1775.2903887, 0.0]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("values", "total"),
    [
        (("20.11.26,1834.45991", "1213.41342"), 1834.45991),
        (("19.05.15 216.59202", "0.0", "210.37"), 216.59202),
        (("20.11.26, 1834,45991", "1213"), 1834.45991),
        (("20.11.2026;7", "1"), 7.0),
        (("20.11.26 23:59:59,1834.45991", "1213"), 1834.45991),
        (("20.11.26,1834.45991", "20.11.26,1213", "20.11.26;1"), 1834.45991),
        (("1834.45991", "1213"), 1834.45991),
    ],
)
def test_energy_answer_ignores_date_before_archive_value(values: tuple[str, ...], total: float) -> None:
    for energy_request in (BY_MASK, BY_COUNT):
        found = energies(energy_request, values)
        assert (found.kwh[NAMES[0]], found.problems, len(found.kwh)) == (total, (), len(values))


def test_energy_answer_skips_separate_date_before_all_values() -> None:
    found = energies(BY_MASK, ("20.11.26", "15", "1", "2", "3", "9"))
    assert (dict(found.kwh), found.problems) == (dict(zip(NAMES, (15, 1, 2, 3, 9), strict=True)), ())


@pytest.mark.parametrize("energy_request", [TOTALS, BY_MASK, BY_COUNT])
@pytest.mark.parametrize(
    "values",
    [
        ("20.11.26",),
        ("20.11.26", "5"),
        ("20.11.26", "15", "1"),
        ("20.11.26", "15", "1", "2", "3"),
        ("20.11.26 23:59:59", "15", "1", "2", "3"),
        ("20.11.2026 ", "5"),
        ("15", "20.11.26", "1"),
        ("20.11.26,15", "20.11.26", "1"),
        ("15", "1", "2", "3", "20.11.26", "9"),
        ("20.11.26", "20.11.26", "1", "2", "3", "9"),
    ],
)
def test_energy_answer_is_rejected_if_date_stands_among_few_values(
    energy_request: str, values: tuple[str, ...]
) -> None:
    found = energies(energy_request, values)
    assert dict(found.kwh) == {}
    (problem,) = found.problems
    assert problem.startswith(f"{energy_request[:5]}: a date stands alone beside {len(values) - 1} values")


def test_energy_answer_reports_problem_if_it_has_no_values() -> None:
    assert energies(TOTALS, ()).problems == ("ET0PE: the answer holds no value",)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        (r"/EMR5\2CE3080.10", BY_MASK),
        ("/EMR5CE3080.10", BY_MASK),
        ("/EMR5CE2087.4", BY_MASK),
        (r"/EMR5\2CE3076.10", BY_MASK),
        ("/EKT5CE307v1", BY_MASK),
        ("/EKT5CE207v1", BY_MASK),
        ("/EKT5CE301v11.8s4", TOTALS),
        ("/EKT5CE303v11.8s4", TOTALS),
        ("/EKT5CE102Mv01", TOTALS),
        ("/XYZ5SOMETHING", TOTALS),
    ],
)
def test_identification_determines_first_energy_request(line: str, first: str) -> None:
    identity = parse_identification(line)
    assert energy_requests(identity)[0] == first
    assert set(energy_requests(identity)) == {TOTALS, BY_MASK, BY_COUNT}
    assert energy_requests(identity, BY_COUNT)[0] == BY_COUNT
