"""User data: header, alphabet, text (3GPP TS 23.040 clause 9.2.3.24, TS 23.038 clause 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms.gsm7 import decode_septets, unpack


class Alphabet(StrEnum):
    """The encoding of a message's octets."""

    GSM7 = "gsm7"
    DATA = "data"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Part `sequence` (1 to `total`) of a longer message. `wide`: the reference has 16 bits, else 8."""

    reference: int
    total: int
    sequence: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class UserData:
    """The content of a message. `text` is None for data; `data` are its octets without the header.

    `headers` are the header's elements as received: identifier and value.
    """

    alphabet: Alphabet
    text: str | None
    data: bytes
    concatenation: Concatenation | None
    headers: tuple[tuple[int, bytes], ...]
    dcs: int


def alphabet_of(dcs: int) -> Alphabet:
    """Return the alphabet that a data coding scheme (0 to 255) names; DecodeError for a compressed text."""
    group = dcs >> 4
    if group < 0x8:
        if dcs & 0x20:
            raise DecodeError("TP-DCS", f"0x{dcs:02X} names compressed text, which is not supported")
        return {0: Alphabet.GSM7, 1: Alphabet.DATA, 2: Alphabet.UCS2, 3: Alphabet.GSM7}[dcs >> 2 & 3]
    if group == 0xE:
        return Alphabet.UCS2
    if group == 0xF and dcs & 0x04:
        return Alphabet.DATA
    return Alphabet.GSM7


def decode_user_data(dcs: int, length: int, octets: bytes, *, has_header: bool) -> UserData:
    """Return the user data in `octets`; `length` is TP-UDL: septets for the 7-bit alphabet, else octets."""
    alphabet = alphabet_of(dcs)
    needed = (7 * length + 7) // 8 if alphabet is Alphabet.GSM7 else length
    if len(octets) < needed:
        raise DecodeError("TP-UD", f"has {len(octets)} octets where TP-UDL {length} asks for {needed}")
    octets = octets[:needed]
    header_length = octets[0] + 1 if has_header and octets else 0
    if header_length > len(octets):
        raise DecodeError("TP-UDH", f"is said to have {header_length} octets of {len(octets)}")
    headers = _elements(octets[1:header_length])
    text = _text(alphabet, octets, header_length, length)
    return UserData(alphabet, text, octets[header_length:], _concatenation(headers), headers, dcs)


def _text(alphabet: Alphabet, octets: bytes, header_length: int, length: int) -> str | None:
    if alphabet is Alphabet.DATA:
        return None
    if alphabet is Alphabet.UCS2:
        body = octets[header_length:]
        return body[: len(body) & ~1].decode("utf-16-be", "replace")
    fill_bits = -8 * header_length % 7
    header_septets = (8 * header_length + fill_bits) // 7
    return decode_septets(unpack(octets[header_length:], max(0, length - header_septets), fill_bits))


def _elements(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    found = []
    while octets:
        if len(octets) < 2 or len(octets) < 2 + octets[1]:
            raise DecodeError("TP-UDH", "ends inside an element")
        found.append((octets[0], octets[2 : 2 + octets[1]]))
        octets = octets[2 + octets[1] :]
    return tuple(found)


def _concatenation(headers: Sequence[tuple[int, bytes]]) -> Concatenation | None:
    """Return the concatenation (clauses 9.2.3.24.1 and 9.2.3.24.8); an impossible count is ignored."""
    for identifier, value in headers:
        if (identifier, len(value)) in ((0x00, 3), (0x08, 4)):
            total, sequence = value[-2], value[-1]
            if 1 <= sequence <= total:
                return Concatenation(int.from_bytes(value[:-2], "big"), total, sequence, wide=identifier == 8)
    return None


def join_parts(parts: Sequence[UserData]) -> str:
    """Return the text of all parts of one message, in any order; duplicates are allowed.

    Raises DecodeError if a part is missing or is not text.
    """
    texts = [part.text for part in _in_order(parts)]
    if any(t is None for t in texts):
        raise DecodeError("parts", "data, not text")
    return "".join(t or "" for t in texts)


def join_octets(parts: Sequence[UserData]) -> bytes:
    """Return the octets of all parts of one message; DecodeError if one is missing."""
    return b"".join(part.data for part in _in_order(parts))


def _in_order(parts: Sequence[UserData]) -> list[UserData]:
    by_sequence = {p.concatenation.sequence if p.concatenation else 1: p for p in parts}
    total = max((p.concatenation.total for p in parts if p.concatenation), default=1)
    missing = [n for n in range(1, total + 1) if n not in by_sequence]
    if missing:
        raise DecodeError("parts", f"missing: {', '.join(map(str, missing))} of {total}")
    return [by_sequence[n] for n in range(1, total + 1)]
