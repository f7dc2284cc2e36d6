"""What becomes of a job that nothing answers, or that could not be sent in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.jobs.outcome import CONNECTED
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.model.job import Event, Job, Move, State
from tests.support.moves import (
    APN,
    BOTH,
    CHANGE,
    CONFIRMED,
    CONNECT,
    DIFFERED,
    HAS_CONNECTED,
    INFO,
    NOW,
    OF_PASSWORD,
    OF_TWO,
    POLICY,
    REFUSED,
    RESTART,
    SET_APN,
    SET_USER,
    USER,
    Moves,
    answered,
    back,
    before,
    job,
    lost,
    read,
    write,
)

NO_REPLY = Move(
    Event.TIMED_OUT,
    {"error_code": "no_reply", "error_message": "the module did not answer within 60 s"},
)
CANNOT = "the module answered, and it cannot be read: ?!"
UNREADABLE = {"error_code": "unreadable_reply", "error_message": CANNOT}
LATE = "no reply in time"
ALONE = "0 of 2 are answered; the others are asked alone"


def no_arrival(text: str) -> Moves:
    message = f"the module {text} that it connects, and its connection did not arrive within 60 s"
    return answered(error_code="unconfirmed", error_message=message), DIFFERED


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED])
@pytest.mark.parametrize(
    ("before_it", "moves"),
    [
        # reads
        (job(read(INFO)), (NO_REPLY,)),
        (job(read(INFO), read(APN)), (NO_REPLY,)),
        (job(*CHANGE), (NO_REPLY,)),
        (job(read(INFO), unreadable="?!"), (Move(Event.TIMED_OUT, UNREADABLE),)),
        (job(read(INFO), read(APN), unreadable="?!"), (answered(step=1, due_at=NOW, **UNREADABLE),)),
        (job(*CHANGE, unreadable="?!"), (Move(Event.TIMED_OUT, UNREADABLE),)),
        # several reads in one message: each alone, and the later ones too, unless it has answered such a one
        (
            job(read(BOTH), read(INFO), read(BOTH)),
            (answered(ALONE, steps=(read(APN), read(USER), read(INFO), read(APN), read(USER)), due_at=NOW),),
        ),
        (
            job(read(BOTH), read(BOTH), unreadable="?!"),
            (answered(ALONE, steps=(read(APN), read(USER), read(BOTH)), due_at=NOW),),
        ),
        (
            job(read(BOTH), read(BOTH), read(BOTH), at=1),
            (answered(ALONE, steps=(read(BOTH), read(APN), read(USER), read(BOTH)), due_at=NOW),),
        ),
        (
            job(read(INFO), before(BOTH), write(Request.together([SET_APN, SET_USER])), back(BOTH), at=1),
            (
                answered(
                    ALONE,
                    steps=(
                        read(INFO),
                        before(APN),
                        before(USER),
                        write(Request.together([SET_APN, SET_USER])),
                        back(APN),
                        back(USER),
                    ),
                    due_at=NOW,
                ),
            ),
        ),
        # a change
        (job(*CHANGE, at=1), (lost(LATE, step=2, due_at=NOW, attempts=0),)),
        (
            job(write(Request.together([SET_APN, SET_USER])), back(BOTH)),
            (lost(LATE, step=1, due_at=NOW, attempts=0),),
        ),
        (
            job(*CHANGE, at=1, unreadable="?!"),
            (lost(CANNOT, step=2, due_at=NOW, attempts=0, error_message=CANNOT),),
        ),
        (
            job(*OF_TWO, at=0),
            (
                lost(
                    LATE,
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_message=f"{LATE}; what was to follow was not sent",
                ),
            ),
        ),
        (
            job(*OF_TWO, at=0, error_message="note", unreadable="?!"),
            (
                lost(
                    CANNOT,
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_message=f"note; {CANNOT}; what was to follow was not sent",
                ),
            ),
        ),
        # reading back, with ever longer pauses
        *(
            (job(*CHANGE, at=2, attempts=n), (lost(LATE, step=2, due_at=NOW + pause_s, attempts=n + 1),))
            for n, pause_s in enumerate([60, 300, 1800, 10_800, 43_200, 43_200])
        ),
        (
            job(write(SET_APN), back(BOTH), at=1),
            (lost(LATE, step=1, due_at=NOW + 60, attempts=1),),
        ),
        (
            job(write(SET_APN), back(BOTH), back(INFO), at=1, attempts=1),
            (
                lost(
                    LATE,
                    step=1,
                    due_at=NOW + 300,
                    attempts=2,
                    steps=(write(SET_APN), back(APN), back(USER), back(INFO)),
                ),
            ),
        ),
        (
            job(write(SET_APN), back(BOTH), back(BOTH), at=1, unreadable="?!"),
            (answered(ALONE, steps=(write(SET_APN), back(APN), back(USER), back(BOTH)), due_at=NOW),),
        ),
        (
            job(*CHANGE, at=2, unreadable="?!"),
            (lost(CANNOT, step=2, due_at=NOW + 60, attempts=1, error_message=CANNOT),),
        ),
        # a password is tried in turn with the one before
        (job(*OF_PASSWORD, at=1), (lost(LATE, step=2, due_at=NOW + 60, attempts=1),)),
        (job(*OF_PASSWORD, at=2, attempts=1), (lost(LATE, step=1, due_at=NOW + 300, attempts=2),)),
        # whether it was sent does not matter as long as nothing is refused
        (
            job(write(SET_APN), *OF_PASSWORD, back(APN)),
            (
                lost(
                    LATE,
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_message=f"{LATE}; what was to follow was not sent",
                ),
            ),
        ),
        # a refused change is not read back for ever, unless the password must be known
        (
            job(*CHANGE, at=2, attempts=1, **REFUSED),
            (lost(LATE, step=2, due_at=NOW + 300, attempts=2),),
        ),
        (
            job(*CHANGE, at=2, attempts=2, **REFUSED),
            (
                Move(
                    Event.DENIED,
                    {
                        "error_message": "not allowed; since then it has not answered 3 times: "
                        "what it changed is not known"
                    },
                    "since then it has not answered 3 times: what it changed is not known",
                ),
            ),
        ),
        (
            job(*OF_PASSWORD, at=1, attempts=2, **REFUSED),
            (lost(LATE, step=2, due_at=NOW + 1800, attempts=3),),
        ),
        # a connection that was asked for
        (job(*CONNECT, at=1), no_arrival("did not say")),
        (job(*CONNECT, at=1, write_answered=True), no_arrival("said")),
        (job(*CONNECT, at=1, after={CONNECTED: True}), (HAS_CONNECTED, CONFIRMED)),
    ],
)
def test_silence_ends_job_that_reads_and_makes_change_uncertain(
    before_it: Job, moves: Moves, state: State
) -> None:
    assert outcome.on_overdue(replace(before_it, state=state), NOW, POLICY) == moves


UNSENT = "the deadline passed before the setting was read back"


@pytest.mark.parametrize(
    ("before_it", "moves"),
    [
        (
            job(read(INFO), state=State.QUEUED),
            (
                Move(
                    Event.TIMED_OUT,
                    {
                        "error_code": "deadline_before_send",
                        "error_message": "the deadline passed before it could be sent",
                    },
                ),
            ),
        ),
        (
            job(*CHANGE, at=1, state=State.REPLIED),
            (
                Move(
                    Event.TIMED_OUT,
                    {
                        "error_code": "deadline_before_send",
                        "error_message": "the deadline passed before it could be sent",
                    },
                ),
            ),
        ),
        (
            job(*CHANGE, at=2, state=State.REPLIED),
            (lost(UNSENT, step=2, due_at=NOW + 60, attempts=1),),
        ),
        # a restart that the change needs was not sent: it still is, after a pause
        (
            job(write(SET_APN), write(RESTART, 40.0), back(APN), at=1, state=State.REPLIED),
            (lost(UNSENT, step=1, due_at=NOW + 60, attempts=0),),
        ),
        # another part of the change is not
        (
            job(*OF_TWO, at=1, state=State.REPLIED),
            (
                lost(
                    UNSENT,
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_message=f"{UNSENT}; what was to follow was not sent",
                ),
            ),
        ),
    ],
)
def test_deadline_ends_job_that_was_not_sent(before_it: Job, moves: Moves) -> None:
    assert outcome.on_overdue(before_it, NOW, POLICY) == moves
