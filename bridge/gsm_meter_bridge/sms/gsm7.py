"""The GSM 7-bit default alphabet, its extension table and packing (3GPP TS 23.038 clauses 6.1.2.1, 6.2.1)."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, InvalidValueError

ESCAPE = 0x1B

# Clause 6.2.1; in the escape's place is a no-break space, as a receiver without tables shows it.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\xa0ÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Clause 6.2.1.1.
EXTENSION = MappingProxyType(
    {
        0x0A: "\f",
        0x14: "^",
        0x28: "{",
        0x29: "}",
        0x2F: "\\",
        0x3C: "[",
        0x3D: "~",
        0x3E: "]",
        0x40: "|",
        0x65: "€",
    }
)

_SEPTETS = {char: (code,) for code, char in enumerate(ALPHABET) if code != ESCAPE} | {
    char: (ESCAPE, code) for code, char in EXTENSION.items()
}


def fits_gsm7(text: str) -> bool:
    """Return whether every character of `text` is in the alphabet or its extension."""
    return all(char in _SEPTETS for char in text)


def septet_count(text: str) -> int:
    """Return how many septets `text` takes; characters of the extension table take two."""
    return len(encode_septets(text))


def encode_septets(text: str) -> bytes:
    """Return one octet per septet; InvalidValueError names a character that is not in the alphabet."""
    try:
        return bytes(septet for char in text for septet in _SEPTETS[char])
    except KeyError as error:
        character = error.args[0]
        allowed = "characters of the GSM 7-bit alphabet"
        raise InvalidValueError("text", character, allowed, shown=True) from None


def decode_septets(septets: bytes) -> str:
    """Return the text; an escape before an undefined code gives the default alphabet's character."""
    chars: list[str] = []
    escaped = False
    for septet in septets:
        if septet == ESCAPE and not escaped:
            escaped = True
            continue
        chars.append(EXTENSION.get(septet, ALPHABET[septet]) if escaped else ALPHABET[septet])
        escaped = False
    return "".join(chars)


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Return the septets packed into octets, after `fill_bits` (0 to 6) zero bits."""
    bits = fill_bits
    value = 0
    for position, septet in enumerate(septets):
        value |= septet << (bits + 7 * position)
    bits += 7 * len(septets)
    return value.to_bytes((bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """Return `count` septets from packed octets, skipping `fill_bits` (0 to 6) at their start.

    Raises DecodeError if there are fewer octets than that needs.
    """
    if (7 * count + fill_bits + 7) // 8 > len(octets):
        raise DecodeError("TP-UD", f"has {len(octets)} octets, too few for {count} septets")
    value = int.from_bytes(octets, "little") >> fill_bits
    septets = bytearray(count)
    for position in range(count):
        septets[position] = value & 0x7F
        value >>= 7
    return bytes(septets)
