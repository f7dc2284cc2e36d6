"""What a device family is: data and two pure functions, `encode` and `decode`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, Self

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.setting import Setting
from gsm_meter_bridge.vocabulary import MASK, OBSERVABLES, UNKNOWN, Scalar, Secret


class RequestKind(StrEnum):
    """Whether a request only reads (and may be repeated), changes settings, or has something done."""

    READ = "read"
    WRITE = "write"
    ACTION = "action"


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


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A table of a manual that gives codes their meaning.

    Rows map the code as it is written to a value; a code without a row is kept raw and reads `unknown`,
    or None where the observable is a number.
    """

    name: str
    clause: str
    rows: Mapping[str, Scalar]

    def reading(self, observable: str, code: str) -> Reading:
        """Return the reading of `code` (case-insensitive) with the code itself as raw."""
        missing = None if OBSERVABLES[observable].kind == "integer" else UNKNOWN
        return Reading(observable, self.rows.get(code.upper(), missing), code)

    def code_of(self, value: Scalar) -> str:
        """Return the first code that means `value`; StopIteration where there is none."""
        return next(code for code, meaning in self.rows.items() if meaning == value)


@dataclass(frozen=True, slots=True)
class Read:
    """A request that reads: what it yields and when it is asked.

    Volatile values (signal, registration) are asked at every poll, the others (IMEI, APN) rarely, and those
    `on_demand` only when somebody wants all settings: each request costs an SMS and its reply. `timeout_s` is
    how long the reply is waited for, None as the configuration says.
    """

    name: str
    yields: tuple[str, ...]
    clause: str
    volatile: bool = False
    on_demand: bool = False
    timeout_s: float | None = None


class RequestFormat(Protocol):
    """The form of requests that a vendor leaves open, from a profile file; see `profile.Profile`."""

    @property
    def name(self) -> str:
        """Its name, as configurations choose it."""
        ...

    @property
    def verified(self) -> bool:
        """Whether somebody has seen it work on a device."""
        ...

    @property
    def provenance(self) -> str:
        """Where it comes from, in words."""
        ...

    def reads(self) -> tuple[Read, ...]:
        """Return the requests this profile knows."""
        ...

    def encode(self, request: Request, password: Secret) -> Outgoing:
        """Return the message that carries `request`."""
        ...

    def decode(self, request: Request, text: str, octets: bytes) -> Reply:
        """Return what a message answers; DecodeError where it is no reply to `request`."""
        ...


