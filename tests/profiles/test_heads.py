"""What programs write before the traffic: times, directions, and marks of an end."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.profiles.heads import bare, direction, headed, without_time

_DAY_S, _MINUTE_S = 86_400, 60


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        ("10:00:00 a", "10:00:01 b", 1),
        ("10:00:00.5 a", "10:01:01,75 b", 61.25),
        ("10:00 a", "11:01 b", 61 * _MINUTE_S),
        ("2026-11-26 10:00:00 a", "2026-11-27 09:59:58 b", _DAY_S - 2),
        ("26.11.2026 10:00:00 a", "27.11.2026 10:00:00 b", _DAY_S),
        ("11/26/2026 10:00:00 a", "11/27/2026 10:00:00 b", _DAY_S),
        ("26.11.26 10:00:00 a", "2026-11-27 10:00:00 b", _DAY_S),
        ("2026-12-31T10:00:00 a", "2027-01-01T10:00:00 b", _DAY_S),
        ("12.12.2026 10:00:00 a", "13.12.2026 10:00:00 b", _DAY_S),
        ("31.12.99 10:00:00 a", "2099-12-31 10:00:01 b", 1),
        ("[100.125] a", "[103.500] b", 3.375),
        ("23:59:59 a", "00:00:01 b", 2),
        ("12:00:01 a", "00:00:00 b", _DAY_S / 2 - 1),
        ("12:00:00 a", "00:00:00 b", -_DAY_S / 2),
        ("10:00:00 a", "09:59:59 b", -1),
        ("10:00:00 a", "b", 0),
        ("x" * 52 + "10:00:01 a", "10:00:02 b", 1),
    ],
)
def test_lines_of_log_have_its_time(first: str, second: str, seconds: float) -> None:
    (_, at), (_, later) = headed(f"{first}\n{second}")
    assert at is not None
    assert later is not None
    assert later - at == seconds


@pytest.mark.parametrize("line", ["a", "", "1.5 a", f"{'x' * 60} 10:00:00 a"])
def test_line_without_time_before_it_has_none(line: str) -> None:
    assert [at for _, at in headed(f"{line}\nb")] == [None, None]


def test_line_of_log_is_read_up_to_8000_characters() -> None:
    assert [len(line) for line, _ in headed(f"{'x' * 8000}\n{'x' * 8001}")] == [8000, 8000]


def test_midnights_of_log_are_counted() -> None:
    times = [at for _, at in headed("23:00:00\n01:00:00\n23:00:00\n01:00:00")]
    assert times == [82_800, 90_000, 169_200, 176_400]


@pytest.mark.parametrize(
    ("first", "second"), [("99.99.2026 10:00:00 a", "99.98.2026 10:00:00 b"), ("0-0-0 10:00 a", "10:00 b")]
)
def test_date_that_does_not_exist_is_none(first: str, second: str) -> None:
    assert [at for _, at in headed(f"{first}\n{second}")] == [36_000, 36_000]


@pytest.mark.parametrize(
    ("line", "to", "rest"),
    [
        ("TX: AT", "sent", "AT"),
        ("  >> AT", "sent", "AT"),
        ("RX | OK", "came", "OK"),
        ("<-- OK", "came", "OK"),
        ("> AT", "sent", "AT"),
        ("< OK", "came", "OK"),
        ("COM3: Sent 5 bytes to it", "sent", ""),
        ("--> AT", "sent", "AT"),
        ("-> AT", "sent", "AT"),
        ("<- OK", "came", "OK"),
        ("port: Received 1 byte", "came", ""),
        ("  AT", None, "  AT"),
        (">AT", None, ">AT"),
    ],
)
def test_direction_is_told_by_what_a_line_begins_with(line: str, to: str | None, rest: str) -> None:
    assert direction(line) == (to, rest)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("10:00:00.123 AT", "AT"),
        ("[2026-11-26 10:00:00] COM3: AT", "AT"),
        ("/dev/ttyUSB0 1234.567 AT", "AT"),
        ("AT 10:00:00", "AT 10:00:00"),
    ],
)
def test_line_is_taken_without_time_and_port(line: str, rest: str) -> None:
    assert without_time(line) == rest


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("10:00:00 TX: AT+CMGF=1<CR><LF>", "AT+CMGF=1"),
        ("10:00:00 serial.port: >> 'AT'", "AT"),
        ("10:00:00 serial.port: COM3 << OK", "OK"),
        ('<- "OK\\r\\n"', "OK"),
        ("'a\"", "'a\""),
        ("''", ""),
        ("'", "'"),
        ("> AT\\r", "AT"),
        ("<OK", "OK"),
        ("> 2026/11/26 10:00:00.000123  length=4 from=0 to=3", ""),
        ("--", ""),
        ("plain.text: nothing", "plain.text: nothing"),
    ],
)
def test_line_is_bare_without_what_programs_write_around_it(line: str, text: str) -> None:
    assert bare(line) == text
