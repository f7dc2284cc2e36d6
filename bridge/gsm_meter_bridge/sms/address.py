"""Addresses: telephone numbers and names (3GPP TS 23.040 clause 9.1.2.5, TS 24.011 for the SMSC)."""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import takewhile

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.gsm7 import decode_septets, encode_septets, fits_gsm7, pack, unpack

INTERNATIONAL = 0x91
UNKNOWN = 0x81
ALPHANUMERIC = 0xD0


class TypeOfNumber(IntEnum):
    """The type of an address: bits 6 to 4 of its type-of-address octet (TS 23.040 clause 9.1.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    """A name, chosen freely by its sender."""
    ABBREVIATED = 6
    RESERVED = 7


_DIGITS = "0123456789*#abc"
_NUMBER = re.compile(r"\+?[0-9*#a-c]{1,20}", re.IGNORECASE)


def digits_of(octets: bytes) -> str:
    """Return the semi-octets as digits; 0xF is padding and ends the number."""
    nibbles = (n for octet in octets for n in (octet & 0x0F, octet >> 4))
    return "".join(_DIGITS[n] for n in takewhile(lambda n: n != 0x0F, nibbles))


def semi_octets(digits: str) -> bytes:
    """Return digits as semi-octets; the second one of an odd last octet is padded with 0xF."""
    codes = [_DIGITS.index(d) for d in digits.lower()] + [0x0F] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))


def type_of_number(type_of_address: int) -> TypeOfNumber:
    """Return the type of number in a type-of-address octet."""
    return TypeOfNumber(type_of_address >> 4 & 7)


def decode_value(type_of_address: int, octets: bytes, semi_octet_count: int) -> str:
    """Return a number (with `+` if international) or a name."""
    kind = type_of_number(type_of_address)
    if kind is TypeOfNumber.ALPHANUMERIC:
        return decode_septets(unpack(octets, semi_octet_count * 4 // 7))
    digits = digits_of(octets)[:semi_octet_count]
    return f"+{digits}" if kind is TypeOfNumber.INTERNATIONAL else digits


def encode_number(number: str) -> bytes:
    """Return length in digits, type and semi-octets of a telephone number.

    `+` makes it international. Raises InvalidValueError if it is not a number of 1 to 20 digits.
    """
    if not _NUMBER.fullmatch(number):
        raise InvalidValueError("number", number, "+ and 1 to 20 digits", shown=True)
    digits = number.removeprefix("+")
    kind = INTERNATIONAL if number.startswith("+") else UNKNOWN
    return bytes((len(digits), kind)) + semi_octets(digits)


def encode_sender(sender: str) -> bytes:
    """Return the address field of a number or, if it is not one, of a name of up to 11 characters."""
    if _NUMBER.fullmatch(sender):
        return encode_number(sender)
    if not fits_gsm7(sender) or not 1 <= len(encode_septets(sender)) <= 11:
        allowed = "a number, or 1 to 11 characters of the GSM alphabet"
        raise InvalidValueError("sender", sender, allowed, shown=True)
    packed = pack(encode_septets(sender))
    used = (7 * len(encode_septets(sender)) + 3) // 4
    return bytes((used, ALPHANUMERIC)) + packed


def decode_smsc(octets: bytes) -> str | None:
    """Return the service centre's number from type and semi-octets; None if there is none."""
    if not octets:
        return None
    if len(octets) < 2:
        raise DecodeError("SMSC", "has a type but no number")
    digits = digits_of(octets[1:])
    return f"+{digits}" if octets[0] & 0x70 == 0x10 else digits
