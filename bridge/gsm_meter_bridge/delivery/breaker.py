"""Stops sending through a modem that fails again and again, for longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILURES = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0


@dataclass
class Breaker:
    """Opens after FAILURES in a row; then one try is let through, and each failure doubles the pause."""

    now: Callable[[], float] = time.monotonic
    _failures: int = 0
    _pause_s: float = FIRST_PAUSE_S
    _open_until: float = field(default=float("-inf"))

    @property
    def paused_s(self) -> float:
        """How long nothing is to be sent any more, seconds; 0 where sending is fine."""
        return max(0.0, self._open_until - self.now())

    @property
    def tripped(self) -> bool:
        """Whether sending has failed too often and has not succeeded since."""
        return self._failures >= FAILURES

    def succeeded(self) -> None:
        """Note that a message left."""
        self._failures, self._pause_s, self._open_until = 0, FIRST_PAUSE_S, float("-inf")

    def failed(self) -> None:
        """Note that a message did not leave, or that nobody knows."""
        self._failures += 1
        if self.tripped:
            self._open_until = self.now() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
