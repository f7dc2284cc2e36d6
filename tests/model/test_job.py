"""What a job says of itself: where it stands, what comes next, and what it may have changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from gsm_meter_bridge.errors import TransitionError
from gsm_meter_bridge.model import Request, RequestKind
from gsm_meter_bridge.model.job import (
    FINAL,
    OPEN,
    TRANSITIONS,
    Event,
    Job,
    Move,
    Observation,
    Priority,
    Purpose,
    State,
    Step,
    Unfinished,
    next_state,
)

APN = Request.read("apn")
READ, BEFORE, BACK = (Step(purpose, APN) for purpose in (Purpose.READ, Purpose.BEFORE, Purpose.READ_BACK))
WRITE = Step(Purpose.WRITE, Request.write("apn", {"apn": "m2m"}))
NAMED = Step(Purpose.WRITE, Request.write("apn_user", {"apn_user": "me"}))
CALLS, WAITS = (Step(Purpose.READ, Request(kind, "x")) for kind in (RequestKind.CALL, RequestKind.ARRIVAL))
NEW, OLD = (
    Step(Purpose.READ_BACK, Request(RequestKind.READ, "info", {"access_password": word}), 0.0, alternative)
    for word, alternative in (("4321", False), ("1234", True))
)


def _job(*steps: Step, at: int = 0, attempts: int = 0) -> Job:
    return Job("1", "pump", "set", steps, 0.0, 600.0, 0.0, step=at, attempts=attempts)


OBSERVED = Observation("pump", (), "sms", 0.0)


@pytest.mark.parametrize(
    ("steps", "following", "other_try"),
    [
        ((READ,), [None], [0]),
        ((READ, READ, READ), [1, 2, None], [0, 1, 2]),
        ((WRITE, NEW, OLD), [1, None, None], [0, 2, 1]),
        ((WRITE, NEW, OLD, BACK), [1, 3, 3, None], [0, 2, 1, 3]),
    ],
)
def test_job_goes_on_past_alternative_step(
    steps: tuple[Step, ...], following: list[int | None], other_try: list[int]
) -> None:
    jobs = [_job(*steps, at=at) for at in range(len(steps))]
    assert [job.following for job in jobs] == following
    assert [job.other_try for job in jobs] == other_try
    assert [job.current for job in jobs] == list(steps)


@pytest.mark.parametrize(
    ("steps", "at", "attempts", "is_lost"),
    [
        ((WRITE, BACK), 1, 0, False),
        ((WRITE, BACK), 1, 1, True),
        ((WRITE, BACK), 1, 2, True),
        ((WRITE, BACK), 0, 1, False),
        ((WRITE, NEW, OLD), 1, 1, False),
        ((WRITE, NEW, OLD), 2, 1, False),
        ((WRITE, NEW, OLD, BACK), 3, 1, True),
    ],
)
def test_job_takes_late_reading_back_only_if_it_can_mean_one_thing(
    steps: tuple[Step, ...], at: int, attempts: int, *, is_lost: bool
) -> None:
    assert _job(*steps, at=at, attempts=attempts).read_back_lost is is_lost


@pytest.mark.parametrize(
    ("steps", "first_read_back", "messages", "touched", "proves_password"),
    [
        ((READ, READ), None, 2, [False, False], False),
        ((BEFORE, WRITE, BACK, BACK), 2, 4, [False, False, True, True], False),
        ((WRITE, NEW, OLD), 1, 2, [False, True, True], True),
        ((WRITE, OLD), 1, 1, [False, True], True),
        ((CALLS,), None, 0, [False], False),
        ((WRITE, WAITS), None, 1, [False, True], False),
        ((Step(Purpose.WRITE, NEW.request), BACK), 1, 2, [False, True], False),
    ],
)
def test_job_tells_what_its_steps_are(
    steps: tuple[Step, ...],
    first_read_back: int | None,
    messages: int,
    touched: list[bool],
    *,
    proves_password: bool,
) -> None:
    jobs = [_job(*steps, at=at) for at in range(len(steps))]
    assert [job.touched for job in jobs] == touched
    assert jobs[0].messages == messages
    assert jobs[0].proves_password is proves_password
    if first_read_back is not None:
        assert jobs[0].first_read_back == first_read_back


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        ((READ,), {}),
        ((BEFORE, WRITE, NAMED, BACK), {"apn": "m2m", "apn_user": "me"}),
        ((WRITE, NEW), {"apn": "m2m"}),
    ],
)
def test_job_asks_for_what_its_writes_set(steps: tuple[Step, ...], asked: dict[str, str]) -> None:
    assert _job(*steps).asked() == asked


def test_job_starts_with_nothing_known() -> None:
    job = Job("1", "pump", "set", (READ,), 0.0, 600.0, 0.0)
    assert (job.state, job.step, job.attempts, job.priority) == (State.QUEUED, 0, 0, Priority.USER)
    assert (job.write_answered, job.before, job.after, job.touched) == (False, {}, {}, False)
    assert (READ.pause_s, READ.alternative) == (0.0, False)


def test_move_changes_nothing_else_unless_it_is_told() -> None:
    assert (Move(Event.ANSWERED).changes, Move(Event.ANSWERED).detail) == ({}, None)


@pytest.mark.parametrize(("state", "event"), [(s, e) for s in State for e in Event])
def test_next_state_is_of_the_table_or_an_error(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(TransitionError, match=f"in state {state} cannot take the event {event}"):
        next_state(state, event)


@pytest.mark.parametrize("state", list(State))
def test_job_that_waits_in_doubt_is_shown_as_uncertain(state: State) -> None:
    certain = replace(_job(READ), state=state)
    assert certain.shown_state is state
    in_doubt = replace(certain, doubted_at=1.0)
    assert in_doubt.shown_state is (State.UNCERTAIN if state is State.QUEUED else state)


def test_state_is_queued_open_or_final() -> None:
    assert [state for state in State if not state.open and not state.final] == [State.QUEUED]
    assert {state for state in State if state.open} == OPEN
    assert {state for state in State if state.final} == FINAL
    assert not OPEN & FINAL


def test_job_hides_sealed_password() -> None:
    job = Job("1", "+79990000301", "set", (READ,), 0.0, 1.0, 0.0, ad_hoc_password="sealed")
    assert "sealed" not in repr(job)


def test_job_of_a_user_goes_before_a_poll() -> None:
    assert Priority.USER < Priority.POLL
    assert (Priority.USER, Priority.POLL) == (10, 50)  # databases hold these numbers


@pytest.mark.parametrize(
    "value", [READ, _job(READ), Move(Event.OTHER_MESSAGE), OBSERVED, Unfinished(_job(READ), 0.0)]
)
def test_job_and_its_parts_are_compared_by_value_and_never_change(value: Any) -> None:
    assert replace(value) == value
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)
