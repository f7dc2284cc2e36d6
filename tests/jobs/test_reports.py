"""Status reports: which message they are on, and what follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.jobs.runner import Runner, SendGate
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.storage.reports import Reception, window
from tests.support.in_memory_bridge import HUT, PUMP, START, InMemoryBridge, world
from tests.support.pdus import delivers, name, number, report

DAY_S, MINUTE_S = 86_400.0, 60.0
DELIVERED, EXPIRED = 0x00, 0x46
STEPS = [-180 * DAY_S, -START, -3600.0, 0.0, 3600.0, 180 * DAY_S]
ADDRESS = number(PUMP.removeprefix("+"), 0x91)


async def _reported(
    w: InMemoryBridge, at: float, tp_st: int = EXPIRED, tp_mr: int | None = None, address: bytes = ADDRESS
) -> None:
    tp_mr = len(w.radio.sent) if tp_mr is None else tp_mr
    await w.receiver.store("test", report(address, tp_mr, at, tp_st))
    await w.receiver.process_inbox()
    async with w.database.transaction() as tx:
        assert "failed" not in await inbox.counts(tx, "test")


async def _report(w: InMemoryBridge, at: float) -> None:
    """The pump says something that the service centre has at `at`: so that its clock is known."""
    await w.receiver.store("test", *delivers(ADDRESS, "LERS", at))
    await w.receiver.process_inbox()


async def _asked(w: InMemoryBridge) -> Job:
    """A reading that is on its way; nothing answers."""
    w.radio.lost = 99
    job = await w.commands.request_status("pump", CommandOptions("t"))
    await w.work()
    job = await w.job(job)
    assert job.state is State.SENT
    return job


async def _changed(w: InMemoryBridge) -> Job:
    """A write that is on its way; nothing answers."""
    await w.know_status("pump")
    w.radio.lost = 1
    job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
    await w.work()
    job = await w.job(job)
    assert job.state is State.SENT
    return job


@pytest.mark.parametrize("tp_st", [DELIVERED, EXPIRED])
@pytest.mark.parametrize("late_s", [-300.0, -1.0, 0.0, 30.0, 300.0])
async def test_status_report_sets_job_delivered_or_failed(late_s: float, tp_st: int) -> None:
    async with world() as w:
        job = await _asked(w)
        await _reported(w, START + late_s, tp_st)
        done = await w.job(job)
        assert done.state is (State.FAILED if tp_st else State.DELIVERED)
        assert done.error_code == ("not_delivered" if tp_st else None)


@pytest.mark.parametrize("tp_st", [DELIVERED, EXPIRED])
@pytest.mark.parametrize(
    "ago_s", [900.0, 1800.0, 3600.0, 2 * DAY_S, 365 * DAY_S, -3600.0, -2 * DAY_S, -3650 * DAY_S]
)
@pytest.mark.parametrize("known", [True, False])
async def test_status_report_on_older_message_with_same_reference_is_ignored(
    ago_s: float, tp_st: int, *, known: bool
) -> None:
    async with world() as w:
        if known:
            await _report(w, START - 1)
        job = await _asked(w)
        await _reported(w, START - ago_s, tp_st)
        assert (await w.job(job)).state is State.SENT


async def test_status_report_is_matched_if_service_centre_was_heard_days_ago() -> None:
    async with world() as w:
        await _report(w, START)
        w.clock[0] += 3 * DAY_S
        job = await _asked(w)
        await _reported(w, START + DAY_S)
        assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 3 * DAY_S + 2)
        assert (await w.job(job)).state is State.FAILED


@pytest.mark.parametrize("step_s", STEPS)
async def test_status_report_is_matched_if_local_clock_is_wrong(step_s: float) -> None:
    async with world() as w:
        w.clock[0] += step_s
        await _report(w, START - 5)  # the service centre's clock is true
        job = await _asked(w)
        for ago_s in (2 * DAY_S, 3600.0):
            await _reported(w, START - ago_s)
            assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


@pytest.mark.parametrize("step_s", [s for s in STEPS if s < 0])
async def test_status_report_is_matched_if_clock_is_set_back_before_sending(step_s: float) -> None:
    async with world() as w:
        await _report(w, START - 5)
        w.clock[0] += step_s
        job = await _asked(w)
        await _reported(w, START - 2 * DAY_S)
        assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


@pytest.mark.parametrize("step_s", STEPS)
async def test_status_report_is_matched_if_clock_is_set_after_sending(step_s: float) -> None:
    async with world() as w:
        job = await _asked(w)
        w.clock[0] += step_s
        await _reported(w, START - 2 * DAY_S)
        assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


async def test_status_report_is_matched_if_clock_is_known_to_be_wrong() -> None:
    async with world() as w:
        await _report(w, START - 5)
        w.clock[0] += 180 * DAY_S
        w.runner = Runner(w.context, [w.radio], gate=SendGate(clock_is_credible=lambda: False))
        job = await _asked(w)
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


@pytest.mark.parametrize(
    ("tp_mr", "address"),
    [
        (2, ADDRESS),
        (0, ADDRESS),
        (1, number(HUT.removeprefix("+"), 0x91)),
        (1, number("79991112233", 0x91)),
        (1, name("79990000201")),
        (1, number("7999*0000201", 0x91)),
    ],
)
async def test_status_report_with_other_reference_or_address_is_ignored(tp_mr: int, address: bytes) -> None:
    async with world() as w:
        job = await _asked(w)
        await _reported(w, START + 1, EXPIRED, tp_mr, address)
        assert (await w.job(job)).state is State.SENT


@pytest.mark.parametrize("tp_st", [DELIVERED, EXPIRED, 0x20])
@pytest.mark.parametrize("asked", ["nothing", "another module", "something that is over", "not sent yet"])
async def test_status_report_without_job_is_kept_as_a_report(asked: str, tp_st: int) -> None:
    """A report of an earlier message, or of a message that another program sent."""
    async with world() as w:
        moved: list[tuple[str, Job | None]] = []
        if asked == "another module":
            w.radio.lost = 99
            await w.commands.request_status("hut", CommandOptions("t"))
            await w.work()
        elif asked == "something that is over":
            await w.know_status("pump")
        elif asked == "not sent yet":
            w.radio.ready = False
            await w.commands.request_status("pump", CommandOptions("t"))
        before = await w.commands.unfinished()
        w.receiver.listen(lambda module, job: moved.append((module, job)))
        await _reported(w, START + 1, tp_st, tp_mr=1)
        assert moved == [("pump", None)]
        assert await w.commands.unfinished() == before
        assert w.context.health.problems == ()
        async with w.database.transaction() as tx:
            assert (await inbox.counts(tx, "test"))["report"] == 1


async def test_status_report_without_time_is_ignored() -> None:
    async with world() as w:
        job = await _asked(w)
        pdu = report(ADDRESS, 1, START, EXPIRED)
        at = len(pdu) - 2 * 15
        await w.receiver.store("test", pdu[:at] + "F" * 14 + pdu[at + 14 :])
        await w.receiver.process_inbox()
        assert (await w.job(job)).state is State.SENT
        async with w.database.transaction() as tx:
            assert await inbox.counts(tx, "test") == {"report": 1}


@pytest.mark.parametrize("tp_st", [0x20, 0x25, 0x2F, 0x30, 0x3F, 0x80, 0xFF])
async def test_status_report_of_temporary_or_reserved_status_is_ignored(tp_st: int) -> None:
    async with world() as w:
        job = await _asked(w)
        await _reported(w, START + 1, tp_st)
        assert (await w.job(job)).state is State.SENT


@pytest.mark.parametrize("tp_st", [0x40, 0x46, 0x49, 0x5F, 0x60, 0x62, 0x7F])
@pytest.mark.parametrize("arrived", [True, False])
async def test_write_reported_as_undelivered_is_read_back(tp_st: int, *, arrived: bool) -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.lost, w.radio.mute = int(not arrived), int(arrived)
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.work()
        assert (await w.job(job)).state is State.SENT
        w.radio.withheld.clear()
        await _reported(w, START + 1, tp_st)
        assert (await w.job(job)).state is State.UNCERTAIN
        await w.settle()
        await w.later(3 * 3600)
        done = await w.job(job)
        assert done.state is (State.VERIFIED if arrived else State.MISMATCHED)
        assert done.error_code != "not_delivered"
        assert dict(done.after) == {"apn": "m2m" if arrived else "internet"}
        assert w.texts("pump").count("1234;A=m2m") == 1


async def test_old_status_report_does_not_end_write() -> None:
    async with world() as w:
        job = await _changed(w)
        await _reported(w, START - 2 * DAY_S)
        assert (await w.job(job)).state is State.SENT


async def test_status_report_on_previous_step_is_ignored() -> None:
    async with world() as w:
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        await w.radio.release()
        w.radio.lost = 1
        await w.settle()  # the second step, under a reference of its own
        assert len(w.radio.sent) == 2
        await _reported(w, START + 1, EXPIRED, tp_mr=1)
        assert (await w.job(job)).state is State.SENT


async def test_reply_is_used_after_status_report_of_failure() -> None:
    async with world() as w:
        w.radio.mute = 1
        job = await w.commands.request_status("pump", CommandOptions("t"))
        await w.work()
        await _reported(w, START + 1)
        assert (await w.job(job)).state is State.FAILED
        await w.radio.release()
        await w.work()
        async with w.database.transaction() as tx:
            assert await inbox.counts(tx, "test") == {"report": 1, "used": 1}


async def test_service_centre_clock_is_remembered_after_restart(tmp_path: Path) -> None:
    async with world(tmp_path / "db") as w:
        w.clock[0] -= 180 * DAY_S
        await _report(w, START - 5)
        radio = w.radio
    async with world(tmp_path / "db", radio) as w:
        w.clock[0] -= 180 * DAY_S
        job = await _asked(w)
        await _reported(w, START - 2 * DAY_S)
        assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


async def test_unknown_senders_do_not_set_the_service_centres_clock() -> None:
    async with world() as w:
        await w.receiver.store("test", *delivers(number("79991112233", 0x91), "x", START + 365 * DAY_S))
        await w.receiver.process_inbox()
        job = await _asked(w)
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED


@pytest.mark.parametrize(
    ("before", "now", "credible", "begin", "end"),
    [
        # nothing heard yet: our clock, if it may be right
        ([], 1e6, True, 1e6 - 600, 1e6 + 600),
        ([], 1e6, False, None, None),
        # both agree
        ([(1e6 - 60, 1e6 - 50)], 1e6, True, 1e6 - 180, 1e6 + 600),
        ([(1e6 - DAY_S, 1e6 - DAY_S)], 1e6, True, 1e6 - 600, 1e6 + 600),
        # they do not: only the service centre's counts
        ([(1e6, 5e5)], 5e5, True, 1e6 - 120, None),
        ([(1e6, 9e6)], 9e6, True, 1e6 - 120, None),
        ([(1e6 - 60, 1e6 - 50)], 1e6, False, 1e6 - 180, None),
        ([(1e6, 1e6)], 5e5, True, 1e6 - 120, None),
        # one that is stamped far in the future, or for ever, alone says something; with others it does not
        ([(9e8, 1e6 - 1)], 1e6, True, 9e8 - 120, None),
        ([(9e8, 1e6 - 1), (1e6 - 9, 1e6 - 9)], 1e6, True, 1e6 - 129, None),
        ([(1e6 - 5, 1e6 - 5), (9e8, 1e6 - 9)], 1e6, True, 1e6 - 125, 1e6 + 600),
        (
            [(1e6 - 5, 1e6 - 5), (9e8, 1e6 - 7), (9e8, 1e6 - 8), (1e6 - 9, 1e6 - 9)],
            1e6,
            True,
            1e6 - 125,
            1e6 + 600,
        ),
        # also where our clock is wrong: two that came later contradict it
        ([(1e6 - 5, 5e5), (1e6 - 9, 5e5), (9e8, 5e5)], 5e5, False, 1e6 - 125, None),
        (
            [(1e6 - 5, 5e5), (9e8, 5e5), (1e6 - 9, 5e5), (9e8, 5e5), (1e6 - 99, 5e5)],
            5e5,
            True,
            9e8 - 120,
            None,
        ),
        # that messages come late is no contradiction
        ([(9e5, 1e6), (1e6 - 9, 1e6 - 9), (1e6 - 99, 1e6 - 99)], 1e6, False, 1e6 - 129, None),
        # the latest came late, an earlier one was younger
        ([(9e5, 1e6), (1e6 - 9, 1e6 - 9)], 1e6, True, 1e6 - 129, None),
    ],
)
def test_report_window_follows_service_centre_or_local_clock(
    before: list[tuple[float, float]], now: float, begin: float | None, end: float | None, *, credible: bool
) -> None:
    times = [Reception(*pair) for pair in before]
    assert window(times, now, credible=credible) == (begin, end)


@pytest.mark.parametrize("first", [True, False])
async def test_status_report_is_matched_despite_one_stamp_far_in_the_future(*, first: bool) -> None:
    async with world() as w:
        if not first:
            await _report(w, START - 9)
        await _report(w, START + 3650 * DAY_S)
        if first:
            await _report(w, START - 5)
        job = await _asked(w)
        await _reported(w, START - 2 * DAY_S)
        assert (await w.job(job)).state is State.SENT
        await _reported(w, START + 2)
        assert (await w.job(job)).state is State.FAILED
