"""Find SMS in the traffic between a program and a modem (TS 27.005), in text and in PDU mode. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.profiles.dumps import dumped, dumped_together, traced
from gsm_meter_bridge.profiles.heads import TrafficLine, bare, headed
from gsm_meter_bridge.sms import SmsDeliver, SmsSubmit, UserData, decode_pdu, join_octets, join_parts

_COMMANDS = re.compile(r"AT\+CMG[SRLFW]|AT\+CNMI|\+CM(?:GR|GL|T|GS): ?", re.IGNORECASE)
_CTRL_Z = re.compile(r"\x1a|\^Z|<(?:CTRL[-+ ]?Z|SUB)>|\\x1a|\u2190|\u2192|␚", re.IGNORECASE)
_FINAL = re.compile(r"(?:OK|ERROR|\+CM[SE] ERROR:.*|\+CM(?:GS|GW|GR|GL|T|TI): ?.*)\Z")
_RESULT = re.compile(r"(?:[+^#*$%&][A-Z]{2,}.*|AT.*|OK|ERROR|RING|NO CARRIER)\Z")
_QUOTED = re.compile(r'"([^"]*)"')
_STAMP = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)?")
_SENT, _CAME = True, False
_MOST_LINES = 20
"""Largest number of typed lines that are read as one SMS."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")


class Source(IntEnum):
    """Whether a message arrived unsolicited, or was read from a storage that may hold older ones."""

    ARRIVED = 0
    UNREAD = 1
    READ = 2


@dataclass(frozen=True, slots=True)
class RecordedSms:
    """One SMS to `number` (`sent`) or from it, a text or bytes.

    `stamped` is the service centre's time and `at` the log's, in seconds from any origin; None if missing.
    """

    sent: bool
    number: str
    body: str | bytes
    stamped: float | None = None
    at: float | None = field(default=None, compare=False)
    source: Source = field(default=Source.ARRIVED, compare=False)


def messages_in(source: str) -> list[RecordedSms] | None:
    """Return the SMS in traffic with a modem, in order; None if there is no such traffic.

    Unreadable parts of it are left out.
    """
    for reading in (traced, dumped, _plain, dumped_together):  # a dump may have its characters beside it
        lines = reading(source)
        if any(_COMMANDS.search(line.text) for line in lines):
            return list(_joined(_messages(_Lines(lines))))
    return None


def _plain(source: str) -> list[TrafficLine]:
    return [TrafficLine(bare(line), at) for line, at in headed(source)]


class _Lines:
    """Lines to take one by one, with lookahead; `at` is the time of the last one taken."""

    def __init__(self, lines: Iterable[TrafficLine]) -> None:
        self._lines = [TrafficLine(text, at) for line, at in lines if (text := line.strip())]
        self._next = 0
        self.at: float | None = None

    def next(self) -> str | None:
        line = self.peek()
        if line is not None:
            self.at = self._lines[self._next].at
        self._next += 1
        return line

    def peek(self) -> str | None:
        return self._lines[self._next].text if self._next < len(self._lines) else None


@dataclass(frozen=True, slots=True)
class _Part:
    sent: bool
    number: str
    data: UserData
    stamped: float | None
    at: float | None
    source: Source


def _messages(lines: _Lines) -> Iterator[RecordedSms | _Part]:
    announced: set[str] = set()
    asked = ""
    while (line := lines.next()) is not None:
        if found := re.match(r"AT\+CMG[SW]=(.*)", line, re.IGNORECASE):
            number = _QUOTED.match(found[1])
            if _repeats(lines.peek(), line):
                lines.next()  # the echo
            if number is not None:
                body = _text(_sent_text(lines))
                yield RecordedSms(_SENT, _plain_number(number[1]), body, at=lines.at)
            else:
                yield from _of_pdu(_CTRL_Z.sub("", lines.next() or "").lstrip("> "), lines.at)
        elif found := re.match(r"\+CMTI: ?.*,\s*(\d+)", line, re.IGNORECASE):
            announced.add(found[1])
        elif found := re.match(r"AT\+CMGR=(\d+)", line, re.IGNORECASE):
            asked = found[1]
        elif found := re.match(r"\+(CMGR|CMGL|CMT): ?(.*)", line, re.IGNORECASE):
            kind = found[1].upper()
            arrived = kind == "CMT" or (kind == "CMGR" and asked in announced)
            yield from _received(found[2], lines, Source.ARRIVED if arrived else _stored(kind, found[2]))


