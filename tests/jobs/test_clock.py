"""The clock of the machine jumps: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.job import State
from gsm_meter_bridge.jobs.leases import Leases
from gsm_meter_bridge.service.commands import Terms
from tests.support.short_path import POLICY, world

HOUR_S = 3600.0
JUMPS = [-24 * HOUR_S, -HOUR_S, HOUR_S, 365 * 24 * HOUR_S]


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_while_a_change_is_under_way(jump_s: float) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.mute = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        assert (await w.job(job)).state is State.SENT
        w.clock[0] += jump_s
        await w.radio.release()  # the Ok comes, whatever time it is
        for _ in range(3):
            await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_while_a_reply_is_waited_for_that_never_comes(jump_s: float) -> None:
    async with world() as w:
        await w.know_all()
        w.radio.lost = 1
        job = await w.commands.apply("pump", {"apn": "m2m"}, Terms("t"))
        await w.settle()
        w.clock[0] += jump_s
        for _ in range(16):
            await w.later(max(-jump_s / 8, POLICY.deadline_s))
        done = await w.job(job)
        assert done.state is State.MISMATCHED, done
        assert w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_a_lease_that_nobody_else_wants_is_kept(jump_s: float) -> None:
    async with world() as w:
        mine = Leases(w.database, ["bridge:home"], w.now)
        await mine.try_acquire()
        w.clock[0] += jump_s
        async with w.database.transaction() as tx:
            await mine.check(tx)
        assert await mine.try_acquire() is None


async def test_a_job_accepted_before_the_clock_was_set_back_is_sent() -> None:
    async with world() as w:
        w.radio.ready = False
        job = await w.commands.request_status("pump", Terms("t"))
        w.clock[0] -= 10.0
        w.radio.ready = True
        await w.settle()
        await w.later(11.0)
        assert (await w.job(job)).state is State.VERIFIED
