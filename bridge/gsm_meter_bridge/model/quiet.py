"""Quiet hours, by local time: changes to and from daylight saving time are followed."""

from __future__ import annotations

from datetime import UTC, datetime

from gsm_meter_bridge.vocabulary import within_day


def is_quiet(at: float, minutes: tuple[int, int]) -> bool:
    """Return whether a Unix time lies between two minutes of the local day, including the first."""
    clock = datetime.fromtimestamp(at, UTC).astimezone()
    return within_day(clock.hour * 60 + clock.minute, minutes)
