"""How texts are encoded at the port: the character sets of AT+CSCS (3GPP TS 27.007 clause 5.5).

One character of a returned line is one byte at the port.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms import fits_gsm7
from gsm_meter_bridge.sms.gsm7 import decode_septets, encode_septets

OCTETS = "latin-1"
"""The codec that converts a line to its bytes."""


def _septets(text: str) -> bytes:
    return encode_septets("".join(char if fits_gsm7(char) else "?" for char in text))


def _text(septets: bytes) -> str:
    if not septets.isascii():
        raise DecodeError("text", "is not of the GSM 7-bit alphabet")
    return decode_septets(septets)


_SETS: MappingProxyType[str, tuple[Callable[[str], str], Callable[[str], str]]] = MappingProxyType(
    {
        "GSM": (lambda text: _septets(text).decode(OCTETS), lambda line: _text(line.encode(OCTETS))),
        "UCS2": (
            lambda text: text.encode("utf-16-be").hex().upper(),
            lambda line: bytes.fromhex(line).decode("utf-16-be"),
        ),
        "HEX": (lambda text: _septets(text).hex().upper(), lambda line: _text(bytes.fromhex(line))),
    }
)
CHARSETS = tuple(_SETS)


def written(text: str, charset: str) -> str:
    """Return a text as sent through the port; a question mark replaces what the GSM alphabet lacks."""
    return _SETS[charset][0](text)


def understood(line: str, charset: str) -> str:
    """Return the text of a line from the port; DecodeError if it is not valid in `charset`."""
    try:
        return _SETS[charset][1](line)
    except ValueError as error:
        raise DecodeError("text", f"is not in {charset}: {error}") from error
