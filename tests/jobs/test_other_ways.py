"""What modules tell over connections: stored as SMS are, and nothing is asked that came for free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.errors import GuardError, SendRefusedError
from gsm_meter_bridge.family import Access, Reading
from gsm_meter_bridge.job import Observation, State
from gsm_meter_bridge.jobs import observations
from gsm_meter_bridge.service.actions import POLL
from gsm_meter_bridge.service.commands import Commands, Terms
from gsm_meter_bridge.service.polling import Poller, PollPlan
from gsm_meter_bridge.vocabulary import Secret
from tests.support.short_path import BRIDGE, POLICY, World, world

_DBM = Reading("signal_dbm", -83)


def _told(w: World, source: str = "inbound", module: str = "pump") -> Observation:
    return Observation(module, (_DBM,), source, w.now())


async def test_what_came_over_a_connection_is_stored_with_its_source() -> None:
    async with world() as w:
        heard: list[str] = []
        w.receiver.listen(lambda module, _: heard.append(module))
        await w.receiver.observe([_told(w)], status=True)
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "pump")
        assert (facts.readings["signal_dbm"].value, facts.readings["signal_dbm"].source) == (-83, "inbound")
        assert facts.last_seen_at == w.now()
        assert heard == ["pump"]


async def test_a_status_that_came_another_way_answers_who_waits_for_one() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", Terms("t1"))
        await w.receiver.observe([_told(w)], status=True)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == []


async def test_it_answers_nobody_who_wants_to_know_settings() -> None:
    async with world() as w:
        job = await w.commands.read_settings("pump", Terms("t1"))
        await w.receiver.observe([_told(w)], status=True)
        assert (await w.job(job)).state is State.QUEUED


async def test_a_value_that_is_no_status_answers_nobody() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", Terms("t1"))
        await w.receiver.observe([_told(w)], status=False)
        assert (await w.job(job)).state is State.QUEUED


def _visiting(w: World, visited: list[str]) -> Commands:
    def visit(module: str, *, wanted: bool) -> bool:
        visited.append(module)
        return True

    return Commands(w.database, w.modules, POLICY, w.runner.wake, 86_400.0, now=w.now, visit=visit)


async def test_a_status_is_asked_over_the_connection_first() -> None:
    async with world() as w:
        visited: list[str] = []
        await _visiting(w, visited).request_status("pump", Terms("t1"))
        await w.settle()
        assert visited == ["pump"]
        assert w.texts("pump") == []


async def test_where_the_connection_fails_an_sms_is_sent() -> None:
    async with world() as w:
        commands = _visiting(w, [])
        job = await commands.request_status("pump", Terms("t1"))
        await commands.no_visit("pump")
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_where_nothing_comes_of_the_connection_an_sms_is_sent_in_the_end() -> None:
    async with world() as w:
        job = await _visiting(w, []).request_status("pump", Terms("t1"))
        await w.later(121)
        assert (await w.job(job)).state is State.VERIFIED


def _poller(w: World, *, by_sms: bool = True) -> Poller:
    plans = {"hut": PollPlan(3600.0, 0.0), "pump": PollPlan(3600.0, 0.0, by_sms)}
    return Poller(w.database, BRIDGE, w.commands, plans, 0.0, w.now, lambda low, _: low)


async def test_who_told_something_for_free_lately_is_not_polled() -> None:
    async with world() as w:
        poller = _poller(w)
        await poller.plan_new()
        await w.receiver.observe([_told(w)], status=True)
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == []
        w.clock[0] += 3601
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_what_came_by_sms_does_not_keep_polls_away() -> None:
    async with world() as w:
        poller = _poller(w)
        await poller.plan_new()
        await w.know_status("pump")
        sent = len(w.texts("pump"))
        await poller.poll_due()
        await w.settle()
        assert len(w.texts("pump")) > sent


async def test_no_sms_is_spent_on_polls_where_the_owner_says_so() -> None:
    async with world() as w:
        poller = _poller(w, by_sms=False)
        await poller.plan_new()
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == []
        assert w.texts("hut") != []


async def test_a_call_is_done_when_the_module_connects() -> None:
    async with world() as w:
        job = await w.commands.call("pump", Terms("t1"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        await w.receiver.observe([_told(w, "tcp")], status=True)
        assert (await w.job(job)).state is State.SENT
        await w.receiver.observe([_told(w)], status=True)
        assert (await w.job(job)).state is State.VERIFIED
        async with w.database.transaction() as tx:
            assert (await w.budgets.of_module(tx, "pump", w.now())).day == 0


async def test_a_call_that_brings_nothing_expires() -> None:
    async with world() as w:
        job = await w.commands.call("pump", Terms("t1"))
        await w.settle()
        await w.later(POLICY.reply_timeout_s + 1)
        assert (await w.job(job)).state is State.EXPIRED


async def test_a_call_that_our_modem_cannot_make_is_made_later() -> None:
    async with world() as w:
        w.radio.error = SendRefusedError("no network")
        job = await w.commands.call("pump", Terms("t1"))
        await w.work()
        assert (await w.job(job)).state is State.QUEUED
        await w.later(POLICY.resend_delay_s + 1)
        assert (await w.job(job)).state is State.SENT


async def test_modules_that_do_not_answer_calls_are_not_called() -> None:
    async with world() as w:
        with pytest.raises(GuardError, match="its modules do not answer calls"):
            await w.commands.call("hut", Terms("t1"))


async def test_a_module_whose_lists_are_known_and_do_not_hold_our_number_is_not_called() -> None:
    async with world() as w:
        listed = Reading("server.0.white_list.1", "+79991112233")
        await w.receiver.observe([replace(_told(w, "sms"), readings=(listed,))], status=False)
        with pytest.raises(GuardError, match="white list"):
            await w.commands.call("pump", Terms("t1"))
        ours = Reading("server.1.white_list.0", "+79990000000")
        await w.receiver.observe([replace(_told(w, "sms"), readings=(ours,))], status=False)
        await w.commands.call("pump", Terms("t1"))


async def test_a_poll_that_waits_is_answered_too() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", Terms(), action=POLL)
        await w.receiver.observe([_told(w)], status=True)
        assert (await w.job(job)).state is State.VERIFIED


async def test_who_a_module_is_can_be_asked_for() -> None:
    async with world() as w:
        job = await w.commands.request_identity("hut", Terms("t1"))
        await w.receiver.observe([_told(w, module="hut")], status=True)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("hut") != []
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "hut")
        assert {"imei", "iccid", "ip"} <= facts.readings.keys()


async def test_who_a_module_is_cannot_be_asked_for_without_a_form() -> None:
    async with world() as w:
        w.modules["hut"] = replace(w.modules["hut"], access=Access(Secret("12345678")))
        with pytest.raises(GuardError, match="no documented request"):
            await w.commands.request_identity("hut", Terms("t1"))
