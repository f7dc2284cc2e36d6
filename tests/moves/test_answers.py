"""What an answer does to its job: the next step, the end, or the rest is asked alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.jobs.outcome import CONNECTED
from gsm_meter_bridge.model import Answer, Request
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.vocabulary import MASK
from tests.support.moves import (
    ALREADY,
    APN,
    BOTH,
    CHANGE,
    CONFIRMED,
    CONNECT,
    HAS_CONNECTED,
    INFO,
    NOW,
    OF_PASSWORD,
    OF_TWO,
    REFUSED,
    ROAMING,
    SET_APN,
    USER,
    Moves,
    answer,
    answered,
    back,
    before,
    job,
    lost,
    read,
    write,
)


@pytest.mark.parametrize(
    ("before_it", "reply", "moves"),
    [
        # a read
        (job(read(INFO)), answer(), (answered(), CONFIRMED)),
        (job(read(INFO, 3.0), read(APN)), answer(), (answered(step=1, due_at=NOW + 3),)),
        (job(read(INFO), read(APN), at=1), answer(), (answered(), CONFIRMED)),
        # the value that a change replaces
        (job(*CHANGE), answer(apn="m2m"), (answered(before={"apn": "m2m"}, after={"apn": "m2m"}), ALREADY)),
        (job(*CHANGE), answer(apn="net"), (answered(step=1, due_at=NOW, before={"apn": "net"}),)),
        (job(*CHANGE), answer(), (answered(step=1, due_at=NOW, before={}),)),
        (
            job(before(APN), write(replace(SET_APN, changes={"apn": "m2m", "apn_user": "me"})), back(BOTH)),
            answer(apn="m2m"),
            (answered(step=1, due_at=NOW, before={"apn": "m2m"}),),
        ),
        (
            job(*CHANGE, before={"apn": "older", "apn_user": "x"}),
            answer(apn="net", info="not a setting of it"),
            (answered(step=1, due_at=NOW, before={"apn": "net", "apn_user": "x"}),),
        ),
        # a secret that is to change is left out: its mask says nothing
        (
            job(before(APN), write(Request.write("apn", {"apn_password": "b"})), back(APN)),
            answer(apn_password="a"),
            (answered(step=1, due_at=NOW, before={}),),
        ),
        (
            job(before(APN), write(Request.write("apn", {"apn_password": "b"})), back(APN)),
            answer(apn_password="b"),
            (answered(before={"apn_password": MASK}, after={"apn_password": MASK}), ALREADY),
        ),
        # a write
        (
            job(*CHANGE, at=1, before={"apn": "net"}),
            answer(),
            (answered(step=2, due_at=NOW, write_answered=True, before={"apn": "net"}),),
        ),
        (
            job(*OF_TWO),
            answer(),
            (answered(step=1, due_at=NOW + 5, write_answered=True, before={}),),
        ),
        (
            job(write(Request.together([APN, SET_APN])), back(APN)),
            answer(apn="net"),
            (answered(step=1, due_at=NOW, write_answered=True, before={"apn": "net"}),),
        ),
        (
            job(write(SET_APN), back(APN)),  # what it echoes is no earlier value
            answer(apn="m2m"),
            (answered(step=1, due_at=NOW, write_answered=True, before={}),),
        ),
        # with a note, unless there is an earlier one
        (
            job(*CHANGE, at=1),
            answer(note="half known"),
            (answered(step=2, due_at=NOW, write_answered=True, error_message="half known"),),
        ),
        (
            job(*CHANGE, at=1, error_message="earlier"),
            answer(note="half known"),
            (answered(step=2, due_at=NOW, write_answered=True, before={}),),
        ),
        # after a refusal nothing further is changed
        (
            job(*OF_TWO, **REFUSED),
            answer(note="half known"),
            (answered(step=2, due_at=NOW + 5, write_answered=True),),
        ),
        (
            job(write(SET_APN), *OF_PASSWORD, back(APN), **REFUSED),  # nor probed for
            answer(),
            (answered(step=4, due_at=NOW, write_answered=True),),
        ),
        (
            job(write(SET_APN), *OF_PASSWORD, back(APN), at=1, **REFUSED),
            answer(),
            (answered(step=2, due_at=NOW, write_answered=True),),
        ),
        # its connection came before this answer
        (job(*CONNECT, after={CONNECTED: True}), answer(), (HAS_CONNECTED, CONFIRMED)),
        (job(*CONNECT), answer(), (answered(step=1, due_at=NOW, write_answered=True, before={}),)),
    ],
)
def test_answer_moves_job_to_its_next_step_or_end(before_it: Job, reply: Answer, moves: Moves) -> None:
    assert outcome.on_answer(before_it, reply, NOW) == moves


TOGETHER = Request.together([APN, USER, ROAMING])


@pytest.mark.parametrize(
    ("before_it", "reply", "moves"),
    [
        # the rest is asked alone, after what was answered
        (
            job(read(INFO), read(TOGETHER), read(INFO), at=1),
            answer(ROAMING, apn="x"),
            (
                answered(
                    "2 of 3 are answered; the others are asked alone",
                    step=2,
                    due_at=NOW,
                    steps=(read(INFO), read(BOTH), read(ROAMING), read(INFO)),
                ),
            ),
        ),
        # nothing is answered: each is asked alone, now
        (
            job(read(INFO), read(BOTH), read(INFO), at=1),
            answer(APN, USER),
            (
                answered(
                    "0 of 2 are answered; the others are asked alone",
                    steps=(read(INFO), read(APN), read(USER), read(INFO)),
                    due_at=NOW,
                ),
            ),
        ),
        # the outcome of what was answered is not lost
        (
            job(
                write(Request.write("apn", {"apn": "m2m", "apn_user": "me"})),
                back(BOTH),
                at=1,
                write_answered=True,
                before={"apn": "net"},
            ),
            answer(USER, apn="net"),
            (
                answered(
                    "1 of 2 are answered; the others are asked alone",
                    after={"apn": "net"},
                    due_at=NOW,
                    attempts=1,
                    steps=(
                        write(Request.write("apn", {"apn": "m2m", "apn_user": "me"})),
                        back(APN),
                        back(USER),
                    ),
                ),
                lost("still as before; read once more to be sure"),
            ),
        ),
    ],
)
def test_partial_answer_has_the_rest_asked_alone(before_it: Job, reply: Answer, moves: Moves) -> None:
    assert outcome.on_part(before_it, reply, NOW) == moves
