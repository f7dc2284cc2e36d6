"""The table of states: whole, without dead ends, and safe for what may have changed a module."""

import pytest

from gsm_meter_bridge.errors import TransitionError
from gsm_meter_bridge.model.job import FINAL, OPEN, TRANSITIONS, Event, State, next_state


def test_final_states_have_no_transitions() -> None:
    assert not [row for row in TRANSITIONS if row[0] in FINAL]


def test_states_that_are_not_final_can_be_left() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State) - FINAL


def test_states_are_all_reached_from_queued() -> None:
    reached = {State.QUEUED}
    for _ in State:
        reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}
    assert reached == set(State)


def test_events_are_all_used() -> None:
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_uncertain_is_never_sent_again_from_the_queue() -> None:
    assert State.QUEUED not in {to for (state, _), to in TRANSITIONS.items() if state is State.UNCERTAIN}
    assert State.UNCERTAIN in OPEN


def test_next_state_raises_transition_error_if_row_is_missing() -> None:
    with pytest.raises(TransitionError, match="queued cannot take the event answered"):
        next_state(State.QUEUED, Event.ANSWERED)