def _stored(kind: str, head: str) -> Source:
    """Return READ or UNREAD, the state of a stored message (TS 27.005 clause 3.1: <stat>)."""
    state = head.split(",")[0 if kind == "CMGR" else 1 : 2]
    return Source.READ if state and state[0].strip(' "').upper() in ("1", "REC READ") else Source.UNREAD


def _repeats(line: str | None, command: str) -> bool:
    return line is not None and line.lower() == command.lower()


def _sent_text(lines: _Lines) -> list[str]:
    body: list[str] = []
    while (
        (line := lines.peek()) is not None and not _FINAL.match(line) and not line.upper().startswith("AT+")
    ):
        lines.next()
        text = _CTRL_Z.split(line.removeprefix(">").removeprefix(" "), maxsplit=1)
        if len(body) < _MOST_LINES and text[0].strip() and text[0].strip() not in body:  # and not its echo
            body.append(text[0].strip())
    return body


def _received(head: str, lines: _Lines, source: Source) -> Iterator[RecordedSms | _Part]:
    quoted = _QUOTED.findall(head)
    numbers = [q for q in quoted if re.fullmatch(r"\+?[0-9]{3,20}|(?:00[23][0-9B])+", q)]
    if not any(q.upper().startswith(("REC", "STO")) for q in quoted) and not numbers:
        yield from _of_pdu(lines.next() or "", lines.at, source)
        return
    body: list[str] = []
    at = lines.at
    while (line := lines.peek()) is not None and not _RESULT.match(line):
        body.append(line)
        lines.next()
    if numbers and body and not any(q.upper().startswith("STO") for q in quoted):
        yield RecordedSms(_CAME, _plain_number(numbers[0]), _text(body), _seconds(quoted), at, source)


def _seconds(quoted: Sequence[str]) -> float | None:
    """Return the service centre's time as text mode writes it, with the zone in quarters of an hour."""
    for text in quoted:
        if found := _STAMP.fullmatch(text.strip()):
            year, month, day, hour, minute, second = map(int, found.groups()[:6])
            zone = timedelta(minutes=15 * int(found[7] or 0))
            try:
                return (
                    datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC) - zone
                ).timestamp()
            except ValueError:
                return None
    return None


def _of_pdu(text: str, at: float | None, source: Source = Source.ARRIVED) -> Iterator[RecordedSms | _Part]:
    if not _HEX.match(text):
        return
    try:
        sms = decode_pdu(text)
    except DecodeError:
        return
    if isinstance(sms, SmsSubmit):
        yield _Part(_SENT, sms.tp_da, sms.user_data, None, at, source)
    elif isinstance(sms, SmsDeliver):
        stamped = sms.tp_scts.timestamp() if sms.tp_scts else None
        yield _Part(_CAME, sms.tp_oa, sms.user_data, stamped, at, source)


def _joined(found: Iterable[RecordedSms | _Part]) -> Iterator[RecordedSms]:
    """Join the parts of longer messages."""
    waiting: dict[tuple[bool, str, int, int], list[_Part]] = {}
    for one in found:
        if isinstance(one, RecordedSms):
            yield one
            continue
        link = one.data.concatenation
        parts = [one]
        if link is not None:
            key = (one.sent, one.number, link.reference, link.total)
            parts = waiting.setdefault(key, [])
            parts.append(one)
            if len({p.data.concatenation.sequence for p in parts if p.data.concatenation}) < link.total:
                continue
            del waiting[key]
        data = [part.data for part in parts]
        try:
            body = join_octets(data) if data[0].text is None else join_parts(data)
        except DecodeError:
            continue  # parts of two messages with one reference
        yield RecordedSms(one.sent, one.number, body, one.stamped, one.at, one.source)


def _plain_number(text: str) -> str:
    """Return a number that may be written in UCS2."""
    return _ucs2(text) or text


def _text(lines: list[str]) -> str:
    whole = "".join(lines)
    return _ucs2(whole) or "\n".join(lines)


def _ucs2(text: str) -> str | None:
    """Return the text of UCS2 in hexadecimal; None if it cannot be read."""
    if (
        len(text) < 8
        or len(text) % 4
        or not _HEX.match(text)
        or (text.isdecimal() and not text.startswith("00"))
    ):
        return None
    decoded = bytes.fromhex(text).decode("utf-16-be", "replace")
    readable = all(c in "\r\n\t" or (c.isprintable() and ord(c) < 0x0500) or c == "№" for c in decoded)
    return decoded if readable else None
