"""The GSM 7-bit alphabet: codes as in 3GPP TS 23.038 clauses 6.2.1 and 6.2.1.1, packing as in 6.1.2.1."""

from __future__ import annotations

import re

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.gsm7 import decode_septets, encode_septets, fits_gsm7, pack, unpack

# Ten characters of the extension table, and some of the alphabet: each corner, and what differs from ASCII.
CODES = [
    ("@", "00"), ("£", "01"), ("$", "02"), ("\n", "0A"), ("\r", "0D"), ("Δ", "10"), ("_", "11"), ("Ξ", "1A"),
    ("Æ", "1C"), ("É", "1F"), (" ", "20"), ("¤", "24"), ("0", "30"), ("?", "3F"), ("¡", "40"), ("A", "41"),
    ("Z", "5A"), ("§", "5F"), ("¿", "60"), ("a", "61"), ("z", "7A"), ("à", "7F"),
    ("\f", "1B0A"), ("^", "1B14"), ("{", "1B28"), ("}", "1B29"), ("\\", "1B2F"), ("[", "1B3C"), ("~", "1B3D"),
    ("]", "1B3E"), ("|", "1B40"), ("€", "1B65"),
]  # fmt: skip


@pytest.mark.parametrize(("character", "septets"), CODES)
def test_gsm7_character_has_code_of_the_table(character: str, septets: str) -> None:
    assert encode_septets(character).hex().upper() == septets
    assert decode_septets(bytes.fromhex(septets)) == character


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        ("1B41", "A"),  # no code of the extension table
        ("1B6565", "€e"),  # an escape is for one code
        ("1B1B65", "\xa0e"),  # an escape for another table, which a receiver without tables shows as a space
        ("41651B", "Ae"),  # an escape at the end
        ("651B65", "e€"),
    ],
)
def test_gsm7_escape_applies_to_next_code_alone(septets: str, text: str) -> None:
    assert decode_septets(bytes.fromhex(septets)) == text


@pytest.mark.parametrize("text", ["ж", "`", "\xa0", "12 ж"])
def test_gsm7_refuses_character_that_it_has_not(text: str) -> None:
    assert not fits_gsm7(text)
    with pytest.raises(InvalidValueError, match=re.escape(f"text: {text[-1]!r} is not allowed")):
        encode_septets(text)


@pytest.mark.parametrize(
    ("septets", "fill_bits", "octets"),
    [
        ("", 0, ""),
        ("7F", 0, "7F"),
        ("7F", 1, "FE"),
        ("7F", 2, "FC01"),
        ("7F", 6, "C01F"),
        ("0102", 0, "0101"),
        ("00" * 7 + "7F", 0, "000000000000FE"),  # eight septets fill seven octets
        ("00" * 7 + "7F", 1, "000000000000FC01"),
    ],
)
def test_septets_are_packed_into_octets(septets: str, fill_bits: int, octets: str) -> None:
    packed = bytes.fromhex(octets)
    assert pack(bytes.fromhex(septets), fill_bits) == packed
    assert unpack(packed, len(septets) // 2, fill_bits).hex().upper() == septets
    if packed:
        with pytest.raises(DecodeError, match=f"TP-UD: has {len(packed) - 1} octets, too few"):
            unpack(packed[:-1], len(septets) // 2, fill_bits)


def test_septets_are_unpacked_without_fill_bits_by_default() -> None:
    assert pack(b"\x7f").hex() == "7f"
    assert unpack(b"\x7f", 1) == b"\x7f"
