"""The clock of the machine jumps: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage.leases import Leases
from tests.support.in_memory_bridge import POLICY, world

HOUR_S = 3600.0
JUMPS = [-24 * HOUR_S, -HOUR_S, HOUR_S, 365 * 24 * HOUR_S]


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_change_is_verified_and_sent_once_if_clock_jumps_before_reply(jump_s: float) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.mute = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        w.clock[0] += jump_s
        await w.radio.release()  # the Ok comes, whatever time it is
        for _ in range(3):
            await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_lost_change_is_mismatched_and_sent_once_if_clock_jumps(jump_s: float) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.lost = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        w.clock[0] += jump_s
        for _ in range(16):
            await w.later(max(-jump_s / 8, POLICY.deadline_s))
        done = await w.job(job)
        assert done.state is State.MISMATCHED, done
        assert w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_lease_is_kept_if_clock_jumps(jump_s: float) -> None:
    async with world() as w:
        mine = Leases(w.database, ["bridge:home"], w.now)
        await mine.try_acquire()
        w.clock[0] += jump_s
        async with w.database.transaction() as tx:
            await mine.check(tx)
        assert await mine.try_acquire() is None


async def test_job_is_sent_if_clock_is_set_back_after_acceptance() -> None:
    async with world() as w:
        w.radio.ready = False
        job = await w.commands.request_status("pump", CommandOptions("t"))
        w.clock[0] -= 10.0
        w.radio.ready = True
        await w.settle()
        await w.later(11.0)
        assert (await w.job(job)).state is State.VERIFIED
