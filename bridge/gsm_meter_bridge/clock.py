"""The bridge's own time: it follows the wall clock, but durations measured with it never jump.

It advances with the time since the machine's boot, which cannot be set. If the wall clock departs from it,
the wall clock was set; then all times written by this run are moved by the same amount (`storage.timeline`),
and only then is the new time adopted. So every duration is preserved, and no time in the database lies in the
future, except due times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PROGRAM_DATE = datetime(2026, 9, 1, tzinfo=UTC).timestamp()
"""A wall clock that shows an earlier time is wrong, as this program is newer. Raised with each release."""

LET_BE_S = 2.0
"""Smaller differences between the bridge's time and the wall clock are ignored."""
CLOSE_S = 60.0
"""How far a correct wall clock may be behind the newest time in the database, as NTP adjusts it."""
AGREES_S = 3600.0
"""How close a service centre's time stamp must be to the wall clock to confirm it."""
DAY_S = 86_400.0
BELIEVED_AFTER_S = DAY_S
"""A wall clock that was not set for so long is trusted, whatever the database contains."""
FORGETS_AFTER_S = 7 * DAY_S
"""No old data is deleted for so long after the time went forward by more than a day, as it may be wrong."""


def elapsed_s() -> float:
    """Return the seconds since boot, suspend included; setting the wall clock does not change them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock was set: times at or after `since` (Unix time) must be moved by `by_s` seconds."""

    by_s: float
    since: float


class Clock:
    """The time of one run of the bridge, as Unix times in seconds.

    `began` is the first time of this run: later than all times that earlier runs wrote. `right` is False
    while the wall clock shows an impossible time: one before PROGRAM_DATE, or one by which this run began
    before the last one ended (by more than CLOSE_S). The bridge's time then advances by itself and is not
    published.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = elapsed_s
    ) -> None:
        self._wall, self._elapsed = wall, elapsed
        self.newest: float | None = None
        self.right = True
        self.steps, self.last_step_s = 0, 0.0
        self._believed = False
        self._forward_at: float | None = None
        self._ahead_s = self._drift()
        self._set_at = elapsed()
        self._offset_s = self._ahead_s
        self.began = self.now()

    def begin(self, newest: float | None) -> float:
        """Begin a run after `newest`, the latest time of earlier runs; return the seconds in between."""
        self.newest = newest
        wall = self._wall()
        least = max(PROGRAM_DATE, newest + 0.001 if newest is not None else 0.0)
        self._offset_s = max(wall, least) - self._elapsed()
        self._ahead_s, self._set_at = self._drift(), self._elapsed()
        self.began = self.now()
        self.right = self._can_be(wall)
        away_s = self.began - newest if newest is not None else 0.0
        self._forward_at = self._elapsed() if away_s > DAY_S else None
        return away_s

    def now(self) -> float:
        """Return the bridge's time (Unix time)."""
        return self._elapsed() + self._offset_s

    @property
    def wall(self) -> float:
        """The time of the wall clock (Unix time)."""
        return self._wall()

    @property
    def may_forget(self) -> bool:
        """Whether the time is reliable enough to delete old data."""
        jumped = self._forward_at
        return self.right and (jumped is None or self._elapsed() - jumped > FORGETS_AFTER_S)

    @property
    def set_s_ago(self) -> float:
        """The seconds since the wall clock was last set, or this run began."""
        return self._elapsed() - self._set_at

    def dated(self, at: float | None) -> float | None:
        """Return `at` if it may be published, else None: no time of this run may if the clock is wrong."""
        if at is None or at < PROGRAM_DATE or (not self.right and at >= self.began):
            return None
        return at

    def witness(self, sent_at: float) -> None:
        """Use a service centre's time stamp of a message received just now to confirm the wall clock."""
        if abs(self._wall() - sent_at) <= AGREES_S:
            self._believed = True

    def look(self) -> ClockStep | None:
        """Check the wall clock; return the step to apply before its time can be adopted, or None."""
        if abs(by_s := self._drift() - self._ahead_s) > LET_BE_S:
            self.steps, self.last_step_s, self._ahead_s = self.steps + 1, by_s, self._drift()
            if abs(by_s) > CLOSE_S:  # a small adjustment keeps the trust in the clock
                self._believed, self._set_at = False, self._elapsed()
        wall = self._wall()
        self.right = self._can_be(wall)
        if not self.right and wall >= PROGRAM_DATE and self._is_believed():
            # the newest time in the database was wrong: all times there that are later than now are moved
            return ClockStep(wall - self.now(), min(wall, self.began))
        by_s = wall - self.now()
        return ClockStep(by_s, self.began) if self.right and abs(by_s) > LET_BE_S else None

    def take(self, step: ClockStep) -> None:
        """Continue from the time after `step`, whose times have been moved in the database."""
        if not self.right:
            self.newest = None
        self._offset_s += step.by_s
        self.began += step.by_s
        self.right = True
        if step.by_s > DAY_S:
            self._forward_at = self._elapsed()

    def _drift(self) -> float:
        return self._wall() - self._elapsed()

    def _is_believed(self) -> bool:
        return self._believed or self.set_s_ago > BELIEVED_AFTER_S

    def _can_be(self, wall: float) -> bool:
        began = self.began + wall - self.now()
        return wall >= PROGRAM_DATE and (self.newest is None or began >= self.newest - CLOSE_S)


def span(seconds: float) -> str:
    """Return the absolute value of a duration as text: `180 days, 0:00:05`."""
    return str(timedelta(seconds=round(abs(seconds))))


def utc(at: float) -> str:
    """Return a Unix time as text, to the minute: `2026-09-01 00:00 UTC`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
