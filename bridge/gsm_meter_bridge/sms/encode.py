"""Message to PDU (3GPP TS 23.040 clause 9.2.2): those that are sent, and those of a network (simulator)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.sms.address import encode_number, encode_sender
from gsm_meter_bridge.sms.gsm7 import ESCAPE, encode_septets, fits_gsm7, pack
from gsm_meter_bridge.sms.times import encode_timestamp, encode_validity

_GSM7, _UCS2 = 0x00, 0x08
_OCTETS_AT_MOST = 140
_SEPTETS_AT_MOST = 160
_PARTS_AT_MOST = 255

_NO_SMSC = b"\x00"
"""No service centre address: the modem uses that of its SIM."""


@dataclass(frozen=True, slots=True)
class EncodedPdu:
    """A PDU in upper-case hexadecimal, SMSC octets first; `tpdu_length` counts the octets after those."""

    pdu: str
    tpdu_length: int


@dataclass(frozen=True, slots=True)
class _Part:
    """TP-DCS, TP-UDL and TP-UD of one message, and whether it has a header."""

    dcs: int
    length: int
    octets: bytes
    has_header: bool


def is_single(text: str) -> bool:
    """Return whether one message can carry `text`: 160 septets, or 140 octets of UCS2."""
    return len(text) <= _SEPTETS_AT_MOST and len(_split(text, 0, wide=False)) == 1


def encode_submits(
    to: str,
    text: str,
    *,
    reference: int = 0,
    validity: timedelta | None = None,
    status_report: bool = False,
    tp_mr: int = 0,
) -> tuple[EncodedPdu, ...]:
    """Return the SMS-SUBMITs that carry `text` to the number `to`, in GSM 7-bit if possible, else UCS2.

    `reference` (0 to 255) marks the parts of a long text; `validity` is rounded up to a value of TP-VP.
    Raises InvalidValueError for an invalid number and a text of more than 255 parts.
    """
    parts = _split(text, reference, wide=False)
    return tuple(_submit(to, part, validity, status_report=status_report, tp_mr=tp_mr) for part in parts)


def encode_data_submit(
    to: str,
    data: bytes,
    *,
    dcs: int = 0x04,
    validity: timedelta | None = None,
    status_report: bool = False,
) -> EncodedPdu:
    """Return the SMS-SUBMIT that carries up to 140 octets of data; InvalidValueError for more."""
    return _submit(to, _data(data, dcs), validity, status_report=status_report, tp_mr=0)


def encode_delivers(
    sender: str, text: str, scts: datetime, *, reference: int = 0, wide_reference: bool = False
) -> tuple[EncodedPdu, ...]:
    """Return the SMS-DELIVERs that carry `text` from `sender` (a number or a name)."""
    return tuple(_deliver(sender, part, scts) for part in _split(text, reference, wide=wide_reference))


def encode_data_deliver(sender: str, data: bytes, scts: datetime, *, dcs: int = 0x04) -> EncodedPdu:
    """Return the SMS-DELIVER that carries up to 140 octets of data; InvalidValueError for more."""
    return _deliver(sender, _data(data, dcs), scts)


def encode_status_report(
    recipient: str, tp_mr: int, scts: datetime, discharged: datetime, tp_st: int
) -> EncodedPdu:
    """Return the SMS-STATUS-REPORT on the message `tp_mr` to `recipient`."""
    times = encode_timestamp(scts) + encode_timestamp(discharged)
    return _pdu(bytes((0x06, tp_mr)) + encode_number(recipient) + times + bytes((tp_st,)))


def _submit(
    to: str, part: _Part, validity: timedelta | None, *, status_report: bool, tp_mr: int
) -> EncodedPdu:
    first = 0x01 | 0x40 * part.has_header | 0x20 * status_report | 0x10 * (validity is not None)
    period = b"" if validity is None else bytes((encode_validity(validity),))
    head = bytes((first, tp_mr)) + encode_number(to) + bytes((0, part.dcs)) + period
    return _pdu(head + bytes((part.length,)) + part.octets)


def _deliver(sender: str, part: _Part, scts: datetime) -> EncodedPdu:
    first = 0x04 | 0x40 * part.has_header
    head = bytes((first,)) + encode_sender(sender) + bytes((0, part.dcs)) + encode_timestamp(scts)
    return _pdu(head + bytes((part.length,)) + part.octets)


def _pdu(tpdu: bytes) -> EncodedPdu:
    return EncodedPdu((_NO_SMSC + tpdu).hex().upper(), len(tpdu))


def _data(data: bytes, dcs: int) -> _Part:
    if len(data) > _OCTETS_AT_MOST:
        raise InvalidValueError("data", data, f"at most {_OCTETS_AT_MOST} octets")
    return _Part(dcs, len(data), data, has_header=False)


def _split(text: str, reference: int, *, wide: bool) -> list[_Part]:
    header_length = 7 if wide else 6
    if fits_gsm7(text):
        septets = encode_septets(text)
        if len(septets) <= _SEPTETS_AT_MOST:
            return [_Part(_GSM7, len(septets), pack(septets), has_header=False)]
        room = _SEPTETS_AT_MOST - (8 * header_length + 6) // 7
        return _with_headers(_cut_septets(septets, room), reference, wide=wide, dcs=_GSM7)
    octets = text.encode("utf-16-be", "surrogatepass")
    if len(octets) <= _OCTETS_AT_MOST:
        return [_Part(_UCS2, len(octets), octets, has_header=False)]
    room = (_OCTETS_AT_MOST - header_length) & ~1
    return _with_headers(_cut_utf16(octets, room), reference, wide=wide, dcs=_UCS2)


def _cut_septets(septets: bytes, room: int) -> list[bytes]:
    """Split without separating an escape from its code."""
    pieces = []
    while septets:
        end = room
        if len(septets) > room and septets[room - 1] == ESCAPE:
            end -= 1
        pieces.append(septets[:end])
        septets = septets[end:]
    return pieces


def _cut_utf16(octets: bytes, room: int) -> list[bytes]:
    """Split without separating a surrogate pair."""
    pieces = []
    while octets:
        end = room
        if len(octets) > room and 0xD8 <= octets[room - 2] <= 0xDB:
            end -= 2
        pieces.append(octets[:end])
        octets = octets[end:]
    return pieces


def _with_headers(pieces: list[bytes], reference: int, *, wide: bool, dcs: int) -> list[_Part]:
    if len(pieces) > _PARTS_AT_MOST:
        raise InvalidValueError("parts of the text", len(pieces), f"at most {_PARTS_AT_MOST}", shown=True)
    return [
        _part(piece, _header(reference, len(pieces), number, wide=wide), dcs)
        for number, piece in enumerate(pieces, 1)
    ]


def _header(reference: int, total: int, sequence: int, *, wide: bool) -> bytes:
    if wide:
        return bytes((6, 0x08, 4)) + (reference & 0xFFFF).to_bytes(2, "big") + bytes((total, sequence))
    return bytes((5, 0x00, 3, reference & 0xFF, total, sequence))


def _part(piece: bytes, header: bytes, dcs: int) -> _Part:
    if dcs == _UCS2:
        return _Part(dcs, len(header) + len(piece), header + piece, has_header=True)
    fill_bits = -8 * len(header) % 7
    length = (8 * len(header) + fill_bits) // 7 + len(piece)
    return _Part(dcs, length, header + pack(piece, fill_bits), has_header=True)
