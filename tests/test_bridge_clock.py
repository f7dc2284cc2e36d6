"""The bridge's own time: what it makes of a wall clock that is set, at the start or while it runs."""

from __future__ import annotations

import itertools

import pytest

from gsm_meter_bridge.clock import (
    BELIEVED_AFTER_S,
    CLOSE_S,
    FORGETS_AFTER_S,
    PROGRAM_DATE,
    Clock,
    elapsed_s,
)
from tests.support.clocks import DAY_S, NOON, Watch

HOUR_S = 3600.0


def _follow(clock: Clock) -> float:
    """Look and do what is to be done; return by how many seconds times were moved."""
    step = clock.look()
    if step is None:
        return 0.0
    clock.take(step)
    return step.by_s


def test_clock_follows_wall_clock_that_is_never_set() -> None:
    watch = Watch()
    clock = watch.clock(NOON - HOUR_S)
    for _ in range(100):
        watch.wait(1000.0)
        assert _follow(clock) == 0.0
        assert clock.now() == pytest.approx(watch.wall)
    assert (clock.right, clock.steps, clock.dated(NOON)) == (True, 0, NOON)


@pytest.mark.parametrize("by_s", [180 * DAY_S, 20 * DAY_S, HOUR_S, 3.0, -3.0, -HOUR_S, -20 * DAY_S])
def test_clock_takes_step_and_its_reversal(by_s: float) -> None:
    watch = Watch()
    clock = watch.clock()
    watch.wait(50 * DAY_S)
    watch.wall += by_s
    assert clock.now() == pytest.approx(watch.wall - by_s)  # until all is moved, nothing has happened
    assert _follow(clock) == pytest.approx(by_s)
    assert clock.now() == pytest.approx(watch.wall)
    watch.wait(100.0)
    watch.wall -= by_s
    assert _follow(clock) == pytest.approx(-by_s)
    assert clock.now() == pytest.approx(watch.wall)
    assert clock.began == pytest.approx(NOON)
    assert (clock.right, clock.steps) == (True, 2)


@pytest.mark.parametrize("by_s", [1.5, -1.5])
def test_clock_ignores_small_step(by_s: float) -> None:
    watch = Watch()
    clock = watch.clock(NOON - 1.0)
    watch.wall += by_s
    assert (_follow(clock), clock.steps, clock.right) == (0.0, 0, True)


@pytest.mark.parametrize(
    ("wall", "newest", "right"),
    [
        (NOON, None, True),
        (NOON, NOON - DAY_S, True),
        (NOON, NOON + CLOSE_S / 2, True),  # trimmed by NTP since
        (NOON, NOON + 2 * CLOSE_S, False),
        (NOON - 20 * DAY_S, NOON, False),
        (NOON, NOON + 180 * DAY_S, False),
        (10.0, None, False),
        (10.0, NOON, False),
        (PROGRAM_DATE - 1.0, None, False),
        (PROGRAM_DATE + 1.0, None, True),
    ],
)
def test_clock_is_doubted_at_start_if_behind_database_or_program(
    wall: float, newest: float | None, right: bool
) -> None:
    watch = Watch(wall)
    clock = watch.clock(newest)
    assert clock.right is right
    assert newest is None or clock.began > newest  # later than all that was written before
    assert clock.dated(clock.now()) == (clock.now() if right else None)
    if newest is not None:
        assert clock.dated(newest) == newest
    assert clock.dated(None) is None
    assert clock.dated(10.0) is None


@pytest.mark.parametrize("newest", [None, NOON - HOUR_S])
def test_clock_goes_from_1970_to_right_time_in_one_step(newest: float | None) -> None:
    watch = Watch(10.0)
    clock = watch.clock(newest)
    began = clock.now()
    watch.wait(30.0)
    assert _follow(clock) == 0.0
    assert clock.now() == pytest.approx(began + 30.0)
    watch.wall = NOON + 40.0
    assert began + 30.0 + _follow(clock) == pytest.approx(NOON + 40.0)
    assert clock.right
    assert clock.began == pytest.approx(NOON + 10.0)


