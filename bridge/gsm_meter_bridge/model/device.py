"""A device family as a whole, and one module of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gsm_meter_bridge.model.access import Access, PasswordProbe, Read
from gsm_meter_bridge.model.connectivity import Connectivity, IdentificationReader
from gsm_meter_bridge.model.facts import Known
from gsm_meter_bridge.model.password import PasswordRule
from gsm_meter_bridge.model.request import Outgoing, Reading, Reply, Request, RequestKind
from gsm_meter_bridge.model.setting import Setting
from gsm_meter_bridge.model.shape import Shape
from gsm_meter_bridge.model.table import CodeTable
from gsm_meter_bridge.translations import Catalogues
from gsm_meter_bridge.vocabulary import OBSERVABLES, Observable, Scalar


@dataclass(frozen=True, slots=True)
class Action:
    """An action that a module can carry out.

    `confirm` is the reason why it needs a confirmation, if it does; `yields` has the names of the values that
    its replies report. One that `resets_password` sets the access password to the factory's; after one that
    `connects`, the module connects to a server. `icon` is that of its button in Home Assistant.
    """

    name: str
    title: str
    clause: str
    confirm: str | None = None
    yields: tuple[str, ...] = ()
    resets_password: bool = False
    connects: bool = False
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that a user can observe, and what it means or what helps."""

    sign: str
    clause: str
    advice: str


class ConcernKind(StrEnum):
    """The severity of a concern."""

    WARNING = "warning"
    CONFIRM = "confirm"
    """It may make the module unreachable: the change must come with `confirm`."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Concern:
    """A warning about a change, or a reason to reject it, before it is sent.

    `certain` is False if it depends on settings of the module that are not known.
    """

    kind: ConcernKind
    setting: str
    message: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.setting}: {self.message}"


class Family(Protocol):
    """A device family; each folder of `families/` defines one as `FAMILY`."""

    id: str
    title: str
    manufacturer: str
    model: str
    models: tuple[str, ...]
    """The models of its modules; `model` is the one assumed if it is not configured."""
    default_password: str
    password_rule: PasswordRule
    settings: tuple[Setting, ...]
    observables: tuple[Observable, ...]
    """The observables that only its modules report, in addition to `vocabulary.OBSERVABLES`."""
    translations: Catalogues
    """The translations of its own names and values, by language."""
    actions: tuple[Action, ...]
    call: Action | None
    """What its modules do on a voice call; None if nothing."""
    data_calls: bool
    """Whether its modules take data calls (CSD)."""
    lights: tuple[Hint, ...]
    remedies: tuple[Hint, ...]
    preparations: tuple[Hint, ...]
    """What must be prepared before a module works, and what is normal afterwards."""
    password_probe: PasswordProbe | None
    has_sender_list: bool
    """Whether its modules can be set to obey only some numbers; see `obeys`."""
    shapes: tuple[Shape, ...]
    """The forms of its documented values, for replies whose own form is not documented."""

    def reads(self, access: Access) -> tuple[Read, ...]:
        """Return the read requests, in the best order to send them."""
        ...

    def writes(self, changes: Mapping[str, Scalar], access: Access) -> tuple[Request, ...]:
        """Return the requests that carry validated `changes`, in the order to send them."""
        ...

    def packed(self, requests: Sequence[Request], access: Access) -> tuple[Request, ...]:
        """Return `requests`, in their order, in as few messages as the family's modules accept."""
        ...

    def concerns(
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_numbers: tuple[str, ...]
    ) -> tuple[Concern, ...]:
        """Return the family's concerns about validated `changes`, given the settings `known` so far."""
        ...

    def obeys(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return the only numbers that a module with these settings obeys; None: it obeys all."""
        ...

    def connects_for(self, settings: Mapping[str, Scalar | None]) -> frozenset[str] | None:
        """Return the numbers on whose call a module connects, as far as is known; None: not known."""
        ...

    def enabled_servers(self, settings: Mapping[str, Scalar | None]) -> tuple[int, ...]:
        """Return the numbers of the servers that a module with these settings may connect to."""
        ...

    def explain(self, settings: Mapping[str, Scalar | None]) -> list[str]:
        """Return sentences on when and to which server a module with these settings connects."""
        ...

    def doubts(
        self, delivery: str, connectivity: Connectivity, values: Mapping[str, Scalar | None]
    ) -> tuple[str, ...]:
        """Return why requests over `delivery` may not work, given a module's `values`; empty if they do."""
        ...

    def derived(self, values: Mapping[str, Scalar | None]) -> tuple[Reading, ...]:
        """Return the readings that follow from the `values` of a module by the manual's rules."""
        ...

    def verdicts(
        self, reported: Sequence[Reading], at: float, before: Mapping[str, Known]
    ) -> tuple[Reading, ...]:
        """Return verdicts on the readings `reported` at the Unix time `at`, given those known `before`."""
        ...

    def away_s(self, request: Request) -> float:
        """Return how many seconds the module does not answer after `request`, because it restarts."""
        ...

    def resets(self, request: Request) -> tuple[str, ...]:
        """Return the names of the values that `request` changes besides those that it writes."""
        ...

    def encode(self, request: Request, access: Access) -> Outgoing:
        """Return the SMS that carries `request`; UnknownNameError for one the family does not have."""
        ...

    def decode(self, request: Request, text: str, access: Access, octets: bytes = b"") -> Reply:
        """Return the reply in a message's `text` or `octets`; DecodeError if it does not answer `request`."""
        ...

    def mask(self, text: str) -> str:
        """Return the text that may be kept of an unmatched message, without anything like a password."""
        ...

    def parse_request(self, text: str) -> Request:
        """Return the request in `text`, as it is sent after the password (`I`, `APN internet`)."""
        ...

    def identification_reader(self) -> IdentificationReader | None:
        """Return a reader of the modules' identification; None if they send none when they connect."""
        ...

    def tables(self) -> tuple[CodeTable, ...]:
        """Return the family's code tables, to which profiles refer by name."""
        ...


@dataclass(frozen=True, slots=True)
class Module:
    """A configured remote device; `msisdn` is E.164 with `+`, `model` as printed on its panel."""

    id: str
    name: str
    family: Family
    msisdn: str
    access: Access
    connectivity: Connectivity = field(default_factory=Connectivity)
    model: str | None = None


def timeout_s(module: Module, request: Request) -> float | None:
    """Return how many seconds to wait for the reply to `request`; None: the configured time."""
    reads = module.family.reads(module.access) if request.kind is RequestKind.READ else ()
    return next((r.timeout_s for r in reads if r.name == request.name), None)


def observables_of(family: Family) -> Mapping[str, Observable]:
    """Return every observable that a module of the family can report, by name."""
    return {**OBSERVABLES, **{one.name: one for one in family.observables}}


def is_setting(family: Family, name: str) -> bool:
    """Return whether `name` is a setting of the family."""
    return any(setting.match(name) for setting in family.settings)


def setting_of(family: Family, name: str) -> Setting | None:
    """Return the family's setting `name` (`server.0.rule.2` is one of `server.<n>.rule.<x>`), or None."""
    return next((found for s in family.settings if (found := s.named(name)) is not None), None)
