"""A-XDR data, OBIS codes and times: values worked out by hand, round trips, hostile input."""

from __future__ import annotations

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms.data import MAX_DEPTH, Data, Tag, array, decode_data, encode_data, structure
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.octets import Octets, encode_length
from gsm_meter_bridge.dlms.times import CosemTime, encode_time
from gsm_meter_bridge.errors import DecodeError, InvalidValueError

SIZES = {
    Tag.INTEGER: (-(2**7), 2**7 - 1),
    Tag.BCD: (-(2**7), 2**7 - 1),
    Tag.LONG: (-(2**15), 2**15 - 1),
    Tag.DOUBLE_LONG: (-(2**31), 2**31 - 1),
    Tag.LONG64: (-(2**63), 2**63 - 1),
    Tag.UNSIGNED: (0, 2**8 - 1),
    Tag.ENUM: (0, 2**8 - 1),
    Tag.LONG_UNSIGNED: (0, 2**16 - 1),
    Tag.DOUBLE_LONG_UNSIGNED: (0, 2**32 - 1),
    Tag.LONG64_UNSIGNED: (0, 2**64 - 1),
}
STRINGS = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)
FIXED = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}

simple = st.one_of(
    st.builds(Data, st.sampled_from([Tag.NULL, Tag.DO_NOT_CARE])),
    st.builds(Data, st.just(Tag.BOOLEAN), st.booleans()),
    st.builds(Data, st.just(Tag.BIT_STRING), st.text("01", max_size=40)),
    st.builds(Data, st.just(Tag.FLOAT32), st.floats(width=32, allow_nan=False)),
    st.builds(Data, st.just(Tag.FLOAT64), st.floats(allow_nan=False)),
    *(st.builds(Data, st.just(tag), st.integers(low, high)) for tag, (low, high) in SIZES.items()),
    *(st.builds(Data, st.just(tag), st.binary(max_size=200)) for tag in STRINGS),
    *(st.builds(Data, st.just(tag), st.binary(min_size=n, max_size=n)) for tag, n in FIXED.items()),
)
values = st.recursive(
    simple,
    lambda inner: st.builds(
        Data, st.sampled_from([Tag.ARRAY, Tag.STRUCTURE]), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("00", Data(Tag.NULL)),
        ("0202 0f fd 16 1e", structure(Data(Tag.INTEGER, -3), Data(Tag.ENUM, 30))),
        ("06 00 12 d6 87", Data(Tag.DOUBLE_LONG_UNSIGNED, 1234567)),
        ("09 06 01 00 01 08 00 ff", Data(Tag.OCTET_STRING, bytes((1, 0, 1, 8, 0, 255)))),
        ("01 00", array()),
        ("04 0a a5 40", Data(Tag.BIT_STRING, "1010010101")),
        ("17 3f 80 00 00", Data(Tag.FLOAT32, 1.0)),
        ("03 01", Data(Tag.BOOLEAN, True)),  # noqa: FBT003
    ],
)
def test_value_is_encoded_as_expected_octets_and_decoded(octets: str, value: Data):
    assert decode_data(bytes.fromhex(octets)) == value
    assert encode_data(value) == bytes.fromhex(octets)


@given(values)
def test_value_survives_encoding_and_decoding(value: Data):
    assert decode_data(encode_data(value)) == value


@given(st.binary(max_size=80))
def test_value_decoder_raises_only_decode_error_for_any_octets(octets: bytes):
    with contextlib.suppress(DecodeError):
        value = decode_data(octets)
        assert decode_data(encode_data(value)) == value or "nan" in repr(value)


@pytest.mark.parametrize(
    "octets", ["", "13", "06 00 00", "01 02 00", "09 ff 00", "09 85 00 00 00 00 00", "00 00"]
)
def test_invalid_value_raises_decode_error(octets: str):
    with pytest.raises(DecodeError):
        decode_data(bytes.fromhex(octets))


