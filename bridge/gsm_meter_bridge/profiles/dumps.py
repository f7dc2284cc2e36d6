"""Extract the traffic at a port from dumps of bytes and from the traces of strace and Portmon. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile

from gsm_meter_bridge.profiles.heads import TrafficLine, direction, headed, without_time

_PAIR = "[0-9A-Fa-f]{2}"
_DUMP = re.compile(
    rf"\s*(?:[0-9A-Fa-f]{{4,8}}:?\s+)?({_PAIR}(?: {_PAIR}){{7}}  {_PAIR}(?: {_PAIR})*|{_PAIR}(?: {_PAIR})*)"
    r"(?:\s{2,}.*|\s*|\t.*)\Z"
)
_BEGINS = re.compile(rf"\s*(?:0x|\\x|[\[<])?{_PAIR}")
_XXD = re.compile(rf"\s*[0-9A-Fa-f]{{8}}: ((?:{_PAIR}{_PAIR} ){{0,7}}{_PAIR}(?:{_PAIR})?)  .*\Z")
_LISTS = tuple(
    re.compile(rf"\s*({form})(?:\s{{2,}}.*|\s*)\Z")
    for form in (
        rf"{_PAIR}(?:-{_PAIR})+",
        rf"{_PAIR}(?::{_PAIR}){{3,}}",
        rf"{_PAIR}(?:, ?{_PAIR})+,?",
        rf"0x{_PAIR}(?:[\s,;]+0x{_PAIR})*,?(?=\s*\Z|\s+\(|\s\s)(?:\s+\(.{{1,3}}\))?",
        rf"(?:\\x{_PAIR})+",
        rf"(?:\[{_PAIR}\]\s?)+",
        rf"(?:<{_PAIR}>\s?)+",
        rf"{_PAIR}h(?:[\s,]+{_PAIR}h)*",
    )
)
"""Bytes as other programs write them: separated, in brackets, with 0x or h."""
_TABLE = re.compile(rf"\s*({_PAIR}(?:\|(?:{_PAIR}| ))+) \|\| .*\Z")
_TOGETHER = re.compile(rf"\s*((?:{_PAIR})+)\s*\Z")
_CALL = re.compile(
    r"(?:\[pid\s+(?P<thread>\d+)\]|(?P<process>\d+)(?=\s))?\s*(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d+)?\s*"
    r"(?:(?P<call>p?(?:read|write)(?:v|64)?|send(?:to)?|recv(?:from)?)\((?P<file>\d+)(?:<[^,\n]*>)?,"
    r"|<\.\.\. (?P<resumed>\w+) resumed>,?)(?P<rest>.*)"
)
_SYSTEM_CALL = re.compile(r"\b(?:read|write|recv\w*|send\w*|p?readv?|p?writev?)(?:64)?\(\d{1,5}[<,]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RESULT = re.compile(r"\)\s*=\s*(-?\d+)")
_ESCAPED = re.compile(r"\\(x[0-9A-Fa-f]{2}|[0-7]{1,3}|.)")
_LETTERS = {"r": "\r", "n": "\n", "t": "\t", "v": "\v", "f": "\f", "a": "\a", "b": "\b"}
_IRP = re.compile(r"IRP_MJ_(?:(?P<sent>WRITE)|(?P<came>READ))\b.*?\bLength (\d+): ?(.*)")


class _Stream:
    """Consecutive bytes; a line ends if the direction changes."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._direction: str | None = None
        self._times: list[tuple[int, float | None]] = []

    def turn(self, to: str | None) -> None:
        """Set the direction of what follows, `sent` or `came`; None leaves it as it is."""
        if to is not None and to != self._direction:
            self._octets += b"\n"
            self._direction = to

    def add(self, octets: bytes, at: float | None) -> None:
        """Append bytes that passed at the log's time `at`, in seconds (None: unknown)."""
        self._times.append((len(self._octets), at))
        self._octets += octets

    def lines(self) -> list[TrafficLine]:
        """Return the lines, each with the time at which its first byte passed."""
        found, begin, times, at = [], 0, iter(self._times), None
        following = next(times, None)
        for line in bytes(self._octets).replace(b"\r", b"\n").split(b"\n"):
            while following is not None and following[0] <= begin:
                at, following = following[1], next(times, None)
            if line.strip():
                found.append(TrafficLine(line.decode("utf-8", "replace"), at))
            begin += len(line) + 1
        return found


