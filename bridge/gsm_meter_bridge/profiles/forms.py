"""Contents of a checked profile: requests, the shapes of their replies, fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, UnknownNameError
from gsm_meter_bridge.model import (
    SMS,
    Answer,
    CodeTable,
    Outgoing,
    Read,
    Reading,
    Reply,
    Request,
    SmsData,
    SmsText,
)
from gsm_meter_bridge.profiles.frame import ParameterFrame
from gsm_meter_bridge.vocabulary import MASK, UNKNOWN, Observable, Secret

_SHOWN = 100
"""Characters of a line, or of a pattern, that an error message quotes."""

_LINE_END = re.compile(r"(?<!\[\^)\\n\s*")
"""Separator between the patterns of two lines."""
_LOOK_AROUND = re.compile(r"\(\?<?[=!](?:[^()]|\([^()]*\))*\)")

PASSWORD = "{password}"  # noqa: S105  the place for it


def _text_of(octets: bytes) -> str:
    return octets.partition(b"\0")[0].decode("ascii")


FIELD_TYPES: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "uint": lambda octets: str(int.from_bytes(octets)),
        "uint_le": lambda octets: str(int.from_bytes(octets, "little")),
        "int": lambda octets: str(int.from_bytes(octets, signed=True)),
        "int_le": lambda octets: str(int.from_bytes(octets, "little", signed=True)),
        "hex": lambda octets: octets.hex().upper(),
        "bcd": lambda octets: octets.hex().upper().rstrip("F"),
        "ascii": _text_of,
        "ipv4": lambda octets: ".".join(map(str, octets)),
    }
)
"""How bytes become the text that a field reads; `bcd` has its digits in order and F as filler."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a reply, and how its text is converted.

    With `shift`, the text is a hexadecimal byte, and `width` bits from bit `shift` up are the code.
    """

    observable: Observable
    table: CodeTable | None = None
    shift: int | None = None
    width: int = 1

    def reading(self, text: str) -> Reading:
        """Return the reading that `text` gives; a text that is no value of its kind stays raw.

        Such a reading is `unknown` for a value of an enumeration, and None for a number or a flag.
        """
        reading = self._read(text)
        if reading.value is None or self.observable.takes(reading.value):
            return reading
        value = UNKNOWN if self.observable.kind == "enum" else None
        return Reading(self.observable.name, value, text if reading.raw is None else reading.raw)

    def _read(self, text: str) -> Reading:
        if self.shift is None:
            return self._of_code(text)
        code = int(text, 16) >> self.shift & (1 << self.width) - 1
        if self.width == 1 and self.table is None:
            return Reading(self.observable.name, bool(code), text)
        return self._of_code(str(code))

    def _of_code(self, code: str) -> Reading:
        if self.table is not None:
            return self.table.reading(self.observable.name, code)
        if self.observable.kind == "integer":
            number = int(code) if re.fullmatch(r"[+-]?[0-9]{1,9}", code) else None
            return Reading(self.observable.name, number, code)
        if self.observable.kind == "energy" and re.fullmatch(r"[0-9]{1,9}(?:[.][0-9]{1,9})?", code):
            return Reading(self.observable.name, float(code), code)
        return Reading(self.observable.name, code)


@dataclass(frozen=True, slots=True)
class TextReply:
    """A text reply: its pattern must match the whole text; each field is a named group."""

    pattern: re.Pattern[str]
    fields: tuple[tuple[str, Field], ...]

    def readings(self, text: str, _octets: bytes) -> tuple[Reading, ...]:
        """Return the readings in the reply; DecodeError if the pattern does not match all of it."""
        found = self.pattern.fullmatch(normalised(text))
        if found is None:
            raise DecodeError("reply", "does not have the expected form")
        groups = found.groupdict()
        return tuple(f.reading(groups[group]) for group, f in self.fields if groups[group] is not None)

    def difference(self, text: str, _octets: bytes = b"") -> str:
        """Return a text that describes where a reply that does not match begins to differ."""
        lines = normalised(text).split("\n")
        pieces = _LINE_END.split(self.pattern.pattern)
        fitting = 0
        for count in range(1, len(pieces) + 1):
            try:
                begins = re.compile(r"\n".join(pieces[:count]), re.VERBOSE | re.ASCII)
            except re.error:
                continue  # a line end inside a group
            if begins.match("\n".join(lines)):
                fitting = count
        if fitting >= len(pieces):
            return (
                f"there is more than the pattern takes, from line {fitting} on: {_cut(lines[fitting - 1])!r}"
            )
        shown = _LOOK_AROUND.sub("", pieces[fitting].strip())
        wanted = f"line {fitting + 1} is to match {_cut(shown)}"
        if fitting >= len(lines):
            return f"it ends after line {len(lines)}; {wanted}"
        return f"{wanted}, and is {_cut(lines[fitting])!r}"


@dataclass(frozen=True, slots=True)
class Octets:
    """Where a field's bytes are in a reply (`length` None: up to its end), and their type."""

    offset: int
    length: int | None
    type: str

    @property
    def end(self) -> int | None:
        """The offset of the first byte after them."""
        return None if self.length is None else self.offset + self.length


