"""The identification packet of the LERS GSM Mini manual, clause 6."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.identification import (
    MAX_OCTETS,
    ConnectReason,
    Packet,
    PacketLine,
    PacketReader,
)
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.vocabulary import Scalar

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
MODEM: Mapping[str, Scalar] = {
    "model": "LERS GSM Mini",
    "serial_number": "00042",
    "firmware": "M1.1.0",
    "imei": "356945326452915",
    "signal_dbm": -83,
}


def _read(octets: bytes) -> Packet:
    found = PacketReader().feed(octets)
    assert found is not None
    return found


def test_identification_reader_decodes_sample_of_manual() -> None:
    found = _read(MANUAL.encode())
    assert (found.model, found.serial_number) == ("LERS GSM Mini", "00001")
    assert (found.firmware, found.hardware, found.imei) == ("M1.1.0", "1.1", "356945326452915")
    assert (found.iccid, found.pin_state) == ("12345678901234567890", "DISABLED")
    assert (found.operator, found.network_code) == ("MTS RUS", "25001")
    assert (found.signal_dbm, found.signal_percent, found.balance) == (-83, 36, None)
    assert found.clock == datetime(2025, 2, 20, 10, 18, 45, tzinfo=ZONE)
    assert (found.connect_reason, found.rest) == (ConnectReason.AUTO, b"")
    assert found.lines[0] == PacketLine("MODEL", "LERS GSM Mini")


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
        "module_clock": "2025-02-20T10:18:45+10:00",
    }
    assert found[-1] == Reading("connect_reason", ConnectReason.AUTO, "AUTO")


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@given(cuts=st.lists(st.integers(0, 260)), rest=st.binary(max_size=20))
def test_identification_reader_keeps_meter_octets_at_any_cut_and_line_end(
    line_end: str, cuts: list[int], rest: bytes
) -> None:
    packet = encode(MODEM, datetime(2026, 3, 1, tzinfo=ZONE), "MANUAL", line_end)
    expected = _read(packet + b"\x7e")
    assert expected.rest == b"\x7e"
    reader, octets, found, at = PacketReader(), packet + rest, None, 0
    for cut in sorted({*cuts, len(octets)}):
        if found is None:
            found, at = reader.feed(octets[at:cut]), cut
    if found is None:  # a lone CR may be half of a line end
        assert (line_end, rest) == ("\r", b"")
        return
    assert found.rest + octets[at:] == rest
    assert found.lines == expected.lines


def test_identification_reader_keeps_line_feed_of_meter() -> None:
    assert _read(b"SN# 1\rCONNECT GPRS\r\nx").rest == b"\nx"
    assert _read(b"SN# 1\nCONNECT GPRS\n\nx").rest == b"\nx"
    assert _read(b"SN# 1\r\nCONNECT GPRS\r\n\nx").rest == b"\nx"


@pytest.mark.parametrize("zone_min", [-630, -60, 0, 180, 345, 600])
def test_identification_reader_decodes_packet_of_simulated_modem(zone_min: int) -> None:
    clock = datetime(2026, 3, 1, 23, 59, 58, tzinfo=timezone(timedelta(minutes=zone_min)))
    found = _read(encode({**MODEM, "operator": "A, B"}, clock, "MANUAL"))
    assert found.clock == clock
    assert (found.operator, found.network_code) == ("A, B", "25001")
    assert found.connect_reason is ConnectReason.MANUAL
    assert {r.name: r.value for r in found.readings}.items() >= MODEM.items()


def test_identification_has_none_for_missing_line_and_keeps_unknown_line() -> None:
    found = _read(b"\r\nhello\r\nnew# 5 # 6\r\nSN#\r\n sn # 7\r\n  CONNECT GPRS  \r\n")
    assert found.lines == (PacketLine("NEW", "5 # 6"), PacketLine("SN", ""), PacketLine("SN", "7"))
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
def test_identification_line_is_decoded_in_other_forms(line: str, name: str, value: object) -> None:
    readings = _read(f"{line}\nCONNECT GPRS\n".encode()).readings
    assert {r.name: r.value for r in readings}[name] == value


def test_identification_packet_may_follow_an_end_mark_that_came_first() -> None:
    assert _read(b"CONNECT GPRS\r\nSN# 1\r\nCONNECT GPRS\r\n").serial_number == "1"


def test_identification_text_is_decoded_as_cp1251_if_not_utf_8() -> None:
    assert _read(b"MODEL# \xcb\xdd\nCONNECT GPRS\n").model == "ЛЭ"


@pytest.mark.parametrize(
    "text",
    ["2025-02-30 10:18:45 +10", "2025-02-20 10:18:45", "2025-02-20 10:18:45 +99", "0001-01-01 00:00:00 +10"],
)
def test_identification_clock_is_none_if_time_is_invalid(text: str) -> None:
    assert _read(f"DT# {text}\nCONNECT GPRS\n".encode()).clock is None


@pytest.mark.parametrize("octets", [b"x" * (MAX_OCTETS + 1), b"\n" * 5000, b"\x7e\xa0" * 3000])
def test_identification_reader_rejects_oversized_octets_without_packet(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        PacketReader().feed(octets)


def test_identification_reader_rejects_packet_end_beyond_maximum_size() -> None:
    packet = b"SN# 1\n".ljust(MAX_OCTETS - 13, b" ") + b"\n"
    assert PacketReader().feed(packet[:-1] + b"\nCONNECT GPRS") is None
    assert _read(packet[2:] + b"CONNECT GPRS\n").rest == b""
    with pytest.raises(DecodeError):
        PacketReader().feed(packet + b"CONNECT GPRS\n")


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_identification_reader_raises_only_decode_error(parts: list[bytes]) -> None:
    reader = PacketReader()
    with suppress(DecodeError):
        for part in parts:
            if reader.feed(part) is not None:
                return


@given(
    st.lists(st.sampled_from(["MODEL", "GSM", "MO", "DT", "SIM", "CR", "BAL"]), min_size=1, max_size=7),
    st.text(),
)
def test_identification_line_gives_at_most_two_readings(keys: list[str], value: str) -> None:
    text = "".join(f"{key}# {value}\n" for key in keys) + "CONNECT GPRS\n"
    with suppress(DecodeError):
        readings = _read(text.encode("utf-8", "replace")).readings
        assert len(readings) <= 2 * len(keys)


@pytest.mark.parametrize(
    ("text", "operator", "code"),
    [
        ('"MTS RUS", 25001', "MTS RUS", "25001"),
        ('"MTS RUS, 25001"', "MTS RUS", "25001"),
        ("\u00abМТС\u00bb, 25001", "МТС", "25001"),
        ("'MegaFon', '25002'", "MegaFon", "25002"),
        ('"MTS RUS"', "MTS RUS", None),
        ('""', None, None),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_identification_operator_is_decoded_without_quotes(
    text: str, operator: str | None, code: str | None, encoding: str
) -> None:
    packet = _read(f"MODEL#LERS GSM Mini\r\nMO# {text}\r\nCONNECT GPRS\r\n\0".encode(encoding))
    assert (packet.operator, packet.network_code) == (operator, code)


def test_identification_gives_balance_if_present() -> None:
    packet = _read(b'BAL# "12.50"\nCONNECT GPRS\n')
    assert {r.name: r.value for r in packet.readings} == {"balance": "12.50"}


NOISE = {
    "nothing": b"",
    "line ends": b"\r\n\n\r\r\n",
    "zeros": b"\0" * 100,
    "HDLC": bytes.fromhex("7ea00703214193"),
    "telnet": bytes.fromhex("fffb01fffd03"),
    "a byte order mark": b"\xef\xbb\xbf",
    "all octets": bytes(range(256)),
    "a greeting": b"Welcome to hub #1\r\n",
    "a greeting without a line end": b"Welcome",
    "a greeting with a mark": b"motd# 7 of #9 ",
    "a modem": b"AT\r\nOK\r\n\r\nCONNECT 9600\r\n",
    "another connection": b"\r\nCONNECT GPRS\r\n",
    "a web browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a packet that broke off": b"MODEL#  LERS GSM Mini\r\nSN#     00001\r\nIMEI#   35694532",
    "much": b"#" * 3000,
    "much of everything": bytes(range(256)) * 13,
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("step", [1, 11, 5000])
def test_identification_reader_skips_noise_before_packet(noise: bytes, line_end: str, step: int) -> None:
    octets = noise + encode(MODEM, datetime(2026, 3, 1, tzinfo=ZONE), "MANUAL", line_end)
    reader, found, at = PacketReader(), None, 0
    while found is None and at < len(octets):
        found = reader.feed(octets[at : at + step])
        at += step
    found = found or reader.feed(b"\x7e")
    assert found is not None
    assert {r.name: r.value for r in found.readings}.items() >= MODEM.items()
    assert found.lines[0] == PacketLine("MODEL", "LERS GSM Mini")
    assert found.rest in (b"", b"\x7e")


def test_identification_reader_limits_total_size_of_noise_and_packet() -> None:
    packet = encode(MODEM, datetime(2026, 3, 1, tzinfo=ZONE))
    assert _read(b"\0" * (MAX_OCTETS - len(packet)) + packet + b"x").rest == b"x"
    with pytest.raises(DecodeError):
        PacketReader().feed(b"\0" * (MAX_OCTETS - len(packet) + 3) + packet + b"x")


@pytest.mark.parametrize("between", [b"\x11", b"\0\0", b"\x13\x11", b"\r\n\r\n", b"\x7f"])
def test_control_octets_between_lines_are_left_out(between: bytes) -> None:
    packet = encode(MODEM, datetime(2026, 3, 1, tzinfo=ZONE)).replace(b"\r\n", b"\r\n" + between)
    assert {r.name: r.value for r in _read(packet + b"\0").readings}.items() >= MODEM.items()


ENDS = ("", " ", "\t ", "\r", "\n", "\r\n")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("noise", [b"", b"\0\x7e\r\n"])
def test_identification_packet_ends_by_pause_after_connect_line(end: str, noise: bytes) -> None:
    reader = PacketReader()
    packet = noise + MANUAL.rstrip("\n").encode() + end.encode()
    found = reader.feed(packet) or reader.paused()
    assert found is not None
    assert (found.serial_number, found.rest) == ("00001", b"")


@pytest.mark.parametrize(
    "octets", [b"", b"SN# 1", b"SN# 1\n", b"SN# 1\nCONNECT GP", b"CONNECT GPRS", b"SN# 1\nCONNECT GPRS X"]
)
def test_identification_reader_ignores_pause_if_packet_is_incomplete(octets: bytes) -> None:
    reader = PacketReader()
    assert reader.feed(octets) is None
    assert reader.paused() is None


def test_identification_packet_ends_at_binary_meter_octet_without_line_end() -> None:
    assert _read(MANUAL.rstrip("\n").encode() + b"\x7e\xa0"[1:]).rest == b"\xa0"
    assert PacketReader().feed(MANUAL.rstrip("\n").encode() + b"X") is None
