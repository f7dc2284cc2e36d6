"""User data: alphabets, headers, parts (3GPP TS 23.040 clause 9.2.3.24, TS 23.038 clause 4)."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms import Alphabet, Concatenation, UserData, join_octets, join_parts
from gsm_meter_bridge.sms.user_data import alphabet_of, decode_user_data

GSM7, DATA, UCS2 = 0x00, 0x04, 0x08


@pytest.mark.parametrize(
    ("schemes", "alphabet"),
    [
        ((0x00, 0x03, 0x10, 0x1C, 0x40, 0x50, 0x0C), Alphabet.GSM7),
        ((0x04, 0x07, 0x14, 0x17, 0x44, 0x54), Alphabet.DATA),
        ((0x08, 0x0B, 0x18, 0x48, 0x58), Alphabet.UCS2),
        ((0x80, 0x84, 0x88, 0x94, 0xA4, 0xB4, 0xBF), Alphabet.GSM7),  # reserved
        ((0xC0, 0xC8, 0xCF, 0xD0, 0xD4, 0xDF), Alphabet.GSM7),  # a message waits
        ((0xE0, 0xE4, 0xE8, 0xEF), Alphabet.UCS2),  # a message waits
        ((0xF0, 0xF3, 0xF8), Alphabet.GSM7),
        ((0xF4, 0xF5, 0xFC), Alphabet.DATA),
    ],
)
def test_data_coding_scheme_names_alphabet(schemes: tuple[int, ...], alphabet: Alphabet) -> None:
    assert [(hex(dcs), alphabet_of(dcs)) for dcs in schemes] == [(hex(dcs), alphabet) for dcs in schemes]


@pytest.mark.parametrize("dcs", [0x20, 0x24, 0x3F, 0x60, 0x7F])
def test_compressed_text_is_refused(dcs: int) -> None:
    with pytest.raises(DecodeError, match=f"TP-DCS: 0x{dcs:02X} names compressed text"):
        alphabet_of(dcs)


# A text of each alphabet without a header: TP-DCS, TP-UDL, TP-UD, text.
@pytest.mark.parametrize(
    ("dcs", "length", "octets", "text"),
    [
        (GSM7, 0, "", ""),
        (GSM7, 1, "41", "A"),
        (GSM7, 2, "4121", "AB"),
        (GSM7, 8, "41E19058341E91", "ABCDEFGH"),
        (GSM7, 9, "41E19058341E9149", "ABCDEFGHI"),
        (UCS2, 4, "04160041", "ЖA"),
        (UCS2, 3, "041604", "Ж"),  # half a character at the end
        (UCS2, 2, "D83D", "\ufffd"),
        (DATA, 3, "04160A", None),
    ],
)
def test_user_data_has_text_of_its_alphabet(dcs: int, length: int, octets: str, text: str | None) -> None:
    """TP-UDL counts septets, or octets; what comes after is ignored, and what is missing is an error."""
    received = bytes.fromhex(octets)
    for more in (b"", b"\xff\xff"):
        data = decode_user_data(dcs, length, received + more, has_header=False)
        assert data == UserData(alphabet_of(dcs), text, received, None, (), dcs)
    if received:
        with pytest.raises(
            DecodeError, match=f"TP-UD: has {len(received) - 1} octets where TP-UDL {length} asks for"
        ):
            decode_user_data(dcs, length, received[:-1], has_header=False)


# TP-DCS, TP-UDL, TP-UD with a header, the text after it, the octets after it.
@pytest.mark.parametrize(
    ("dcs", "length", "octets", "text", "rest"),
    [
        (GSM7, 8, "05000307020182", "A", "82"),  # 6 octets are 48 bits: one fill bit, then the eighth septet
        (GSM7, 9, "060804012C020141", "A", "41"),  # 7 octets are 56 bits: no fill bit
        (GSM7, 5, "0270001004", "A", "1004"),  # 3 octets are 24 bits: four fill bits, then the fifth septet
        (UCS2, 8, "0500030702010041", "A", "0041"),
        (DATA, 8, "050003070201FF41", None, "FF41"),
        (GSM7, 7, "060804012C0201", "", ""),  # counted without the last bit of the header
        (GSM7, 7, "05000307020100", "", "00"),  # nothing after the fill bit
    ],
)
def test_user_data_follows_header(dcs: int, length: int, octets: str, text: str | None, rest: str) -> None:
    data = decode_user_data(dcs, length, bytes.fromhex(octets), has_header=True)
    assert (data.text, data.data.hex().upper()) == (text, rest)


@pytest.mark.parametrize(
    ("header", "elements", "concatenation"),
    [
        ("00", [], None),
        ("05 0003 07 02 01", [(0, "070201")], Concatenation(7, 2, 1, wide=False)),
        ("06 0804 012C 03 03", [(8, "012c0303")], Concatenation(300, 3, 3, wide=True)),
        ("05 0003 07 02 02", [(0, "070202")], Concatenation(7, 2, 2)),
        ("05 0003 07 01 01", [(0, "070101")], Concatenation(7, 1, 1)),
        ("05 0003 07 02 03", [(0, "070203")], None),  # the third of two
        ("05 0003 07 02 00", [(0, "070200")], None),
        ("05 0003 07 00 00", [(0, "070000")], None),
        ("06 0004 00 07 02 01", [(0, "00070201")], None),  # no element has that form
        ("05 0803 07 02 01", [(8, "070201")], None),
        ("05 0103 07 02 01", [(1, "070201")], None),
        ("06 0504 0B84 0000", [(5, "0b840000")], None),  # ports
        ("0A 0003 07 02 03 0003 08 02 01", [(0, "070203"), (0, "080201")], Concatenation(8, 2, 1)),
        ("07 2400 0003 07 02 01", [(0x24, ""), (0, "070201")], Concatenation(7, 2, 1)),
    ],
)
def test_header_is_split_into_elements(
    header: str, elements: list[tuple[int, str]], concatenation: Concatenation | None
) -> None:
    octets = bytes.fromhex(header)
    data = decode_user_data(DATA, len(octets) + 1, octets + b"!", has_header=True)
    assert [(identifier, value.hex()) for identifier, value in data.headers] == elements
    assert data.concatenation == concatenation
    assert data.data == b"!"


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        ("05000307", "TP-UDH: is said to have 6 octets of 4"),
        ("04000307", "TP-UDH: is said to have 5 octets of 4"),
        ("0100", "TP-UDH: ends inside an element"),
        ("022401", "TP-UDH: ends inside an element"),
        ("03000307", "TP-UDH: ends inside an element"),
        ("0424010024", "TP-UDH: ends inside an element"),
    ],
)
def test_header_that_does_not_fit_is_refused(octets: str, error: str) -> None:
    received = bytes.fromhex(octets)
    with pytest.raises(DecodeError, match=error):
        decode_user_data(DATA, len(received), received, has_header=True)


def test_header_is_not_looked_for_in_no_octets() -> None:
    assert decode_user_data(GSM7, 0, b"", has_header=True).text == ""


def _part(sequence: int, total: int, text: str | None = "x") -> UserData:
    octets = bytes((0x30 + sequence,))
    return UserData(Alphabet.DATA, text, octets, Concatenation(1, total, sequence), (), DATA)


def test_parts_are_joined_in_the_order_of_their_numbers() -> None:
    parts = [_part(3, 3, "c"), _part(1, 3, "a"), _part(2, 3, "b"), _part(1, 3, "a")]
    assert (join_parts(parts), join_octets(parts)) == ("abc", b"123")
    whole = UserData(Alphabet.DATA, "x", b"0", None, (), DATA)
    assert (join_parts([whole]), join_octets([whole])) == ("x", b"0")


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([], "parts: missing: 1 of 1"),
        ([_part(1, 3)], "parts: missing: 2, 3 of 3"),
        ([_part(2, 2)], "parts: missing: 1 of 2"),
        ([_part(1, 2), _part(2, 2, None)], "parts: data, not text"),
    ],
)
def test_parts_are_joined_only_if_all_are_texts_and_there(parts: list[UserData], error: str) -> None:
    with pytest.raises(DecodeError, match=error):
        join_parts(parts)
