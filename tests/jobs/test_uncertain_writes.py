"""Writes of unknown outcome: read back, never sent again, and nobody else gets in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import SendUncertainError
from gsm_meter_bridge.model.job import Job, State
from tests.support.in_memory_bridge import PUMP, InMemoryBridge, world


@asynccontextmanager
async def _changing(mute: int = 0, lost: int = 0) -> AsyncIterator[tuple[InMemoryBridge, Job]]:
    """A world in which a change of the pump's APN was sent, and the job.

    So many answers of modules are withheld, so many messages to them lost.
    """
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute, w.radio.lost = mute, lost
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        yield w, job


async def test_write_without_answer_is_read_back_and_not_resent() -> None:
    async with _changing(mute=1) as (w, job):
        assert (await w.job(job)).state is State.SENT
        await w.later(61)
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump")[2:] == ["1234;A=m2m", "1234;A"]


async def test_lost_write_is_uncertain_while_network_may_still_deliver_it() -> None:
    async with _changing(lost=1) as (w, job):
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.later(4 * 3600)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.MISMATCHED, "mismatched")
        assert "'internet'" in (done.error_message or "")
        assert w.texts("pump").count("1234;A=m2m") == 1


async def test_repeated_old_reply_is_not_taken_for_value_read_back() -> None:
    async with world() as w:
        await w.know_status("pump")
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.work()  # the write and its Ok
        w.radio.mute = 1
        await w.work()  # the reading back, whose reply is slow
        assert w.texts("pump")[-1] == "1234;A"
        await w.radio.arrive(PUMP, "APN: internet\r\nUSR: \r\nPSW: ")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})


async def test_write_is_mismatched_if_module_says_ok_and_changes_nothing() -> None:
    async with _changing(lost=1) as (w, job):
        await w.radio.arrive(PUMP, "Ok")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.after) == (State.MISMATCHED, {"apn": "internet"})
        assert w.texts("pump")[2:] == ["1234;A=m2m", "1234;A", "1234;A"]


async def test_uncertain_job_holds_back_other_jobs_of_its_module() -> None:
    async with _changing(lost=99) as (w, job):
        await w.later(61)
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        other = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.settle()
        assert (await w.job(other)).state is State.QUEUED


async def test_late_reply_to_uncertain_write_has_it_read_back_at_once() -> None:
    async with _changing(mute=2) as (w, job):
        await w.later(61)
        w.radio.withheld = w.radio.withheld[:1]
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.radio.release()
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_refused_write_ends_as_rejected_by_module() -> None:
    async with _changing(mute=1) as (w, job):
        w.radio.withheld.clear()
        await w.radio.arrive(PUMP, "Err")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")


@pytest.mark.parametrize("left", [True, False])
async def test_write_that_may_have_left_is_read_back_and_not_resent(left: bool) -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.error, w.radio.error_after = SendUncertainError("no answer after Ctrl-Z"), left
        w.radio.mute = 1 if left else 0
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        await w.later(4 * 3600)
        assert (await w.job(job)).state is (State.VERIFIED if left else State.MISMATCHED)
        assert w.texts("pump").count("1234;A=m2m") == int(left)


@pytest.mark.parametrize("step", ["read", "write"])
async def test_job_is_verified_without_second_write_after_crash_in_sending(tmp_path: Path, step: str) -> None:
    path = tmp_path / "bridge.db"
    async with world(path) as w:
        await w.know_status("pump")
        if step == "read":
            job = await w.commands.request_status("pump", CommandOptions("t"))
        else:
            job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        w.radio.error, w.radio.error_after = KeyboardInterrupt(), True  # type: ignore[assignment]
        w.radio.mute = 1
        with pytest.raises(KeyboardInterrupt):
            await w.settle()
        assert (await w.job(job)).state is State.SENDING
        radio = w.radio
    async with world(path, radio) as w:
        radio.withheld.clear()
        await w.runner.recover()
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump").count("1234;A=m2m") == int(step == "write")


@pytest.mark.parametrize("known", [True, False])
async def test_several_unanswered_commands_are_read_back_and_not_resent(known: bool) -> None:
    changes: dict[str, object] = {"server.0.address": "a.example:1", "server.0.rule.3": "01:00-02:00"}
    async with world() as w:
        if known:
            await w.know_all()
        w.radio.mute = 1
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        await w.later(61)
        await w.later(61)
        assert (await w.job(job)).state is State.VERIFIED
        reads = "" if known else "S0;S0R;"
        wrote = f"1234;{reads}S0S=a.example:1;S0R3=01:00-02:00;REBOOT"
        assert w.texts("pump")[-2:] == [wrote, "1234;S0;S0R"]


async def test_lost_commands_are_uncertain_while_network_may_still_deliver_them() -> None:
    changes: dict[str, object] = {"server.0.address": "a.example:1", "server.0.rule.3": "01:00-02:00"}
    async with world() as w:
        w.radio.lost = 1
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        for _ in range(2):
            await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.later(4 * 3600)
        assert (await w.job(job)).state is State.MISMATCHED
        assert sum("S0S=" in text for text in w.texts("pump")) == 1
