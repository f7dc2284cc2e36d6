"""Data sets and errors, in the forms that public logs of these meters show."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.iec62056.data import (
    ERRORS,
    GROUP_OCTETS,
    DataSet,
    group_request,
    parse_data,
    request,
    setting,
)


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("VOLTA(228.93)", [("VOLTA", ("228.93",))]),
        ("VOLTA(228.93)VOLTA(230.02)VOLTA(235.12)", [("VOLTA", ("228.93", "230.02", "235.12"))]),
        ("VOLTA(228.93)\r\nVOLTA(230.02)\r\n", [("VOLTA", ("228.93", "230.02"))]),
        ("ET0PE(34261.8)\r\n(25179.1)\r\n(0.0)\r\n", [("ET0PE", ("34261.8", "25179.1", "0.0"))]),
        ("EMD01(20.08.24,0.45991)(0.41342)", [("EMD01", ("20.08.24,0.45991", "0.41342"))]),
        ("GRPNM(SNUMB(1)MODEL(CE308))", [("SNUMB", ("1",)), ("MODEL", ("CE308",))]),
        ("SNUMB(1)MODEL(ERR12)", [("SNUMB", ("1",)), ("MODEL", ("ERR12",))]),
        ("(1)(2)", [("", ("1", "2"))]),
        ("A()", [("A", ("",))]),
        ("", []),
    ],
)
def test_parse_data_returns_data_sets(text: str, sets: list[tuple[str, tuple[str, ...]]]) -> None:
    assert parse_data(text) == tuple(DataSet(*one) for one in sets)


@pytest.mark.parametrize(
    "text", ["VOLTA", "VOLTA(1", "VOLTA 1)", "A((1))", "A(1))", ")(", "A(1)B", "GRPNM(1"]
)
def test_parse_data_rejects_malformed_text(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_data(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("(ERR12)", "12"), ("ET0PE(ERR99)", "99"), ("(ERRxy)", "xy"), ("(ERR)", None), ("(12)", None)],
)
def test_data_set_holds_error_number(text: str, number: str | None) -> None:
    assert parse_data(text)[0].error == number


def test_error_table_lists_expected_numbers() -> None:
    assert set(ERRORS) == {*range(11, 20), 22, *range(30, 34)}


@pytest.mark.parametrize(
    ("name", "value"),
    [("VOLT", ""), ("VOLTAG", ""), ("VOLT)", ""), ("VOLTA", "1)"), ("VOLTA", "\x03"), ("VOLTA", "1" * 33)],
)
def test_setting_rejects_invalid_name_or_value(name: str, value: str) -> None:
    with pytest.raises(InvalidValueError):
        setting(name, value)


def test_request_and_setting_encode_parameters() -> None:
    assert request("VOLTA") == "VOLTA()"
    assert request("EMD01(0.0,1)") == "EMD01(0.0,1)"
    assert setting("CMDDI", "13C") == "CMDDI(13C)"


@pytest.mark.parametrize("parameter", ["", "VOLT", "VOLTA(", "VOLTA(1", "VOLTA(1)(2)", "VOLTA)", "(1)"])
def test_request_rejects_invalid_parameter(parameter: str) -> None:
    with pytest.raises(InvalidValueError):
        request(parameter)


def test_setting_error_does_not_show_value() -> None:
    with pytest.raises(InvalidValueError) as caught:
        setting("PSW01", "no(secret")
    assert "secret" not in str(caught.value)


def test_group_request_joins_parameters_up_to_size_limit() -> None:
    assert group_request(("VOLTA", "CURRE")) == "GRPNM(VOLTA()CURRE())"
    assert len(group_request(("VOLTA",) * 21)) <= GROUP_OCTETS
    for names in ((), ("VOLTA",) * 22):
        with pytest.raises(InvalidValueError):
            group_request(names)


NAMES = st.from_regex(r"\A[A-Za-z0-9_]{5}\Z")
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="()"), max_size=32)


@given(st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=4), max_size=4))
def test_parse_data_recovers_written_data_sets(values: dict[str, list[str]]) -> None:
    values.pop("GRPNM", None)
    text = "\r\n".join(name + "".join(f"({value})" for value in raw) for name, raw in values.items())
    assert parse_data(text) == tuple(DataSet(name, tuple(raw)) for name, raw in values.items())


@given(st.text("ab()\r\n E1R,GRPNM", max_size=60))
def test_parse_data_raises_only_decode_error_for_any_text(text: str) -> None:
    with suppress(DecodeError):
        assert all(one.values for one in parse_data(text))
