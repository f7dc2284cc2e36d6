"""The wall clock is set while the bridge is at work, or was wrong when it started: on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from gsm_meter_bridge.clock import Clock
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.polling import Poller, PollPlan, PollSchedule
from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.model.job import Observation, State
from gsm_meter_bridge.storage import observations, registry, schema, timeline
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.registry import Binding
from gsm_meter_bridge.storage.timeline import Timekeeper
from tests.support.clocks import DAY_S, NOON, Watch
from tests.support.in_memory_bridge import BRIDGE, POLICY, FakeTransport, InMemoryBridge, world

HOUR_S = 3600.0
PLANS = {"hut": PollPlan(HOUR_S, 0.1), "pump": PollPlan(HOUR_S, 0.1)}
STEPS = [180 * DAY_S, HOUR_S, -HOUR_S, -20 * DAY_S, -NOON]


@dataclass
class Timed:
    """A bridge whose time is a watch's."""

    w: InMemoryBridge
    watch: Watch
    clock: Clock
    keeper: Timekeeper
    poller: Poller
    health: Health

    async def pass_time(self, seconds: float, tick_s: float = 120.0) -> None:
        """Let time pass; what the daemon does every second is done every `tick_s` seconds."""
        for _ in range(round(seconds / tick_s)):
            self.watch.wait(tick_s)
            await self.tick()

    async def tick(self) -> None:
        await self.keeper.look()
        await self.poller.plan_new()
        await self.poller.poll_due()
        await self.w.work()

    async def step(self, by_s: float) -> None:
        self.watch.wall += by_s
        await self.tick()

    async def values(self, column: object) -> list[float]:
        async with self.w.database.reading() as tx:
            return [v for v in (await tx.execute(select(column))).scalars() if v is not None]  # type: ignore[call-overload]

    def code(self) -> list[str]:
        return [p.message for p in self.health.problems if p.code is BridgeProblemCode.CLOCK]


@asynccontextmanager
async def timed(
    watch: Watch,
    path: Path | None = None,
    radio: FakeTransport | None = None,
    *,
    plans: Mapping[str, PollPlan] = PLANS,
    budgets: Budgets | None = None,
) -> AsyncIterator[Timed]:
    async with world(path, radio, budgets=budgets) as w:
        clock, health = Clock(lambda: watch.wall, lambda: watch.elapsed), Health()
        for part in (w.runner, w.receiver, w.commands):
            part._now = clock.now
        in_its_time = replace(w.context, now=clock.now)
        w.commands._admission = replace(w.commands._admission, context=in_its_time)
        w.radio.now = lambda: watch.network
        keeper = Timekeeper(w.database, BRIDGE, clock, health)
        await keeper.begin()
        await w.receiver.recover()
        await w.runner.recover()
        poller = Poller(
            in_its_time,
            w.commands,
            PollSchedule(plans, 0.0),
            lambda low, high: (low + high) / 2,
        )
        yield Timed(w, watch, clock, keeper, poller, health)


def _polls(w: InMemoryBridge, module: str) -> int:
    """How many polls were sent: each begins with the same message."""
    first = {"hut": "CSQ", "pump": "1234;I"}[module]
    return sum(first in text for text in w.texts(module)) or len(w.texts(module))


@pytest.mark.parametrize("by_s", STEPS)
async def test_polls_keep_their_interval_if_clock_is_set(by_s: float) -> None:
    async with timed(Watch()) as t:
        await t.pass_time(600.0)
        assert _polls(t.w, "pump") == 1
        await t.step(by_s)
        await t.pass_time(HOUR_S - 660.0, 980.0)
        assert _polls(t.w, "pump") == 1  # not sooner
        await t.pass_time(180.0, 60.0)
        assert _polls(t.w, "pump") == 2  # and not later
        await t.step(-by_s)
        await t.pass_time(HOUR_S + 60.0, 610.0)
        assert _polls(t.w, "pump") == 3


@pytest.mark.parametrize("by_s", STEPS)
async def test_reply_timeout_is_kept_if_clock_is_set(by_s: float) -> None:
    async with timed(Watch(), plans={}) as t:
        await t.w.know_all()
        t.w.radio.mute = 1
        job = await t.w.commands.request_status("pump", CommandOptions("t"))
        await t.tick()
        await t.step(by_s)
        assert (await t.w.job(job)).state is State.SENT
        await t.pass_time(POLICY.reply_timeout_s - 1.0, POLICY.reply_timeout_s - 1.0)
        assert (await t.w.job(job)).state is State.SENT
        await t.pass_time(2.0, 2.0)
        assert (await t.w.job(job)).state is State.EXPIRED
        await t.step(-by_s)
        await t.w.radio.release()  # a late reply still counts
        await t.tick()
        assert max(await t.values(schema.readings.c.at)) == pytest.approx(t.clock.now())


