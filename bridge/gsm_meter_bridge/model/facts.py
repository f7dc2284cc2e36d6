"""Stored facts about a module, and the SMS spent: what the database keeps and documents show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A sender whose number or name ends like a module's number, its message count and last Unix time."""

    sender: str
    type: TypeOfNumber
    messages: int
    last_at: float


@dataclass(frozen=True, slots=True)
class Known:
    """The last reading of a value: its transport `source`, and the Unix time `at` which it came."""

    value: Scalar | None
    raw: str | None
    source: str
    at: float


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """All stored facts about one module.

    `missed` counts the polls since its last answer, `restarts` the restarts caused by the bridge;
    `lookalikes` are senders that resemble the module but are not it.
    """

    readings: Mapping[str, Known] = field(default_factory=dict)
    desired: Mapping[str, Scalar] = field(default_factory=dict)
    last_seen_at: float | None = None
    missed: int = 0
    next_poll_at: float | None = None
    restarts: int = 0
    lookalikes: tuple[Lookalike, ...] = ()

    def drift(self) -> list[str]:
        """Return the names of the settings whose reported value differs from the desired, verified one."""
        return sorted(
            name
            for name, value in self.desired.items()
            if name in self.readings and self.readings[name].value != value
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """How many SMS may be sent in a calendar day and month (UTC); None: no limit.

    The last `reserve` SMS of a day or month are for users' requests only, not for polls.
    """

    day: int | None = None
    month: int | None = None
    reserve: int = 0

    @property
    def is_limit(self) -> bool:
        """Whether it limits anything."""
        return self.day is not None or self.month is not None


class BudgetLimits(Protocol):
    """The budgets of modems and modules by their ids; one that is missing has no limit."""

    @property
    def modems(self) -> Mapping[str, Budget]:
        """Budgets by modem id."""
        ...

    @property
    def modules(self) -> Mapping[str, Budget]:
        """Budgets by module id."""
        ...


@dataclass(frozen=True, slots=True)
class Spending:
    """The SMS sent today and this month (UTC), and those left of the budget; None: no limit."""

    day: int
    month: int
    left_day: int | None = None
    left_month: int | None = None

    @property
    def left(self) -> int | None:
        """How many more SMS may be sent now; None: no limit."""
        known = [n for n in (self.left_day, self.left_month) if n is not None]
        return min(known) if known else None


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The status of a connection: Unix times, and bytes since the bridge started."""

    connected: bool
    transport: str | None
    since: float | None
    received: int
    sent: int
    peer: str | None = None
    used_by: str | None = None
    used_at: float | None = None
    problem: str | None = None
    tunnel_problem: str | None = None
