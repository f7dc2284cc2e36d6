"""PDUs as a network may send them, with any type of number and any octets as the sender's address."""

from __future__ import annotations

from datetime import UTC, datetime

from gsm_meter_bridge.sms import encode_delivers, encode_status_report
from gsm_meter_bridge.sms.address import encode_number, semi_octets
from gsm_meter_bridge.sms.gsm7 import encode_septets, pack

_PLACEHOLDER = "+79990000999"


def number(digits: str, type_of_address: int) -> bytes:
    """An address field of up to 20 digits, `*#abc` among them."""
    return bytes((len(digits), type_of_address)) + semi_octets(digits)


def name(text: str) -> bytes:
    """An address field that is a name, whatever it looks like."""
    septets = encode_septets(text)
    return bytes(((7 * len(septets) + 3) // 4, 0xD0)) + pack(septets)


def delivers(address: bytes, text: str, at: float, reference: int = 0) -> list[str]:
    """SMS-DELIVERs of a text from `address`; the service centre had them at a Unix time."""
    pdus = encode_delivers(_PLACEHOLDER, text, datetime.fromtimestamp(at, UTC), reference=reference)
    return [_readdressed(p.pdu, address) for p in pdus]


def report(address: bytes, tp_mr: int, at: float, tp_st: int, took_s: float = 0.0) -> str:
    """An SMS-STATUS-REPORT on the message `tp_mr` that the service centre had at a Unix time."""
    when, discharged = (datetime.fromtimestamp(at + s, UTC) for s in (0.0, took_s))
    return _readdressed(encode_status_report(_PLACEHOLDER, tp_mr, when, discharged, tp_st).pdu, address)


def _readdressed(pdu: str, address: bytes) -> str:
    was = encode_number(_PLACEHOLDER).hex().upper()
    assert pdu.upper().count(was) == 1
    return pdu.upper().replace(was, address.hex().upper())
