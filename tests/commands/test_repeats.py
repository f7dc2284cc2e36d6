"""What entities ask once more: done once where the broker brings it again, or forgets that it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.errors import SendRejectedError
from gsm_meter_bridge.model.job import Job, State
from tests.support.in_memory_bridge import InMemoryBridge, factory_radio, world

Ask = Callable[[Commands, CommandOptions], Awaitable[Job]]
AGAIN = CommandOptions(redelivered=True)
HOUR_S = 3600.0


def _set(**changes: object) -> Ask:
    return lambda commands, options: commands.apply("pump", changes, options, confirmed=True)


def _act(name: str) -> Ask:
    return lambda commands, options: commands.act("pump", name, options, confirmed=True)


CHANGES = {
    "setting": _set(apn="m2m"),
    "secret": _set(apn="m2m", apn_password="hunter2"),
    "several": _set(apn="m2m", csd_idle_timeout_s=300),
    "server": _set(**{"server.0.address": "a.example:9001"}),
    "password": _set(access_password="4321"),
    "reboot": _act("reboot"),
    "disconnect": _act("disconnect"),
    "restore": _act("restore"),
}
READS: dict[str, Ask] = {
    "status": lambda commands, options: commands.request_status("pump", options),
    "identity": lambda commands, options: commands.request_identity("pump", options),
    "settings": lambda commands, options: commands.read_settings("pump", options),
}


async def _done(w: InMemoryBridge, ask: Ask, options: CommandOptions | None = None) -> Job:
    job = await ask(w.commands, options or CommandOptions())
    for _ in range(60):
        if (job := await w.job(job)).state.final:
            return job
        await w.later(5.0)
    pytest.fail(f"it is still {job.state}")


@pytest.mark.parametrize("ask", [*CHANGES.values(), *READS.values()], ids=[*CHANGES, *READS])
@pytest.mark.parametrize("after_s", [0.0, 110.0, HOUR_S])
async def test_redelivered_command_is_executed_once(ask: Ask, after_s: float) -> None:
    async with world() as w:
        job = await _done(w, ask)
        sent = len(w.radio.sent)
        w.clock[0] += after_s
        assert (await ask(w.commands, AGAIN)).id == job.id
        await w.settle()
        assert len(w.radio.sent) == sent


@pytest.mark.parametrize("ask", [*CHANGES.values(), *READS.values()], ids=[*CHANGES, *READS])
async def test_unfinished_command_is_not_queued_again(ask: Ask) -> None:
    async with world() as w:
        w.radio.ready = False
        job = await ask(w.commands, CommandOptions())
        assert (await ask(w.commands, AGAIN)).id == job.id
        assert (await ask(w.commands, CommandOptions())).id == job.id


async def test_call_is_made_again_if_it_is_over_and_not_redelivered() -> None:
    async with world() as w:
        job = await w.commands.call("pump", CommandOptions())
        assert (await w.commands.call("pump", AGAIN)).id == job.id
        await w.commands.cancel(job.id)
        assert (await w.commands.call("pump", AGAIN)).id == job.id
        assert (await w.commands.call("pump", CommandOptions())).id != job.id


@pytest.mark.parametrize("ask", CHANGES.values(), ids=CHANGES)
async def test_change_or_action_is_not_repeated_within_a_minute(ask: Ask) -> None:
    async with world() as w:
        job = await _done(w, ask)
        assert job.state is State.VERIFIED
        assert (await ask(w.commands, CommandOptions())).id == job.id
        w.clock[0] += 61.0
        assert (await ask(w.commands, CommandOptions())).id != job.id


@pytest.mark.parametrize("ask", CHANGES.values(), ids=CHANGES)
async def test_change_or_action_with_a_transaction_is_always_executed(ask: Ask) -> None:
    async with world() as w:
        job = await _done(w, ask)
        assert (await ask(w.commands, CommandOptions("mine"))).id != job.id
        assert (await ask(w.commands, CommandOptions("mine", redelivered=True))).transaction == "mine"


@pytest.mark.parametrize("ask", READS.values(), ids=READS)
async def test_read_is_repeated_if_it_is_requested_again(ask: Ask) -> None:
    async with world() as w:
        job = await _done(w, ask)
        assert (await ask(w.commands, CommandOptions())).id != job.id


BETWEEN = {"other": _set(apn="b"), "more": _set(apn="b", apn_user="x"), "reset": _act("restore")}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
async def test_change_is_queued_again_if_another_was_queued_since(between: Ask) -> None:
    async with world(radio=factory_radio()) as w:
        w.radio.ready = False
        first = await _set(apn="m2m")(w.commands, CommandOptions())
        await between(w.commands, CommandOptions())
        again = await _set(apn="m2m")(w.commands, CommandOptions())
        assert again.id != first.id
        # the same once more, and a message that is known to be an old one
        assert (await _set(apn="m2m")(w.commands, CommandOptions())).id == again.id
        assert (await _set(apn="m2m")(w.commands, AGAIN)).id in (first.id, again.id)


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
async def test_change_is_made_again_if_another_was_made_since(between: Ask) -> None:
    async with world(radio=factory_radio()) as w:
        first = await _done(w, _set(apn="m2m"))
        await _done(w, between)
        assert (await _set(apn="m2m")(w.commands, CommandOptions())).id != first.id


async def test_change_is_made_again_if_module_reports_another_value() -> None:
    async with world() as w:
        first = await _done(w, _set(apn="m2m"))
        w.radio.devices["pump"].receive("+79990000000", "1234;A=somebody.else", 0.0)
        await _done(w, READS["settings"])
        assert (await _set(apn="m2m")(w.commands, CommandOptions())).id != first.id
        # but not for a message that is known to be an old one
        again = await _set(apn="somebody")(w.commands, CommandOptions("x"))
        await w.commands.cancel(again.id)
        assert (await _set(apn="m2m")(w.commands, AGAIN)).id != again.id


async def test_redelivered_changes_are_each_made_once() -> None:
    async with world() as w:
        asks = (_set(apn="a"), _set(csd_idle_timeout_s=300), _set(apn="b"))
        jobs = [await _done(w, ask) for ask in asks]
        sent = len(w.radio.sent)
        assert [(await ask(w.commands, AGAIN)).id for ask in asks] == [job.id for job in jobs]
        # of those that come without DUP, the one that was overtaken is done again
        await asks[1](w.commands, CommandOptions())
        await w.settle()
        assert len(w.radio.sent) == sent


async def test_failed_change_may_be_tried_again() -> None:
    async with world() as w:
        w.radio.error = SendRejectedError("no")
        job = await _done(w, _set(apn="m2m"))
        assert job.state is State.FAILED
        assert (await _set(apn="m2m")(w.commands, CommandOptions())).id != job.id


async def test_redelivered_action_is_executed_if_the_former_ended_13_h_ago() -> None:
    async with world() as w:
        job = await _done(w, _act("disconnect"))
        w.clock[0] += 13 * HOUR_S
        assert (await _act("disconnect")(w.commands, AGAIN)).id != job.id


async def test_redelivered_cancel_is_answered_as_before() -> None:
    async with world() as w:
        w.radio.ready = False
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.commands.cancel(job.id)
        assert (await w.commands.cancel(job.id, redelivered=True)).state is State.CANCELLED