class ConfigFrame(Protocol):
    """A binary form of settings that a vendor's tool sends and no manual documents; see `profile.frame`."""

    @property
    def name(self) -> str:
        """The name of its profile."""
        ...

    @property
    def verified(self) -> bool:
        """Whether somebody has seen it work on a device."""
        ...

    @property
    def provenance(self) -> str:
        """Where it comes from, in words."""
        ...

    @property
    def dcs(self) -> int:
        """The data coding scheme (TP-DCS) under which it is sent."""
        ...

    def batches(self, changes: Mapping[str, Scalar], password: Secret) -> tuple[dict[str, Scalar], ...]:
        """Return `changes` as few frames carry them; UnknownNameError for one without a known code."""
        ...

    def shown(self, changes: Mapping[str, Scalar]) -> str:
        """Return a frame in words, secrets masked."""
        ...

    def encode(self, changes: Mapping[str, Scalar], password: Secret) -> bytes:
        """Return the frame that sets validated `changes`; UnknownNameError for one without a known code."""
        ...

    def decode(self, frame: bytes) -> tuple[Secret, dict[str, Scalar]]:
        """Return password and settings in `frame`; DecodeError where it is not one."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """How one module is spoken to: its password and, where chosen, profiles of requests and of settings."""

    password: Secret
    profile: RequestFormat | None = None
    frame: ConfigFrame | None = None

    def profiles(self) -> tuple[RequestFormat | ConfigFrame, ...]:
        """Return the profiles in use, each once."""
        used = [p for p in (self.profile, self.frame) if p is not None]
        return tuple({p.name: p for p in used}.values())


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
class Knocks:
    """How to find out which of two access passwords a module has: it answers only to the right one.

    `first` and `second` name two reads whose replies have different shapes, so that a late reply to a
    request with one password is never taken for a reply to the other.
    """

    first: str
    second: str

    def requests(self, expected: Secret, otherwise: Secret) -> tuple[Request, Request]:
        """Return what asks with each of the passwords; the one that is answered tells `access_password`."""
        return _knock(FIRST_KNOCK, expected), _knock(SECOND_KNOCK, otherwise)

    def opened(self, request: Request, access: Access) -> tuple[Request, Access]:
        """Return what `request` really asks and with which password; both as given where it is no knock."""
        read = {FIRST_KNOCK: self.first, SECOND_KNOCK: self.second}.get(request.name)
        if read is None or request.kind is not RequestKind.READ:
            return request, access
        return Request.read(read), replace(access, password=Secret(str(request.changes[ACCESS_PASSWORD])))

    def answered(self, request: Request, reply: Reply) -> Reply:
        """Return `reply` with the password that it proves, where `request` is a knock."""
        if request.name not in (FIRST_KNOCK, SECOND_KNOCK) or not isinstance(reply, Answer):
            return reply
        proved = Reading(ACCESS_PASSWORD, request.changes[ACCESS_PASSWORD])
        return replace(reply, readings=(*reply.readings, proved))


ACCESS_PASSWORD = "access_password"  # noqa: S105  the setting's name
FIRST_KNOCK, SECOND_KNOCK = "which_password", "which_password_else"


def _knock(name: str, password: Secret) -> Request:
    changes: dict[str, Scalar] = {ACCESS_PASSWORD: password.reveal()}
    return Request(RequestKind.READ, name, MappingProxyType(changes))


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that a person sees, and what it means or what helps."""

    sign: str
    clause: str
    words: str


class Family(Protocol):
    """A device family; each folder of `families/` offers one as `FAMILY`."""

    id: str
    title: str
    manufacturer: str
    model: str
    default_password: str
    settings: tuple[Setting, ...]
    actions: tuple[Action, ...]
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
        self, changes: Mapping[str, Scalar], known: Mapping[str, Scalar | None], own_number: str | None
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

    def tables(self) -> tuple[CodeTable, ...]:
        """Return the family's code tables; profiles name them."""
        ...


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


@dataclass(frozen=True, slots=True)
class Module:
    """A remote device as its owner configured it; `msisdn` is E.164 with `+`."""

    id: str
    name: str
    family: Family
    msisdn: str
    access: Access


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


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """What a simulated module sends back, `after_s` seconds after the message reached it."""

    text: str = field(repr=False)
    after_s: float = 0.0


class SimulatedModule(Protocol):
    """A device of the simulator: behaves as its manual says, knows no clock and no network."""

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS; empty for silence. `now_s` is any monotonic time in seconds.

        `octets` are the user data, for those who send something else than text.
        """
        ...

    def state(self) -> Mapping[str, Scalar]:
        """Return the true values by vocabulary name, for tests and for the simulator's page."""
        ...


def simulated_state(
    factory: Mapping[str, Scalar], values: Mapping[str, Scalar], coded: Mapping[str, CodeTable] | None = None
) -> dict[str, Scalar]:
    """Return the state of a simulated module: `factory` with `values` in its place.

    UnknownNameError for a value that the factory does not have, InvalidValueError for one of another type
    or, where `coded` has its table, without a code.
    """
    for name, value in values.items():
        if name not in factory:
            raise UnknownNameError("value", name, factory)
        table = (coded or {}).get(name)
        if table is not None and value not in table.rows.values():
            raise InvalidValueError(name, value, ", ".join(map(str, table.rows.values())))
        if type(value) is not type(factory[name]) and table is None:
            raise InvalidValueError(name, value, f"a value like {factory[name]!r}")
    return {**factory, **values}
