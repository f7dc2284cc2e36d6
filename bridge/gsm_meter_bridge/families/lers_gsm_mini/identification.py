"""Read the identification packet, which the module sends first on each TCP connection (clause 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.read_replies import signal
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.vocabulary import UNKNOWN

MAX_OCTETS = 4096
"""Longest packet in octets; the manual's sample has 220."""

_KEY = re.compile(rb"(?<![A-Za-z0-9])(?:SN|SV|HV|IMEI|SIM|MO|GSM|BAL|DT|CR)[ \t]*#", re.IGNORECASE)
_FIRST_KEY = re.compile(rb".*(MODEL[ \t]*#)", re.IGNORECASE)
"""A packet begins with it; an incomplete earlier one may precede it."""
_MARK = b"CONNECT GPRS"
_END = re.compile(rb"(?:^|[\r\n])[^\x21-\x7e\r\n]*CONNECT GPRS[ \t]*(?:([\r\n])|(?=[^\t\x20-\x7e])|\Z)")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
_ICCID = re.compile(r"ID:\s*([0-9]+)", re.IGNORECASE)
_PIN = re.compile(r"PIN:\s*(\w+)", re.IGNORECASE)
_QUOTES = " \t\"'\u00ab\u00bb\u201c\u201d\u201e"
_CLOCK = re.compile(r"((?:19|20)\d\d-\d\d-\d\d) +(\d\d:\d\d:\d\d) *([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)


class ConnectReason(StrEnum):
    """Why the module connected: by its schedule, or on request."""

    AUTO = "auto"
    MANUAL = "manual"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True, slots=True)
class PacketLine:
    """A line `KEY# value` of the packet; the key is in capitals, the value trimmed."""

    key: str
    value: str


_TEXTS = (
    "model",
    "serial_number",
    "firmware",
    "hardware",
    "imei",
    "iccid",
    "pin_state",
    "operator",
    "network_code",
    "balance",
)


@dataclass(frozen=True, slots=True)
class Packet:
    """The identification of a module; a field is None if it is missing or cannot be read.

    `network_code` is MCC and MNC (5 or 6 digits), `clock` the module's time with its zone. `lines` has all
    lines in order, those with unknown keys included; `rest` has the octets after the packet, from the meter.
    """

    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    imei: str | None = None
    iccid: str | None = None
    pin_state: str | None = None
    operator: str | None = None
    network_code: str | None = None
    signal_dbm: int | None = None
    signal_percent: int | None = None
    balance: str | None = None
    clock: datetime | None = None
    connect_reason: ConnectReason | None = None
    lines: tuple[PacketLine, ...] = ()
    rest: bytes = b""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings, with the names that the reply to `I` also uses; the clock as ISO 8601."""
        values = _values(self.lines)
        texts = [Reading(name, getattr(self, name)) for name in _TEXTS]
        if self.clock is not None:
            texts.append(Reading("module_clock", self.clock.isoformat()))
        readings = (*(r for r in texts if r.value is not None), *signal(values.get("GSM", "")))
        if self.connect_reason is None:
            return readings
        return (*readings, Reading("connect_reason", self.connect_reason, values["CR"]))


class PacketReader:
    """Reads the packet from a connection's first octets, however they are cut. One for each connection.

    What precedes the packet (control octets, line ends, a greeting of a device in between, an incomplete
    packet) is skipped; MAX_OCTETS limits all of it together.
    """

    def __init__(self) -> None:
        self._octets = b""
        self._from = 0
        """Offset from which the end mark is searched: there is none before it."""

    def feed(self, octets: bytes) -> Packet | None:
        """Return the packet once its end mark and that line's end have arrived; do not call it after that.

        CR LF, LF and CR end a line. Raises DecodeError if MAX_OCTETS contain no packet.
        """
        self._octets += octets
        while (end := self._end()) is not None:
            if self._may_go_on(end):
                return None
            if lines := _lines(self._octets[: end.start()]):
                return _identification(lines, self._rest(end))
            self._from = end.start() + 1
        if len(self._octets) > MAX_OCTETS:
            raise DecodeError("identification", f"has no end within {MAX_OCTETS} octets")
        self._from = max(self._from, *(self._octets.rfind(line_end) for line_end in (b"\r", b"\n")))
        return None

    def paused(self) -> Packet | None:
        """Return the packet if its end mark came last, else None: the manual shows nothing after it."""
        end = self._end()
        if end is None or end.end() < len(self._octets):
            return None
        lines = _lines(self._octets[: end.start()])
        return _identification(lines, b"") if lines else None

    def _end(self) -> re.Match[bytes] | None:
        if self._octets.find(_MARK, self._from) < 0:  # a cheap check, however the octets are cut
            return None
        end = _END.search(self._octets, self._from, MAX_OCTETS)
        is_cut = end is not None and end[1] is None and end.end() == MAX_OCTETS < len(self._octets)
        return None if is_cut else end

    def _may_go_on(self, end: re.Match[bytes]) -> bool:
        """Return whether the line of the end mark, or the end of that line, may still be incomplete."""
        return end.end() == len(self._octets) and (end[1] is None or self._is_half(end))

    def _is_half(self, end: re.Match[bytes]) -> bool:
        return end[1] == b"\r" and b"\n" in self._octets[: end.end()]  # this modem ends its lines with CR LF

    def _rest(self, end: re.Match[bytes]) -> bytes:
        rest = self._octets[end.end() :]
        return rest.removeprefix(b"\n") if self._is_half(end) else rest


def _lines(packet: bytes) -> tuple[PacketLine, ...]:
    """Return the lines that have a key; if there is a model, those from the last one on."""
    lines: list[PacketLine] = []
    for octets in re.split(rb"[\r\n]+", packet.translate(None, _CONTROLS)):
        key, mark, value = octets[_begin(octets) :].partition(b"#")
        if mark:
            line = PacketLine(_text(key).upper(), _text(value))
            lines = [line] if line.key == "MODEL" else [*lines, line]
    return tuple(lines)


def _begin(line: bytes) -> int:
    """Return the offset of a line's key: anything before a known key is not part of it."""
    if first := _FIRST_KEY.match(line):
        return first.start(1)
    known = _KEY.search(line)
    return known.start() if known else 0


