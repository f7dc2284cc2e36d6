"""When modules are asked: spread, again after an interval, and never twice because of a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gsm_meter_bridge.jobs import observations, registry, store
from gsm_meter_bridge.service.commands import Terms
from gsm_meter_bridge.service.polling import Poller, PollPlan
from tests.support.short_path import BRIDGE, START, World, world

HOUR_S = 3600.0
PLANS = {"hut": PollPlan(12 * HOUR_S, 0.1), "pump": PollPlan(HOUR_S, 0.1)}


def _poller(w: World, spread: Callable[[float, float], float], plans: dict[str, PollPlan] = PLANS) -> Poller:
    return Poller(w.database, BRIDGE, w.commands, plans, 600.0, w.now, spread)


async def _planned(w: World) -> dict[str, float]:
    async with w.database.transaction() as tx:
        return dict(await observations.planned_polls(tx, BRIDGE))


async def _queued(w: World, module: str) -> list[str]:
    async with w.database.transaction() as tx:
        return [job.action for job in await store.waiting(tx, module)]


async def test_new_modules_are_asked_within_the_spread() -> None:
    async with world() as w:
        await _poller(w, lambda low, high: high).plan_new()
        assert await _planned(w) == {"hut": START + 600.0, "pump": START + 600.0}


async def test_a_poll_comes_when_its_time_has_come_and_plans_the_next() -> None:
    async with world() as w:
        poller = _poller(w, lambda low, high: high)
        await poller.plan_new()
        await poller.poll_due()
        assert await _queued(w, "pump") == []
        w.clock[0] += 600.0
        await poller.poll_due()
        assert await _queued(w, "pump") == ["poll"]
        now = w.clock[0]
        assert await _planned(w) == {"hut": now + 12 * HOUR_S * 1.1, "pump": now + HOUR_S * 1.1}
        await w.settle()
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_the_jitter_stays_in_its_bounds() -> None:
    async with world() as w:
        early, late = _poller(w, lambda low, _: low), _poller(w, lambda _, high: high)
        assert early.next_after("pump", 0.0) == HOUR_S * 0.9
        assert late.next_after("pump", 0.0) == HOUR_S * 1.1


async def test_a_restart_asks_nobody_twice(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    async with world(path) as w:
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        await poller.poll_due()
        await w.settle()
        planned = await _planned(w)
    async with world(path, w.radio) as w:
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        await poller.poll_due()
        assert await _queued(w, "pump") == []
        assert await _planned(w) == planned


async def test_a_shorter_interval_counts_at_once_and_a_removed_module_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    async with world(path) as w:
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        await poller.poll_due()
    async with world(path) as w:
        async with w.database.transaction() as tx:
            await registry.register(tx, BRIDGE, [registry.Binding(w.modules["pump"])], START)
        await _poller(w, lambda low, _: low, {"pump": PollPlan(60.0, 0.0)}).plan_new()
        assert await _planned(w) == {"pump": START + 60.0}


async def test_what_was_missed_while_away_is_asked_once() -> None:
    async with world() as w:
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        w.clock[0] += 30 * 24 * HOUR_S
        await poller.poll_due()
        await poller.poll_due()
        assert await _queued(w, "pump") == ["poll"]


async def test_a_poll_does_not_queue_behind_one_that_waits() -> None:
    async with world() as w:
        w.radio.ready = False
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        await poller.poll_due()
        w.clock[0] += 2 * HOUR_S
        await poller.poll_due()
        assert await _queued(w, "pump") == ["poll"]
        # and a user's wish without a transaction is served by it
        job = await w.commands.request_status("pump", Terms())
        assert job.action == "poll"
