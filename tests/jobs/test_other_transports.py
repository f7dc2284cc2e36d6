"""What modules tell over connections: stored as SMS are, and nothing is asked that came for free."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.actions import POLL
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.commands.polling import Poller, PollPlan, PollSchedule
from gsm_meter_bridge.errors import GuardError, SendRefusedError
from gsm_meter_bridge.model import Access, Reading
from gsm_meter_bridge.model.job import Observation, State
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.vocabulary import Scalar, Secret
from tests.support.in_memory_bridge import OWN, POLICY, InMemoryBridge, world

_DBM = Reading("signal_dbm", -83)
_INFO = ("model", "serial_number", "firmware", "imei", "signal_percent")
_APN = tuple(Reading(name, "x") for name in ("apn", "apn_user", "apn_password"))
_ALL = (_DBM, *(Reading(name, "x") for name in _INFO), *_APN)


def _observation(
    w: InMemoryBridge, source: str = "inbound", module: str = "pump", more: bool = True
) -> Observation:
    return Observation(module, _ALL if more else (_DBM,), source, w.now())


async def test_observation_over_connection_is_stored_with_its_source() -> None:
    async with world() as w:
        received: list[str] = []
        w.receiver.listen(lambda module, _: received.append(module))
        await w.receiver.record([_observation(w)], status=True)
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "pump")
        assert (facts.readings["signal_dbm"].value, facts.readings["signal_dbm"].source) == (-83, "inbound")
        assert facts.last_seen_at == w.now()
        assert received == ["pump"]


async def test_status_over_connection_answers_waiting_status_request() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", CommandOptions("t1"))
        await w.receiver.record([_observation(w)], status=True)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == []


async def test_status_over_connection_does_not_answer_settings_request() -> None:
    async with world() as w:
        job = await w.commands.read_settings("pump", CommandOptions("t1"))
        await w.receiver.record([_observation(w)], status=True)
        assert (await w.job(job)).state is State.QUEUED


async def test_observation_without_status_does_not_answer_status_request() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", CommandOptions("t1"))
        await w.receiver.record([_observation(w)], status=False)
        assert (await w.job(job)).state is State.QUEUED


def _polling(w: InMemoryBridge, polled: list[str]) -> Commands:
    def poll_meter(module: str, *, wanted: bool) -> bool:
        polled.append(module)
        return True

    return Commands(w.context, CommandEnvironment(poll_meter=poll_meter), w.runner.wake)


async def test_status_request_uses_connection_first() -> None:
    async with world() as w:
        polled: list[str] = []
        await _polling(w, polled).request_status("pump", CommandOptions("t1"))
        await w.settle()
        assert polled == ["pump"]
        assert w.texts("pump") == []


async def test_status_request_is_sent_by_sms_if_connection_fails() -> None:
    async with world() as w:
        commands = _polling(w, [])
        job = await commands.request_status("pump", CommandOptions("t1"))
        await commands.meter_poll_failed("pump")
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == ["1234;I", "1234;A"]


async def test_status_request_is_sent_by_sms_if_connection_brings_nothing() -> None:
    async with world() as w:
        job = await _polling(w, []).request_status("pump", CommandOptions("t1"))
        await w.later(121)
        assert (await w.job(job)).state is State.VERIFIED


def _poller(w: InMemoryBridge, *, by_sms: bool = True) -> Poller:
    plans = {"hut": PollPlan(3600.0, 0.0), "pump": PollPlan(3600.0, 0.0, by_sms)}
    return Poller(w.context, w.commands, PollSchedule(plans, 0.0), lambda low, _: low)


async def test_poller_skips_module_whose_whole_status_came_over_connection() -> None:
    async with world() as w:
        poller = _poller(w)
        await poller.plan_new()
        await w.receiver.record([_observation(w)], status=True)
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == []
        w.clock[0] += 3601
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == ["1234;I"]


async def test_poller_polls_module_if_connection_brought_part_of_status() -> None:
    async with world() as w:
        poller = _poller(w)
        await poller.plan_new()
        await w.receiver.record([_observation(w, more=False)], status=True)
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == ["1234;I", "1234;A"]


@pytest.mark.parametrize(
    ("reported", "sent"),
    [
        (_ALL, []),
        ((_DBM,), ["1234;I", "1234;A"]),
        (tuple(r for r in _ALL if r not in _APN), ["1234;A"]),
        (_APN, ["1234;I"]),
        ((*_ALL[1:], Reading("signal_dbm", None)), ["1234;I"]),
        ((Reading("energy_import_kwh", 1.5), Reading("meter_link", "ok")), ["1234;I", "1234;A"]),
    ],
)
async def test_status_request_asks_by_sms_for_what_connection_left_out(
    reported: tuple[Reading, ...], sent: list[str]
) -> None:
    async with world() as w:
        job = await _polling(w, []).request_status("pump", CommandOptions("t1"))
        await w.receiver.record([Observation("pump", reported, "tcp", w.now())], status=True)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == sent


async def test_poller_polls_module_whose_status_came_by_sms() -> None:
    async with world() as w:
        poller = _poller(w)
        await poller.plan_new()
        await w.know_status("pump")
        sent = len(w.texts("pump"))
        await poller.poll_due()
        await w.settle()
        assert len(w.texts("pump")) > sent


async def test_poller_sends_no_sms_if_module_is_not_polled_by_sms() -> None:
    async with world() as w:
        poller = _poller(w, by_sms=False)
        await poller.plan_new()
        await poller.poll_due()
        await w.settle()
        assert w.texts("pump") == []
        assert w.texts("hut") != []


async def test_call_is_verified_if_module_connects() -> None:
    async with world() as w:
        job = await w.commands.call("pump", CommandOptions("t1"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        await w.receiver.record([_observation(w, "tcp")], status=True)
        assert (await w.job(job)).state is State.SENT
        await w.receiver.record([_observation(w)], status=True)
        assert (await w.job(job)).state is State.VERIFIED
        async with w.database.transaction() as tx:
            assert (await w.budgets.of_module(tx, "pump", w.now())).day == 0


async def test_call_expires_if_module_does_not_connect() -> None:
    async with world() as w:
        job = await w.commands.call("pump", CommandOptions("t1"))
        await w.settle()
        await w.later(POLICY.reply_timeout_s + 1)
        assert (await w.job(job)).state is State.EXPIRED


async def test_call_is_made_later_if_modem_cannot_make_it_yet() -> None:
    async with world() as w:
        w.radio.error = SendRefusedError("no network")
        job = await w.commands.call("pump", CommandOptions("t1"))
        await w.work()
        assert (await w.job(job)).state is State.QUEUED
        await w.later(POLICY.retry_delay_s + 1)
        assert (await w.job(job)).state is State.SENT


async def test_call_is_refused_if_modules_of_family_do_not_answer_calls() -> None:
    async with world() as w:
        with pytest.raises(GuardError, match="its modules do not answer calls"):
            await w.commands.call("hut", CommandOptions("t1"))


@pytest.mark.parametrize(
    ("reported", "refused"),
    [
        ({}, True),
        ({"server.0.white_list.1": "+79991112233"}, True),
        ({"server.1.white_list.9": OWN}, False),
        ({"server.0.white_list.1": "+79991112233", "server.1.white_list.0": OWN}, False),
        # an entry that is not known may be ours
        ({"server.0.white_list.4": None}, False),
        ({"server.0.white_list.1": "+79991112233", "server.1.white_list.9": None}, False),
        # a server that is not enabled, or has no address, is not connected to (clause 4.3.5)
        (
            {"server.0.white_list.1": OWN, "server.0.enabled": True, "server.0.address": "a.example:5000"},
            False,
        ),
        ({"server.0.white_list.1": OWN, "server.0.enabled": False}, True),
        ({"server.0.white_list.1": OWN, "server.0.address": ""}, True),
        ({"server.0.white_list.4": None, "server.0.enabled": False}, True),
        ({"server.0.enabled": False, "server.1.white_list.3": OWN}, False),
    ],
)
async def test_call_is_refused_if_known_white_lists_lack_our_number(
    reported: dict[str, Scalar | None], refused: bool
) -> None:
    empty = [f"server.{n}.white_list.{x}" for n in range(2) for x in range(10)]
    lists: dict[str, Scalar | None] = {**dict.fromkeys(empty, ""), **reported}
    known = tuple(Reading(name, number) for name, number in lists.items() if number is not None)
    async with world() as w:
        await w.receiver.record([replace(_observation(w, "sms"), readings=known)], status=False)
        with pytest.raises(GuardError, match="white list") if refused else nullcontext():
            await w.commands.call("pump", CommandOptions("t1"))


async def test_status_over_connection_answers_waiting_poll() -> None:
    async with world() as w:
        job = await w.commands.request_status("pump", CommandOptions(), action=POLL)
        await w.receiver.record([_observation(w)], status=True)
        assert (await w.job(job)).state is State.VERIFIED


async def test_identity_request_is_sent_although_status_came_over_connection() -> None:
    async with world() as w:
        job = await w.commands.request_identity("hut", CommandOptions("t1"))
        await w.receiver.record([_observation(w, module="hut")], status=True)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("hut") != []
        async with w.database.transaction() as tx:
            facts = await observations.facts(tx, "hut")
        assert {"imei", "iccid", "ip"} <= facts.readings.keys()


async def test_identity_request_is_refused_without_documented_form() -> None:
    async with world() as w:
        w.modules["hut"] = replace(w.modules["hut"], access=Access(Secret("12345678")))
        with pytest.raises(GuardError, match="no documented request"):
            await w.commands.request_identity("hut", CommandOptions("t1"))
