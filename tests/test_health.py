"""One guard for each input: what it keeps away, what it lets through, and what it says."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gsm_meter_bridge.errors import LeaseLostError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health

CODE = BridgeProblemCode.LISTENER_CLOSED


def test_guard_counts_unexpected_exception_and_logs_it_once(caplog: pytest.LogCaptureFixture) -> None:
    health, reported, text = Health(), [], "secret-4711"
    health.on_change = lambda: reported.append(health.internal_errors)
    for _ in range(3):
        with health.guard(Door.MQTT, "a request") as guard:
            int(text)
        assert isinstance(guard.error, ValueError)
    with health.guard(Door.MQTT) as guard:
        pass
    assert guard.error is None
    assert reported == [1, 2, 3]
    # once, with a traceback, and without the exception's words: they repeat what came in
    (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert "test_health.py" in record.getMessage()
    assert "ValueError" in record.getMessage()
    assert "4711" not in caplog.text
    assert health.last is not None
    assert (health.last.door, health.last.kind) == (Door.MQTT, "ValueError")


@pytest.mark.parametrize("error", [LeaseLostError("gone"), OSError("full")])
def test_guard_passes_exceptions_that_are_no_fault_of_input(error: Exception) -> None:
    health = Health(passes=lambda e: isinstance(e, (LeaseLostError, OSError)))
    with pytest.raises(type(error)), health.guard(Door.SMS):
        raise error
    assert health.internal_errors == 0


def test_guard_passes_cancellation() -> None:
    with pytest.raises(asyncio.CancelledError), Health().guard(Door.TCP):
        raise asyncio.CancelledError


def test_guard_logs_cause_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    text = "password"
    with Health().guard(Door.FILE):
        try:
            int(text)
        except ValueError as error:
            raise KeyError(text) from error
    assert "ValueError" in caplog.text
    assert "KeyError" in caplog.text
    assert text not in caplog.text


def test_problem_lasts_until_it_is_cleared(caplog: pytest.LogCaptureFixture) -> None:
    at = [100.0]
    health = Health(now=lambda: at[0])
    health.report(CODE, "listener a", "port 9100 is taken")
    at[0] = 200.0
    health.report(CODE, "listener a", "port 9100 is taken")
    assert caplog.text.count("port 9100 is taken") == 1
    health.report(CODE, "listener a", "x" * 5_000_000)
    (problem,) = health.problems
    assert (problem.since, len(problem.message)) == (100.0, 200)
    health.clear(CODE, "listener a")
    health.clear(CODE, "listener a")
    assert health.problems == ()
