"""What a profile holds once it is checked: requests, the shapes of their replies, fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError, UnknownNameError
from gsm_meter_bridge.family import (
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
from gsm_meter_bridge.profile.frame import ParameterFrame
from gsm_meter_bridge.vocabulary import MASK, OBSERVABLES, Secret

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
"""How octets become the text that a field reads; `bcd` has its digits in order and F as filler."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a reply: what its text becomes.

    With `shift`, the text is a hexadecimal octet and `width` bits from bit `shift` up are the code.
    """

    observable: str
    table: CodeTable | None = None
    shift: int | None = None
    width: int = 1

    def reading(self, text: str) -> Reading:
        """Return the reading that `text` gives; a text that is no number where one is due stays raw."""
        if self.shift is None:
            return self._of_code(text)
        code = int(text, 16) >> self.shift & (1 << self.width) - 1
        if self.width == 1 and self.table is None:
            return Reading(self.observable, bool(code), text)
        return self._of_code(str(code))

    def _of_code(self, code: str) -> Reading:
        if self.table is not None:
            return self.table.reading(self.observable, code)
        if OBSERVABLES[self.observable].kind == "integer":
            number = int(code) if re.fullmatch(r"[+-]?\d{1,9}", code) else None
            return Reading(self.observable, number, code)
        return Reading(self.observable, code)


@dataclass(frozen=True, slots=True)
class TextReply:
    """A reply in words: the whole of it must match; each field is a named group."""

    pattern: re.Pattern[str]
    fields: tuple[tuple[str, Field], ...]

    def readings(self, text: str, _octets: bytes) -> tuple[Reading, ...]:
        """Return what the reply says; DecodeError where the pattern does not match it all."""
        found = self.pattern.fullmatch(_normalise(text))
        if found is None:
            raise DecodeError("reply", "does not have the expected form")
        groups = found.groupdict()
        return tuple(f.reading(groups[group]) for group, f in self.fields if groups[group] is not None)


@dataclass(frozen=True, slots=True)
class Octets:
    """Where a field's octets are in a reply (`length` None: up to its end) and of which type they are."""

    offset: int
    length: int | None
    type: str

    @property
    def end(self) -> int | None:
        """The offset behind them."""
        return None if self.length is None else self.offset + self.length


@dataclass(frozen=True, slots=True)
class BytesReply:
    """A reply in octets: how it starts, how long it is (None: as it may be), and where its fields are."""

    starts: bytes
    length: int | None
    fields: tuple[tuple[Octets, Field], ...]

    def readings(self, _text: str, octets: bytes) -> tuple[Reading, ...]:
        """Return what the reply says; DecodeError where it starts otherwise or has another length."""
        if not octets.startswith(self.starts) or self.length not in (None, len(octets)):
            raise DecodeError("reply", "does not have the expected start and length")
        return tuple(field.reading(self._text(place, octets)) for place, field in self.fields)

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
    """How one request is sent and what its reply looks like.

    `sends` is a text or, with `dcs` (TP-DCS), octets in hexadecimal; PASSWORD stands for the access password.
    `delivery` is the way it goes; `timeout_s` how long its reply is waited for, None as for any other.
    """

    name: str
    sends: str
    dcs: int | None
    reply: TextReply | BytesReply
    volatile: bool = False
    delivery: str = SMS
    timeout_s: float | None = None

    @property
    def yields(self) -> tuple[str, ...]:
        """Names of the values that its reply tells."""
        return tuple(dict.fromkeys(field.observable for _, field in self.reply.fields))

    def encode(self, password: Secret) -> Outgoing:
        """Return the message to send."""
        shown = self.sends.replace(PASSWORD, MASK)
        if self.dcs is None:
            return SmsText(self.sends.replace(PASSWORD, password.reveal()), shown)
        parts = (bytes.fromhex(part) for part in self.sends.split(PASSWORD))
        return SmsData(password.reveal().encode("ascii").join(parts), shown, self.dcs)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A checked profile; see `family.RequestFormat`. `frame` carries settings, where it has one."""

    name: str
    family: str
    verified: bool
    provenance: str
    requests: Mapping[str, ProfileRequest]
    frame: ParameterFrame | None = None

    def reads(self, delivery: str = SMS) -> tuple[Read, ...]:
        """Return those requests that go by `delivery`, in the file's order."""
        return tuple(
            Read(r.name, r.yields, f"profile {self.name}", r.volatile, timeout_s=r.timeout_s)
            for r in self.requests.values()
            if r.delivery == delivery
        )

    def parse(self, text: str) -> Request | None:
        """Return the request that `text`, as sent after the password, is; None where it is none of these."""
        words = text.strip().upper()
        for request in self.requests.values():
            if words in (request.name.upper(), request.sends.removeprefix(PASSWORD).strip().upper()):
                return Request.read(request.name)
        return None

    def encode(self, request: Request, password: Secret) -> Outgoing:
        """Return the message of `request`; UnknownNameError where the profile does not have it."""
        return self._request(request).encode(password)

    def decode(self, request: Request, text: str, octets: bytes = b"") -> Reply:
        """Return what a message, its `text` or its `octets`, answers; DecodeError for another shape."""
        reply = self._request(request).reply
        readings = reply.readings(text, octets)
        return Answer(readings, octets.hex().upper() if isinstance(reply, BytesReply) else text)

    def _request(self, request: Request) -> ProfileRequest:
        try:
            return self.requests[request.name]
        except KeyError:
            raise UnknownNameError(f"request of profile {self.name}", request.name, self.requests) from None


def _normalise(text: str) -> str:
    return "\n".join(
        line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    )
