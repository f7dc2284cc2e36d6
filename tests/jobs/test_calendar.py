"""Budgets count calendar days and months (UTC), whatever the local zone does that night."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.storage.budgets import Budgets, note_sent
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import within_day


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("sent", "now", "day", "month"),
    [
        ("2026-11-26T23:59:59", "2026-11-26T23:59:59.5", 1, 1),
        ("2026-11-26T23:59:59", "2026-11-27T00:00:00", 0, 1),
        ("2026-11-30T23:59:59", "2026-12-01T00:00:00", 0, 0),
        ("2026-12-31T23:59:59", "2027-01-01T00:00:00", 0, 0),
        ("2028-02-29T12:00:00", "2028-02-29T23:00:00", 1, 1),
        ("2028-02-29T12:00:00", "2028-03-01T00:00:00", 0, 0),
        ("2027-03-28T00:30:00", "2027-03-28T02:30:00", 1, 1),  # Berlin: an hour less in this night
        ("2027-03-27T23:30:00", "2027-03-28T00:30:00", 0, 1),
        ("2027-10-31T00:30:00", "2027-10-31T01:30:00", 1, 1),  # Berlin: the same hour twice
        ("2027-10-31T00:30:00", "2027-10-31T23:30:00", 1, 1),
        ("2027-10-31T23:30:00", "2027-11-01T00:00:00", 0, 0),
    ],
)
async def test_budget_counts_by_utc_day_and_month_in_any_time_zone(
    engine: str, sent: str, now: str, day: int, month: int
) -> None:
    database = await Database.open(None)
    budgets = Budgets({"stick": Budget(day=1, month=1)})
    async with database.transaction() as tx:
        await note_sent(tx, "stick", "pump", "job", _utc(sent))
        spent = await budgets.of_modem(tx, "stick", _utc(now))
    assert (spent.day, spent.month) == (day, month)
    assert spent.left == 1 - max(day, month)
    await database.close()


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("minute", "hours", "quiet"),
    [
        (0, (22 * 60, 6 * 60), True),
        (5 * 60 + 59, (22 * 60, 6 * 60), True),
        (6 * 60, (22 * 60, 6 * 60), False),
        (22 * 60, (22 * 60, 6 * 60), True),
        (21 * 60 + 59, (22 * 60, 6 * 60), False),
        (2 * 60 + 30, (2 * 60, 3 * 60), True),  # an hour that one night of the year lacks
    ],
)
def test_within_day_includes_begin_and_excludes_end(
    engine: str, minute: int, hours: tuple[int, int], quiet: bool
) -> None:
    assert within_day(minute, hours) is quiet


def _utc(moment: str) -> float:
    return datetime.fromisoformat(f"{moment}+00:00").timestamp()