def test_value_nested_too_deep_raises_decode_error():
    assert decode_data(b"\1\1" * MAX_DEPTH + b"\0").tag is Tag.ARRAY
    with pytest.raises(DecodeError, match="deeper"):
        decode_data(b"\1\1" * 5000 + b"\0")


def test_value_gives_only_what_its_type_has():
    number, text = Data(Tag.UNSIGNED, 7), Data(Tag.VISIBLE_STRING, b"7")
    assert (number.number, number.text, text.text) == (7, "7", "7")
    for value, name in [(number, "octets"), (number, "parts"), (text, "number"), (Data(Tag.NULL), "text")]:
        with pytest.raises(DecodeError):
            getattr(value, name)
    with pytest.raises(TypeError):
        encode_data(Data(Tag.UNSIGNED, b"7"))
    with pytest.raises(OverflowError):
        encode_data(Data(Tag.UNSIGNED, 256))


def test_text_of_russian_meters_is_decoded():
    assert Data(Tag.OCTET_STRING, "Счётчик 208".encode("cp1251") + b"\0\0").text == "Счётчик 208"
    assert Data(Tag.UTF8_STRING, " Счётчик\r\n".encode()).text == "Счётчик"


@given(st.integers(0, 2**32 - 1))
def test_length_survives_encoding_and_decoding(length: int):
    assert Octets(encode_length(length)).length("length") == length


def test_obis_code_is_parsed_and_invalid_one_is_refused():
    assert Obis.parse("1.0.1.8.0") == Obis.parse("1.0.1.8.0.255") == Obis.of(Obis.parse("1.0.1.8.0").data)
    assert str(Obis.parse("0.0.96.1.0")) == "0.0.96.1.0.255"
    for wrong in ("", "1.0.1.8", "1.0.1.8.0.256", "1.0.1.8.0.255.1", "a.0.1.8.0", "1.0.1.8.-1"):
        with pytest.raises(InvalidValueError):
            Obis.parse(wrong)
    with pytest.raises(DecodeError):
        Obis.of(Data(Tag.OCTET_STRING, b"12345"))


MOSCOW = "07ea 0b 15 06 0c1e0f 00 ff4c 00"


def test_time_is_encoded_as_expected_octets_and_decoded():
    """2026-11-21, a Saturday, 12:30:15; deviation -180 minutes."""
    moment = datetime.fromisoformat("2026-11-21T12:30:15")
    assert encode_time(moment, -180) == bytes.fromhex(MOSCOW)
    time = CosemTime.of(Data(Tag.OCTET_STRING, bytes.fromhex(MOSCOW)))
    assert (time.local, time.deviation_min, time.status) == (moment, -180, 0)


@pytest.mark.parametrize(
    ("octets", "local"),
    [
        ("ffff ff ff ff ffffff ff 8000 ff", None),
        ("07ea 02 1e ff 000000 00 8000 00", None),  # 30 February
        ("07ea 0b 15 06 0c1eff ff 8000 00", datetime.fromisoformat("2026-11-21T12:30")),
    ],
)
def test_time_with_open_or_invalid_parts_is_decoded(octets: str, local: datetime | None):
    time = CosemTime.of(Data(Tag.DATE_TIME, bytes.fromhex(octets)))
    assert (time.local, time.deviation_min) == (local, None)


moments = st.datetimes().map(lambda moment: moment.replace(microsecond=moment.microsecond // 10_000 * 10_000))


@given(moments, st.integers(-720, 720), st.integers(0, 255))
def test_time_survives_encoding_and_decoding(moment: datetime, deviation_min: int, status: int):
    octets = encode_time(moment, deviation_min, status)
    assert CosemTime.of(Data(Tag.OCTET_STRING, octets)) == CosemTime(moment, deviation_min, status, octets)


@given(st.binary(max_size=13))
def test_time_decoder_raises_only_decode_error_for_any_octets(octets: bytes):
    with contextlib.suppress(DecodeError):
        assert CosemTime.of(Data(Tag.OCTET_STRING, octets)).octets == octets
