"""A-XDR data: the types of COSEM attributes (IEC 62056-62 clause 4.1.5, IEC 61334-6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from gsm_meter_bridge.dlms.octets import Octets, encode_length
from gsm_meter_bridge.errors import DecodeError

MAX_DEPTH = 16
"""How deep arrays and structures may nest; object lists need 6."""


class Tag(IntEnum):
    """Type tags that can be decoded."""

    NULL = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    UTF8_STRING = 12
    BCD = 13
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    FLOAT32 = 23
    FLOAT64 = 24
    DATE_TIME = 25
    DATE = 26
    TIME = 27
    DO_NOT_CARE = 255


_NUMBERS = {
    Tag.DOUBLE_LONG: (4, True),
    Tag.DOUBLE_LONG_UNSIGNED: (4, False),
    Tag.BCD: (1, True),
    Tag.INTEGER: (1, True),
    Tag.LONG: (2, True),
    Tag.UNSIGNED: (1, False),
    Tag.LONG_UNSIGNED: (2, False),
    Tag.LONG64: (8, True),
    Tag.LONG64_UNSIGNED: (8, False),
    Tag.ENUM: (1, False),
}
"""Size in octets and sign of the integer types."""

_STRINGS = (Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING)
_FIXED = {Tag.DATE_TIME: 12, Tag.DATE: 5, Tag.TIME: 4}
_FLOATS = {Tag.FLOAT32: ">f", Tag.FLOAT64: ">d"}

Value = None | bool | int | float | str | bytes | tuple["Data", ...]
"""None for null and don't-care; str of '0' and '1' for a bit string; bytes for strings and times, as sent."""


@dataclass(frozen=True, slots=True)
class Data:
    """A value with the type that it was sent as."""

    tag: Tag
    value: Value = None

    @property
    def parts(self) -> tuple[Data, ...]:
        """The elements of an array or structure; DecodeError of any other type."""
        if not isinstance(self.value, tuple):
            raise DecodeError("data", f"is {self.tag.name}, not an array or structure")
        return self.value

    @property
    def number(self) -> int:
        """The value of an integer or enum type; DecodeError of any other type."""
        if not isinstance(self.value, int) or self.tag not in _NUMBERS:
            raise DecodeError("data", f"is {self.tag.name}, not an integer")
        return self.value

    @property
    def is_all_ones(self) -> bool:
        """Whether it is the largest number of its type, which meters send for a missing value."""
        size, signed = _NUMBERS.get(self.tag, (0, False))
        return bool(size) and self.value == (1 << 8 * size - signed) - 1

    @property
    def octets(self) -> bytes:
        """The octets of a string or time; DecodeError of any other type."""
        if not isinstance(self.value, bytes):
            raise DecodeError("data", f"is {self.tag.name}, not a string")
        return self.value

    @property
    def text(self) -> str:
        """A string or number as text: UTF-8, else Windows-1251, as Russian meters encode names (SPODES).

        Zeros and blanks around the text and unprintable characters are removed. DecodeError of any other
        type.
        """
        if isinstance(self.value, int) and self.tag in _NUMBERS:
            return str(self.value)
        try:
            text = self.octets.decode("utf-8")
        except UnicodeDecodeError:
            text = self.octets.decode("cp1251", "replace")
        return "".join(c for c in text if c.isprintable()).strip()


def structure(*parts: Data) -> Data:
    """Return a structure of `parts`."""
    return Data(Tag.STRUCTURE, parts)


def array(*parts: Data) -> Data:
    """Return an array of `parts`."""
    return Data(Tag.ARRAY, parts)


def decode_data(octets: bytes) -> Data:
    """Return the one value that `octets` encode; raises only DecodeError."""
    taken = Octets(octets)
    value = take_data(taken)
    taken.end("data")
    return value


def take_data(octets: Octets, depth: int = 0) -> Data:
    """Return the value that comes next."""
    if depth > MAX_DEPTH:
        raise DecodeError("data", f"is nested deeper than {MAX_DEPTH}", octets.at)
    number = octets.octet("data type")
    try:
        tag = Tag(number)
    except ValueError as error:
        raise DecodeError("data type", f"{number} is not known", octets.at - 1) from error
    return Data(tag, _take_value(octets, tag, depth))


def _take_value(octets: Octets, tag: Tag, depth: int) -> Value:
    name = tag.name
    if tag in (Tag.ARRAY, Tag.STRUCTURE):
        return tuple(take_data(octets, depth + 1) for _ in range(octets.length(name)))
    if tag in _NUMBERS:
        size, signed = _NUMBERS[tag]
        return octets.number(size, name, signed=signed)
    if tag in _STRINGS:
        return octets.take(octets.length(name), name)
    if tag in _FIXED:
        return octets.take(_FIXED[tag], name)
    if tag in _FLOATS:
        form = _FLOATS[tag]
        (value,) = struct.unpack(form, octets.take(struct.calcsize(form), name))
        return float(value)
    if tag is Tag.BOOLEAN:
        return octets.octet(name) != 0
    if tag is Tag.BIT_STRING:
        return _take_bits(octets)
    return None


def _take_bits(octets: Octets) -> str:
    count = octets.length("BIT_STRING")
    taken = octets.take((count + 7) // 8, "BIT_STRING")
    return "".join(f"{octet:08b}" for octet in taken)[:count]


def encode_data(data: Data) -> bytes:
    """Return the octets of a value; raises OverflowError or TypeError if its type cannot hold it."""
    return bytes((data.tag,)) + _encode_value(data)


def _encode_value(data: Data) -> bytes:
    tag, value = data.tag, data.value
    match value:
        case tuple():
            return encode_length(len(value)) + b"".join(map(encode_data, value))
        case bool() if tag is Tag.BOOLEAN:
            return bytes((value,))
        case int() if tag in _NUMBERS:
            size, signed = _NUMBERS[tag]
            return value.to_bytes(size, signed=signed)
        case float() if tag in _FLOATS:
            return struct.pack(_FLOATS[tag], value)
        case str() if tag is Tag.BIT_STRING:
            padded = value.ljust((len(value) + 7) // 8 * 8, "0")
            return encode_length(len(value)) + bytes(
                int(padded[i : i + 8], 2) for i in range(0, len(padded), 8)
            )
        case bytes() if tag in _STRINGS:
            return encode_length(len(value)) + value
        case bytes() if len(value) == _FIXED.get(tag):
            return value
        case None if tag in (Tag.NULL, Tag.DO_NOT_CARE):
            return b""
        case _:
            raise TypeError(f"{tag.name} cannot hold {type(value).__name__}")
