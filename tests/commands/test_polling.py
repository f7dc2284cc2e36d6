"""When modules are asked: spread, again after an interval, and never twice because of a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.polling import Poller, PollPlan, PollSchedule
from gsm_meter_bridge.storage import observations, registry, store
from tests.support.in_memory_bridge import BRIDGE, START, InMemoryBridge, world

HOUR_S = 3600.0
PLANS = {"hut": PollPlan(12 * HOUR_S, 0.1), "pump": PollPlan(HOUR_S, 0.1)}


def _poller(
    w: InMemoryBridge, spread: Callable[[float, float], float], plans: dict[str, PollPlan] = PLANS
) -> Poller:
    return Poller(w.context, w.commands, PollSchedule(plans, 600.0), spread)


async def _planned(w: InMemoryBridge) -> dict[str, float]:
    async with w.database.transaction() as tx:
        return dict(await observations.planned_polls(tx, BRIDGE))


async def _queued(w: InMemoryBridge, module: str) -> list[str]:
    async with w.database.transaction() as tx:
        return [job.action for job in await store.waiting(tx, module)]


async def test_poller_plans_new_modules_within_the_initial_spread() -> None:
    async with world() as w:
        await _poller(w, lambda low, high: high).plan_new()
        assert await _planned(w) == {"hut": START + 600.0, "pump": START + 600.0}


async def test_poller_queues_a_due_poll_and_plans_the_next() -> None:
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


async def test_poller_varies_the_interval_within_the_jitter() -> None:
    async with world() as w:
        early, late = _poller(w, lambda low, _: low), _poller(w, lambda _, high: high)
        assert early.next_after("pump", 0.0) == HOUR_S * 0.9
        assert late.next_after("pump", 0.0) == HOUR_S * 1.1


async def test_poller_does_not_poll_again_after_a_restart(tmp_path: Path) -> None:
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


async def test_poller_applies_shorter_interval_at_once_and_forgets_removed_module(tmp_path: Path) -> None:
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


async def test_poller_polls_once_if_several_polls_were_missed() -> None:
    async with world() as w:
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        w.clock[0] += 30 * 24 * HOUR_S
        await poller.poll_due()
        await poller.poll_due()
        assert await _queued(w, "pump") == ["poll"]


async def test_poller_does_not_queue_a_poll_behind_a_waiting_one() -> None:
    async with world() as w:
        w.radio.ready = False
        poller = _poller(w, lambda low, _: low)
        await poller.plan_new()
        await poller.poll_due()
        w.clock[0] += 2 * HOUR_S
        await poller.poll_due()
        assert await _queued(w, "pump") == ["poll"]
        # and a user's request without a transaction is served by it
        job = await w.commands.request_status("pump", CommandOptions())
        assert job.action == "poll"


async def test_poller_reports_each_module_with_a_queued_poll() -> None:
    async with world() as w:
        w.radio.ready = False
        reported: list[str] = []
        poller = Poller(w.context, w.commands, PollSchedule(PLANS, 0.0), lambda *_: 0.0, reported.append)
        await poller.plan_new()
        await poller.poll_due()
        assert sorted(reported) == ["hut", "pump"]
