"""The identification packet: what the modem says first on each TCP connection (clause 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.replies import signal
from gsm_meter_bridge.family import Reading
from gsm_meter_bridge.vocabulary import UNKNOWN

MAX_OCTETS = 4096
"""A longer packet is none; the manual's sample has 220 octets."""

_END = re.compile(rb"(?:^|[\r\n])[ \t]*CONNECT GPRS[ \t]*([\r\n])")
_STRANGE = re.compile(rb"[^\t\r\n\x20-\x7e\x80-\xff]")
_ICCID = re.compile(r"ID:\s*(\d+)", re.IGNORECASE)
_PIN = re.compile(r"PIN:\s*(\w+)", re.IGNORECASE)
_CLOCK = re.compile(r"((?:19|20)\d\d-\d\d-\d\d) +(\d\d:\d\d:\d\d) *([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)


class ConnectReason(StrEnum):
    """Why the modem connected: by its schedule, or because somebody asked for it."""

    AUTO = "auto"
    MANUAL = "manual"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True, slots=True)
class Line:
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
)


@dataclass(frozen=True, slots=True)
class Identification:
    """What a modem said of itself; None where it left that out, or where it cannot be read.

    `network_code` is MCC and MNC (5 or 6 digits), `clock` the modem's time with its zone. `lines` has
    all that was said, unknown keys included, in order; `rest` the octets behind the packet: the meter's.
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
    lines: tuple[Line, ...] = ()
    rest: bytes = b""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What was said, under the names that the reply to `I` uses too; without clock and balance."""
        said = _said(self.lines)
        texts = (Reading(name, getattr(self, name)) for name in _TEXTS)
        readings = (*(r for r in texts if r.value is not None), *signal(said.get("GSM", "")))
        if self.connect_reason is None:
            return readings
        return (*readings, Reading("connect_reason", self.connect_reason, said["CR"]))


class IdentificationReader:
    """Reads the packet out of a connection's first octets, however they are cut. One for each connection."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> Identification | None:
        """Return the packet once its end mark is there; feed no more then.

        CR LF, LF and CR end a line. DecodeError for an octet that no text has, and where MAX_OCTETS hold
        no end mark.
        """
        self._octets += octets
        end = _END.search(self._octets, 0, MAX_OCTETS)
        packet = self._octets[: end.start()] if end else self._octets
        if strange := _STRANGE.search(packet):
            raise DecodeError("identification", "is no text", strange.start())
        if end is None:
            if len(self._octets) > MAX_OCTETS:
                raise DecodeError("identification", f"has no end within {MAX_OCTETS} octets")
            return None
        rest = self._octets[end.end() :]
        if end[1] == b"\r" and b"\n" in end[0] + packet:  # this modem ends its lines with CR LF
            if not rest:
                return None
            rest = rest.removeprefix(b"\n")
        return _identification(packet.decode("utf-8", "backslashreplace"), rest)


def _said(lines: tuple[Line, ...]) -> dict[str, str]:
    """Return key to value; the first line of a key counts, an empty one says nothing."""
    return {line.key: line.value for line in reversed(lines) if line.value}


def _identification(text: str, rest: bytes) -> Identification:
    cut = (line.partition("#") for line in re.split(r"[\r\n]+", text))
    lines = tuple(Line(key.strip().upper(), value.strip()) for key, mark, value in cut if mark)
    said = _said(lines)
    sim, level = said.get("SIM", ""), {r.name: r.value for r in signal(said.get("GSM", ""))}
    operator, network_code = _operator(said.get("MO"))
    return Identification(
        model=said.get("MODEL"),
        serial_number=said.get("SN"),
        firmware=said.get("SV"),
        hardware=said.get("HV"),
        imei=said.get("IMEI"),
        iccid=_group(_ICCID, sim),
        pin_state=_group(_PIN, sim),
        operator=operator,
        network_code=network_code,
        signal_dbm=_number(level.get("signal_dbm")),
        signal_percent=_number(level.get("signal_percent")),
        balance=said.get("BAL", "").strip("\"' ") or None,
        clock=_clock(said.get("DT", "")),
        connect_reason=_reason(said.get("CR")),
        lines=lines,
        rest=rest,
    )


def _group(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _operator(text: str | None) -> tuple[str | None, str | None]:
    """Split `MTS RUS, 25001` at its last comma; what is no MCC and MNC there belongs to the name."""
    name, comma, code = (text or "").rpartition(",")
    if not comma or not re.fullmatch(r"\s*[0-9]{5,6}", code):
        return text, None
    return name.strip() or None, code.strip()


def _clock(text: str) -> datetime | None:
    """Return the time `2025-02-20 10:18:45 +10`; None where it is none, or names no zone."""
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