@pytest.mark.parametrize("by_s", STEPS)
async def test_request_waiting_for_modem_keeps_deadline_if_clock_is_set(by_s: float) -> None:
    async with timed(Watch(), plans={}) as t:
        t.w.radio.ready = False
        job = await t.w.commands.request_status(
            "pump", CommandOptions("t", deadline_at=t.clock.now() + 300.0)
        )
        await t.step(by_s)
        await t.pass_time(290.0, 290.0)
        assert (await t.w.job(job)).state is State.QUEUED
        t.w.radio.ready = True
        await t.tick()
        assert (await t.w.job(job)).state is not State.EXPIRED


@pytest.mark.parametrize("by_s", STEPS)
async def test_lost_change_is_written_once_and_mismatched_if_clock_is_set(by_s: float) -> None:
    async with timed(Watch(), plans={}) as t:
        await t.w.know_all()
        t.w.radio.lost = 1
        job = await t.w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await t.tick()
        await t.step(by_s)
        for _ in range(30):
            await t.pass_time(300.0, 100.0)
        done = await t.w.job(job)
        assert done.state is State.MISMATCHED
        assert t.w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize("by_s", STEPS)
async def test_budget_keeps_its_count_if_clock_is_set(by_s: float) -> None:
    """Not even for as long as the clock is wrong, unless it says that it is another day."""
    budgets = Budgets({"test": Budget(day=10)})
    async with timed(Watch(), plans={}, budgets=budgets) as t:
        for _ in range(3):
            await t.w.know_status("pump")
        sent = len(t.w.radio.sent)

        async def spent() -> int:
            async with t.w.database.reading() as tx:
                return (await budgets.of_modem(tx, "test", t.clock.now())).day

        assert await spent() == sent
        for by in (by_s, -by_s):
            await t.step(by)
            assert await spent() == sent


async def test_database_holds_no_future_times_if_clock_is_set() -> None:
    columns = (
        schema.readings.c.at,
        schema.contacts.c.last_seen_at,
        schema.sent.c.at,
        schema.transitions.c.at,
        schema.messages.c.received_at,
        schema.jobs.c.created_at,
        schema.jobs.c.ended_at,
    )
    async with timed(Watch()) as t:
        for by_s in (0.0, *STEPS, *(-s for s in STEPS)):
            await t.step(by_s)
            await t.pass_time(HOUR_S, 600.0)
            for column in columns:
                assert max(await t.values(column)) <= t.clock.now(), column
            for due in await t.values(schema.contacts.c.next_poll_at):
                assert due <= t.clock.now() + 1.1 * HOUR_S


@pytest.mark.parametrize("by_s", [180 * DAY_S, -180 * DAY_S])
async def test_timekeeper_keeps_times_of_earlier_runs_if_clock_is_set(tmp_path: Path, by_s: float) -> None:
    path, watch = tmp_path / "db", Watch()
    async with timed(watch, path) as t:
        await t.tick()
        before = sorted(await t.values(schema.transitions.c.at))
    watch.wait(HOUR_S * 3)
    async with timed(watch, path, t.w.radio) as t:
        await t.tick()
        await t.step(by_s)
        assert sorted(await t.values(schema.transitions.c.at))[: len(before)] == before or by_s < 0
        await t.step(-by_s)
        times = sorted(await t.values(schema.transitions.c.at))
        assert times[: len(before)] == before
        assert all(at == pytest.approx(watch.wall, abs=60.0) for at in times[len(before) :])


async def test_timekeeper_corrects_times_and_polls_after_start_in_1970(tmp_path: Path) -> None:
    path, watch = tmp_path / "db", Watch()
    async with timed(watch, path) as t:
        await t.pass_time(600.0)
        radio = t.w.radio
        asked = _polls(t.w, "pump")
    watch.wall, watch.elapsed = 10.0, 20.0  # no power for twenty minutes, and no clock of its own
    async with timed(watch, path, radio) as t:
        assert not t.clock.right
        assert ["1970" in message for message in t.code()] == [True]
        job = await t.w.commands.request_status("hut", CommandOptions("t"))
        await t.tick()
        assert (await t.w.job(job)).state is State.VERIFIED
        assert t.clock.dated((await t.w.job(job)).ended_at) is None
        await t.step(NOON + 1800.0 - watch.wall)
        assert t.clock.right
        assert ["forward" in message for message in t.code()] == [True]
        assert (await t.w.job(job)).ended_at == pytest.approx(NOON + 1800.0, abs=60.0)
        assert _polls(t.w, "pump") == asked
        await t.pass_time(HOUR_S - 1800.0 + 120.0)
        assert _polls(t.w, "pump") == asked + 1  # as the calendar has it: it was away, but not for nothing
        await t.pass_time(2 * HOUR_S)
        assert t.code() == []


