"""What is asked of a module, in what form it goes, and what comes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from gsm_meter_bridge.vocabulary import MASK, OBSERVABLES, Scalar


class RequestKind(StrEnum):
    """Whether a request only reads (and may be repeated), changes settings, or has something done.

    CALL is no message: the module is rung.
    """

    READ = "read"
    WRITE = "write"
    ACTION = "action"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Request:
    """What one message asks of one module; `changes` holds the values of a write by setting name."""

    kind: RequestKind
    name: str
    changes: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}), repr=False)

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
        """Return a request that has `name` done: reboot, connect..."""
        return cls(RequestKind.ACTION, name)


@dataclass(frozen=True, slots=True)
class SmsText:
    """A text to send; `masked` is the same with its secrets hidden, the only form that is shown."""

    text: str = field(repr=False)
    masked: str


@dataclass(frozen=True, slots=True)
class SmsData:
    """Octets to send under a data coding scheme (TP-DCS); `masked` says what they are."""

    octets: bytes = field(repr=False)
    masked: str
    dcs: int


Outgoing = SmsText | SmsData
"""What one request puts into one SMS."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value out of a reply; `raw` is the code or text it was decoded from where that differs."""

    name: str
    value: Scalar | None
    raw: str | None = None

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self.name in OBSERVABLES and OBSERVABLES[self.name].secret

    @property
    def shown(self) -> Scalar | None:
        """The value as it may be shown: of a secret, only that there is one."""
        return MASK if self.secret and self.value else self.value


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that does what was asked; `readings` is empty where a write is only acknowledged.

    `away_s`, where a reply tells it, is how long the module will not answer from now on.
    """

    readings: tuple[Reading, ...]
    raw: str
    away_s: float | None = None

    def values(self) -> dict[str, Scalar | None]:
        """Return name to value."""
        return {r.name: r.value for r in self.readings}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that says no: `code` is stable, `words` are for a person."""

    code: str
    words: str
    raw: str
    readings: tuple[Reading, ...] = ()


Reply = Answer | Refusal
