"""Circuit breaker: stops sending through a modem that keeps failing, for longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILURES = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0


@dataclass
class Breaker:
    """Opens after FAILURES failures in a row; after the pause one attempt may pass, and a failure doubles it.

    The pause is FIRST_PAUSE_S at first and at most LONGEST_PAUSE_S; `now` is a monotonic clock in seconds.
    """

    now: Callable[[], float] = time.monotonic
    _failures: int = 0
    _pause_s: float = FIRST_PAUSE_S
    _open_until: float = field(default=float("-inf"))

    @property
    def paused_s(self) -> float:
        """How long sending stays paused, in seconds; 0 if sending is allowed."""
        return max(0.0, self._open_until - self.now())

    @property
    def tripped(self) -> bool:
        """Whether sending failed at least FAILURES times in a row and has not succeeded since."""
        return self._failures >= FAILURES

    def succeeded(self) -> None:
        """Note that a message left; closes the breaker."""
        self._failures, self._pause_s, self._open_until = 0, FIRST_PAUSE_S, float("-inf")

    def failed(self) -> None:
        """Note that a message did not leave, or that it is unknown whether it did."""
        self._failures += 1
        if self.tripped:
            self._open_until = self.now() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
