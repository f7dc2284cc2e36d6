"""Detects several devices that identify as the same module and displace each other's connections."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_WITHIN_S = 600.0
_QUICK_S = 60.0
_RETURNS = 3
"""So many returns of clients displaced from other addresses mean rivals; a module that moves does not."""
_QUICKLY = 5
"""So many takeovers in _QUICK_S, from any address, are too many for one module that lost its connection."""


@dataclass(frozen=True, slots=True)
class _Takeover:
    """One takeover of an open connection: the addresses of loser and winner, `at` as monotonic time."""

    at: float
    loser: str
    winner: str


@dataclass
class Takeovers:
    """The last takeovers of one module's connection."""

    _last: deque[_Takeover] = field(default_factory=lambda: deque(maxlen=100))

    def note(self, at: float, loser: str, winner: str) -> None:
        """Record that a connection from `winner` replaced one from `loser` at monotonic time `at`."""
        self._last.append(_Takeover(at, loser, winner))

    def problem(self, now: float) -> str | None:
        """Return a description if the last 10 min show rivals, else None; `now` is a monotonic time."""
        lately = [one for one in self._last if now - one.at < _WITHIN_S]
        losers: set[str] = set()
        returns = 0
        for one in lately:
            losers.add(one.loser)
            returns += one.winner in losers and one.winner != one.loser
        if returns >= _RETURNS:
            return (
                "clients from several addresses displace each other: do two devices claim to be this module?"
            )
        if sum(now - one.at < _QUICK_S for one in lately) >= _QUICKLY:
            return "new connections replace open ones within moments: do two devices claim to be this module?"
        return None

    @property
    def hosts(self) -> str:
        """The addresses of the clients involved, at most ten, sorted and joined by commas."""
        return ", ".join(sorted({one.winner for one in self._last} | {one.loser for one in self._last})[:10])
