"""Parameters of response lines: numbers, quotes, groups, prefixes (TS 27.007 clause 4)."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at import responses as r
from gsm_meter_bridge.at.params import (
    after_prefix,
    has_number,
    integer,
    numbers_in,
    split_raw,
    unquote,
    value_of,
)
from gsm_meter_bridge.errors import DecodeError


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7", 7), ("-1", -1), ("007", 7), ("9999999999", 9999999999)],
)
def test_parameter_is_decimal_number(text: str, number: int) -> None:
    assert integer(("x", text), 1, "field") == number


@pytest.mark.parametrize("text", ["", "x", "1.5", "+1", "--1", "12345678901", "0x1", " 1", "٣"])
def test_parameter_of_other_form_is_refused(text: str) -> None:
    with pytest.raises(
        DecodeError, match=f"field: parameter 2 is {text!r}, expected a number".replace("+", r"\+")
    ):
        integer(("7", text), 1, "field")


@pytest.mark.parametrize("place", [1, 2])
def test_parameter_that_is_missing_is_refused(place: int) -> None:
    with pytest.raises(DecodeError, match=f"field: parameter {place + 1} is '', expected a number"):
        integer(("7",), place, "field")


@pytest.mark.parametrize(
    ("raw", "bare"),
    [('"x"', "x"), ('""', ""), ('"', '"'), ("x", "x"), ('"x', '"x'), ('x"', 'x"'), ("", ""), ("xyx", "xyx")],
)
def test_quotes_are_taken_off_in_pairs(raw: str, bare: str) -> None:
    assert unquote(raw) == bare


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(0-2),(1,2)", ("(0-2)", "(1,2)")),
        ("((1,2),(3)),4", ("((1,2),(3))", "4")),
        ("1),2", ("1)", "2")),
        ('"(",1', ('"("', "1")),
        ('")",(1,2)', ('")"', "(1,2)")),
        ("(1,2", ("(1,2",)),
        (" 1 , 2 ", ("1", "2")),
        (",", ("", "")),
    ],
)
def test_parameters_are_split_outside_parentheses_and_quotes(text: str, parts: tuple[str, ...]) -> None:
    assert split_raw(text) == parts


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("+CSQ: 17,0", "17,0"),
        ("+CSQ:17,0", "17,0"),
        (" +csq : 1", "1"),
        ("+CSQ:", ""),
        ("+CSQ: a:b", "a:b"),
        ("+CSQ 17", None),
        ("+CSQ", None),
        ("+CSQX: 1", None),
    ],
)
def test_prefix_stands_before_colon(line: str, value: str | None) -> None:
    assert after_prefix(line, "+CSQ") == value
    if value is None:
        with pytest.raises(DecodeError, match=r"\+CSQ: the modem's answer has no such line"):
            value_of((line,), "+CSQ")
    else:
        assert value_of(("other", line, "+CSQ: last"), "+CSQ") == value


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(0-3)", {0, 1, 2, 3}),
        ("(2-2)", {2}),
        ("(3-2)", set()),
        ("(0,2 - 4,255)", {0, 2, 3, 4, 255}),
        ("7", {7}),
        ("x", set()),
    ],
)
def test_numbers_of_group_include_both_ends_of_range(text: str, numbers: set[int]) -> None:
    assert numbers_in(text) == numbers


@pytest.mark.parametrize(
    ("at", "number", "has"),
    [
        (0, 0, True),
        (0, 2, True),
        (0, 3, False),
        (1, 1, True),
        (1, 0, False),
        (2, 5, True),
        (3, 5, False),
        (4, 0, False),
    ],
)
def test_group_of_answer_has_number(at: int, number: int, has: bool) -> None:
    assert has_number(("+CNMI: (0-2),(1),(5)",), "+CNMI", at, number) is has


@pytest.mark.parametrize(
    ("rssi", "dbm"), [(0, -113), (1, -111), (30, -53), (31, -51), (32, None), (-1, None)]
)
def test_signal_is_minus_113_to_minus_51_dbm_in_steps_of_two(rssi: int, dbm: int | None) -> None:
    assert r.parse_csq((f"+CSQ: {rssi},99",)) == dbm


@pytest.mark.parametrize(
    ("line", "tries"),
    [
        ("+CPINR: SIM PIN,3", (3, None)),
        ("+CPINR: SIM PIN,2,3", (2, 3)),
        ("+CPINR: SIM PIN,0,5,1", (0, 5)),
    ],
)
def test_tries_of_pin_are_those_left_and_those_of_fresh_sim(line: str, tries: tuple[int, int | None]) -> None:
    assert r.parse_cpinr(("+CPINR: SIM PUK,9,10", "noise", line)) == tries


@pytest.mark.parametrize(
    ("code", "state"),
    [("SIM PUK2", r.SimState.READY), ("NOT READY", r.SimState.UNKNOWN), ("sim pin", r.SimState.PIN_REQUIRED)],
)
def test_sim_state_is_by_code_in_any_case(code: str, state: r.SimState) -> None:
    assert r.parse_cpin((f"+CPIN: {code}",)) is state


@pytest.mark.parametrize(
    ("line", "operator"),
    [
        ('+COPS: 0,2,"25001"', "25001"),
        ('+COPS: 0,0,""', None),
        ("+COPS: 0,0", None),
        ('+COPS: 1,0,"a,b",7', "a,b"),
        ('+COPS: 0,0,"\u041c"', "М"),
    ],
)
def test_operator_is_third_parameter(line: str, operator: str | None) -> None:
    assert r.parse_cops((line,)) == operator


@pytest.mark.parametrize(
    ("line", "memories"),
    [
        ('+CPMS: "SM",3,20', [r.MemoryUsage("SM", 3, 20)]),
        ('+CPMS: "SM",3,20,"ME"', [r.MemoryUsage("SM", 3, 20)]),
        ('+CPMS: "SM",3,20,"ME",1,2', [r.MemoryUsage("SM", 3, 20), r.MemoryUsage("ME", 1, 2)]),
        ("+CPMS: 3,20", []),
    ],
)
def test_memories_are_groups_of_three(line: str, memories: list[r.MemoryUsage]) -> None:
    assert list(r.parse_cpms_query((line,))) == memories


def test_index_of_stored_message_is_parsed() -> None:
    assert r.parse_cmgw(("+CMGW: 12,1",)) == 12
    assert r.parse_cmgs(("+CMGS: 9,1",)) == 9


@pytest.mark.parametrize(
    ("line", "iccid"),
    [
        ("891234567890123456", "891234567890123456"),  # 18 digits are the fewest
        ("89123456789012345", None),
        ("89123456789012345678", "89123456789012345678"),
        ("891234567890123456789", None),
        ("1891234567890123456", None),
        ("A891234567890123456", None),
        ("891234567890123456f", "891234567890123456"),
        ("891234567890123456FF", None),
        ("881234567890123456", None),
    ],
)
def test_iccid_has_18_to_20_digits(line: str, iccid: str | None) -> None:
    assert r.parse_iccid((line,)) == iccid


def test_iccid_of_sim_file_has_its_digits_swapped() -> None:
    assert r.parse_crsm_iccid(('+CRSM: 144,0,"981032547698103254F6F"',)) == "8901234567890123456"
    assert r.parse_crsm_iccid(("+CRSM: 144,0",)) is None


@pytest.mark.parametrize(
    ("value", "answers"),
    [
        ("0,1", True),
        ("2,10", True),
        ("1", False),
        ("1,100", False),
        ('0,"1"', False),
        ("1,A1", False),
        ("0,1,x", True),
    ],
)
def test_registration_answer_has_number_of_one_or_two_digits_second(value: str, answers: bool) -> None:
    assert r.is_registration_answer(value) is answers
