"""Budgets across midnight, when the clock is set, and when the bridge is killed in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kills.trial import Trial, trial
from tests.support.clocks import FakeClock
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.long
A_DAY = 8


async def _spend(home: Trial) -> None:
    """Send requests until the day's budget is spent."""
    for _ in range(A_DAY):
        await home.request()
        if _is_refused(await home.insist(home.requests[-1])):
            return
    raise AssertionError("the budget has no end")


def _is_refused(answer: dict[str, Any]) -> bool:
    return answer["status"] == "error" and answer["error"]["code"] == "budget_exhausted"


async def test_budget_holds_across_midnight_and_clock_changes(tmp_path: Path, broker: Mosquitto) -> None:
    clock = FakeClock(tmp_path, "@2026-11-26 23:50:00")
    budget, database = {"day": A_DAY}, tmp_path / "home.db"
    faked = clock.environment
    async with trial(
        "home", tmp_path, broker, database, budget=budget, environment=faked, reply_timeout_s=15
    ) as home:
        await home.wait_online()
        spent = 0
        # midnight, then back to the day before, forth by an hour, and at last the day after that
        for at, fresh in (
            ("@2026-11-26 23:50:00", True),
            ("@2026-11-27 00:00:10", True),
            ("@2026-11-26 12:00:00", False),
            ("@2026-11-27 01:00:00", False),
            ("@2026-11-28 00:00:10", True),
        ):
            clock.set(at)
            home.bridge.kill()
            home.bridge.start()
            await _spend(home)
            sent = sum(home.brought("").values())
            assert 0 < sent - spent <= A_DAY if fresh else sent == spent, (at, home.bridge.log[-2000:])
            spent = sent
            # the same while it runs
            clock.set(at.replace(":00", ":30", 1))
            await _spend(home)
            assert sum(home.brought("").values()) == spent
        await home.check(least=3)