def test_clock_behind_database_is_right_after_it_is_set() -> None:
    watch = Watch(NOON - 20 * DAY_S)
    clock = watch.clock(NOON)
    watch.wait(60.0)
    assert (_follow(clock), clock.right) == (0.0, False)
    watch.wall += 20 * DAY_S
    assert _follow(clock) == pytest.approx(0.0, abs=1e-6) or clock.now() == pytest.approx(watch.wall)
    assert clock.right
    assert clock.dated(clock.now()) == clock.now()


def test_clock_is_believed_if_service_centre_time_confirms_it() -> None:
    """The clock was half a year ahead in an earlier run, and the database remembers it."""
    watch = Watch()
    clock = watch.clock(NOON + 180 * DAY_S)
    watch.wait(60.0)
    clock.witness(watch.wall - 2 * HOUR_S)  # a message that lay there for long proves nothing
    assert (_follow(clock), clock.right) == (0.0, False)
    clock.witness(watch.wall - 5.0)
    step = clock.look()
    assert step is not None
    assert step.since == pytest.approx(watch.wall)  # all that is later than now, whoever wrote it
    clock.take(step)
    assert clock.now() == pytest.approx(watch.wall)
    assert clock.right
    watch.wait(60.0)
    assert (_follow(clock), clock.right) == (0.0, True)


def test_clock_is_believed_if_not_set_for_a_day() -> None:
    watch = Watch()
    clock = watch.clock(NOON + 180 * DAY_S)
    watch.wait(BELIEVED_AFTER_S - 1.0)
    assert (_follow(clock), clock.right) == (0.0, False)
    watch.wait(2.0)
    assert _follow(clock) < 0.0
    assert clock.now() == pytest.approx(watch.wall)
    assert clock.right


@pytest.mark.parametrize("by_s", [30.0, -30.0])
def test_clock_is_believed_although_trimmed_each_hour(by_s: float) -> None:
    watch = Watch()
    clock = watch.clock(NOON + 90 * DAY_S)
    for _ in range(25):  # by hand or by a job, every hour
        watch.wait(HOUR_S)
        watch.wall += by_s
        _follow(clock)
    assert clock.right
    assert clock.now() == pytest.approx(watch.wall)


def test_clock_in_1970_is_never_believed() -> None:
    watch = Watch(10.0)
    clock = watch.clock()
    watch.wait(100 * DAY_S)
    clock.witness(watch.wall)
    assert (_follow(clock), clock.right, clock.may_forget) == (0.0, False, False)


def test_clock_forbids_forgetting_after_a_leap() -> None:
    watch = Watch(NOON + 180 * DAY_S)
    clock = watch.clock(NOON)
    assert not clock.may_forget
    watch.wait(FORGETS_AFTER_S + 1.0)
    assert clock.may_forget
    watch.wall += 180 * DAY_S
    _follow(clock)
    assert not clock.may_forget
    assert Watch().clock(NOON - HOUR_S).may_forget
    assert Watch().clock().may_forget


def test_clock_goes_on_evenly_between_steps() -> None:
    """Whatever the wall clock does, the count goes on evenly; only `take` moves it, with all the rest."""
    watch = Watch()
    clock = watch.clock(NOON - 5 * DAY_S)
    moved = 0.0
    began = clock.now() - watch.elapsed
    jumps = [180 * DAY_S, -180 * DAY_S, -20 * DAY_S, 10 * DAY_S, -4 * DAY_S, 56 * 365 * DAY_S, -NOON, 3.0]
    for jump in itertools.chain(jumps, reversed(jumps)):
        watch.wall += jump
        assert clock.now() - watch.elapsed - moved == pytest.approx(began)
        moved += _follow(clock)
        watch.wait(7.0)
        assert clock.now() - watch.elapsed - moved == pytest.approx(began)


def test_elapsed_time_does_not_go_back() -> None:
    before = elapsed_s()
    assert 0.0 < before <= elapsed_s()
