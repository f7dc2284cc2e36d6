"""The identification packet of the LERS GSM Mini manual, clause 6."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.identification import (
    MAX_OCTETS,
    ConnectReason,
    Identification,
    IdentificationReader,
    Line,
)
from gsm_meter_bridge.families.lers_gsm_mini.simulated_identification import encode
from gsm_meter_bridge.family import Reading

ZONE = timezone(timedelta(hours=10))
MANUAL = """MODEL#  LERS GSM Mini
SN#     00001
SV#     M1.1.0
HV#     1.1
IMEI#   356945326452915
SIM#    ID:12345678901234567890, PIN: DISABLED
MO#     MTS RUS, 25001
GSM#    -83dBm 36%
BAL#    ""
DT#     2025-02-20 10:18:45 +10
CR#    AUTO
CONNECT GPRS
"""
MODEM = {
    "model": "LERS GSM Mini",
    "serial_number": "00042",
    "firmware": "M1.1.0",
    "imei": "356945326452915",
    "signal_dbm": -83,
}


def _read(octets: bytes) -> Identification:
    found = IdentificationReader().feed(octets)
    assert found is not None
    return found


def test_the_manuals_sample() -> None:
    found = _read(MANUAL.encode())
    assert (found.model, found.serial_number) == ("LERS GSM Mini", "00001")
    assert (found.firmware, found.hardware, found.imei) == ("M1.1.0", "1.1", "356945326452915")
    assert (found.iccid, found.pin_state) == ("12345678901234567890", "DISABLED")
    assert (found.operator, found.network_code) == ("MTS RUS", "25001")
    assert (found.signal_dbm, found.signal_percent, found.balance) == (-83, 36, None)
    assert found.clock == datetime(2025, 2, 20, 10, 18, 45, tzinfo=ZONE)
    assert (found.connect_reason, found.rest) == (ConnectReason.AUTO, b"")
    assert found.lines[0] == Line("MODEL", "LERS GSM Mini")


def test_readings_have_the_names_of_the_information_block() -> None:
    found = _read(MANUAL.encode()).readings
    assert {r.name: r.value for r in found} == {
        "model": "LERS GSM Mini",
        "serial_number": "00001",
        "firmware": "M1.1.0",
        "hardware": "1.1",
        "imei": "356945326452915",
        "iccid": "12345678901234567890",
        "pin_state": "DISABLED",
        "operator": "MTS RUS",
        "network_code": "25001",
        "signal_dbm": -83,
        "signal_percent": 36,
        "connect_reason": "auto",
    }
    assert found[-1] == Reading("connect_reason", ConnectReason.AUTO, "AUTO")


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@given(cuts=st.lists(st.integers(0, 260)), rest=st.binary(max_size=20))
def test_any_line_end_any_cut_and_the_meters_octets_untouched(
    line_end: str, cuts: list[int], rest: bytes
) -> None:
    packet = encode(MODEM, datetime(2026, 3, 1, tzinfo=ZONE), "MANUAL", line_end)
    expected = _read(packet + b"\x7e")
    assert expected.rest == b"\x7e"
    reader, octets, found, at = IdentificationReader(), packet + rest, None, 0
    for cut in sorted({*cuts, len(octets)}):
        if found is None:
            found, at = reader.feed(octets[at:cut]), cut
    if found is None:  # a lone CR may be half of a line end
        assert (line_end, rest) == ("\r", b"")
        return
    assert found.rest + octets[at:] == rest
    assert found.lines == expected.lines


def test_a_line_feed_of_the_meter_is_the_meters() -> None:
    assert _read(b"SN# 1\rCONNECT GPRS\r\nx").rest == b"\nx"
    assert _read(b"SN# 1\nCONNECT GPRS\n\nx").rest == b"\nx"
    assert _read(b"SN# 1\r\nCONNECT GPRS\r\n\nx").rest == b"\nx"


@pytest.mark.parametrize("zone_min", [-630, -60, 0, 180, 345, 600])
def test_what_the_simulated_modem_says_is_understood(zone_min: int) -> None:
    clock = datetime(2026, 3, 1, 23, 59, 58, tzinfo=timezone(timedelta(minutes=zone_min)))
    found = _read(encode(MODEM | {"operator": "A, B"}, clock, "MANUAL"))
    assert found.clock == clock
    assert (found.operator, found.network_code) == ("A, B", "25001")
    assert found.connect_reason is ConnectReason.MANUAL
    assert {r.name: r.value for r in found.readings}.items() >= MODEM.items()


def test_what_is_left_out_is_none_and_what_is_unknown_is_kept() -> None:
    found = _read(b"\r\nhello\r\nnew# 5 # 6\r\nSN#\r\n sn # 7\r\n  CONNECT GPRS  \r\n")
    assert found.lines == (Line("NEW", "5 # 6"), Line("SN", ""), Line("SN", "7"))
    assert found.readings == (Reading("serial_number", "7"),)
    assert (found.model, found.clock, found.connect_reason, found.signal_dbm) == (None,) * 4


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("GSM# no service", "signal_dbm", None),
        ("GSM# -71dBm (60%)", "signal_percent", 60),
        ("GSM# -99999999999dBm", "signal_dbm", None),
        ("MO# Beeline", "operator", "Beeline"),
        ("MO# Beeline, home", "operator", "Beeline, home"),
        ("MO# , 25099", "network_code", "25099"),
        ("CR# ALARM", "connect_reason", "unknown"),
        ("SIM# PIN:READY", "pin_state", "READY"),
        ("MODEL# \u041b\u042d\u0420\u0421", "model", "\u041b\u042d\u0420\u0421"),
    ],
)
def test_lines_of_other_shapes(line: str, name: str, value: object) -> None:
    readings = _read(f"{line}\nCONNECT GPRS\n".encode()).readings
    assert {r.name: r.value for r in readings}[name] == value


def test_octets_of_no_encoding_are_kept_visible() -> None:
    assert _read(b"MODEL# \xcb\xdd\nCONNECT GPRS\n").model == "\\xcb\\xdd"


@pytest.mark.parametrize(
    "text",
    ["2025-02-30 10:18:45 +10", "2025-02-20 10:18:45", "2025-02-20 10:18:45 +99", "0001-01-01 00:00:00 +10"],
)
def test_a_time_that_is_none(text: str) -> None:
    assert _read(f"DT# {text}\nCONNECT GPRS\n".encode()).clock is None


@pytest.mark.parametrize("octets", [b"\x7e\xa0\x07", b"SN# 1\n\x00", b"x" * (MAX_OCTETS + 1), b"\n" * 5000])
def test_what_is_no_packet(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        IdentificationReader().feed(octets)


def test_the_end_must_come_in_time() -> None:
    packet = b"SN# 1\n".ljust(MAX_OCTETS - 13, b" ") + b"\n"
    assert IdentificationReader().feed(packet[:-1] + b"\nCONNECT GPRS") is None
    assert _read(packet[2:] + b"CONNECT GPRS\n").rest == b""
    with pytest.raises(DecodeError):
        IdentificationReader().feed(packet + b"CONNECT GPRS\n")


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_octets_are_a_packet_or_none_or_no_text(parts: list[bytes]) -> None:
    reader = IdentificationReader()
    with suppress(DecodeError):
        for part in parts:
            if reader.feed(part) is not None:
                return


@given(st.lists(st.sampled_from(["MODEL", "GSM", "MO", "DT", "SIM", "CR", "BAL"]), max_size=7), st.text())
def test_any_values_are_read(keys: list[str], value: str) -> None:
    text = "".join(f"{key}# {value}\n" for key in keys) + "CONNECT GPRS\n"
    with suppress(DecodeError):
        readings = _read(text.encode("utf-8", "replace")).readings
        assert len(readings) <= 2 * len(keys)