@dataclass(frozen=True, slots=True)
class BytesReply:
    """A binary reply: how it starts, its length in bytes (None: any), and where its fields are."""

    starts: bytes
    length: int | None
    fields: tuple[tuple[Octets, Field], ...]

    def readings(self, _text: str, octets: bytes) -> tuple[Reading, ...]:
        """Return the readings in the reply; DecodeError if its start or length is not as expected."""
        if not octets.startswith(self.starts) or self.length not in (None, len(octets)):
            raise DecodeError("reply", "does not have the expected start and length")
        return tuple(field.reading(self._text(place, octets)) for place, field in self.fields)

    def difference(self, _text: str, octets: bytes) -> str:
        """Return a text that describes how a reply that does not match differs."""
        if not octets.startswith(self.starts):
            begins = octets[: len(self.starts)].hex(" ")
            return f"it starts with {begins or 'nothing'}, not with {self.starts.hex(' ')}"
        if self.length not in (None, len(octets)):
            return f"it has {len(octets)} octets, not {self.length}"
        try:
            self.readings("", octets)
        except DecodeError as error:
            return str(error)
        return "it cannot be read"

    @staticmethod
    def _text(place: Octets, octets: bytes) -> str:
        if len(octets) < (place.end or place.offset):
            raise DecodeError("reply", f"ends before octet {place.end or place.offset}", len(octets))
        try:
            return FIELD_TYPES[place.type](octets[place.offset : place.end])
        except UnicodeDecodeError as error:
            raise DecodeError("reply", "is not ASCII", place.offset) from error


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """How one request is sent, and the shape of its reply.

    `sends` is a text or, with `dcs` (TP-DCS), bytes in hexadecimal; PASSWORD stands for the access password.
    `transport` carries it; `timeout_s` limits the wait for its reply (None: as for other requests).
    """

    name: str
    sends: str
    dcs: int | None
    reply: TextReply | BytesReply
    volatile: bool = False
    transport: str = SMS
    timeout_s: float | None = None

    @property
    def yields(self) -> tuple[str, ...]:
        """Names of the values that its reply contains."""
        return tuple(dict.fromkeys(field.observable.name for _, field in self.reply.fields))

    def encode(self, password: Secret) -> Outgoing:
        """Return the message to send."""
        shown = self.sends.replace(PASSWORD, MASK)
        if self.dcs is None:
            return SmsText(self.sends.replace(PASSWORD, password.reveal()), shown)
        parts = (bytes.fromhex(part) for part in self.sends.split(PASSWORD))
        return SmsData(password.reveal().encode("ascii").join(parts), shown, self.dcs)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A checked profile; see `family.RequestFormat`. `frame` carries settings, if the profile has one."""

    name: str
    family: str
    verified: bool
    provenance: str
    requests: Mapping[str, ProfileRequest]
    frame: ParameterFrame | None = None
    verified_with: str | None = None
    """When it was verified, and on which device."""

    def reads(self, transport: str = SMS) -> tuple[Read, ...]:
        """Return the requests that `transport` carries, in the file's order."""
        return tuple(
            Read(r.name, r.yields, f"profile {self.name}", r.volatile, timeout_s=r.timeout_s)
            for r in self.requests.values()
            if r.transport == transport
        )

    def parse(self, text: str) -> Request | None:
        """Return the request for `text`, as sent after the password; None if the profile does not have it."""
        asked = text.strip().upper()
        for request in self.requests.values():
            if asked in (request.name.upper(), request.sends.removeprefix(PASSWORD).strip().upper()):
                return Request.read(request.name)
        return None

    def encode(self, request: Request, password: Secret) -> Outgoing:
        """Return the message of `request`; UnknownNameError if the profile does not have it."""
        return self._request(request).encode(password)

    def decode(self, request: Request, text: str, octets: bytes = b"") -> Reply:
        """Return what a message, its `text` or its `octets`, answers; DecodeError if its shape is another."""
        reply = self._request(request).reply
        readings = reply.readings(text, octets)
        return Answer(readings, octets.hex().upper() if isinstance(reply, BytesReply) else text)

    def _request(self, request: Request) -> ProfileRequest:
        try:
            return self.requests[request.name]
        except KeyError:
            raise UnknownNameError(f"request of profile {self.name}", request.name, self.requests) from None


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def normalised(text: str) -> str:
    """Return a reply as patterns expect it: lines end in LF, without blanks around them."""
    return "\n".join(
        line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    )
