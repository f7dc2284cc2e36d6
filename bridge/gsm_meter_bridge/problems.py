"""Internal errors and problems of the bridge: their sources, codes and records. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Door(StrEnum):
    """The source of an input."""

    MQTT = "mqtt"
    SMS = "sms"
    TCP = "tcp"
    METER = "meter"
    AT = "at"
    FILE = "file"
    CLOCK = "clock"


class BridgeProblemCode(StrEnum):
    """Codes of lasting problems of the bridge; `bridge/health` in docs/mqtt.md explains each."""

    BROKER_LIMIT = "broker_limit"
    """A message is larger than the broker allows, or was refused by it."""
    BROKER_DENIED = "broker_denied"
    """The broker denies the bridge publishing or subscribing to a topic."""
    BROKER_CONNECTION = "broker_connection"
    """Connections to the broker break soon, or are not answered."""
    OVERLOADED = "overloaded"
    """More requests arrive over MQTT than the bridge can carry out."""
    STATE_OVERWRITTEN = "state_overwritten"
    """Another program keeps writing to the bridge's retained topics."""
    LISTENER_CLOSED = "listener_closed"
    TUNNEL_CLOSED = "tunnel_closed"
    CLIENTS_REFUSED = "clients_refused"
    """A listener refuses clients because a limit is reached, and they may be modules."""
    RIVAL_CLIENTS = "rival_clients"
    """Several devices identify as the same module, and displace each other's connections."""
    DATABASE = "database"
    """Nothing can be stored, or stored data cannot be read any more."""
    DATABASE_OLDER = "database_older"
    """The database is older than what the bridge has done: it was restored."""
    CLOCK = "clock"
    """The wall clock was set, or shows an impossible time."""


@dataclass(frozen=True, slots=True)
class InternalError:
    """An unforeseen exception: source of the input, type, place (`file:line`), Unix time."""

    door: Door
    kind: str
    place: str
    at: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that lasts until it is cleared: its code, subject, message, and first Unix time."""

    code: BridgeProblemCode
    subject: str
    message: str
    since: float


class HealthStatus(Protocol):
    """The bridge's health as it is published."""

    @property
    def internal_errors(self) -> int:
        """The number of unforeseen exceptions since the start."""
        ...

    @property
    def last(self) -> InternalError | None:
        """The last unforeseen exception; None if there was none."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The current problems, the oldest first."""
        ...
