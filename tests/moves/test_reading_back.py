"""What is read back decides whether a change was made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.model import Answer
from gsm_meter_bridge.model.job import Event, Job, Move
from gsm_meter_bridge.vocabulary import MASK
from tests.support.moves import (
    CHANGE,
    CONFIRMED,
    DIFFERED,
    NOW,
    OF_PASSWORD,
    OF_TWO,
    REBOOT,
    REFUSED,
    Moves,
    answer,
    answered,
    job,
    lost,
)


def read_back(**fields: Any) -> Job:
    return replace(job(*CHANGE, at=2, write_answered=True, before={"apn": "net"}), **fields)


def differs(shown: str) -> str:
    return f"apn is {shown} instead of what was asked"


def mismatched(shown: str) -> Move:
    message = differs(repr(shown))
    return answered(
        after={"apn": shown}, error_code="mismatched", error_message=message, before={"apn": "net"}
    )


@pytest.mark.parametrize(
    ("before_it", "reply", "moves"),
    [
        # as requested
        (read_back(), answer(apn="m2m"), (answered(after={"apn": "m2m"}, error_message=None), CONFIRMED)),
        (
            read_back(write_answered=False, write_expires_at=NOW + 9),  # the value proves it
            answer(apn="m2m"),
            (answered(after={"apn": "m2m"}, error_message=None), CONFIRMED),
        ),
        (
            job(*OF_TWO, at=2, write_answered=True),
            answer(apn="m2m"),
            (answered(step=3, due_at=NOW, after={"apn": "m2m"}, error_message=None),),
        ),
        (
            job(*OF_TWO, at=3, write_answered=True, after={"apn": "m2m"}),
            answer(apn_user="me"),
            (answered(after={"apn": "m2m", "apn_user": "me"}, error_message=None), CONFIRMED),
        ),
        # still as before: once more, for it may be an old reply
        (
            read_back(),
            answer(apn="net"),
            (
                answered(after={"apn": "net"}, due_at=NOW, attempts=1),
                lost("still as before; read once more to be sure"),
            ),
        ),
        (
            read_back(attempts=1),
            answer(apn="net"),
            (
                mismatched("net"),
                DIFFERED,
            ),
        ),
        # another value is no old one, unless the earlier one is unknown
        (
            read_back(),
            answer(apn="third"),
            (
                mismatched("third"),
                DIFFERED,
            ),
        ),
        # the write may still be under way
        (
            read_back(write_answered=False, write_expires_at=NOW + 9, attempts=4),
            answer(apn="third"),
            (
                answered(after={"apn": "third"}, due_at=NOW + 9, attempts=5),
                lost("not done yet; the message may still be in transit"),
            ),
        ),
        (
            read_back(write_answered=False, write_expires_at=NOW, attempts=4),
            answer(apn="third"),
            (
                mismatched("third"),
                DIFFERED,
            ),
        ),
        (
            read_back(write_answered=False, attempts=4),
            answer(apn="third"),
            (
                mismatched("third"),
                DIFFERED,
            ),
        ),
        # one of two differs: the other is read back all the same
        (
            job(*OF_TWO, at=2, write_answered=True, before={"apn": "net"}),
            answer(apn="third"),
            (
                answered(
                    step=3,
                    due_at=NOW,
                    after={"apn": "third"},
                    error_code="mismatched",
                    error_message=differs("'third'"),
                    before={"apn": "net"},
                ),
            ),
        ),
        (
            job(*OF_TWO, at=3, after={"apn": "x"}, error_code="mismatched", error_message="apn is x"),
            answer(apn_user="me"),
            (
                answered(
                    after={"apn": "x", "apn_user": "me"},
                    error_code="mismatched",
                    error_message="apn is x; apn_user was changed",
                    before={},
                ),
                DIFFERED,
            ),
        ),
        # a refused change
        (
            read_back(**REFUSED),
            answer(apn="net"),
            (
                answered(
                    after={"apn": "net"},
                    error_code="not_allowed",
                    error_message="not allowed; " + differs("'net'"),
                    before={"apn": "net"},
                ),
                Move(Event.DENIED),
            ),
        ),
        # it does not tell the setting
        (
            read_back(),
            answer(),
            (
                answered(after={}, due_at=NOW, attempts=1, step=2),
                lost("the module did not report apn"),
            ),
        ),
        (
            read_back(attempts=1),
            answer(),
            (
                answered(after={}, due_at=NOW, attempts=2, step=2),
                lost("the module did not report apn"),
            ),
        ),
        (
            read_back(attempts=2),
            answer(),
            (
                answered(after={}, error_code="unconfirmed", error_message="the module did not report apn"),
                DIFFERED,
            ),
        ),
        (
            read_back(**REFUSED),
            answer(),
            (
                answered(
                    after={},
                    error_code="not_allowed",
                    error_message="not allowed; the module did not report apn",
                    before={"apn": "net"},
                ),
                Move(Event.DENIED),
            ),
        ),
        # an earlier value of another reading back does not count
        (
            job(*OF_TWO, at=3, write_answered=True, after={"apn": "old"}),
            answer(apn_user="me"),
            (
                answered(after={"apn": "old", "apn_user": "me"}, due_at=NOW, attempts=1, step=2),
                lost("the module did not report apn"),
            ),
        ),
        # an action: that the module answers says that it lives, not that it has done it
        (
            job(*REBOOT, at=1, write_answered=True),
            answer(info="x"),
            (answered(after={}), CONFIRMED),
        ),
        (
            job(*REBOOT, at=1, write_expires_at=NOW + 9),
            answer(info="x"),
            (
                answered(after={}, due_at=NOW + 9, attempts=1),
                lost("not done yet; the message may still be in transit"),
            ),
        ),
        (
            job(*REBOOT, at=1, write_expires_at=NOW - 9),
            answer(info="x"),
            (
                answered(
                    after={},
                    error_code="unconfirmed",
                    error_message="the module answers, but never confirmed that it has done it",
                ),
                DIFFERED,
            ),
        ),
        (
            job(*REBOOT, at=1, doubted_at=NOW - 9, error_message="asked for by an older bridge"),
            answer(info="x"),
            (
                answered(
                    after={},
                    error_code="unconfirmed",
                    error_message="asked for by an older bridge; "
                    "the module answers, but never confirmed that it has done it",
                ),
                DIFFERED,
            ),
        ),
        (
            job(*REBOOT, at=1, error_message="a note"),
            answer(info="x"),
            (
                answered(
                    after={},
                    error_code="unconfirmed",
                    error_message="the module answers, but never confirmed that it has done it",
                ),
                DIFFERED,
            ),
        ),
        (
            job(*REBOOT, at=1, write_expires_at=NOW + 9, **REFUSED),
            answer(info="x"),
            (
                answered(after={}, before={}, **REFUSED),
                Move(Event.DENIED),
            ),
        ),
        # the access password is proved by the answer; it is not told
        (
            job(*OF_PASSWORD, at=1, write_answered=True),
            answer(access_password="4321"),
            (answered(after={"access_password": MASK}, error_message=None), CONFIRMED),
        ),
        (
            job(*OF_PASSWORD, at=2, write_answered=True, attempts=1),
            answer(access_password="1234"),
            (
                answered(
                    after={"access_password": MASK},
                    error_code="mismatched",
                    error_message="access_password is another instead of what was asked",
                    before={"access_password": MASK},
                ),
                DIFFERED,
            ),
        ),
        (
            job(*OF_PASSWORD, at=2, write_answered=True),
            answer(access_password="1234"),
            (
                answered(after={"access_password": MASK}, due_at=NOW, attempts=1),
                lost("still as before; read once more to be sure"),
            ),
        ),
        (
            job(*OF_PASSWORD, at=2, write_answered=True, before={"access_password": MASK}),
            answer(access_password="1234"),
            (
                answered(after={"access_password": MASK}, due_at=NOW, attempts=1),
                lost("still as before; read once more to be sure"),
            ),
        ),
        (
            job(*OF_PASSWORD, at=1, write_answered=True),
            answer(),
            (answered(after={}, error_message=None), CONFIRMED),
        ),
    ],
)
def test_reading_back_decides_on_change(before_it: Job, reply: Answer, moves: Moves) -> None:
    assert outcome.on_answer(before_it, reply, NOW) == moves
