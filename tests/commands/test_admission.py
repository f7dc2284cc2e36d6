"""How a request becomes a job: its deadline, its priority, and what is refused before it is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import Admission, CommandOptions
from gsm_meter_bridge.commands.gateways import GatewayModem, Gateways
from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.model import Module, Request
from gsm_meter_bridge.model.facts import Budget
from gsm_meter_bridge.model.job import Job, Priority, Purpose, State, Step
from gsm_meter_bridge.storage import ad_hoc
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import KEY, POLICY, START, InMemoryBridge, world

INFO = Step(Purpose.READ, Request.read("info"))
RESTART = Step(Purpose.WRITE, Request.action("reboot"), 40.0)
NUMBER = "+79990000301"


def _admission(
    w: InMemoryBridge, *, modules: dict[str, Budget] | None = None, ad_hoc: Module | None = None
) -> Admission:
    budgets = Budgets(modules=modules or {})
    return Admission(w.context, Gateways(lambda _: (GatewayModem("test"),), budgets), KEY, ad_hoc)


@pytest.mark.parametrize(
    ("action", "steps", "deadline_at", "expected", "priority"),
    [
        ("request_status", (INFO,), None, START + POLICY.deadline_s, Priority.USER),
        ("request_status", (INFO, INFO), None, START + 2 * POLICY.deadline_s, Priority.USER),
        ("reboot", (RESTART, INFO), None, START + 2 * POLICY.deadline_s + 40, Priority.USER),
        ("reboot", (RESTART, INFO), START + 5, START + 5, Priority.USER),
        ("poll", (INFO,), None, START + POLICY.deadline_s, Priority.POLL),
    ],
)
async def test_job_is_due_now_and_has_a_deadline_for_each_step(
    action: str, steps: tuple[Step, ...], deadline_at: float | None, expected: float, priority: Priority
) -> None:
    async with world() as w:
        admission = _admission(w)
        options = CommandOptions("t", deadline_at)
        job = admission.job(w.modules["pump"], action, steps, options)
        assert (job.module, job.action, job.steps, job.transaction) == ("pump", action, steps, "t")
        assert (job.created_at, job.due_at, job.deadline_at) == (START, START, expected)
        assert (job.priority, job.state, job.ad_hoc_family) == (priority, State.QUEUED, None)
        other = admission.job(w.modules["pump"], action, steps, options)
        assert other.id != job.id
        assert len(other.id) == len(job.id) == 20
        assert int(job.id[:12], 16) == START * 1000  # ids sort by time


@pytest.mark.parametrize(("left_s", "is_stored"), [(-1.0, False), (0.0, False), (0.001, True), (60.0, True)])
async def test_job_is_stored_only_before_its_deadline(left_s: float, *, is_stored: bool) -> None:
    async with world() as w:
        admission = _admission(w)
        job = admission.job(w.modules["pump"], "x", (INFO,), CommandOptions(deadline_at=START + left_s))
        async with w.database.transaction() as tx:
            if is_stored:
                assert await admission.store(tx, job, 1) == job
            else:
                with pytest.raises(
                    InvalidValueError,
                    match=rf"a time in the future.*{START + left_s}|{START + left_s}.*a time in the future",
                ):
                    await admission.store(tx, job, 1)
        assert [one.job.id for one in await w.commands.unfinished()] == [job.id] * is_stored


@pytest.mark.parametrize(("day", "messages", "is_stored"), [(2, 2, True), (2, 3, False), (0, 1, False)])
async def test_job_is_stored_only_within_the_budget(day: int, messages: int, *, is_stored: bool) -> None:
    async with world() as w:
        admission = _admission(w, modules={"pump": Budget(day)})
        job = admission.job(w.modules["pump"], "x", (INFO,), CommandOptions())
        async with w.database.transaction() as tx:
            if is_stored:
                await admission.store(tx, job, messages)
            else:
                with pytest.raises(GuardError, match="budget of pump"):
                    await admission.store(tx, job, messages)
        assert len(await w.commands.unfinished()) == is_stored


async def test_request_costs_as_many_messages_as_it_has_steps() -> None:
    async with world() as w:
        admission = _admission(w, modules={"pump": Budget(1)})
        two = admission.job(w.modules["pump"], "x", (INFO, INFO), CommandOptions())
        one = replace(two, steps=(INFO,))
        async with w.database.transaction() as tx:
            with pytest.raises(GuardError, match="this may take 2"):
                await admission.accept(tx, two, CommandOptions(), lambda _: False)
            assert await admission.accept(tx, one, CommandOptions(), lambda _: False) == one


@pytest.mark.parametrize(
    ("transaction", "same_action", "is_same"),
    [("t", False, True), ("t", True, True), ("other", True, False), (None, True, True), (None, False, False)],
)
async def test_request_is_the_same_by_its_transaction_or_else_by_its_kind(
    transaction: str | None, *, same_action: bool, is_same: bool
) -> None:
    async with world() as w:
        admission = _admission(w)

        def another(transaction: str | None) -> Job:
            return admission.job(w.modules["pump"], "x", (INFO,), CommandOptions(transaction))

        async with w.database.transaction() as tx:
            first = await admission.accept(tx, another("t"), CommandOptions("t"), lambda _: same_action)
            options = CommandOptions(transaction)
            second = await admission.accept(tx, another(transaction), options, lambda _: same_action)
        assert (second.id == first.id) is is_same


async def test_request_to_a_number_keeps_family_and_sealed_password_with_its_job() -> None:
    async with world() as w:
        module = ad_hoc.with_number(NUMBER, w.modules["pump"].family, Secret("9876"))
        admission = _admission(w, ad_hoc=module)
        job = admission.job(module, "x", (INFO,), CommandOptions())
        assert (job.module, job.ad_hoc_family) == (NUMBER, module.family.id)
        assert job.ad_hoc_password
        assert "9876" not in job.ad_hoc_password
        async with w.database.transaction() as tx:
            await admission.store(tx, job, 1)
        async with w.database.reading() as tx:
            assert [*await ad_hoc.unfinished(tx, w.context.bridge)] == [NUMBER]
