"""Jobs of a number that end without success: refused, uncertain, cancelled, expired, unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import Family
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.ad_hoc import (
    ENERGOMERA,
    LERS,
    NEW,
    PASSWORD,
    announce,
    commands_for,
    radio_with_number,
    rows_left,
)
from tests.support.in_memory_bridge import InMemoryBridge, world


@pytest.mark.parametrize(
    ("family", "right", "wrong"),
    [(LERS, "4711", "1111"), (ENERGOMERA, "12345678", "87654321")],
    ids=["lers", "energomera"],
)
async def test_ad_hoc_change_with_wrong_password_changes_nothing(
    family: Family, right: str, wrong: str
) -> None:
    async with world(radio=radio_with_number(right, family.id)) as w:
        commands = commands_for(w, password=Secret(wrong), family=family)
        job = await commands.apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        for _ in range(12):
            await w.later(100.0)
        done = await w.job(job)
        assert done.state.final
        assert done.state is not State.VERIFIED
        assert dict(done.after) == {}
        assert w.radio.devices[NEW].state()["apn"] == "internet"
        assert wrong not in f"{done.error_message}{done.unreadable}"
        await announce(w, job)
        sent = len(w.radio.sent)
        for message in ("APN: late", f"{wrong} is wrong", "ERROR 0x05"):
            await w.radio.arrive(NEW, message)
        await w.settle()
        assert (await w.job(job)).state is done.state
        assert len(w.radio.sent) == sent
        assert await rows_left(w) == {}


async def _mute_for_good(w: InMemoryBridge, job: Job) -> Job:
    """What becomes of a change whose module says nothing after the first reading."""
    await w.runner.send_next()
    await w.receiver.process_inbox()
    w.radio.lost = 100
    await _until_uncertain(w, job)
    w.radio.lost = 0
    await announce(w, job)
    return await w.job(job)


async def _until_uncertain(w: InMemoryBridge, job: Job) -> None:
    """Let time pass until the deadline is over and no answer is waited for."""
    for _ in range(40):
        w.clock[0] += 61.0
        await w.work()
        if job.deadline_at < w.now() and (await w.job(job)).state is State.UNCERTAIN:
            return


async def test_ad_hoc_uncertain_change_is_read_back_if_module_is_heard() -> None:
    async with world(radio=radio_with_number()) as w:
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        assert (await _mute_for_good(w, job)).state is State.UNCERTAIN
        await w.radio.arrive(NEW, "hello")
        await w.later(1900.0)
        assert (await w.job(job)).state is State.MISMATCHED
        for one in await _all_jobs(w):
            await announce(w, one)
        assert await rows_left(w) == {}


@pytest.mark.parametrize("has_new", [True, False])
async def test_ad_hoc_uncertain_change_is_cancelled_by_job_with_other_password(has_new: bool) -> None:
    async with world(radio=radio_with_number()) as w:
        change = {"access_password": "9876"}
        first = await commands_for(w).apply(NEW, change, CommandOptions("a"), confirmed=True)
        w.radio.lost, w.radio.mute = (0, 100) if has_new else (100, 0)
        await _until_uncertain(w, first)
        w.radio.lost = w.radio.mute = 0
        w.radio.withheld.clear()
        assert (await w.job(first)).state is State.UNCERTAIN
        has = Secret("9876") if has_new else PASSWORD
        second = await commands_for(w, password=has).apply(NEW, {"apn": "m2m"}, CommandOptions("b"))
        if has_new:
            given_up = await w.job(first)
            assert (given_up.state, given_up.ad_hoc_password) == (State.CANCELLED, None)
        else:  # with the same password it waits until the first is read back
            await w.radio.arrive(NEW, "hello")
            await w.later(1900.0)
            await w.later(1900.0)
        await w.settle()
        assert (await w.job(second)).state is State.VERIFIED
        for one in await _all_jobs(w):
            await announce(w, one)
        assert await rows_left(w) == {}


async def _all_jobs(w: InMemoryBridge) -> tuple[Job, ...]:
    async with w.database.reading() as tx:
        return await store.latest(tx, 10, NEW)


async def test_ad_hoc_job_leaves_nothing_if_cancelled() -> None:
    async with world(radio=radio_with_number()) as w:
        w.radio.ready = False
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("a"))
        await w.commands.cancel(job.id)
        w.radio.ready = True
        await w.settle()
        assert w.texts(NEW) == []
        await announce(w, job)
        assert await rows_left(w) == {}


async def test_ad_hoc_job_ends_unsent_at_its_deadline() -> None:
    async with world(radio=radio_with_number()) as w:
        w.radio.ready = False
        job = await commands_for(w).request_status(NEW, CommandOptions("a", deadline_at=w.now() + 60.0))
        await w.later(61.0)
        w.radio.ready = True
        await w.settle()
        assert (await w.job(job)).error_code == "deadline_before_send"
        assert w.texts(NEW) == []
        await announce(w, job)
        assert await rows_left(w) == {}


async def test_ad_hoc_job_fails_unsent_if_installation_key_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path / "db", radio_with_number()) as w:
        w.radio.ready = False
        job = await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))
    monkeypatch.setattr(in_memory_bridge, "KEY", InstallationKey(bytes([1]) * 32))
    async with world(tmp_path / "db", radio_with_number()) as w:
        await w.runner.recover()
        await w.radio.arrive(NEW, "hello")
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.FAILED, "modem_send_failed")
        assert "the installation's key" in str(done.error_message)
        assert w.texts(NEW) == []
        assert (await commands_for(w).apply(NEW, {"apn": "m2m"}, CommandOptions("t"))).id == job.id
        await announce(w, job)
        assert await rows_left(w) == {}
