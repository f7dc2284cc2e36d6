"""How one module is spoken to: its password, profiles, and how to find out which password it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from gsm_meter_bridge.family.request import Answer, Outgoing, Reading, Reply, Request, RequestKind
from gsm_meter_bridge.vocabulary import Scalar, Secret

ACCESS_PASSWORD = "access_password"  # noqa: S105  the setting's name


SMS = "sms"
TCP, CENC, DIRECT_CHANNEL = OTHER_DELIVERIES = ("tcp", "cenc", "direct_channel")
"""Ways of delivery."""

FIRST_KNOCK, SECOND_KNOCK = "which_password", "which_password_else"


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


class Sourced(Protocol):
    """What a profile holds says where it comes from."""

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


class RequestFormat(Sourced, Protocol):
    """The form of requests that a vendor leaves open, from a profile file; see `profile.Profile`."""

    def reads(self, delivery: str) -> tuple[Read, ...]:
        """Return the requests that this profile knows for one way of delivery."""
        ...

    def encode(self, request: Request, password: Secret) -> Outgoing:
        """Return the message that carries `request`."""
        ...

    def decode(self, request: Request, text: str, octets: bytes) -> Reply:
        """Return what a message answers; DecodeError where it is no reply to `request`."""
        ...


class ConfigFrame(Sourced, Protocol):
    """A binary form of settings that a vendor's tool sends and no manual documents; see `profile.frame`."""

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
    """How one module is spoken to: its password and, where chosen, profiles of requests and of settings.

    `delivery` is the way that its requests go: SMS, or one of OTHER_DELIVERIES, for which only profiles have
    a form.
    """

    password: Secret
    profile: RequestFormat | None = None
    frame: ConfigFrame | None = None
    delivery: str = SMS

    def profiles(self) -> tuple[Sourced, ...]:
        """Return the profiles in use, each once."""
        used: list[Sourced] = [p for p in (self.profile, self.frame) if p is not None]
        return tuple({p.name: p for p in used}.values())


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


def _knock(name: str, password: Secret) -> Request:
    changes: dict[str, Scalar] = {ACCESS_PASSWORD: password.reveal()}
    return Request(RequestKind.READ, name, MappingProxyType(changes))
