"""What may be asked, and the plan of a change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import ConflictError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.model.job import Job, Purpose
from gsm_meter_bridge.storage.budgets import Budgets
from tests.support.in_memory_bridge import START, world

NEW_PASSWORD = {"access_password": "4321"}


async def test_plan_reads_unknown_values_then_writes_then_reads_back() -> None:
    async with world() as w:
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("a"))
        assert [s.purpose for s in job.steps] == [Purpose.BEFORE, Purpose.WRITE, Purpose.READ_BACK]
        await w.settle()
        job = await w.commands.apply("pump", {"apn": "m2m.example"}, CommandOptions("b"))
        assert [s.purpose for s in job.steps] == [Purpose.WRITE, Purpose.READ_BACK]
        assert job.before == {"apn": "m2m"}


async def test_deadline_is_as_requested_or_grows_with_the_messages() -> None:
    async with world() as w:
        mine = await w.commands.apply("pump", {"apn": "a"}, CommandOptions("a", START + 77.0))
        assert mine.deadline_at == START + 77.0
        usual = await w.commands.apply("pump", {"apn": "b"}, CommandOptions("b"))
        assert usual.deadline_at == START + 3 * 600.0


@pytest.mark.parametrize(
    "changes", [{}, {"apn": ""}, {"apn": 5}, {"apn": None}, {"apn": "x" * 51}, {"apn": "a b"}]
)
async def test_change_is_refused_and_sends_nothing_if_a_value_is_invalid(changes: dict[str, object]) -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError):
            await w.commands.apply("hut", changes, CommandOptions("t"))
        assert not await w.runner.send_next()


async def test_unknown_module_or_setting_is_refused_with_known_names() -> None:
    async with world() as w:
        with pytest.raises(UnknownNameError, match="known: hut, pump"):
            await w.commands.request_status("attic", CommandOptions())
        with pytest.raises(UnknownNameError, match="apn"):
            await w.commands.apply("pump", {"apm": "x"}, CommandOptions())


async def test_transaction_conflicts_if_it_is_used_for_another_request() -> None:
    async with world() as w:
        first = await w.commands.apply("pump", {"apn": "a"}, CommandOptions("t"))
        assert (await w.commands.apply("pump", {"apn": "a"}, CommandOptions("t"))).id == first.id
        with pytest.raises(ConflictError):
            await w.commands.apply("pump", {"apn": "b"}, CommandOptions("t"))
        with pytest.raises(ConflictError):
            await w.commands.request_status("pump", CommandOptions("t"))


async def test_deadline_is_refused_if_it_is_past() -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError, match="a time in the future"):
            await w.commands.apply("pump", {"apn": "a"}, CommandOptions("t", START - 1.0))


ASKED: list[tuple[str, Callable[[Commands, CommandOptions], Awaitable[Job]]]] = [
    ("status", lambda commands, options: commands.request_status("pump", options)),
    ("identity", lambda commands, options: commands.request_identity("pump", options)),
    ("settings", lambda commands, options: commands.read_settings("pump", options)),
    ("apn", lambda commands, options: commands.apply("pump", {"apn": "m2m"}, options)),
    ("password", lambda commands, options: commands.apply("pump", NEW_PASSWORD, options, confirmed=True)),
    ("reboot", lambda commands, options: commands.act("pump", "reboot", options)),
    ("restore", lambda commands, options: commands.act("pump", "restore", options, confirmed=True)),
    ("call", lambda commands, options: commands.call("pump", options)),
]


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("ask", [ask for _, ask in ASKED], ids=[name for name, _ in ASKED])
async def test_known_transaction_returns_its_job_after_deadline_and_budget_ended(
    ask: Callable[[Commands, CommandOptions], Awaitable[Job]], redelivered: bool
) -> None:
    spent: dict[str, Budget] = {}
    async with world(budgets=Budgets(modules=spent)) as w:
        options = CommandOptions("t", START + 500.0)
        first = await ask(w.commands, options)
        await w.work()
        sent = len(w.radio.sent)
        spent["pump"] = Budget(day=0)
        w.clock[0] = START + 5000.0
        again = await ask(w.commands, replace(options, redelivered=redelivered))
        assert again.id == first.id
        await w.work()
        assert len(w.radio.sent) == sent
        with pytest.raises(ConflictError):
            await w.commands.act("pump", "disconnect", options)
        with pytest.raises(InvalidValueError, match="a time in the future"):
            await ask(w.commands, replace(options, transaction="other"))


async def test_known_transaction_does_not_poll_the_meter_again() -> None:
    polled = []

    def poll_meter(module: str, *, wanted: bool) -> bool:
        polled.append((module, wanted))
        return True

    async with world() as w:
        asked = Commands(w.context, CommandEnvironment(3600.0, poll_meter=poll_meter), lambda: None)
        first = await asked.request_status("pump", CommandOptions("t"))
        assert (await asked.request_status("pump", CommandOptions("t", redelivered=True))).id == first.id
    assert polled == [("pump", True)]
