"""Traffic in dumps and traces: which octets passed, when, and in which direction."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gsm_meter_bridge.profiles.dumps import dumped, dumped_together, traced
from gsm_meter_bridge.profiles.heads import TrafficLine


def _texts(lines: Sequence[TrafficLine]) -> list[str]:
    return [text for text, _ in lines]


@pytest.mark.parametrize(
    "line",
    [
        "41 54 0D",
        "0000: 41 54 0D",
        "00000010  41 54 0d   |AT.|",
        "00000000: 4154 0d                                  AT.",
        "41-54-0D",
        "41, 54, 0D",
        "0x41 0x54 0x0D",
        "0x41, 0x54, 0x0d (AT)",
        "\\x41\\x54\\x0D",
        "[41][54][0D]",
        "<41> <54> <0D>",
        "41h 54h 0Dh",
        "41|54|0D|  || AT.",
    ],
)
def test_dump_is_read_in_every_form_of_octets(line: str) -> None:
    assert _texts(dumped(line)) == ["AT"]


def test_dump_without_blanks_is_read_as_pairs() -> None:
    assert _texts(dumped_together("41540D0A4F4B\nno dump\n4F4B2")) == ["AT", "OK"]
    assert dumped_together("") == []


def test_dump_has_lines_by_line_ends_and_directions() -> None:
    lines = "TX: 41 54\nTX: 5A 0D\nRX: 4F\nRX: 4B\nTX: 41"
    assert _texts(dumped(lines)) == ["ATZ", "OK", "A"]
    assert _texts(dumped("TX\n41 54\n5A\nRX\n4F 4B")) == ["ATZ", "OK"]


def test_line_of_dump_has_time_of_its_first_octet() -> None:
    lines = "10:00:01 TX: 41 54\n10:00:02 TX: 0D 5A\n10:00:03 RX: 4F 4B"
    assert dumped(lines) == [("AT", 36_001), ("Z", 36_002), ("OK", 36_003)]
    assert dumped("10:00:01 41\n10:00:02 42\n10:00:03 0D 43") == [("AB", 36_001), ("C", 36_003)]
    assert dumped("41") == [("A", None)]


_STRACE = """\
[pid 7] 10:00:01 write(5, "AT\\r", 3) = 3
[pid 7] 10:00:02 read(5, "OK\\r\\n\\0\\0", 6) = 4
[pid 7] 10:00:03 write(6, "log", 3) = 3
[pid 7] 10:00:04 read(6, "in the log", 9) = 9
"""


def test_trace_of_strace_has_traffic_of_the_port_alone() -> None:
    assert traced(_STRACE) == [("AT", 36_001), ("OK", 36_002)]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ('read(5, "OK\\r", 3) = 3', "OK"),
        ('read(5, "OKAY", 4) = 2', "OK"),
        ('read(5, "OK", 2) = -1', None),
        ('read(5, "OK", 2)', "OK"),
        ('read(5, "\\x4f\\x4B", 2) = 2', "OK"),
        ('read(5, "\\117\\113", 2) = 2', "OK"),
        ('read(5, "a\\tb\\"c\\"\\\\", 8) = 8', 'a\tb"c"\\'),
        ('read(5, "\\xZ", 3) = 3', "xZ"),
        ('readv(5, [{"O", 1}, {"K", 1}], 2) = 2', "OK"),
        ('recvfrom(5, "OK", 2, 0) = 2', "OK"),
        ('pread64(5, "OK", 2) = 2', "OK"),
        ('read(6, "OK", 2) = 2', None),
    ],
)
def test_octets_of_system_call_are_those_of_its_result(call: str, text: str | None) -> None:
    sent = 'write(5, "at\\r", 3) = 3\n'
    assert _texts(traced(f"{sent}{call}\n")) == (["at"] if text is None else ["at", text])


@pytest.mark.parametrize("call", ["write", "writev", "pwrite64", "send", "sendto"])
def test_system_call_that_writes_is_sent(call: str) -> None:
    assert _texts(traced(f'{call}(5, "AT", 2) = 2\nread(5, "OK", 2) = 2\n')) == ["AT", "OK"]


def test_calls_of_threads_are_resumed_by_their_own_thread() -> None:
    lines = (
        '[pid 1] write(5, "AT\\r", 3) = 3',
        "[pid 1] read(5,  <unfinished ...>",
        "[pid 2] read(6,  <unfinished ...>",
        '[pid 2] <... read resumed> "log", 3) = 3',
        '[pid 1] <... read resumed> "OK", 2) = 2',
    )
    assert _texts(traced("\n".join(lines))) == ["AT", "OK"]
    of_processes = "\n".join(lines).replace("[pid 1]", "1").replace("[pid 2]", "2")
    assert _texts(traced(of_processes)) == ["AT", "OK"]


_PORTMON = "1\t0.00000000\tx.exe\tIRP_MJ_{}\tVCP0\tSUCCESS\tLength {}: {}"


@pytest.mark.parametrize(
    ("shown", "length", "texts"),
    [
        ("41 54 0D ", 3, ["AT"]),
        ("AT.", 3, ["AT"]),
        ("..AT..OK.", 9, ["AT", "OK"]),
        ("10.1.2.3", 8, ["10.1.2.3"]),
        ("41 54 0D ", 9, ["41 54 0D"]),
        ("", 0, []),
    ],
)
def test_trace_of_portmon_has_octets_or_characters(shown: str, length: int, texts: list[str]) -> None:
    assert _texts(traced(_PORTMON.format("WRITE", length, shown))) == texts


def test_trace_of_portmon_has_directions() -> None:
    lines = [_PORTMON.format("WRITE", 2, "41 54"), _PORTMON.format("READ", 0, "")]
    lines += [_PORTMON.format("WRITE", 1, "5A"), _PORTMON.format("READ", 2, "4F 4B")]
    assert _texts(traced("\n".join(lines))) == ["ATZ", "OK"]


@pytest.mark.parametrize("text", ["", "AT\nOK\n", "write(a)", "read 5"])
def test_text_without_calls_is_no_trace(text: str) -> None:
    assert traced(text) == []
