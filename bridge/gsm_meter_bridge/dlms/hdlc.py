"""HDLC frames of format type 3 (IEC 62056-46 clause 6.4), to and from octets in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gsm_meter_bridge.dlms.octets import Octets
from gsm_meter_bridge.errors import DecodeError

FLAG = 0x7E
MAX_FRAME_OCTETS = 0x7FF
"""The maximum of the length field, flags not counted."""

DEFAULT_MAX_INFO = 128
"""Octets of information in a frame if nothing else was agreed (clause 6.4.4.4.3.2)."""

_FORMAT, _SEGMENTED, _LENGTH = 0xA000, 0x0800, 0x07FF
_SHORTEST = 7
"""Format, two addresses of one octet, control, FCS."""


def _crc_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ 0x8408 if octet & 1 else octet >> 1
        table.append(octet)
    return tuple(table)


_CRC = _crc_table()


def check_sequence(octets: bytes | bytearray) -> bytes:
    """Return FCS or HCS as sent, low octet first: CRC-16 of ISO/IEC 13239."""
    crc = 0xFFFF
    for octet in octets:
        crc = crc >> 8 ^ _CRC[(crc ^ octet) & 0xFF]
    return (crc ^ 0xFFFF).to_bytes(2, "little")


class FrameType(IntEnum):
    """Frame types; the value is the control octet with sequence numbers and poll/final bit zero."""

    I = 0x00  # noqa: E741 - the standard's name
    RR = 0x01
    RNR = 0x05
    SNRM = 0x83
    DISC = 0x43
    UA = 0x63
    DM = 0x0F
    FRMR = 0x87
    UI = 0x03
    UNKNOWN = 0xFF


@dataclass(frozen=True, slots=True)
class Control:
    """A control field: `receive_number` and `send_number` are 0 to 7; `raw` is kept for unknown types."""

    kind: FrameType
    receive_number: int = 0
    send_number: int = 0
    poll_final: bool = True
    raw: int = 0

    @classmethod
    def decode(cls, octet: int) -> Control:
        """Return the meaning of a control octet."""
        poll_final, numbers = bool(octet & 0x10), (octet >> 5, octet >> 1 & 7)
        if not octet & 1:
            return cls(FrameType.I, *numbers, poll_final)
        if octet & 0x0F in (0x01, 0x05):
            return cls(FrameType(octet & 0x0F), numbers[0], 0, poll_final)
        known = {kind.value: kind for kind in FrameType if kind not in (FrameType.I, FrameType.UNKNOWN)}
        kind = known.get(octet & 0xEF, FrameType.UNKNOWN)
        return cls(kind, 0, 0, poll_final, octet if kind is FrameType.UNKNOWN else 0)

    def encode(self) -> int:
        """Return the control octet."""
        if self.kind is FrameType.UNKNOWN:
            return self.raw
        return self.kind.value | self.receive_number << 5 | self.send_number << 1 | self.poll_final << 4


@dataclass(frozen=True, slots=True)
class HdlcAddress:
    """A station: `upper` is the client or the logical device, `lower` the physical one (clause 6.4.2.3).

    `size`: its octets in a frame. 1 has no `lower`; 2 takes 0 to 127 each, 4 takes 0 to 16383 each.
    """

    upper: int
    lower: int | None = None
    size: int = 1

    @classmethod
    def server(cls, logical: int, physical: int, size: int | None = None) -> HdlcAddress:
        """Return a meter's address, in two octets if it fits; in one octet there is no physical address."""
        least = 2 if logical < 0x80 and physical < 0x80 else 4
        return cls(logical) if size == 1 else cls(logical, physical, size or least)

    def encode(self) -> bytes:
        """Return the octets; the lowest bit is set in the last one only."""
        numbers = [self.upper] if self.size == 1 else [self.upper, self.lower or 0]
        if self.size == 4:
            numbers = [part for n in numbers for part in (n >> 7, n & 0x7F)]
        octets = bytearray(n << 1 for n in numbers)
        octets[-1] |= 1
        return bytes(octets)

    @classmethod
    def take(cls, octets: Octets, field: str) -> HdlcAddress:
        """Return the address that comes next; DecodeError if it does not have 1, 2 or 4 octets."""
        parts = [octets.octet(field)]
        while not parts[-1] & 1 and len(parts) < 4:
            parts.append(octets.octet(field))
        numbers = [part >> 1 for part in parts]
        match len(parts):
            case 1:
                return cls(numbers[0])
            case 2:
                return cls(numbers[0], numbers[1], 2)
            case 4 if parts[-1] & 1:
                return cls(numbers[0] << 7 | numbers[1], numbers[2] << 7 | numbers[3], 4)
            case _:
                raise DecodeError(field, "has neither 1, 2 nor 4 octets", octets.at)


