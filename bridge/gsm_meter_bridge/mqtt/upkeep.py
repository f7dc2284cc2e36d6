"""Detects retained documents that other clients overwrote, and when to publish them again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.health import BridgeProblemCode, Health

_SETTLED_S = 1.0
"""What differs for this long is not just an older document of the bridge that the broker sends back."""
_LONGEST_PAUSE_S = 300.0
_QUIET_S = 600.0
_REPORTED_AFTER, _REPORTED_AT_MOST = 3, 20


@dataclass(frozen=True, slots=True)
class _Corrections:
    times: int
    last_at: float

    @property
    def pause_s(self) -> float:
        return min(_LONGEST_PAUSE_S, 2.0**self.times)


class Upkeep:
    """Decides when an overwritten topic is published again; `now` is a monotonic clock in seconds.

    The first time after `_SETTLED_S`; then with pauses that double up to `_LONGEST_PAUSE_S`, so that two
    programs that keep overwriting each other do not race. After `_REPORTED_AFTER` times the topic is reported
    to `health`.
    """

    def __init__(self, health: Health, now: Callable[[], float] = time.monotonic) -> None:
        self._health, self._now = health, now
        self._odd: dict[str, float] = {}
        self._corrected: dict[str, _Corrections] = {}

    def look(self, topic: str, *, differs: bool) -> None:
        """Record whether the document received on `topic` differs from what the bridge published there."""
        if differs:
            self._odd.setdefault(topic, self._now())
        else:
            self._odd.pop(topic, None)

    def due(self) -> tuple[str, ...]:
        """Return the topics to publish again now; each is returned once."""
        now = self._now()
        self._forget(now)
        due = tuple(topic for topic, since in self._odd.items() if self._is_due(topic, since, now))
        for topic in due:
            del self._odd[topic]
            before = self._corrected.get(topic)
            self._corrected[topic] = _Corrections(1 if before is None else before.times + 1, now)
            self._report(topic)
        return due

    def _is_due(self, topic: str, since: float, now: float) -> bool:
        before = self._corrected.get(topic)
        return now - since >= _SETTLED_S and (before is None or now - before.last_at >= before.pause_s)

    def _report(self, topic: str) -> None:
        if self._corrected[topic].times == _REPORTED_AFTER and self._corrected_often() <= _REPORTED_AT_MOST:
            message = "another program keeps writing here; it is corrected less and less often"
            self._health.report(BridgeProblemCode.STATE_OVERWRITTEN, topic, message)

    def _corrected_often(self) -> int:
        return sum(c.times >= _REPORTED_AFTER for c in self._corrected.values())

    def _forget(self, now: float) -> None:
        quiet = [topic for topic, c in self._corrected.items() if now - c.last_at >= max(_QUIET_S, c.pause_s)]
        for topic in quiet:
            if topic not in self._odd:
                del self._corrected[topic]
                self._health.clear(BridgeProblemCode.STATE_OVERWRITTEN, topic)