def _text(octets: bytes) -> str:
    """Return `octets` as text; the manual names no encoding: if not UTF-8, it is Windows-1251 (cp1251)."""
    try:
        return octets.decode("utf-8").strip()
    except UnicodeDecodeError:
        return octets.decode("cp1251", "backslashreplace").strip()


def _values(lines: tuple[PacketLine, ...]) -> dict[str, str]:
    """Return values by key; the first line of a key counts, empty ones are ignored."""
    return {line.key: line.value for line in reversed(lines) if line.value}


def _identification(lines: tuple[PacketLine, ...], rest: bytes) -> Packet:
    values = _values(lines)
    sim, level = values.get("SIM", ""), {r.name: r.value for r in signal(values.get("GSM", ""))}
    operator, network_code = _operator(values.get("MO"))
    return Packet(
        model=values.get("MODEL"),
        serial_number=values.get("SN"),
        firmware=values.get("SV"),
        hardware=values.get("HV"),
        imei=values.get("IMEI"),
        iccid=_group(_ICCID, sim),
        pin_state=_group(_PIN, sim),
        operator=operator,
        network_code=network_code,
        signal_dbm=_number(level.get("signal_dbm")),
        signal_percent=_number(level.get("signal_percent")),
        balance=values.get("BAL", "").strip(_QUOTES) or None,
        clock=_clock(values.get("DT", "")),
        connect_reason=_reason(values.get("CR")),
        lines=lines,
        rest=rest,
    )


def _group(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _operator(text: str | None) -> tuple[str | None, str | None]:
    """Split `MTS RUS, 25001` at its last comma; if no MCC and MNC follow it, all belongs to the name."""
    name, comma, code = (text or "").rpartition(",")
    if not comma or not re.fullmatch(rf"[{_QUOTES}]*[0-9]{{5,6}}[{_QUOTES}]*", code):
        return (text or "").strip(_QUOTES) or None, None
    return name.strip(_QUOTES) or None, code.strip(_QUOTES)


def _clock(text: str) -> datetime | None:
    """Return the time `2025-02-20 10:18:45 +10`; None if it is invalid, or has no zone."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    day, time, sign, hours, minutes = found.groups(default="00")
    try:
        return datetime.fromisoformat(f"{day}T{time}{sign}{int(hours):02}:{minutes}")
    except ValueError:
        return None


def _reason(text: str | None) -> ConnectReason | None:
    if text is None:
        return None
    known = {str(reason): reason for reason in ConnectReason}
    return known.get(text.lower(), ConnectReason.UNKNOWN)