@dataclass(frozen=True, slots=True)
class HdlcFrame:
    """One frame; `segmented`: its information continues in the next one."""

    destination: HdlcAddress
    source: HdlcAddress
    control: Control
    information: bytes = b""
    segmented: bool = False

    def encode(self) -> bytes:
        """Return the frame with both flags."""
        body = self.destination.encode() + self.source.encode() + bytes((self.control.encode(),))
        length = 2 + len(body) + 2 + (len(self.information) + 2 if self.information else 0)
        head = (_FORMAT | self.segmented * _SEGMENTED | length).to_bytes(2) + body
        if self.information:
            head += check_sequence(head) + self.information
        return bytes((FLAG,)) + head + check_sequence(head) + bytes((FLAG,))

    @classmethod
    def decode(cls, octets: bytes) -> HdlcFrame:
        """Return the frame in `octets`, without flags; DecodeError if it is invalid."""
        taken = Octets(octets)
        format_field = taken.number(2, "frame format")
        if format_field & 0xF000 != _FORMAT or format_field & _LENGTH != len(octets):
            raise DecodeError("frame format", f"{format_field:#06x} does not fit {len(octets)} octets", 0)
        if check_sequence(octets[:-2]) != octets[-2:]:
            raise DecodeError("FCS", "is wrong", len(octets) - 2)
        destination, source = HdlcAddress.take(taken, "destination"), HdlcAddress.take(taken, "source")
        control = Control.decode(taken.octet("control"))
        segmented = bool(format_field & _SEGMENTED)
        if taken.left <= 2:
            taken.take(2, "FCS")
            return cls(destination, source, control, b"", segmented)
        if check_sequence(octets[: taken.at]) != taken.take(2, "HCS"):
            raise DecodeError("HCS", "is wrong", taken.at - 2)
        return cls(destination, source, control, taken.take(taken.left - 2, "information"), segmented)


class Deframer:
    """Splits a stream of octets into frames; other octets are skipped, and at most one frame is held.

    A frame counts as begun only if its header check fits, so garbage that looks like a start delays what
    follows until 13 octets are received, and drops nothing.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, octets: bytes) -> list[HdlcFrame]:
        """Return the frames that `octets` complete; never raises."""
        self._held += octets
        return list(self._frames())

    def _frames(self) -> Iterator[HdlcFrame]:
        while self._to_flag():
            length = _length_of(self._held)
            if length is None:
                return
            end = length + 1
            if length and len(self._held) <= end and _header_may_be(self._held[1:], length):
                return
            frame = _frame(self._held[1:end]) if length and self._held[end : end + 1] == b"~" else None
            if frame is not None:
                yield frame
            # The closing flag may open the next frame.
            del self._held[: end if frame is not None else 1]

    def _to_flag(self) -> bool:
        at = self._held.find(FLAG)
        del self._held[: at if at >= 0 else len(self._held)]
        return bool(self._held)


def _length_of(held: bytearray) -> int | None:
    """Return the length of a frame at the start of `held`; 0 if none starts, None if not known yet."""
    if len(held) < 2:
        return None
    if held[1] & 0xF0 != _FORMAT >> 8:
        return 0
    if len(held) < 3:
        return None
    length = (held[1] << 8 | held[2]) & _LENGTH
    return length if length >= _SHORTEST else 0


def _header_may_be(octets: bytearray, length: int) -> bool:
    """Return whether the octets so far can be the header of a frame of `length` octets."""
    taken = Octets(bytes(octets[:13]))
    try:
        taken.take(2, "frame format")
        for field in ("destination", "source"):
            HdlcAddress.take(taken, field)
        taken.octet("control")
        return check_sequence(octets[: taken.at]) == taken.take(2, "HCS") or taken.at == length
    except DecodeError:
        return len(octets) < 13


def _frame(octets: bytearray) -> HdlcFrame | None:
    try:
        return HdlcFrame.decode(bytes(octets))
    except DecodeError:
        return None
