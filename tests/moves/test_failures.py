"""What becomes of a job that could not be sent or delivered, or at which the bridge failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gsm_meter_bridge.errors import DeliveryError, SendRefusedError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.model.job import Event, Job, Move, State
from tests.support.moves import (
    APN,
    CHANGE,
    INFO,
    NOW,
    OF_TWO,
    POLICY,
    RESTART,
    SET_APN,
    SET_USER,
    Moves,
    back,
    job,
    lost,
    read,
    sending,
    write,
)

NOT_LEFT, NEVER, PERHAPS = SendRefusedError("busy"), SendRejectedError("never"), SendUncertainError("perhaps")


def gave_up(code: str, message: str) -> Moves:
    return (Move(Event.GAVE_UP, {"error_code": code, "error_message": message}, message),)


@pytest.mark.parametrize(
    ("before_it", "error", "moves"),
    [
        # a read
        (sending(read(INFO)), NOT_LEFT, (Move(Event.NOT_SENT, {"due_at": NOW + 30}, "busy"),)),
        (
            sending(read(INFO), deadline_at=NOW + 31),
            NOT_LEFT,
            (Move(Event.NOT_SENT, {"due_at": NOW + 30}, "busy"),),
        ),
        *(
            (
                sending(read(INFO), deadline_at=NOW + left_s),
                NOT_LEFT,
                (Move(Event.GAVE_UP, {"error_code": "modem_send_failed", "error_message": "busy"}, "busy"),),
            )
            for left_s in (30, 29, -9)
        ),
        (
            sending(read(INFO)),
            NEVER,
            (Move(Event.GAVE_UP, {"error_code": "rejected_by_network", "error_message": "never"}, "never"),),
        ),
        (sending(read(INFO)), PERHAPS, (Move(Event.ACCEPTED, {"reply_due_at": NOW + 60}, "perhaps"),)),
        (sending(*CHANGE), PERHAPS, (Move(Event.ACCEPTED, {"reply_due_at": NOW + 60}, "perhaps"),)),
        # a write that is the first: only one that may have left is uncertain
        (sending(*CHANGE, at=1), NOT_LEFT, (Move(Event.NOT_SENT, {"due_at": NOW + 30}, "busy"),)),
        (
            sending(*CHANGE, at=1),
            NEVER,
            (Move(Event.GAVE_UP, {"error_code": "rejected_by_network", "error_message": "never"}, "never"),),
        ),
        (sending(*CHANGE, at=1), PERHAPS, (lost("perhaps", step=2, due_at=NOW, attempts=0),)),
        # a later one
        (
            sending(*OF_TWO, at=1),
            NOT_LEFT,
            (
                lost(
                    "busy",
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_message="busy; what was to follow was not sent",
                ),
            ),
        ),
        (sending(*OF_TWO, at=1), PERHAPS, (lost("perhaps", step=2, due_at=NOW, attempts=0),)),
        (
            sending(*OF_TWO, at=1, error_message="note"),
            NEVER,
            (
                lost(
                    "never",
                    step=2,
                    due_at=NOW,
                    attempts=0,
                    error_code="rejected_by_network",
                    error_message="note; never",
                ),
            ),
        ),
        # a restart
        (
            sending(write(SET_APN), write(RESTART, 40.0), back(APN), at=1),
            NOT_LEFT,
            (lost("busy", step=1, due_at=NOW + 60, attempts=0),),
        ),
        (
            sending(write(SET_APN), write(RESTART, 40.0), back(APN), at=1),
            PERHAPS,
            (lost("perhaps", step=2, due_at=NOW, attempts=0),),
        ),
        (
            sending(write(SET_APN), write(SET_USER), write(RESTART, 40.0), back(APN), at=1),
            PERHAPS,
            (lost("perhaps", step=2, due_at=NOW, attempts=0),),
        ),
        # reading back
        *(
            (sending(*CHANGE, at=2), error, (lost(str(error), step=2, due_at=NOW + 60, attempts=1),))
            for error in (NOT_LEFT, NEVER, PERHAPS)
        ),
    ],
)
def test_send_failure_is_repeated_only_if_nothing_can_have_changed(
    before_it: Job, error: DeliveryError, moves: Moves
) -> None:
    assert outcome.on_send_failure(before_it, error, NOW, POLICY) == moves


NEVER_ARRIVED = "the network reports that it was not delivered: expired"


@pytest.mark.parametrize(
    ("decide", "before_it", "moves"),
    [
        (
            lambda job: outcome.on_undelivered(job, "expired", NOW),
            job(read(INFO)),
            (
                Move(
                    Event.GAVE_UP,
                    {
                        "error_code": "not_delivered",
                        "error_message": "the network did not deliver it: expired",
                    },
                    "expired",
                ),
            ),
        ),
        (
            lambda job: outcome.on_undelivered(job, "expired", NOW),
            job(*CHANGE, at=1),
            (lost(NEVER_ARRIVED, step=2, due_at=NOW, attempts=0),),
        ),
        (
            lambda job: outcome.on_undelivered(job, "expired", NOW),
            job(*CHANGE, at=2),
            (lost(NEVER_ARRIVED, step=2, due_at=NOW + 60, attempts=1),),
        ),
        (
            lambda job: outcome.on_restart(job, NOW),
            sending(*CHANGE),
            (Move(Event.NOT_SENT, {"due_at": NOW}, "the bridge stopped while it was being sent"),),
        ),
        *(
            (
                lambda job: outcome.on_restart(job, NOW),
                sending(*CHANGE, at=at),
                (lost("the bridge stopped while it was being sent", step=2, due_at=NOW, attempts=attempts),),
            )
            for at, attempts in ((1, 0), (2, 1))
        ),
    ],
)
def test_change_is_uncertain_if_it_was_not_delivered_or_bridge_stopped(
    decide: Callable[[Job], Moves], before_it: Job, moves: Moves
) -> None:
    assert decide(before_it) == moves


@pytest.mark.parametrize(
    ("before_it", "event"),
    [
        (job(*CHANGE, at=2, state=State.UNCERTAIN), None),
        (job(read(INFO), state=State.QUEUED), Event.TIMED_OUT),
        (job(read(INFO), state=State.SENDING), Event.GAVE_UP),
        (job(read(INFO), state=State.SENT), Event.GAVE_UP),
        (job(read(INFO), state=State.DELIVERED), Event.TIMED_OUT),
        (job(read(INFO), read(APN), at=1, state=State.REPLIED), Event.TIMED_OUT),
        (job(write(SET_APN), back(APN), state=State.QUEUED), Event.TIMED_OUT),
        (job(write(SET_APN), back(APN), state=State.SENDING), Event.LOST_TRACK),
        (job(*CHANGE, at=1, state=State.SENT), Event.LOST_TRACK),
        (job(*CHANGE, at=2, state=State.SENT), Event.LOST_TRACK),
        (job(*CHANGE, at=2, state=State.REPLIED), Event.LOST_TRACK),
    ],
)
def test_internal_error_ends_job_or_makes_change_uncertain(before_it: Job, event: Event | None) -> None:
    message = "an internal error of the bridge, see its log"
    changes: dict[str, object] = {"error_code": "internal_error", "error_message": message}
    if event is Event.LOST_TRACK:
        changes = {"step": before_it.first_read_back, "due_at": NOW + 60}
    moves = () if event is None else (Move(event, changes, message),)
    assert outcome.on_internal_error(before_it, NOW) == moves
