"""A device family as a whole, and one module of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gsm_meter_bridge.family.access import Access, Knocks, Read
from gsm_meter_bridge.family.reach import IntroductionReader, Reach
from gsm_meter_bridge.family.request import Outgoing, Reading, Reply, Request, RequestKind
from gsm_meter_bridge.family.table import CodeTable
from gsm_meter_bridge.setting import Setting
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a module can have done.

    `confirm` says why it wants a confirmation, where it does; `tells` names what its messages tell.
    After one that `resets_password`, the access password is the factory's.
    """

    name: str
    title: str
    clause: str
    confirm: str | None = None
    tells: tuple[str, ...] = ()
    resets_password: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that a person sees, and what it means or what helps."""

    sign: str
    clause: str
    words: str


class ConcernKind(StrEnum):
    """How much a concern weighs."""

    WARNING = "warning"
    CONFIRM = "confirm"
    """It may cut the module off: the change must come with `confirm`."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Concern:
    """Something to know about a change before it is sent.

    `certain` is False where it depends on settings of the module that are not known.
    """

    kind: ConcernKind
    setting: str
    words: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.setting}: {self.words}"


class Family(Protocol):
    """A device family; each folder of `families/` offers one as `FAMILY`."""

    id: str
    title: str
    manufacturer: str
    model: str
    default_password: str
    settings: tuple[Setting, ...]
    actions: tuple[Action, ...]
    call: Action | None
    """What its modules do when they are rung, where they do anything."""
    data_calls: bool
    """Whether its modules take data calls (CSD)."""
    lights: tuple[Hint, ...]
    remedies: tuple[Hint, ...]
    knocks: Knocks | None

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return what can be read, in the order in which it is best asked."""
        ...

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        """Return the requests that carry validated `changes`, in the order to send them."""
        ...

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        """Return what the family has to say about validated `changes`, given the settings `known` so far."""
        ...

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        """Return sentences on when and where a module with these settings connects."""
        ...

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        """Return what follows from `values` told by a module, by the manual's own rules."""
        ...

    def away_s(self, request: Request) -> float:
        """Return how many seconds the module does not answer after `request`, because it restarts."""
        ...

    def encode(self, request: Request, access: Access) -> Outgoing:
        """Return the SMS that carries `request`; UnknownNameError for one the family does not have."""
        ...

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        """Return what a message, its `text` or its `octets`, answers; DecodeError for another shape."""
        ...

    def parse_request(self, text: str) -> Request:
        """Return the request that `text` is, as sent after the password (`I`, `APN internet`)."""
        ...

    def introductions(self) -> IntroductionReader | None:
        """Return a reader of what its modules say when they connect; None where they say nothing."""
        ...

    def tables(self) -> tuple[CodeTable, ...]:
        """Return the family's code tables; profiles name them."""
        ...


@dataclass(frozen=True, slots=True)
class Module:
    """A remote device as its owner configured it; `msisdn` is E.164 with `+`."""

    id: str
    name: str
    family: Family
    msisdn: str
    access: Access
    reach: Reach = field(default_factory=Reach)


def timeout_s(module: Module, request: Request) -> float | None:
    """Return how long the reply to `request` is waited for; None as the configuration says."""
    reads = module.family.reads(module.access) if request.kind is RequestKind.READ else ()
    return next((r.timeout_s for r in reads if r.name == request.name), None)


def is_setting(family: Family, name: str) -> bool:
    """Return whether `name` is a setting of the family."""
    return any(setting.match(name) for setting in family.settings)


def setting_of(family: Family, name: str) -> Setting | None:
    """Return the family's setting `name` (`server.0.rule.2` is one of `server.<n>.rule.<x>`), or None."""
    return next((found for s in family.settings if (found := s.named(name)) is not None), None)
