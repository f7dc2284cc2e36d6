"""What becomes of jobs in a database that is older than what the bridge has done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.health import BridgeProblemCode
from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.jobs.older import EVENTS, on_older_database
from gsm_meter_bridge.model import Request, SmsText
from gsm_meter_bridge.model.job import FINAL, TRANSITIONS, Event, Job, Purpose, State, Step
from gsm_meter_bridge.storage import generations, store
from gsm_meter_bridge.storage.generations import Generation
from tests.support.in_memory_bridge import BRIDGE, START, InMemoryBridge

READ = (Step(Purpose.READ, Request.read("model")), Step(Purpose.READ, Request.read("signal")))
CHANGE = (
    Step(Purpose.BEFORE, Request.read("apn")),
    Step(Purpose.WRITE, Request.write("apn", {"apn": "m2m"})),
    Step(Purpose.WRITE, Request.action("reboot")),
    Step(Purpose.READ_BACK, Request.read("apn")),
)
ACTION = (Step(Purpose.WRITE, Request.action("reboot")), Step(Purpose.READ_BACK, Request.read("signal")))
LONG_S = 5000.0
LOST, MESSAGE_RECEIVED = Event.LOST_TRACK, Event.OTHER_MESSAGE


@pytest.mark.parametrize(
    ("steps", "step", "state", "event"),
    [
        # what only reads goes on, whatever became of it
        (READ, 0, State.QUEUED, None),
        (READ, 0, State.SENDING, None),
        (READ, 1, State.SENT, None),
        (READ, 1, State.REPLIED, None),
        # an action may have been done since; it is never done again
        (ACTION, 0, State.QUEUED, MESSAGE_RECEIVED),
        (ACTION, 0, State.SENDING, LOST),
        (ACTION, 0, State.SENT, LOST),
        (ACTION, 0, State.DELIVERED, LOST),
        (ACTION, 1, State.REPLIED, None),
        (ACTION, 1, State.SENDING, None),
        (ACTION, 1, State.SENT, None),
        (ACTION, 1, State.UNCERTAIN, None),
        # so may a change, and another one after it: what would still be written is not
        (CHANGE, 0, State.QUEUED, MESSAGE_RECEIVED),
        (CHANGE, 0, State.SENDING, LOST),
        (CHANGE, 0, State.SENT, LOST),
        (CHANGE, 1, State.REPLIED, LOST),
        (CHANGE, 1, State.SENDING, LOST),
        (CHANGE, 1, State.SENT, LOST),
        (CHANGE, 1, State.DELIVERED, LOST),
        # a restart that was to follow a write is not sent either
        (CHANGE, 2, State.REPLIED, LOST),
        (CHANGE, 2, State.UNCERTAIN, MESSAGE_RECEIVED),
        (CHANGE, 3, State.REPLIED, None),
        (CHANGE, 3, State.SENT, None),
        (CHANGE, 3, State.UNCERTAIN, None),
        *((ACTION, 0, state, None) for state in sorted(FINAL)),
    ],
)
def test_job_in_older_database_is_read_back_if_it_would_change_its_module(
    steps: tuple[Step, ...], step: int, state: State, event: Event | None
) -> None:
    job = Job("j", "pump", "set", steps, START, START + 900, START, state=state, step=step)
    moves = on_older_database(job, START + 5000)
    if event is None:
        assert not moves
        return
    (move,) = moves
    assert move.event is event
    assert steps[move.changes["step"]].purpose is Purpose.READ_BACK
    assert move.changes["doubted_at"] == move.changes["due_at"] == START + 5000
    assert "not known" in move.changes["error_message"]


def test_events_for_older_databases_are_rows_of_the_table_for_every_state_that_is_not_final() -> None:
    assert EVENTS.keys() == set(State) - FINAL
    assert all(row in TRANSITIONS for row in EVENTS.items())
    assert {TRANSITIONS[row] for row in EVENTS.items()} == {State.QUEUED, State.UNCERTAIN}


async def _older_by(w: InMemoryBridge, number: int) -> Continuity:
    """Start a run for which the broker keeps a number that is larger by `number`."""
    continuity = Continuity(w.context)
    await continuity.begin()
    await continuity.compare({continuity.lineage: continuity.number + number})
    return continuity


async def _announce(w: InMemoryBridge) -> None:
    async with w.database.transaction() as tx:
        for job in await store.to_announce(tx, BRIDGE, w.now()):
            await store.mark_announced(tx, job)


def _reported(w: InMemoryBridge) -> list[str]:
    problems = w.context.health.problems
    return [p.message for p in problems if p.code is BridgeProblemCode.DATABASE_OLDER]


async def test_action_in_older_database_is_announced_as_uncertain_and_never_sent(
    known: InMemoryBridge,
) -> None:
    w = known
    job = await w.commands.act("pump", "reboot", CommandOptions("t1"), confirmed=True)
    w.radio.sent.clear()
    await _older_by(w, 3)
    async with w.database.reading() as tx:
        [reported] = [j for j in await store.to_announce(tx, BRIDGE, w.now()) if j.id == job.id]
    assert reported.state is State.UNCERTAIN
    assert "not known" in str(reported.error_message)
    await w.later(LONG_S)
    assert not w.texts("pump")
    await _announce(w)
    await w.later(LONG_S)
    ended = await w.job(job)
    assert (ended.state, ended.error_code) == (State.MISMATCHED, "unconfirmed")
    assert "not known" in str(ended.error_message)
    pump = w.modules["pump"]
    reboot = pump.family.encode(Request.action("reboot"), pump.access)
    assert isinstance(reboot, SmsText)
    assert w.texts("pump")
    assert reboot.text not in w.texts("pump")
    assert len(_reported(w)) == 1


async def test_changes_in_older_database_are_read_back_one_after_the_other(known: InMemoryBridge) -> None:
    w = known
    # the first was done since, the second was not
    await w.commands.apply("pump", {"csd_idle_timeout_s": 77}, CommandOptions("done"))
    await w.settle()
    async with w.database.transaction() as tx:
        done = (await store.latest(tx, 1, "pump"))[0]
        again = {"id": "again", "transaction": "again", "state": State.QUEUED, "ended_at": None, "step": 0}
        await store.accept(tx, _as_it_was(done, **again), w.database.key)
    other = await w.commands.apply("pump", {"csd_idle_timeout_s": 88}, CommandOptions("other"))
    w.radio.sent.clear()
    await _older_by(w, 1)
    await _announce(w)
    await w.later(LONG_S)
    async with w.database.reading() as tx:
        first, second = [await store.get(tx, job) for job in ("again", other.id)]
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (State.VERIFIED, State.MISMATCHED)
    assert not [text for text in w.texts("pump") if ";T=" in text]


def _as_it_was(job: Job, **changes: object) -> Job:
    cleared: dict[str, object] = {
        "before": {},
        "after": {},
        "announced": None,
        "write_answered": False,
        "write_expires_at": None,
    }
    return replace(job, **{**cleared, **changes})  # type: ignore[arg-type]


async def test_request_that_comes_again_after_doubt_is_carried_out(known: InMemoryBridge) -> None:
    w = known
    job = await w.commands.apply("pump", {"csd_idle_timeout_s": 88}, CommandOptions())
    await _older_by(w, 1)
    await _announce(w)
    again = await w.commands.apply("pump", {"csd_idle_timeout_s": 88}, CommandOptions())
    assert again.id != job.id
    await w.later(60.0)
    assert (await w.job(again)).state is State.VERIFIED


@pytest.mark.parametrize("kept", [None, 0, -1])
async def test_database_that_is_not_behind_broker_changes_nothing(
    known: InMemoryBridge, kept: int | None
) -> None:
    w = known
    job = await w.commands.apply("pump", {"csd_idle_timeout_s": 88}, CommandOptions())
    continuity = Continuity(w.context)
    await continuity.begin()
    assert not continuity.may_send
    numbers = {} if kept is None else {continuity.lineage: continuity.number + kept}
    await continuity.compare({"0123456789abcdef": 9999, **numbers})
    assert continuity.may_send
    assert not _reported(w)
    await w.settle()
    assert (await w.job(job)).state is State.VERIFIED


async def test_new_database_waits_for_no_broker_and_is_not_older(w: InMemoryBridge) -> None:
    continuity = Continuity(w.context)
    await continuity.begin()
    assert continuity.may_send
    await continuity.compare({"0123456789abcdef": 9999})
    assert not _reported(w)


async def test_database_from_backup_is_recognised_without_broker_once(known: InMemoryBridge) -> None:
    w = known
    job = await w.commands.act("pump", "reboot", CommandOptions("t1"), confirmed=True)
    async with w.database.transaction() as tx:
        before = await generations.begun(tx, BRIDGE)
        await generations.note_older(tx, BRIDGE, Generation(before.lineage, before.number, restored=True))
    continuity = Continuity(w.context)
    await continuity.begin()
    assert continuity.may_send
    assert continuity.lineage != before.lineage
    assert (await w.job(job)).shown_state is State.UNCERTAIN
    assert len(_reported(w)) == 1
    # what the broker keeps of the lineage before says nothing new
    await continuity.compare({before.lineage: before.number + 10})
    later = await w.commands.act("pump", "reboot", CommandOptions("t2"), confirmed=True)
    follower = Continuity(w.context)
    await follower.begin()
    await follower.compare({continuity.lineage: 1, before.lineage: before.number + 10})
    assert (await w.job(later)).shown_state is State.QUEUED


async def test_each_message_is_counted_before_it_leaves(w: InMemoryBridge) -> None:
    async with w.database.transaction() as tx:
        before = (await generations.begun(tx, BRIDGE)).number
    await w.know_status("pump")
    async with w.database.transaction() as tx:
        assert (await generations.begun(tx, BRIDGE)).number == before + len(w.radio.sent)
