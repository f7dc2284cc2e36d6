"""What becomes of a job by a connection, a late answer, or any message of its module."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.jobs.outcome import CONNECTED
from gsm_meter_bridge.model import Answer, Refusal
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, State
from tests.support.moves import (
    APN,
    CALL,
    CHANGE,
    CONFIRMED,
    CONNECT,
    HAS_CONNECTED,
    INFO,
    NOW,
    OF_TWO,
    PARTIAL,
    REBOOT,
    REFUSAL,
    REFUSED,
    USER,
    Moves,
    answer,
    answered,
    back,
    job,
    read,
    uncertain,
)

EARLIER = Move(Event.OTHER_MESSAGE, {"after": {CONNECTED: True}}, "it has connected")


@pytest.mark.parametrize(
    ("before_it", "moves"),
    [
        (job(read(CALL)), (HAS_CONNECTED, CONFIRMED)),
        (job(read(CALL), state=State.SENDING), ()),
        (job(read(CALL), state=State.QUEUED), ()),
        (job(*CONNECT, at=1), (HAS_CONNECTED, CONFIRMED)),
        (job(*CONNECT, at=1, state=State.UNCERTAIN), (HAS_CONNECTED, CONFIRMED)),
        (job(*CONNECT, at=1, **REFUSED), (Move(Event.ANSWERED, {}, "it has connected"), CONFIRMED)),
        # before the answer that announces it
        (job(*CONNECT), (EARLIER,)),
        (job(*CONNECT, state=State.SENDING), (EARLIER,)),
        (
            job(*CONNECT, after={"apn": "x"}),
            (Move(Event.OTHER_MESSAGE, {"after": {"apn": "x", CONNECTED: True}}, "it has connected"),),
        ),
        (job(*CONNECT, after={CONNECTED: True}), ()),
        (job(*CONNECT, state=State.REPLIED), ()),
        # it has not been asked to connect
        (job(read(INFO)), ()),
        (job(*CHANGE, at=1), ()),
        (job(*CONNECT, back(INFO), at=2), ()),
    ],
)
def test_arrival_counts_for_job_that_had_its_module_connect(before_it: Job, moves: Moves) -> None:
    assert outcome.on_arrival(before_it) == moves


LATE_REPLY = "late reply to the write"


@pytest.mark.parametrize(
    ("before_it", "reply", "moves"),
    [
        (
            job(*CHANGE, at=2, state=State.UNCERTAIN),
            answer(),
            (answered(LATE_REPLY, due_at=NOW, write_answered=True),),
        ),
        (
            job(*REBOOT, at=1, state=State.UNCERTAIN, write_answered=True),
            answer(),
            (answered(LATE_REPLY, due_at=NOW + 40, write_answered=True),),
        ),
        (
            job(*REBOOT, at=1, state=State.UNCERTAIN),
            answer(away_s=90.0),
            (answered(LATE_REPLY, due_at=NOW + 90, write_answered=True),),
        ),
        *(
            (
                job(*CHANGE, at=2, state=state),
                answer(),
                (Move(Event.OTHER_MESSAGE, {"write_answered": True}, LATE_REPLY),),
            )
            for state in (State.SENDING, State.SENT, State.DELIVERED)
        ),
        (job(*CHANGE, at=2, write_answered=True), answer(), ()),
    ],
)
def test_late_answer_to_write_has_it_read_back(before_it: Job, reply: Answer, moves: Moves) -> None:
    step = next(step for step in before_it.steps if step.purpose is Purpose.WRITE)
    assert outcome.on_late_write_answer(before_it, step, reply, NOW) == moves


@pytest.mark.parametrize(
    ("before_it", "refusal", "counts"),
    [
        (uncertain(*CHANGE, at=2), REFUSAL, True),
        (job(*CHANGE, at=2), REFUSAL, False),
        (job(*CHANGE, at=2, state=State.DELIVERED), REFUSAL, False),
        (uncertain(*CHANGE, at=2), PARTIAL, False),
        (uncertain(*CHANGE, at=2, attempts=1), REFUSAL, False),
        (uncertain(*OF_TWO, at=2), REFUSAL, False),
        # an action changes no setting that a reading back could show
        (uncertain(*REBOOT, at=1, attempts=1), PARTIAL, True),
    ],
)
def test_late_refusal_counts_if_it_can_only_be_of_the_change(
    before_it: Job, refusal: Refusal, *, counts: bool
) -> None:
    moves = (Move(Event.DENIED, REFUSED, "not allowed"),) if counts else ()
    assert outcome.on_late_refusal(before_it, refusal) == moves


@pytest.mark.parametrize(
    ("reply", "attempts", "counts"),
    [
        (answer(apn="m2m"), 1, True),
        (answer(apn="net"), 1, False),
        (answer(apn="net"), 2, True),
        (answer(APN), 2, False),
        (answer(USER, apn="m2m"), 3, False),
    ],
)
def test_late_reading_back_counts_if_it_is_as_requested(
    reply: Answer, attempts: int, *, counts: bool
) -> None:
    late = uncertain(*CHANGE, at=2, attempts=attempts, write_answered=True)
    moves = outcome.on_late_read_back(late, reply, NOW)
    assert moves == (outcome.on_answer(late, reply, NOW) if counts else ())


def soonest(due_at: float) -> Moves:
    return (Move(Event.OTHER_MESSAGE, {"due_at": due_at}, "a message of the module arrived"),)


def unreadable(text: str) -> Moves:
    return (Move(Event.OTHER_MESSAGE, {"unreadable": text}, "it cannot be read"),)


@pytest.mark.parametrize(
    ("before_it", "text", "moves"),
    [
        # an uncertain change is read back now
        (uncertain(*CHANGE, at=2, due_at=NOW + 1), None, soonest(NOW)),
        (uncertain(*CHANGE, at=2, due_at=NOW + 1), "?", soonest(NOW)),
        (uncertain(*CHANGE, at=2, due_at=NOW), None, ()),
        (uncertain(*CHANGE, at=2, due_at=NOW + 9999, attempts=2), None, soonest(NOW)),
        # in vain again and again: not more often than every half hour
        (
            uncertain(*CHANGE, at=2, due_at=NOW + 9999, attempts=3, reply_due_at=NOW - 100),
            None,
            soonest(NOW + 1700),
        ),
        (
            uncertain(*CHANGE, at=2, due_at=NOW + 9999, attempts=3, reply_due_at=NOW - 1900),
            None,
            soonest(NOW),
        ),
        (uncertain(*CHANGE, at=2, due_at=NOW + 9999, attempts=3), None, soonest(NOW + 1800)),
        (uncertain(*CHANGE, at=2, due_at=NOW + 1700, attempts=3, reply_due_at=NOW - 100), None, ()),
        # a job that waits for an answer keeps what cannot be read
        (job(read(INFO)), "?" * 400, unreadable("?" * 300)),
        (job(read(INFO), state=State.DELIVERED), "?", unreadable("?")),
        (job(read(INFO), due_at=NOW + 9), None, ()),
        (job(read(INFO), due_at=NOW + 9), "", ()),
        *(
            (job(*CHANGE, at=2, state=state, due_at=NOW + 9), "?", ())
            for state in (State.QUEUED, State.SENDING, State.REPLIED)
        ),
    ],
)
def test_any_message_has_uncertain_change_read_back(before_it: Job, text: str | None, moves: Moves) -> None:
    assert outcome.on_word(before_it, NOW, text) == moves
