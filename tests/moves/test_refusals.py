"""What a refusal does to its job, at once or after an answer."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.model import Answer, Refusal, Request
from gsm_meter_bridge.model.job import Event, Job, Move
from tests.support.moves import (
    APN,
    CHANGE,
    CONFIRMED,
    DIFFERED,
    INFO,
    NOW,
    OF_PASSWORD,
    OF_TWO,
    PARTIAL,
    REFUSAL,
    REFUSED,
    RESTART,
    SET_APN,
    SET_USER,
    USER,
    Moves,
    answer,
    answered,
    back,
    job,
    lost,
    read,
    write,
)

UPDATE = (read(INFO), write(Request.action("update")), back(INFO))


@pytest.mark.parametrize(
    ("before_it", "reply", "moves"),
    [
        (job(*UPDATE, at=2), answer(), ()),
        (
            job(*UPDATE, at=2),
            answer(away_s=60.0),
            (answered("it goes on", due_at=NOW + 60, deadline_at=NOW + 60 + 1800),),
        ),
        (
            job(*UPDATE, at=2, deadline_at=NOW + 5000),
            answer(away_s=60.0),
            (answered("it goes on", due_at=NOW + 60, deadline_at=NOW + 5000),),
        ),
        (job(*UPDATE, at=2), REFUSAL, (Move(Event.DENIED, REFUSED, "not allowed"),)),
        (job(*CHANGE, at=1), REFUSAL, (Move(Event.DENIED, REFUSED, "not allowed"),)),
        # a change that was begun is read back
        (
            job(*OF_TWO, at=1, due_at=NOW + 7),
            REFUSAL,
            (answered(step=2, due_at=NOW + 7, **REFUSED),),
        ),
    ],
)
def test_news_of_work_in_progress_extends_or_ends_it(
    before_it: Job, reply: Answer | Refusal, moves: Moves
) -> None:
    assert outcome.on_progress(before_it, reply, NOW) == moves


def put_off(detail: str, at: int, due_at: float, **changes: object) -> Move:
    return answered(detail, step=at, due_at=due_at, **changes)


WITH_PASSWORD = (write(SET_APN), *OF_PASSWORD, back(APN))
REFUSALS = "reading back was refused: not allowed"


@pytest.mark.parametrize(
    ("before_it", "refusal", "restarts", "moves"),
    [
        # a read: a poll goes on with the next one
        (job(read(INFO)), REFUSAL, False, (Move(Event.DENIED, REFUSED, "not allowed"),)),
        (job(read(INFO), read(APN)), REFUSAL, False, (answered(step=1, due_at=NOW, **REFUSED),)),
        (job(read(INFO), read(APN), at=1), REFUSAL, False, (answered(**REFUSED), CONFIRMED)),
        # a change that was not begun
        (job(*CHANGE), REFUSAL, True, (Move(Event.DENIED, REFUSED, "not allowed"),)),
        (job(*CHANGE, at=1), REFUSAL, True, (Move(Event.DENIED, REFUSED, "not allowed"),)),
        # one that was begun, with this message or an earlier one, is read back
        (
            job(*CHANGE, at=1, before={"apn": "net"}),
            PARTIAL,
            False,
            (put_off("not allowed", 2, NOW, **REFUSED, before={"apn": "net"}),),
        ),
        (
            job(write(SET_USER), write(SET_APN, 5.0), back(APN), back(USER), at=1),
            REFUSAL,
            False,
            (put_off("not allowed", 2, NOW + 5, **REFUSED, before={}),),
        ),
        (
            job(write(SET_USER), write(SET_APN), back(APN), at=1, error_code="older", error_message="older"),
            REFUSAL,
            False,
            (
                put_off(
                    "not allowed", 2, NOW, error_code="older", error_message="older; not allowed", before={}
                ),
            ),
        ),
        # after the restart that what was sent needs
        (
            job(write(SET_APN), write(SET_USER), write(RESTART, 40.0), back(APN), at=1),
            REFUSAL,
            True,
            (
                put_off(
                    "not allowed",
                    2,
                    NOW,
                    **REFUSED,
                    before={},
                    steps=(
                        write(SET_APN),
                        write(SET_USER),
                        write(RESTART, 40.0),
                        write(RESTART, 40.0),
                        back(APN),
                    ),
                ),
            ),
        ),
        (
            job(write(SET_APN), write(SET_USER), write(RESTART, 40.0), back(APN), at=1),
            REFUSAL,
            False,
            (put_off("not allowed", 3, NOW, **REFUSED, before={}),),
        ),
        (
            job(write(SET_APN), write(SET_USER), back(APN), at=1),
            REFUSAL,
            True,
            (put_off("not allowed", 2, NOW, **REFUSED, before={}),),
        ),
        (
            job(write(SET_APN), write(RESTART, 40.0), back(APN), at=1),
            REFUSAL,
            True,
            (put_off("not allowed", 2, NOW + 40, **REFUSED, before={}),),
        ),
        # a password that was not sent is not probed for
        (
            job(*WITH_PASSWORD),
            PARTIAL,
            False,
            (put_off("not allowed", 4, NOW, **REFUSED, before={}),),
        ),
        (
            job(*WITH_PASSWORD, at=1),
            REFUSAL,
            False,
            (put_off("not allowed", 2, NOW, **REFUSED, before={}),),
        ),
        # a reading back that is refused is read again, twice
        (
            job(*CHANGE, at=2),
            REFUSAL,
            False,
            (lost(REFUSALS, step=2, due_at=NOW + 60, attempts=1),),
        ),
        (
            job(*CHANGE, at=2, attempts=1),
            REFUSAL,
            False,
            (lost(REFUSALS, step=2, due_at=NOW + 300, attempts=2),),
        ),
        (
            job(*CHANGE, at=2, attempts=2),
            REFUSAL,
            False,
            (
                answered(error_code="unconfirmed", error_message="it cannot be read back: not allowed"),
                DIFFERED,
            ),
        ),
        (
            job(*CHANGE, at=2, attempts=2, error_code="no", error_message="no"),
            REFUSAL,
            False,
            (
                answered(error_code="no", error_message="no; it cannot be read back: not allowed"),
                Move(Event.DENIED),
            ),
        ),
    ],
)
def test_refusal_ends_job_or_has_change_read_back(
    before_it: Job, refusal: Refusal, moves: Moves, *, restarts: bool
) -> None:
    assert outcome.on_refusal(before_it, refusal, NOW, restarts=restarts) == moves
