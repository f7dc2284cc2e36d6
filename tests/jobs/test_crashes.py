"""Crashes at any moment, by a machine that thinks of what nobody else does (hypothesis)."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError, SendRefusedError, SendUncertainError
from gsm_meter_bridge.model import Module, Request
from gsm_meter_bridge.model.job import OPEN, Job, State
from gsm_meter_bridge.storage import schema, store
from tests.support.in_memory_bridge import POLICY, FakeTransport, InMemoryBridge, factory_radio, world

T = TypeVar("T")
DAY_S = 86_400.0


class Crash(BaseException):
    """The power fails."""


class FailingRadio(FakeTransport):
    """A radio during whose sending the power can fail, before or after the message left."""

    crash: str | None = None

    async def send(self, module: Module, request: Request, validity_s: float) -> int | None:
        crash, self.crash = self.crash, None
        if crash == "before":
            raise Crash
        tp_mr = await super().send(module, request, validity_s)
        if crash == "after":
            raise Crash
        return tp_mr


class Bridge(RuleBasedStateMachine):
    """A bridge with two modules, requests, a bad network and power cuts."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        factory = factory_radio()
        self.radio = FailingRadio(devices=factory.devices)
        self.clock_s = 0.0
        self.accepted: dict[str, tuple[str, str, int]] = {}
        self.values = iter(range(60, 600))
        self._open()
        self._run(self.w.know_all())
        self.radio.sent.clear()

    def _open(self) -> None:
        self.context: AbstractAsyncContextManager[InMemoryBridge] = world(
            Path(self.folder.name) / "db", self.radio
        )
        self.w: InMemoryBridge = self._run(self.context.__aenter__())
        self.w.clock[0] += self.clock_s
        self._run(self.w.receiver.recover())
        self._run(self.w.runner.recover())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def _or_crash(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            self._run(work)
        except Crash:
            self.crash()

    @rule(module=st.sampled_from(["pump", "hut"]))
    def request(self, module: str) -> None:
        name = {"pump": "csd_idle_timeout_s", "hut": "connect_period_s"}[module]
        value = next(self.values)
        job = self._run(self.w.commands.apply(module, {name: value}, CommandOptions(f"t{value}")))
        self.accepted[job.id] = (module, name, value)

    @rule(module=st.sampled_from(["pump", "hut"]))
    def ask(self, module: str) -> None:
        self._run(self.w.commands.request_status(module, CommandOptions()))

    @rule()
    def work(self) -> None:
        self._or_crash(self.w.work())

    @rule(seconds=st.sampled_from([1.0, 31.0, 61.0, 700.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        self.clock_s += seconds
        self.w.clock[0] += seconds
        self._or_crash(self.w.work())

    @rule(lost=st.booleans())
    def lose_something(self, lost: bool) -> None:
        if lost:
            self.radio.lost += 1
        else:
            self.radio.mute += 1

    @rule(late=st.booleans())
    def late_replies(self, late: bool) -> None:
        self._run(self.radio.release())
        self._or_crash(self.w.work())

    @rule(uncertain=st.booleans(), after=st.booleans())
    def fail_to_send(self, uncertain: bool, after: bool) -> None:
        self.radio.error = SendUncertainError("no answer") if uncertain else SendRefusedError("busy")
        self.radio.error_after = after and uncertain

    @rule(when=st.sampled_from(["before", "after"]))
    def power_will_fail(self, when: str) -> None:
        self.radio.crash = when

    @rule()
    def crash(self) -> None:
        """All that is in memory is gone; the database is opened again."""
        self._run(self.w.database.close())
        self.radio.crash = None
        self._open()

    @precondition(lambda self: self.accepted)
    @rule()
    def give_up_one(self) -> None:
        try:
            self._run(self.w.commands.cancel(next(iter(self.accepted))))
        except GuardError:
            return

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        if not hasattr(self, "w"):
            return
        writes = Counter(text for _, text in self.radio.sent if "T=" in text or "TIMEOUT " in text)
        assert all(count == 1 for count in writes.values()), writes

    @invariant()
    def one_job_of_a_module_is_open(self) -> None:
        if hasattr(self, "w"):
            assert all(count <= 1 for count in self._run(self._open_jobs()))

    async def _open_jobs(self) -> list[int]:
        jobs = schema.jobs
        query = select(func.count()).where(jobs.c.state.in_(OPEN)).group_by(jobs.c.module)
        async with self.w.database.transaction() as tx:
            return list((await tx.execute(query)).scalars())

    def teardown(self) -> None:
        if not hasattr(self, "w"):
            return
        self.radio.lost = self.radio.mute = 0
        self.radio.error = None
        for _ in range(12):
            self.wait(DAY_S / 2)
        for job_id, (_, name, value) in self.accepted.items():
            job = self._run(self._job(job_id))
            assert job is not None, f"job {job_id} is lost"
            assert job.state.final or job.state is State.UNCERTAIN, job.state
            if job.state is State.VERIFIED:
                assert job.after == {name: value}
        self.nothing_was_sent_twice()
        self._run(self.w.database.close())
        self.loop.close()
        self.folder.cleanup()

    async def _job(self, job_id: str) -> Job | None:
        async with self.w.database.transaction() as tx:
            return await store.get(tx, job_id)


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """The machine opens hundreds of databases; the state table is the same on both."""
    return str(request.param)


def test_bridge_loses_no_job_and_sends_no_write_twice_if_it_crashes() -> None:
    assert POLICY.deadline_s < 700.0
    run_state_machine_as_test(
        Bridge,
        settings=settings(
            max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
