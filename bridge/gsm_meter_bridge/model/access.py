"""Access to one module: its password, its profiles, and the probe for which password it has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from gsm_meter_bridge.model.request import Answer, Outgoing, Reading, Reply, Request, RequestKind
from gsm_meter_bridge.vocabulary import Scalar, Secret

ACCESS_PASSWORD = "access_password"  # noqa: S105  the setting's name


SMS = "sms"
TCP, CENC, DIRECT_CHANNEL = OTHER_TRANSPORTS = ("tcp", "cenc", "direct_channel")
"""Names of the transports other than SMS."""

FIRST_PROBE, SECOND_PROBE = "which_password", "which_password_else"


@dataclass(frozen=True, slots=True)
class Read:
    """A request that reads: the names of the values that it yields, and when it is sent.

    Volatile values (signal, registration) are read at every poll, the others (IMEI, APN) rarely, and those
    `on_demand` only when a user requests all settings: each request costs an SMS and its reply. `timeout_s`
    is how long to wait for the reply, in seconds; None: the configured time. A `liveness_check` is read at
    every poll only to check that the module answers; its values do not change by themselves.
    """

    name: str
    yields: tuple[str, ...]
    clause: str
    volatile: bool = False
    on_demand: bool = False
    timeout_s: float | None = None
    liveness_check: bool = False


class Sourced(Protocol):
    """A part of a profile, with its provenance."""

    @property
    def name(self) -> str:
        """The name by which configurations select it."""
        ...

    @property
    def verified(self) -> bool:
        """Whether it was seen to work on a device."""
        ...

    @property
    def provenance(self) -> str:
        """A text on where it comes from."""
        ...


class RequestFormat(Sourced, Protocol):
    """The form of requests that a vendor leaves undocumented, from a profile file; see `profile.Profile`."""

    def reads(self, transport: str) -> tuple[Read, ...]:
        """Return the read requests that this profile has for one transport."""
        ...

    def encode(self, request: Request, password: Secret) -> Outgoing:
        """Return the message that carries `request`."""
        ...

    def decode(self, request: Request, text: str, octets: bytes) -> Reply:
        """Return the reply in a message; DecodeError if it is no reply to `request`."""
        ...


class ConfigFrame(Sourced, Protocol):
    """A binary form of settings that a vendor's tool sends and no manual documents; see `profile.frame`."""

    @property
    def dcs(self) -> int:
        """The data coding scheme (TP-DCS) with which it is sent."""
        ...

    def batches(self, changes: Mapping[str, Scalar], password: Secret) -> tuple[dict[str, Scalar], ...]:
        """Return `changes` split into the fewest frames; UnknownNameError for one without a known code."""
        ...

    def shown(self, changes: Mapping[str, Scalar]) -> str:
        """Return the text that describes a frame with `changes`, secrets masked."""
        ...

    def encode(self, changes: Mapping[str, Scalar], password: Secret) -> bytes:
        """Return the frame that sets validated `changes`; UnknownNameError for one without a known code."""
        ...

    def decode(self, frame: bytes) -> tuple[Secret, dict[str, Scalar]]:
        """Return the password and the settings in `frame`; DecodeError if it is not such a frame."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Access to one module: its password and, if selected, the profiles of requests and of settings.

    `delivery` is the transport of its requests: SMS, or one of OTHER_TRANSPORTS, for which only profiles
    define the form of requests.
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
class PasswordProbe:
    """The probe for which of two access passwords a module has: it answers only to the right one.

    `first` and `second` name two reads whose replies have different shapes, so that a late reply to a
    request with one password is never taken for a reply to the other.
    """

    first: str
    second: str

    def requests(self, expected: Secret, otherwise: Secret) -> tuple[Request, Request]:
        """Return one request with each password; the reply to one of them yields `access_password`."""
        return _probe(FIRST_PROBE, expected), _probe(SECOND_PROBE, otherwise)

    def opened(self, request: Request, access: Access) -> tuple[Request, Access]:
        """Return the read that a probe sends and the access with its password; others are unchanged."""
        read = {FIRST_PROBE: self.first, SECOND_PROBE: self.second}.get(request.name)
        if read is None or request.kind is not RequestKind.READ:
            return request, access
        return Request.read(read), replace(access, password=Secret(str(request.changes[ACCESS_PASSWORD])))

    def answered(self, request: Request, reply: Reply) -> Reply:
        """Return `reply` with the password that it proves, if `request` is a probe."""
        if request.name not in (FIRST_PROBE, SECOND_PROBE) or not isinstance(reply, Answer):
            return reply
        proved = Reading(ACCESS_PASSWORD, request.changes[ACCESS_PASSWORD])
        return replace(reply, readings=(*reply.readings, proved))


def _probe(name: str, password: Secret) -> Request:
    changes: dict[str, Scalar] = {ACCESS_PASSWORD: password.reveal()}
    return Request(RequestKind.READ, name, MappingProxyType(changes))
