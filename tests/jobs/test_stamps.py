"""A message that its service centre had before a request left is no reply to it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.jobs import stamps
from gsm_meter_bridge.jobs.matching import Candidate
from gsm_meter_bridge.jobs.stamps import longest_confirmed
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.model.job import Job, Purpose, State, Step
from gsm_meter_bridge.storage.inbox import Arrival
from gsm_meter_bridge.storage.reports import Reception
from gsm_meter_bridge.storage.schema import messages
from tests.support.in_memory_bridge import PUMP, START, InMemoryBridge, world
from tests.support.pdus import delivers, number, report

ADDRESS = number(PUMP.removeprefix("+"), 0x91)
HOUR_S, DAY_S = 3600.0, 86_400.0
ASKED_AT = START + 1000
INFO = "LERS GSM Mini\r\nSN: 00001\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)"
WRONG_BY = [0.0, -3 * HOUR_S, 3 * HOUR_S, -30 * DAY_S, 30 * DAY_S]
"""By how much the clock of a service centre is before ours, or behind it."""


async def _arrives(w: InMemoryBridge, stamp: float, at: float, text: str = INFO) -> None:
    w.clock[0] = at
    await w.receiver.store("test", *delivers(ADDRESS, text, stamp))
    await w.receiver.process_inbox()


async def _asked(
    w: InMemoryBridge, *spoke_at: float, wrong_by: float = 0.0, took_s: float = 4.0, missed: bool = False
) -> Job:
    """A reading sent at ASKED_AT, unanswered yet; the module has spoken before, each time `took_s` long.

    It has `missed` a reading, to which the reply may still come.
    """
    await w.know_status("pump")
    if missed:
        w.radio.lost = 1
        await w.know_status("pump")
        await w.later(61)
        w.radio.lost = 0
    async with w.database.transaction() as tx:
        await tx.execute(messages.delete())
    for at in spoke_at:
        await _arrives(w, at + wrong_by, at + took_s, "Hello")
    w.clock[0], w.radio.lost = ASKED_AT, 99
    job = await w.commands.request_status("pump", CommandOptions("t"))
    await w.work()
    job = await w.job(job)
    assert job.state is State.SENT
    return job


@pytest.mark.parametrize("wrong_by", WRONG_BY)
@pytest.mark.parametrize(
    ("stamp", "answers"),
    [(-900.0, False), (-60.0, False), (-10.0, False), (0.0, True), (1.0, True), (20.0, True), (55.0, True)],
)
async def test_stamp_before_the_request_left_is_of_an_earlier_reply(
    stamp: float, wrong_by: float, *, answers: bool
) -> None:
    async with world() as w:
        job = await _asked(w, START + 70, START + 400, START + 700, wrong_by=wrong_by, missed=True)
        await _arrives(w, ASKED_AT + stamp + wrong_by, ASKED_AT + 58)
        done = await w.job(job)
        assert (done.state is State.VERIFIED) is answers
        assert done.unreadable is None  # what is of before is not held against what was asked now


@pytest.mark.parametrize(
    ("spoke_at", "stamp"),
    [
        ((), -900.0),  # nothing is known of its clock
        ((START + 10,), -900.0),  # it may have been late
        ((START + 10, START + 10), -900.0),  # twice the same
    ],
)
async def test_stamp_of_unknown_clock_is_not_held_against_a_reply(
    spoke_at: tuple[float, ...], stamp: float
) -> None:
    async with world() as w:
        job = await _asked(w, *spoke_at)
        await _arrives(w, ASKED_AT + stamp, ASKED_AT + 10)
        assert (await w.job(job)).state is State.VERIFIED


async def test_stamp_that_is_always_the_same_is_not_held_against_a_reply() -> None:
    async with world() as w:
        await _asked(w)
        for at in (10.0, 15.0, 20.0):
            await _arrives(w, START, ASKED_AT + at, "Hello")
        await w.later(60)
        job = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.work()
        await _arrives(w, START, w.clock[0] + 30)
        assert (await w.job(job)).state is State.VERIFIED


SET_BACK = [HOUR_S, 3 * HOUR_S, 30 * DAY_S]


@pytest.mark.parametrize("by", SET_BACK)
async def test_clock_that_was_set_back_is_learnt_from_two_messages(by: float) -> None:
    async with world() as w:
        job = await _asked(w, START + 70, START + 400, missed=True)
        for n in range(3):
            assert (await w.job(job)).state is State.SENT
            await _arrives(w, ASKED_AT + 10 + n - by, ASKED_AT + 14 + n)
        assert (await w.job(job)).state is State.VERIFIED


@pytest.mark.parametrize("by", SET_BACK)
async def test_clock_that_was_set_back_costs_no_reading(by: float) -> None:
    async with world() as w:
        job = await _asked(w, START + 10, START + 400)
        for poll in range(4):
            at = ASKED_AT + 10 + poll * HOUR_S
            await _arrives(w, at - by, at + 4)
            assert (await w.job(job)).state is State.VERIFIED
            w.clock[0] = ASKED_AT + (poll + 1) * HOUR_S
            job = await w.commands.request_status("pump", CommandOptions(f"{poll}"))
            await w.work()


@pytest.mark.parametrize("by", SET_BACK)
@pytest.mark.parametrize("known", [False, True])
async def test_clock_that_was_set_back_costs_no_change(by: float, *, known: bool) -> None:
    """The reading before a change counts, the reply to the change is made up for by reading it back."""
    async with world() as w:
        if known:
            await w.know_status("pump")
        for n in range(3):
            await _arrives(w, START + 300 * n, START + 300 * n + 4, "Hello")
        w.radio.mute = 99
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        for _ in range(12):
            await w.later(30)
            raw, w.radio.withheld = w.radio.withheld, []
            for _, text in raw:
                await _arrives(w, w.clock[0] - by, w.clock[0] + 4, text)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})
        assert w.texts("pump").count("1234;A=m2m") == 1


_RULES = [Step(Purpose.READ, Request.read(f"server.{n}.rules")) for n in range(2)]
_CHANGE = [
    Step(Purpose.BEFORE, Request.read("apn")),
    Step(Purpose.WRITE, Request.write("settings", {"apn": "m2m"})),
    Step(Purpose.READ_BACK, Request.read("apn")),
]
_INFO, _APN = (Step(Purpose.READ, Request.read(name)) for name in ("info", "apn"))


@pytest.mark.parametrize(
    ("steps", "step", "counts"),
    [
        ([_INFO, _APN], 0, True),
        ([_INFO, _APN], 1, True),
        (_RULES, 0, True),
        (_RULES, 1, False),  # the reply on server 0, sent twice, looks like one on server 1
        (
            [
                Step(Purpose.READ, Request.together([one.request for one in (_INFO, *_RULES[:1])])),
                *_RULES[1:],
            ],
            1,
            False,
        ),
        (_CHANGE, 0, True),
        (_CHANGE, 1, False),
        (_CHANGE, 2, False),
    ],
)
@pytest.mark.parametrize("late", [False, True])
async def test_stamp_before_request_counts_if_nothing_else_was_asked(
    w: InMemoryBridge, steps: list[Step], step: int, *, counts: bool, late: bool
) -> None:
    for at in (START, START + 300):
        await _arrives(w, at, at + 4, "Hello")
    job = Job("1", "pump", "a", tuple(steps), START, ASKED_AT + 900, START, step=step, asked_at=ASKED_AT)
    found = [Candidate(job, job.current, late=False)]
    found += [Candidate(job, steps[0], late=True)] if late else []
    scts = ASKED_AT + 10 - HOUR_S
    await w.receiver.store("test", *delivers(ADDRESS, INFO, scts))
    async with w.database.transaction() as tx:
        number = (await tx.execute(select(func.max(messages.c.number)))).scalar_one()
        arrival = Arrival((number,), ASKED_AT + 14, PUMP, INFO, scts=scts)
        possible = await stamps.possible(tx, "pump", arrival, found, w.receiver._run)
    assert (found[0] in possible) is (counts and not late)


@pytest.mark.parametrize("set_by", [60.0, HOUR_S, DAY_S, -60.0, -HOUR_S])
async def test_stamp_is_not_held_against_a_reply_if_our_clock_was_set_between_two_runs(set_by: float) -> None:
    async with world() as w:
        await w.know_all()
        for at in (START + 70, START + 400, START + 700):
            await _arrives(w, at, at + 4, "Hello")
        w.receiver._run = "the next run"
        w.clock[0] = ASKED_AT + set_by
        w.radio.now = lambda: w.clock[0] - set_by
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        sent = len(w.radio.sent)
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        assert len(w.radio.sent) - sent == 2  # the change and reading it back, neither of them repeated


@pytest.mark.parametrize("wrong_by", WRONG_BY)
@pytest.mark.parametrize(("stamp", "answers"), [(5.0, False), (25.0, True), (31.0, True)])
async def test_stamp_before_the_module_had_the_request_is_of_an_earlier_reply(
    stamp: float, wrong_by: float, *, answers: bool
) -> None:
    """The report's own two times say how long the request took, whatever its service centre's clock says."""
    async with world() as w:
        job = await _asked(w, START + 70, START + 400, wrong_by=wrong_by, missed=True)
        w.clock[0] = ASKED_AT + 40
        took = report(ADDRESS, len(w.radio.sent), ASKED_AT + wrong_by, 0, took_s=25)
        await w.receiver.store("test", took)
        await w.receiver.process_inbox()
        assert (await w.job(job)).state is State.DELIVERED
        await _arrives(w, ASKED_AT + stamp + wrong_by, ASKED_AT + 45)
        assert ((await w.job(job)).state is State.VERIFIED) is answers


@pytest.mark.parametrize("took_s", [-HOUR_S, 0.0, HOUR_S, 3 * HOUR_S])
async def test_report_with_impossible_times_changes_nothing(took_s: float) -> None:
    async with world() as w:
        job = await _asked(w, START + 10, START + 400)
        w.clock[0] = ASKED_AT + 40
        await w.receiver.store("test", report(ADDRESS, len(w.radio.sent), ASKED_AT, 0, took_s=took_s))
        await w.receiver.process_inbox()
        assert (await w.job(job)).asked_at == ASKED_AT
        await _arrives(w, ASKED_AT + 5, ASKED_AT + 45)
        assert (await w.job(job)).state is State.VERIFIED


@pytest.mark.parametrize(
    ("again_after_s", "answers"), [(0.0, True), (1.0, True), (10.0, False), (50.0, False)]
)
async def test_stamp_of_a_reply_that_came_before_the_request_is_a_double(
    again_after_s: float, *, answers: bool
) -> None:
    """The next request leaves in the second of the reply before it, which the network then brings again."""
    async with world() as w:
        await _asked(w, START + 10, START + 400, took_s=0.0)
        await _arrives(w, ASKED_AT, ASKED_AT)
        w.clock[0] += 0.1
        job = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.work()
        await _arrives(w, ASKED_AT, ASKED_AT + again_after_s)
        assert ((await w.job(job)).state is State.VERIFIED) is answers


async def test_stamp_of_a_reply_to_an_earlier_attempt_at_the_same_reading_back_counts() -> None:
    async with world() as w:
        await _asked(w, START + 10, START + 400)
        await w.later(61)
        w.radio.lost, w.radio.mute = 0, 99
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t2"))
        await w.work()
        for _ in range(3):
            await w.later(61)
        open_one = await w.job(job)
        assert (open_one.state, open_one.attempts) == (State.SENT, 1)
        await _arrives(w, w.clock[0] - 90, w.clock[0] + 1, "APN: m2m\r\nUSR: \r\nPSW: ")
        assert (await w.job(job)).state is State.VERIFIED


@pytest.mark.parametrize(
    ("times", "took_s"),
    [
        ((), None),
        (((0, 5),), None),
        (((0, 5), (0, 6)), None),
        (((0, 5), (100, 106)), 6),
        (((0, 5), (100, 106), (200, 5000)), 6),
        (((0, 5), (100, 106), (200, 5000), (300, 5105)), 4805),
        (((0, -995), (100, -894)), -994),
    ],
)
def test_stamps_show_how_long_messages_take_if_two_agree(
    times: tuple[tuple[float, float], ...], took_s: float | None
) -> None:
    assert longest_confirmed([Reception(scts, at) for scts, at in times]) == took_s
