"""Quiet hours through the nights in which clocks are changed: local hours count, none is doubled or lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from gsm_meter_bridge.model.quiet import is_quiet

NIGHT, EARLY, GAP, TWICE = (22 * 60, 6 * 60), (0, 90), (2 * 60, 3 * 60), (2 * 60, 2 * 60 + 30)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield choose
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("place", "utc", "minutes", "quiet"),
    [
        # Berlin in spring: 01:59:59 is followed by 03:00, at 01:00 UTC
        ("Europe/Berlin", "2027-03-27T20:59:59", NIGHT, False),
        ("Europe/Berlin", "2027-03-27T21:00:00", NIGHT, True),
        ("Europe/Berlin", "2027-03-28T00:59:59", NIGHT, True),
        ("Europe/Berlin", "2027-03-28T01:00:00", NIGHT, True),
        ("Europe/Berlin", "2027-03-28T03:59:59", NIGHT, True),
        ("Europe/Berlin", "2027-03-28T04:00:00", NIGHT, False),
        ("Europe/Berlin", "2027-03-28T00:59:59", GAP, False),
        ("Europe/Berlin", "2027-03-28T01:00:00", GAP, False),
        ("Europe/Berlin", "2027-03-29T00:30:00", GAP, True),
        # Berlin in autumn: 02:00 to 02:59:59 twice, from 00:00 and from 01:00 UTC
        ("Europe/Berlin", "2027-10-30T20:00:00", NIGHT, True),
        ("Europe/Berlin", "2027-10-30T23:59:59", TWICE, False),
        ("Europe/Berlin", "2027-10-31T00:00:00", TWICE, True),
        ("Europe/Berlin", "2027-10-31T00:30:00", TWICE, False),
        ("Europe/Berlin", "2027-10-31T01:00:00", TWICE, True),
        ("Europe/Berlin", "2027-10-31T01:30:00", TWICE, False),
        ("Europe/Berlin", "2027-10-31T04:59:59", NIGHT, True),
        ("Europe/Berlin", "2027-10-31T05:00:00", NIGHT, False),
        # a zone whose clocks are never changed
        ("Asia/Yekaterinburg", "2027-03-27T17:00:00", NIGHT, True),
        ("Asia/Yekaterinburg", "2027-03-28T00:59:59", NIGHT, True),
        ("Asia/Yekaterinburg", "2027-03-28T01:00:00", NIGHT, False),
        ("Asia/Yekaterinburg", "2027-03-27T21:30:00", GAP, True),
        ("Asia/Yekaterinburg", "2027-10-31T01:00:00", NIGHT, False),
        # midnight itself does not exist in one night: clocks go from 23:59:59 to 01:00
        ("America/Havana", "2027-03-14T04:59:59", EARLY, False),
        ("America/Havana", "2027-03-14T05:00:00", EARLY, True),
        ("America/Havana", "2027-03-14T05:30:00", EARLY, False),
    ],
)
def test_quiet_hours_follow_local_time_if_clocks_are_changed(
    zone: Callable[[str], None], place: str, utc: str, minutes: tuple[int, int], quiet: bool
) -> None:
    zone(place)
    assert is_quiet(datetime.fromisoformat(f"{utc}+00:00").timestamp(), minutes) is quiet
