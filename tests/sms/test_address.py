"""Addresses, worked out from 3GPP TS 23.040 clause 9.1.2.5 and 9.1.2.3 (semi-octets)."""

from __future__ import annotations

import re

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms.address import (
    TypeOfNumber,
    decode_smsc,
    decode_value,
    digits_of,
    encode_number,
    encode_sender,
    semi_octets,
    type_of_number,
)


@pytest.mark.parametrize(
    ("type_of_address", "kind"),
    [
        (0x80, TypeOfNumber.UNKNOWN),
        (0x81, TypeOfNumber.UNKNOWN),
        (0x8F, TypeOfNumber.UNKNOWN),  # whatever the numbering plan
        (0x91, TypeOfNumber.INTERNATIONAL),
        (0x11, TypeOfNumber.INTERNATIONAL),  # whatever bit 7 says
        (0xA1, TypeOfNumber.NATIONAL),
        (0xB1, TypeOfNumber.NETWORK_SPECIFIC),
        (0xC1, TypeOfNumber.SUBSCRIBER),
        (0xD0, TypeOfNumber.ALPHANUMERIC),
        (0xE1, TypeOfNumber.ABBREVIATED),
        (0xF1, TypeOfNumber.RESERVED),
    ],
)
def test_type_of_address_has_type_of_number_in_bits_6_to_4(type_of_address: int, kind: TypeOfNumber) -> None:
    assert type_of_number(type_of_address) is kind


@pytest.mark.parametrize(
    ("digits", "octets"),
    [
        ("", ""),
        ("7", "F7"),
        ("79", "97"),
        ("799", "97F9"),
        ("1234567890", "2143658709"),
        ("*#abc0", "BADC0E"),
    ],
)
def test_digits_are_semi_octets_with_the_first_in_the_lower_half(digits: str, octets: str) -> None:
    assert semi_octets(digits).hex().upper() == octets
    assert digits_of(bytes.fromhex(octets)) == digits


def test_digits_end_at_the_first_padding() -> None:
    assert digits_of(bytes.fromhex("21F365")) == "123"
    assert digits_of(bytes.fromhex("2F43")) == ""


@pytest.mark.parametrize(
    ("type_of_address", "octets", "count", "value"),
    [
        (0x91, "9799F9", 5, "+79999"),
        (0x81, "9799F9", 5, "79999"),
        (0xA1, "9799", 4, "7999"),
        (0xC1, "9799", 3, "799"),  # a digit that the length does not count
        (0x91, "", 0, "+"),
        (0xD0, "CCA214", 5, "LE"),  # 5 semi-octets: two septets
        (0xD0, "CCA2740A", 7, "LERS"),
        (0xD0, "4C", 2, "L"),
    ],
)
def test_address_is_decoded_by_its_type(type_of_address: int, octets: str, count: int, value: str) -> None:
    assert decode_value(type_of_address, bytes.fromhex(octets), count) == value


@pytest.mark.parametrize(
    ("number", "field"),
    [
        ("+79990000101", "0B919799000001F1"),
        ("89990000101", "0B819899000001F1"),
        ("1", "0181F1"),
        ("+" + "1" * 20, "1491" + "11" * 10),
        ("*100#", "05811A00FB"),
        ("C1", "02811E"),
    ],
)
def test_number_has_count_type_and_digits(number: str, field: str) -> None:
    assert encode_number(number).hex().upper() == field
    assert encode_sender(number) == encode_number(number)


@pytest.mark.parametrize("number", ["", "+", "1" * 21, "+" + "1" * 21, "1d", "d", "++1", "1+", "٣"])
def test_number_is_refused_if_it_has_other_than_1_to_20_digits(number: str) -> None:
    with pytest.raises(
        InvalidValueError, match=re.escape(f"number: {number!r} is not allowed; expected + and 1 to 20")
    ):
        encode_number(number)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("L", "02D04C"),
        ("LE", "04D0CC22"),
        ("LERS", "07D0CCA2740A"),
        ("ABCDEFGH", "0ED041E19058341E91"),
        ("ABCDEFGHIJK", "14D041E19058341E9149E512"),
    ],
)
def test_name_has_count_of_semi_octets_that_it_needs(name: str, field: str) -> None:
    assert encode_sender(name).hex().upper() == field
    count, kind, octets = bytes.fromhex(field)[0], bytes.fromhex(field)[1], bytes.fromhex(field)[2:]
    assert decode_value(kind, octets, count) == name


@pytest.mark.parametrize("name", ["", "ABCDEFGHIJKL", "ABCDEFGHIJ€", "имя"])
def test_name_is_refused_unless_it_has_1_to_11_septets(name: str) -> None:
    with pytest.raises(
        InvalidValueError, match=f"sender: {name!r} is not allowed; expected a number, or 1 to 11 "
    ):
        encode_sender(name)


@pytest.mark.parametrize(
    ("octets", "number"),
    [
        ("", None),
        ("919799", "+7999"),
        ("819799", "7999"),
        ("A19799", "7999"),
        ("B197", "79"),
        ("119799F9", "+79999"),
    ],
)
def test_service_centre_has_number_by_its_type(octets: str, number: str | None) -> None:
    assert decode_smsc(bytes.fromhex(octets)) == number


def test_service_centre_without_digits_is_refused() -> None:
    with pytest.raises(DecodeError, match="SMSC: has a type but no number"):
        decode_smsc(b"\x91")