async def test_timekeeper_corrects_times_and_polls_if_earlier_run_was_ahead(tmp_path: Path) -> None:
    """As 0.1.0 left it: values and polls of a time to come."""
    path, watch = tmp_path / "db", Watch()
    async with timed(watch, path) as t:
        await t.tick()
        radio = t.w.radio
    far = 180 * DAY_S
    async with world(path, radio) as w, w.database.transaction() as tx:
        for table, name in (
            (schema.readings, "at"),
            (schema.contacts, "last_seen_at"),
            (schema.contacts, "next_poll_at"),
            (schema.sent, "at"),
        ):
            await tx.execute(update(table).values({name: table.c[name] + far}))
    watch.wait(600.0)
    async with timed(watch, path, radio) as t:
        assert not t.clock.right
        asked = _polls(t.w, "pump")
        await t.pass_time(HOUR_S + 120.0)
        assert _polls(t.w, "pump") == asked + 1
        t.clock.witness(watch.wall)
        await t.tick()
        assert t.clock.right
        assert t.clock.now() == pytest.approx(watch.wall)
        for column in (schema.readings.c.at, schema.contacts.c.last_seen_at, schema.sent.c.at):
            assert max(await t.values(column)) <= watch.wall
        await t.pass_time(HOUR_S + 120.0)
        assert _polls(t.w, "pump") == asked + 2


@pytest.mark.parametrize("away_s", [60.0, 180 * DAY_S])
async def test_request_in_progress_is_verified_after_restart(tmp_path: Path, away_s: float) -> None:
    """How long the bridge was away is the word of a clock that may be wrong: a reply may lie on the SIM."""
    path, watch = tmp_path / "db", Watch()
    async with timed(watch, path, plans={}) as t:
        t.w.radio.mute = 1
        job = await t.w.commands.request_status("pump", CommandOptions("t"))
        await t.tick()
        radio = t.w.radio
    watch.wait(away_s)
    async with timed(watch, path, radio, plans={}) as t:
        await t.tick()
        assert (await t.w.job(job)).state is State.SENT
        await t.w.radio.release()
        for _ in range(3):
            await t.tick()
        assert (await t.w.job(job)).state is State.VERIFIED


async def test_timekeeper_does_not_shift_times_of_other_bridge() -> None:
    async with timed(Watch(), plans={"pump": PLANS["pump"]}) as t:
        async with t.w.database.transaction() as tx:
            await registry.register(tx, "north", [Binding(t.w.modules["hut"])])
            await registry.register(tx, BRIDGE, [Binding(t.w.modules["pump"])])
            await observations.record(tx, Observation("hut", (Reading("imei", "1"),), "sms", t.clock.now()))
            await observations.set_next_polls(tx, BRIDGE, {"hut": t.clock.now() + 5.0})
            theirs = await observations.facts(tx, "hut")
        await t.step(-180 * DAY_S)
        await t.step(-180 * DAY_S)
        async with t.w.database.reading() as tx:
            assert await observations.facts(tx, "hut") == theirs
            assert (await timeline.newest(tx, BRIDGE) or 0.0) <= t.clock.now()


async def test_clock_step_is_logged_once_and_forgotten_after_an_hour(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with timed(Watch(), plans={}) as t:
        await t.step(180 * DAY_S)
        for _ in range(50):
            await t.tick()
        assert sum("180 days" in r.getMessage() for r in caplog.records if r.levelname == "WARNING") == 1
        assert ["set forward by 180 days" in message for message in t.code()] == [True]
        await t.pass_time(HOUR_S + 60.0, 60.0)
        assert t.code() == []


async def test_newest_time_is_none_if_tables_are_empty() -> None:
    async with world() as w, w.database.reading() as tx:
        assert await timeline.newest(tx, BRIDGE) is None
        assert (await tx.execute(select(func.count()).select_from(schema.jobs))).scalar() == 0
