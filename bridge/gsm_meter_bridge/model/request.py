"""A request to a module, its outgoing message, and its reply. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.sms import is_single
from gsm_meter_bridge.vocabulary import MASK, Scalar, is_secret

TOGETHER = "together"
"""The name of a request that carries several commands."""


class RequestKind(StrEnum):
    """Whether a request only reads (and may be repeated), changes settings, or has an action done.

    CALL and ARRIVAL send no message: the bridge makes a voice call, or waits for the module's connection.
    """

    READ = "read"
    WRITE = "write"
    ACTION = "action"
    CALL = "call"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Request:
    """The content of one message to a module; `changes` holds the values of a write by setting name.

    A request with several commands has each of them in `parts`, in their order, and the changes of all.
    """

    kind: RequestKind
    name: str
    changes: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    parts: tuple[Request, ...] = ()

    @classmethod
    def read(cls, name: str) -> Self:
        """Return a request that reads `name`."""
        return cls(RequestKind.READ, name)

    @classmethod
    def write(cls, name: str, changes: Mapping[str, Scalar]) -> Self:
        """Return a request that writes `changes` (setting name to value) with the command `name`."""
        return cls(RequestKind.WRITE, name, MappingProxyType(dict(changes)))

    @classmethod
    def action(cls, name: str) -> Self:
        """Return a request for the action `name`: reboot, connect..."""
        return cls(RequestKind.ACTION, name)

    @classmethod
    def together(cls, requests: Sequence[Request]) -> Request:
        """Return one request that carries all of `requests`; its kind is READ only if all of them read."""
        if len(requests) == 1:
            return requests[0]
        reads = all(request.kind is RequestKind.READ for request in requests)
        changes = {name: value for request in requests for name, value in request.changes.items()}
        kind = RequestKind.READ if reads else RequestKind.WRITE
        return cls(kind, TOGETHER, MappingProxyType(changes), tuple(requests))

    @property
    def each(self) -> tuple[Request, ...]:
        """The single requests that it carries: its parts, or itself."""
        return self.parts or (self,)


SINGLE = (
    "what fits one SMS, with the password: at most 160 characters, of which [ ] { } \\ ^ ~ | and the euro "
    "sign count twice, or 70 where one is outside of the GSM alphabet"
)
"""The capacity of one SMS, for modules without concatenated messages (3GPP TS 23.038)."""


@dataclass(frozen=True, slots=True)
class SmsText:
    """A text to send; `masked` is the same text with its secrets masked, the only form that is shown."""

    text: str = field(repr=False)
    masked: str

    @classmethod
    def single(cls, text: str, masked: str) -> Self:
        """Return a text that fits into one SMS; InvalidValueError if it is longer."""
        if not is_single(text):
            raise InvalidValueError("sms", text, SINGLE)
        return cls(text, masked)


@dataclass(frozen=True, slots=True)
class SmsData:
    """Bytes to send with a data coding scheme (TP-DCS); `masked` is a text that describes them."""

    octets: bytes = field(repr=False)
    masked: str
    dcs: int


Outgoing = SmsText | SmsData
"""The content of the SMS of one request."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value out of a reply; `raw` is the code or text that it was decoded from, if that differs."""

    name: str
    value: Scalar | None
    raw: str | None = None

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return is_secret(self.name)

    @property
    def shown(self) -> Scalar | None:
        """The value as it may be shown: of a secret, only whether one is set."""
        return MASK if self.secret and self.value else self.value


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that carries out the request; `readings` is empty if a write is only acknowledged.

    `away_s`, if the reply contains it, is how many seconds the module will not answer from now on.
    `unanswered` are those of several reads in one message that the reply does not answer: they are sent
    again, each alone. `note` says what stays unknown although the request was carried out.
    """

    readings: tuple[Reading, ...]
    raw: str
    away_s: float | None = None
    unanswered: tuple[Request, ...] = ()
    note: str | None = None

    def values(self) -> dict[str, Scalar | None]:
        """Return name to value."""
        return {r.name: r.value for r in self.readings}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that refuses the request: `code` is stable, `message` is a text for users.

    `partial`: some of the message's commands may have been carried out.
    """

    code: str
    message: str
    raw: str
    readings: tuple[Reading, ...] = ()
    partial: bool = False

    def values(self) -> dict[str, Scalar | None]:
        """Return name to value."""
        return {r.name: r.value for r in self.readings}


Reply = Answer | Refusal
