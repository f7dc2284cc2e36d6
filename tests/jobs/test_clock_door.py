"""Whatever is raised in what the clock sets going costs one module or one job; nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.commands.polling import Poller, PollPlan, PollSchedule
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.jobs import broken as graves
from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.model import Module, Request
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import budgets, schema, store
from gsm_meter_bridge.storage.database import is_unavailable
from tests.support.in_memory_bridge import BRIDGE, POLICY, InMemoryBridge, world

HOUR_S = 3600.0
PLANS = {"hut": PollPlan(HOUR_S, 0.0), "pump": PollPlan(HOUR_S, 0.0)}


class Unforeseen(Exception):  # noqa: N818
    """What nobody thought of."""


def _health(w: InMemoryBridge) -> Health:
    health = Health(is_unavailable)
    w.runner._health = health
    return health


def _raise_for(
    module: str, real: Callable[..., Any], place: Callable[[tuple[Any, ...]], str]
) -> Callable[..., Any]:
    def call(*args: Any, **more: Any) -> Any:
        if place(args) == module:
            raise Unforeseen
        return real(*args, **more)

    return call


async def _work(w: InMemoryBridge) -> None:
    """What the daemon does again and again."""
    await w.database.run_guarded(w.runner._check_timeouts)
    for _ in range(20):
        if not await _send_all(w):
            break
    await w.receiver.process_inbox()


async def _send_all(w: InMemoryBridge) -> bool:
    with w.runner._health.guard(Door.CLOCK, "claiming"):
        return await w.runner.send_next()
    return False


async def test_poller_polls_other_modules_if_poll_of_one_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as w:
        health = Health(is_unavailable)
        poller = Poller(
            replace(w.context, health=health), w.commands, PollSchedule(PLANS, 0.0), lambda low, _: low
        )
        await poller.plan_new()
        real = Commands.poll
        monkeypatch.setattr(Commands, "poll", _raise_for("hut", real, lambda a: a[1]))
        for _ in range(3):
            await poller.poll_due()
            await w.settle()
        assert w.texts("pump") == ["1234;I", "1234;A"]
        assert health.internal_errors == 1
        monkeypatch.setattr(Commands, "poll", real)
        w.clock[0] += HOUR_S
        await poller.poll_due()
        await w.settle()
        assert w.texts("hut")


@pytest.mark.parametrize(
    ("owner", "name", "place"),
    [
        (budgets, "note_sent", lambda args: args[2]),
        (outcome, "on_send_failure", lambda args: args[0].module),
    ],
)
async def test_runner_sends_change_once_if_recording_of_sending_raises(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, place: Callable[[tuple[Any, ...]], str]
) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.sent.clear()
        health = _health(w)
        monkeypatch.setattr(owner, name, _raise_for("pump", getattr(owner, name), place))
        _fail_to_send(w, monkeypatch, "pump", after=True)
        change = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        other = await w.commands.request_status("hut", CommandOptions("u"))
        for _ in range(10):
            await _work(w)
        assert w.texts("pump").count("1234;A=m2m") == 1
        assert (await w.job(change)).state is State.UNCERTAIN
        assert (await w.job(other)).state is State.VERIFIED
        assert health.internal_errors >= 1


def _fail_to_send(w: InMemoryBridge, monkeypatch: pytest.MonkeyPatch, module: str, *, after: bool) -> None:
    real = w.radio.send

    async def send(to: Module, request: Request, validity_s: float) -> int | None:
        if to.id == module and not after:
            raise Unforeseen
        sent = await real(to, request, validity_s)
        if to.id == module:
            raise Unforeseen
        return sent

    monkeypatch.setattr(w.radio, "send", send)


@pytest.mark.parametrize("after", [False, True])
async def test_runner_sends_change_at_most_once_if_delivery_raises(
    monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.sent.clear()
        health = _health(w)
        _fail_to_send(w, monkeypatch, "pump", after=after)
        change = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        other = await w.commands.request_status("hut", CommandOptions("u"))
        for _ in range(10):
            await _work(w)
        assert w.texts("pump").count("1234;A=m2m") == int(after)
        # what left was heard when it was read back; what did not leave was not done
        assert ((await w.job(change)).state is State.VERIFIED) is after
        assert (await w.job(other)).state is State.VERIFIED
        assert health.internal_errors >= 1


@pytest.mark.parametrize("name", ["on_overdue", "on_restart"])
async def test_job_ends_with_internal_error_if_timeout_or_recovery_raises(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with world() as w:
        health = _health(w)
        monkeypatch.setattr(outcome, name, _raise_for("pump", getattr(outcome, name), lambda a: a[0].module))
        w.radio.mute = 2
        jobs = [await w.commands.request_status(m, CommandOptions(m)) for m in ("pump", "hut")]
        state = State.SENDING if name == "on_restart" else State.SENT
        await _work(w)
        async with w.database.transaction() as tx:
            await tx.execute(update(schema.jobs).values(state=state))
        w.clock[0] += POLICY.reply_timeout_s + 1.0
        await w.runner.recover()
        await w.runner.time_out()
        pump, hut = [await w.job(job) for job in jobs]
        assert (pump.state.final, pump.error_code) == (True, "internal_error")
        assert hut.error_code != "internal_error"
        counted = health.internal_errors
        await w.runner.recover()
        await w.runner.time_out()
        assert health.internal_errors == counted  # it trips once


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.SENT, State.UNCERTAIN])
async def test_unreadable_job_is_ended_and_blocks_no_other(state: State) -> None:
    async with world() as w:
        health = _health(w)
        broken = await w.commands.request_status("pump", CommandOptions("t"))
        async with w.database.transaction() as tx:
            row = schema.jobs.c.id == broken.id
            values = {"steps": "{not json", "state": state, "reply_due_at": 0.0, "priority": 1}
            await tx.execute(update(schema.jobs).where(row).values(**values))
        other = await w.commands.request_status("hut", CommandOptions("u"))
        await w.runner.recover()
        for _ in range(12):
            await w.runner._check_timeouts()
            with w.runner._health.guard(Door.CLOCK, "claiming") as guard:
                while await w.runner.send_next():
                    pass
            if guard.error is not None:
                await graves.bury(w.database, BRIDGE, health, w.now())
            await w.receiver.process_inbox()
        assert (await w.job(other)).state is State.VERIFIED
        ended = await w.job(broken)
        assert (ended.state, ended.error_code) == (State.FAILED, "internal_error")
        async with w.database.reading() as tx:
            assert broken.id in [job.id for job in await store.to_announce(tx, BRIDGE, w.now())]


async def test_runner_goes_on_if_listener_raises() -> None:
    async with world() as w:
        health = _health(w)

        def fail(_: object) -> None:
            raise Unforeseen

        w.runner.listen(fail)
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert health.internal_errors >= 1
