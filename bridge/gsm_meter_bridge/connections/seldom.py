"""Rate-limited logging of events that remote clients can trigger as often as they like."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass


@dataclass
class Seldom:
    """Logs at most `most` lines in `every_s` seconds at their level, the others at DEBUG."""

    logger: logging.Logger
    most: int = 1
    every_s: float = 10.0
    _since: float = float("-inf")
    _count: int = 0

    def log(self, level: int, message: str, *details: object) -> None:
        """Log at `level`, or at DEBUG if the limit is reached."""
        now = time.monotonic()
        if now - self._since >= self.every_s:
            self._since, self._count = now, 0
        self._count += 1
        self.logger.log(level if self._count <= self.most else logging.DEBUG, message, *details)