def dumped(source: str) -> list[TrafficLine]:
    """Return the lines in a dump of bytes in hexadecimal."""
    return _dumped(source, _octets_of)


def dumped_together(source: str) -> list[TrafficLine]:
    """Return the lines in a dump whose bytes have no blanks between them, as in PDUs."""
    return _dumped(source, lambda line: _pairs(_TOGETHER.match(line)))


def traced(source: str) -> list[TrafficLine]:
    """Return the traffic at the port of AT commands from the trace of `strace` or of Portmon."""
    if "IRP_MJ_" in source:
        return _portmon(source)
    return _strace(source) if _SYSTEM_CALL.search(source) else []


def _dumped(source: str, octets_of: Callable[[str], bytes | None]) -> list[TrafficLine]:
    stream = _Stream()
    for line, at in headed(source):
        octets = octets_of(line)
        if octets is None:
            to, rest = direction(without_time(line))
            stream.turn(to)
            octets = octets_of(rest)
        if octets is not None:
            stream.add(octets, at)
    return stream.lines()


def _octets_of(line: str) -> bytes | None:
    for form in (_XXD, _DUMP, _TABLE, *_LISTS) if _BEGINS.match(line) else ():
        if found := form.match(line):
            return _pairs(found)
    return None


def _pairs(found: re.Match[str] | None) -> bytes | None:
    if found is None:
        return None
    digits = re.sub(r"0x|\\x|\(.{1,3}\)|[^0-9A-Fa-f]", "", found[1])
    return bytes.fromhex(digits)


def _strace(source: str) -> list[TrafficLine]:
    passed: list[tuple[str, str, bytes, float | None]] = []
    waiting: dict[str | None, str] = {}
    for line, at in headed(source):
        found = _CALL.match(line)
        if found is None:
            continue
        thread = found["thread"] or found["process"]
        file = found["file"] or waiting.pop(thread, "")
        if "<unfinished" in found["rest"]:
            waiting[thread] = file
        octets = _read_or_written(found["rest"])
        if octets:
            is_sent = (found["call"] or found["resumed"]).lstrip("p").startswith(("write", "send"))
            passed.append((file, "sent" if is_sent else "came", octets, at))
    ports = {file for file, to, octets, _ in passed if to == "sent" and octets[:2].upper() == b"AT"}
    stream = _Stream()
    for file, to, octets, at in passed:
        if file in ports:
            stream.turn(to)
            stream.add(octets, at)
    return stream.lines()


def _read_or_written(rest: str) -> bytes:
    """Return the bytes of a system call's arguments, as many as its result states."""
    octets = b"".join(map(_unescaped, _QUOTED.findall(rest)))
    result = _RESULT.search(rest)
    return octets if result is None else octets[: max(int(result[1]), 0)]


def _unescaped(text: str) -> bytes:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] == "x" and len(code) == 3:
            return chr(int(code[1:], 16))
        return chr(int(code, 8) & 0xFF) if code[0].isdecimal() else _LETTERS.get(code, code)

    return _ESCAPED.sub(plain, text).encode("latin-1", "replace")


def _portmon(source: str) -> list[TrafficLine]:
    stream = _Stream()
    for line, at in headed(source):
        if found := _IRP.search(line):
            octets = _of_portmon(found[4].strip("\t "), int(found[3]))
            stream.turn(("sent" if found["sent"] else "came") if octets else None)
            stream.add(octets, at)
    return stream.lines()


def _of_portmon(text: str, length: int) -> bytes:
    """Return bytes that are shown in hexadecimal or, if their number fits that, as characters.

    In characters, `.` stands for an unprintable byte: at either end, or doubled, it becomes a line end.
    """
    pairs = list(takewhile(lambda word: re.fullmatch(_PAIR, word), text.split(" ")))
    if len(pairs) == length:
        return bytes.fromhex("".join(pairs))
    return re.sub(r"\A\.+|\.+\Z|\.{2,}", "\n", text).encode()
