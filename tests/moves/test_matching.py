"""What a reply moves: by the state of its job, by whether it comes late, and by what it proves."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from gsm_meter_bridge.jobs import matching, outcome
from gsm_meter_bridge.jobs.matching import Candidate
from gsm_meter_bridge.model import Answer, Module, Refusal, Reply, Request
from gsm_meter_bridge.model.job import Event, Job, Purpose, State, Step
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret
from tests.support.in_memory_bridge import modules
from tests.support.moves import (
    APN,
    CHANGE,
    INFO,
    NOW,
    OF_PASSWORD,
    OF_TWO,
    PARTIAL,
    REBOOT,
    REFUSAL,
    USER,
    answer,
    back,
    job,
    read,
    uncertain,
    write,
)

PUMP = modules()["pump"]
RESTARTING = {"server.0.address": "a.example:9001"}


def _of(job: Job, *, late: bool = False, step: Step | None = None) -> Candidate:
    return Candidate(job, step or job.current, late)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("late", [True, False])
def test_reply_is_too_early_only_while_its_request_is_being_sent(state: State, *, late: bool) -> None:
    assert _of(job(read(INFO), state=state), late=late).too_early is (state is State.SENDING and not late)


CHANGED, ASKED = job(*CHANGE, at=1), job(read(Request.together([APN, USER])))
LATE = uncertain(*CHANGE, at=2, attempts=1)


@pytest.mark.parametrize(
    ("candidate", "reply", "same_as"),
    [
        (_of(CHANGED), answer(), outcome.on_answer(CHANGED, answer(), NOW)),
        (_of(CHANGED), REFUSAL, outcome.on_refusal(CHANGED, REFUSAL, NOW)),
        (_of(ASKED), answer(USER, apn="x"), outcome.on_part(ASKED, answer(USER, apn="x"), NOW)),
        # late, while it is uncertain
        (_of(LATE, late=True), answer(apn="m2m"), outcome.on_late_read_back(LATE, answer(apn="m2m"), NOW)),
        (
            _of(LATE, late=True, step=CHANGE[1]),
            answer(),
            outcome.on_late_write_answer(LATE, CHANGE[1], answer(), NOW),
        ),
        (
            _of(uncertain(*CHANGE, at=2), late=True, step=CHANGE[1]),
            REFUSAL,
            outcome.on_late_refusal(uncertain(*CHANGE, at=2), REFUSAL),
        ),
        # news of work in progress
        (
            _of(job(*REBOOT, at=1, state=State.REPLIED), late=True, step=REBOOT[0]),
            answer(away_s=60.0),
            outcome.on_progress(job(*REBOOT, at=1, state=State.REPLIED), answer(away_s=60.0), NOW),
        ),
        # over
        *(
            (_of(replace(LATE, state=state), late=True), reply, ())
            for state in State
            if not state.open
            for reply in (answer(apn="m2m"), REFUSAL)
        ),
    ],
)
def test_reply_moves_its_job(candidate: Candidate, reply: Reply, same_as: tuple[object, ...]) -> None:
    moves = matching.moves(PUMP, candidate, reply, NOW)
    assert moves == same_as
    assert bool(moves) is (candidate.job.state.open)


@pytest.mark.parametrize(
    ("sent", "restarts"), [({"apn": "m2m"}, False), (RESTARTING, True), ({"no_such_setting": "x"}, False)]
)
@pytest.mark.parametrize(("at_write", "at"), [(0, 0), (0, 1), (1, 0)])
def test_refused_change_is_read_back_after_the_restart_that_it_needs(
    sent: dict[str, Scalar], at_write: int, at: int, *, restarts: bool
) -> None:
    steps = [write(Request.write("apn", {"apn": "m2m"})), write(Request.action("reboot"), 40.0), back(APN)]
    steps.insert(at_write, write(Request.write("x", sent)))
    (move,) = matching.moves(PUMP, _of(job(*steps, at=at)), PARTIAL, NOW)
    assert ("steps" in move.changes) is (restarts and at_write <= at)


def _state(state: State) -> Candidate:
    one = job(*CHANGE, at=1, state=state)
    return Candidate(one, one.current, late=False)


READ_BACK_LATE = [Candidate(LATE, CHANGE[1], late=True), Candidate(LATE, CHANGE[2], late=True)]
TRIED_IN_TURN = uncertain(*OF_PASSWORD, at=1, attempts=1)
BACK_AGAIN = job(*OF_TWO, at=3)


@pytest.mark.parametrize(
    ("open_one", "found"),
    [
        (None, []),
        *((job(*CHANGE, at=1, state=state), []) for state in (State.REPLIED, State.UNCERTAIN)),
        *((_state(state).job, [_state(state)]) for state in (State.SENDING, State.SENT, State.DELIVERED)),
        # its change may be answered late, whatever was sent since
        (
            BACK_AGAIN,
            [Candidate(BACK_AGAIN, OF_TWO[3], late=False)]
            + [Candidate(BACK_AGAIN, one, late=True) for one in OF_TWO[:2]],
        ),
        (LATE, READ_BACK_LATE),
        (replace(LATE, attempts=0), [Candidate(replace(LATE, attempts=0), CHANGE[1], late=True)]),
        (
            replace(LATE, state=State.REPLIED),
            [Candidate(replace(LATE, state=State.REPLIED), CHANGE[1], late=True)],
        ),
        (TRIED_IN_TURN, [Candidate(TRIED_IN_TURN, OF_PASSWORD[0], late=True)]),
    ],
)
async def test_message_may_answer_open_job_or_one_that_expired_lately(
    monkeypatch: pytest.MonkeyPatch, open_one: Job | None, found: list[Candidate]
) -> None:
    expired = job(read(INFO), state=State.EXPIRED)

    async def open_and_expired(_: object, module: str, since: float) -> tuple[Job | None, tuple[Job, ...]]:
        assert (module, since) == ("pump", NOW)
        return open_one, (expired,)

    monkeypatch.setattr(store, "open_and_expired", open_and_expired)
    candidates = await matching.candidates(cast("Transaction", None), "pump", NOW)
    assert [*candidates] == [*found, Candidate(expired, expired.current, late=True)]


VERIFIED = job(*CHANGE, at=2, state=State.VERIFIED, after={"apn": "m2m"})


@pytest.mark.parametrize(
    ("after", "name", "value", "proven"),
    [
        ({"apn": "m2m"}, "apn", "m2m", True),
        ({"apn": "net"}, "apn", "m2m", False),
        ({}, "apn", "m2m", False),
        ({}, "apn", None, False),
        ({"apn_password": MASK}, "apn_password", "b", True),
        ({"apn_password": ""}, "apn_password", "b", False),
        ({"apn_password": ""}, "apn_password", "", True),
    ],
)
def test_setting_is_proven_if_it_was_read_back_as_requested(
    after: dict[str, Scalar], name: str, value: Scalar, *, proven: bool
) -> None:
    assert matching.is_proven(replace(VERIFIED, after=after), name, value) is proven


SECRET_CHANGE = job(
    write(Request.write("apn", {"apn": "m2m", "apn_user": "me", "apn_password": "b"})),
    back(APN),
    at=1,
    after={"apn": "m2m", "apn_user": "you", "apn_password": MASK},
)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (State.VERIFIED, {"apn": "m2m", "apn_user": "me"}),
        (State.MISMATCHED, {"apn": "m2m"}),
        (State.REFUSED, {"apn": "m2m"}),
    ],
)
def test_wanted_values_are_those_proven_and_not_secret(state: State, wanted: dict[str, Scalar]) -> None:
    assert matching.open_values(PUMP, replace(SECRET_CHANGE, state=state)) == wanted


def test_secrets_are_the_password_and_those_that_were_sent() -> None:
    found = matching.secrets_of(PUMP, [_of(SECRET_CHANGE), _of(VERIFIED)])
    assert found == (PUMP.access.password, Secret("b"))
    assert matching.secrets_of(PUMP, []) == (PUMP.access.password,)


INFO_REPLY = "LERS GSM Mini\r\nSN: 00001\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)"


def test_message_answers_first_request_that_it_can_be_decoded_as_a_reply_to() -> None:
    asks_apn, asks_info = _of(job(read(APN))), _of(job(read(INFO)))
    again = _of(job(read(INFO)), late=True)
    found = matching.match(PUMP, INFO_REPLY, b"", [asks_apn, asks_info, again])
    assert found is not None
    assert found[0] is asks_info
    assert isinstance(found[1], Answer)
    assert found[1].values()["serial_number"] == "00001"
    assert matching.match(PUMP, INFO_REPLY, b"", [asks_apn]) is None
    assert matching.match(PUMP, INFO_REPLY, b"", []) is None


class _Resets:
    """A family where requests reset other values, as `resets` says by their names."""

    def __init__(self, **resets: tuple[str, ...]) -> None:
        self._resets, self._lers = resets, PUMP.family

    def resets(self, request: Request) -> tuple[str, ...]:
        return self._resets.get(request.name, ())

    def __getattr__(self, name: str) -> object:
        return getattr(self._lers, name)


def _resetting(**resets: tuple[str, ...]) -> Module:
    return replace(PUMP, family=_Resets(**resets))  # type: ignore[arg-type]


BY_WRITE = _resetting(apn=("roaming", "apn_user"), set=("ports", "apn_user", "apn"), restart=("clock",))
RESTARTED = (*CHANGE[:2], REBOOT[0], back(APN))


@pytest.mark.parametrize(
    ("candidate", "reply", "ended", "forgotten", "unwanted"),
    [
        # what an answered write resets
        (_of(CHANGED), answer(), CHANGED, {"roaming", "apn_user"}, {"roaming", "apn_user"}),
        # nothing, before it is known whether it was made
        (_of(CHANGED), REFUSAL, CHANGED, set(), set()),
        (_of(LATE), answer(), LATE, set(), set()),
        # what a change that is proven resets, but for what was read back
        (_of(VERIFIED), answer(), VERIFIED, {"ports"}, {"ports", "apn_user"}),
        (
            _of(job(*RESTARTED, at=3)),
            answer(),
            job(*RESTARTED, at=3, state=State.VERIFIED, after={"apn": "m2m"}),
            {"ports", "clock"},
            {"ports", "apn_user", "clock"},
        ),
        (
            _of(job(*RESTARTED, at=3)),
            answer(),
            job(*RESTARTED, at=3, state=State.MISMATCHED, after={"apn": "m2m"}),
            {"ports"},
            {"ports", "apn_user"},
        ),
        # what it may have changed and did not read back
        (
            _of(job(*OF_TWO, at=2)),
            answer(),
            job(*OF_TWO, at=2, state=State.MISMATCHED, after={"apn": "net"}),
            {"ports", "apn_user"},
            {"ports", "apn_user", "apn"},
        ),
        (
            _of(job(*OF_TWO, at=1)),
            REFUSAL,
            job(*OF_TWO, at=1, state=State.REFUSED, after={"apn": "net"}),
            {"ports"},
            {"ports", "apn_user", "apn"},
        ),
    ],
)
def test_values_that_a_change_resets_are_forgotten_once_it_is_proven(
    candidate: Candidate,
    reply: Answer | Refusal,
    ended: Job,
    forgotten: set[str],
    unwanted: set[str],
) -> None:
    assert matching.reset_by(BY_WRITE, candidate, reply, ended) == (forgotten, unwanted)


def test_news_is_of_a_job_that_was_answered() -> None:
    going_on = job(*REBOOT, at=1, state=State.REPLIED)
    (move,) = matching.moves(PUMP, _of(going_on, late=True, step=REBOOT[0]), REFUSAL, NOW)
    assert move.event is Event.DENIED
    assert going_on.current.purpose is Purpose.READ_BACK
