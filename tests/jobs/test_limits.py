"""What holds messages back: budgets, quiet hours, a failing modem; and what ends jobs: cancel, retention."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from gsm_meter_bridge.commands.actions import POLL
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError, SendRejectedError, UnknownNameError
from gsm_meter_bridge.jobs.runner import SendGate
from gsm_meter_bridge.model.facts import Budget, Spending
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.sms import encode_delivers
from gsm_meter_bridge.storage import inbox, observations, retention, schema, store
from gsm_meter_bridge.storage.budgets import Budgets, note_sent
from gsm_meter_bridge.transports.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker
from tests.support.in_memory_bridge import BRIDGE, POLICY, PUMP, START, InMemoryBridge, world

DAY_S = 86_400.0


async def _spending(w: InMemoryBridge, budgets: Budgets) -> Spending:
    async with w.database.transaction() as tx:
        return await budgets.of_modem(tx, "test", w.now())


async def test_budget_counts_sent_messages_by_day_and_month() -> None:
    budgets = Budgets({"test": Budget(day=10, month=12)})
    async with world(budgets=budgets) as w:
        await w.commands.read_settings("hut", CommandOptions())
        await w.settle()
        sent = len(w.radio.sent)
        assert await _spending(w, budgets) == Spending(sent, sent, 10 - sent, 12 - sent)
        w.clock[0] += DAY_S  # still the same month
        assert await _spending(w, budgets) == Spending(0, sent, 10, 12 - sent)
        assert (await _spending(w, budgets)).left == 12 - sent
        w.clock[0] += 31 * DAY_S
        assert await _spending(w, budgets) == Spending(0, 0, 10, 12)


async def test_spending_has_no_limit_without_budget() -> None:
    async with world() as w:
        assert (await _spending(w, Budgets())).left is None


async def test_budget_reserve_is_not_used_for_polls() -> None:
    async with world(budgets=Budgets({"test": Budget(day=8, reserve=8)})) as w:
        await w.commands.request_status("pump", CommandOptions(), action=POLL)
        await w.settle()
        assert w.radio.sent == []
        await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_exhausted_budget_rejects_change_before_it_is_stored() -> None:
    async with world(budgets=Budgets({"test": Budget(day=3)})) as w:
        await w.commands.request_status("pump", CommandOptions())
        await w.settle()
        message = "the budget of modem test has 1 SMS left today or this month; this may take 2"
        with pytest.raises(GuardError, match=message) as caught:
            await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())
        assert caught.value.code == "budget_exhausted"
        async with w.database.transaction() as tx:
            assert await store.waiting(tx, "pump") == ()
        w.clock[0] += DAY_S
        await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())


async def test_module_budget_rejects_requests_to_that_module_only() -> None:
    async with world(budgets=Budgets({}, {"pump": Budget(month=1)})) as w:
        with pytest.raises(GuardError, match="the budget of pump has 1 SMS left"):
            await w.commands.request_status("pump", CommandOptions())
        await w.commands.request_status("hut", CommandOptions())


async def test_change_in_progress_is_finished_if_budget_is_exhausted() -> None:
    async with world(budgets=Budgets({"test": Budget(day=9)})) as w:
        await w.know_status("pump")
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions())
        await w.runner.send_next()
        await w.commands.request_status("hut", CommandOptions())
        for _ in range(6):  # somebody else uses the SIM up
            async with w.database.transaction() as tx:
                await note_sent(tx, "test", "x", "x", w.now())
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("hut") == []


async def test_quiet_hours_are_for_polls_only() -> None:
    async with world() as w:
        w.runner._gate = SendGate(polls_allowed=lambda: False)
        await w.commands.request_status("pump", CommandOptions(), action=POLL)
        await w.commands.request_status("hut", CommandOptions("t"))
        await w.settle()
        assert w.texts("pump") == []
        assert w.texts("hut") != []
        w.runner._gate = SendGate()
        await w.settle()
        assert w.texts("pump") != []


async def test_runner_sends_requests_before_polls() -> None:
    async with world() as w:
        w.radio.ready = False
        await w.commands.request_status("pump", CommandOptions(), action=POLL)
        await w.commands.request_status("hut", CommandOptions("t"))
        w.radio.ready = True
        await w.runner.send_next()
        assert w.radio.sent[0][0] == "hut"


async def test_job_fails_at_once_if_network_rejects_its_message() -> None:
    async with world() as w:
        w.radio.error = SendRejectedError("CMS 1 (unassigned number)")
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.FAILED, "rejected_by_network")


def test_breaker_pauses_longer_after_each_failure_until_success() -> None:
    clock = [0.0]
    breaker = Breaker(lambda: clock[0])
    for _ in range(2):
        breaker.failed()
        assert not breaker.paused_s
    breaker.failed()
    assert breaker.paused_s == FIRST_PAUSE_S
    clock[0] += FIRST_PAUSE_S
    assert not breaker.paused_s
    breaker.failed()  # the one try
    assert breaker.paused_s == 2 * FIRST_PAUSE_S
    for _ in range(20):
        breaker.failed()
    assert breaker.paused_s == LONGEST_PAUSE_S
    breaker.succeeded()
    assert not breaker.paused_s
    breaker.failed()
    assert not breaker.paused_s


async def test_cancel_ends_waiting_job_unsent() -> None:
    async with world() as w:
        w.radio.ready = False
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        assert (await w.commands.cancel(job.id)).state is State.CANCELLED
        w.radio.ready = True
        await w.settle()
        assert w.texts("pump") == []
        with pytest.raises(GuardError, match=r"is over \(cancelled\)"):
            await w.commands.cancel(job.id)


async def test_cancel_is_refused_for_sent_job_and_ends_uncertain_one() -> None:
    async with world() as w:
        await w.know_all()
        w.radio.lost = 10
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        with pytest.raises(GuardError, match="cannot be taken back") as caught:
            await w.commands.cancel(job.id)
        assert caught.value.code == "not_cancellable"
        await w.later(POLICY.reply_timeout_s + 1)
        await w.later(POLICY.reply_timeout_s + 1)
        assert (await w.job(job)).state is State.UNCERTAIN
        assert (await w.commands.cancel(job.id)).state is State.CANCELLED
        w.radio.lost = 0
        await w.know_status("pump")  # the lane is free
        with pytest.raises(UnknownNameError):
            await w.commands.cancel("nonsense")


async def test_incomplete_parts_are_orphaned_after_late_reply_window() -> None:
    async with world() as w:
        parts = encode_delivers(PUMP, "x" * 400, datetime.fromtimestamp(START, UTC), reference=7)
        for pdu in parts[:-1]:
            await w.receiver.store("test", pdu.pdu)
        await w.receiver.process_inbox()
        assert await _dispositions(w) == {}
        w.clock[0] += POLICY.late_reply_window_s + 1
        await w.receiver.process_inbox()
        assert await _dispositions(w) == {"orphaned": 2}


async def test_restart_by_reboot_command_is_counted() -> None:
    async with world() as w:
        await w.know_all()
        await w.commands.act("pump", "reboot", CommandOptions())
        await w.settle()
        await w.later(60)
        async with w.database.transaction() as tx:
            assert (await observations.facts(tx, "pump")).restarts == 1
            assert (await observations.facts(tx, "hut")).restarts == 0


async def test_retention_forgets_old_jobs_and_what_they_sent() -> None:
    async with world() as w:
        old = await w.commands.request_status("pump", CommandOptions())
        await w.settle()
        async with w.database.transaction() as tx:
            for job in await store.to_announce(tx, BRIDGE, w.now()):
                await store.mark_announced(tx, job)
        w.clock[0] += 100 * DAY_S
        new = await w.commands.request_status("hut", CommandOptions())
        await w.settle()
        async with w.database.transaction() as tx:
            assert await retention.forget_before(tx, w.now() - 90 * DAY_S, w.now()) == 1
            assert await store.get(tx, old.id) is None
            assert await store.get(tx, new.id) is not None
            left = (
                await tx.execute(select(func.count()).where(schema.transitions.c.job_id == old.id))
            ).scalar()
            assert left == 0
            sent = (await tx.execute(select(schema.sent.c.module))).scalars()
            assert set(sent) == {"hut"}


async def _dispositions(w: InMemoryBridge) -> dict[str, int]:
    async with w.database.transaction() as tx:
        return await inbox.counts(tx, "test")
