"""Writes of unknown fate: read back, never sent again, and nobody else gets in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.errors import SendUncertainError
from gsm_meter_bridge.job import State
from gsm_meter_bridge.service.commands import Terms
from tests.support.short_path import PUMP, world


async def test_a_write_without_an_answer_is_read_back_never_resent() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        await w.later(61)
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump")[2:] == ["1234;A=m2m", "1234;A"]


async def test_a_lost_write_is_not_called_a_mismatch_while_the_network_may_still_bring_it() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.lost = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.later(4 * 3600)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.MISMATCHED, "mismatched")
        assert "'internet'" in (done.error_words or "")
        assert w.texts("pump").count("1234;A=m2m") == 1


async def test_an_old_reply_that_comes_twice_is_not_taken_for_the_value_read_back() -> None:
    async with world() as w:
        await w.know_status("pump")
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.work()  # the write and its Ok
        w.radio.mute = 1
        await w.work()  # the reading back, whose reply is slow
        assert w.texts("pump")[-1] == "1234;A"
        await w.radio.arrive(PUMP, "APN: internet\r\nUSR: \r\nPSW: ")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})


async def test_a_module_that_says_ok_and_does_nothing() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.lost = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        await w.radio.arrive(PUMP, "Ok")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.after) == (State.MISMATCHED, {"apn": "internet"})
        assert w.texts("pump")[2:] == ["1234;A=m2m", "1234;A", "1234;A"]


async def test_an_uncertain_job_keeps_the_lane_shut() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.lost = 99
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        await w.later(61)
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        other = await w.commands.request_status("pump", Terms("t2"))
        await w.settle()
        assert (await w.job(other)).state is State.QUEUED


async def test_a_late_reply_to_an_uncertain_write_has_it_read_back_at_once() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute = 2
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        await w.later(61)
        w.radio.withheld = w.radio.withheld[:1]
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.radio.release()
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_a_refused_write() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        w.radio.withheld.clear()
        await w.radio.arrive(PUMP, "Err")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "module_refused")


@pytest.mark.parametrize("left", [True, False])
async def test_a_write_that_may_have_left_is_read_back(left: bool) -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.error, w.radio.error_after = SendUncertainError("no answer after Ctrl-Z"), left
        w.radio.mute = 1 if left else 0
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        await w.later(4 * 3600)
        assert (await w.job(job)).state is (State.VERIFIED if left else State.MISMATCHED)
        assert w.texts("pump").count("1234;A=m2m") == int(left)


@pytest.mark.parametrize("step", ["read", "write"])
async def test_a_restart_while_sending(tmp_path: Path, step: str) -> None:
    path = tmp_path / "bridge.db"
    async with world(path) as w:
        await w.know_status("pump")
        if step == "read":
            job = await w.commands.request_status("pump", Terms("t"))
        else:
            job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
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
