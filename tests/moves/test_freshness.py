"""What came another way need not be asked: which jobs that wait are then done, or shorter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gsm_meter_bridge.jobs import outcome
from gsm_meter_bridge.jobs.freshness import any_reported_otherwise, reported_otherwise
from gsm_meter_bridge.model import Read, Request
from gsm_meter_bridge.model.facts import Known
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, State, Step
from tests.support.in_memory_bridge import modules
from tests.support.moves import APN, CHANGE, INFO, NOW, before, job, read

PUMP = modules()["pump"]
SINCE = NOW - 100
READS = {one.name: one for one in PUMP.family.reads(PUMP.access)}


def _reported(
    *names: str, source: str = "tcp", at: float = NOW - 1, value: str | None = "x"
) -> dict[str, Known]:
    return {name: Known(value, None, source, at) for name in names}


OF_APN = READS["apn"].yields


@pytest.mark.parametrize(
    ("known", "transports"),
    [
        (_reported(*OF_APN), "tcp"),
        (_reported(*OF_APN[:1], source="cenc") | _reported(*OF_APN[1:]), "cenc, tcp"),
        (_reported(*OF_APN, at=SINCE), "tcp"),
        (_reported(*OF_APN, at=NOW), "tcp"),
        ({}, None),
        (_reported(*OF_APN[1:]), None),
        (_reported(*OF_APN, at=SINCE - 0.5), None),
        (_reported(*OF_APN, at=NOW + 0.5), None),
        (_reported(*OF_APN, source="sms"), None),
        (_reported(*OF_APN[1:]) | _reported(*OF_APN[:1], source="sms"), None),
        (_reported(*OF_APN[1:]) | _reported(*OF_APN[:1], value=None), None),
    ],
)
def test_value_is_known_if_another_transport_told_it_lately(
    known: Mapping[str, Known], transports: str | None
) -> None:
    assert reported_otherwise(READS["apn"], known, "sms", SINCE, NOW) == transports


def test_request_that_yields_nothing_is_never_spared() -> None:
    nothing: Read = replace(READS["apn"], yields=())
    assert reported_otherwise(nothing, _reported("apn"), "sms", SINCE, NOW) is None


@pytest.mark.parametrize(
    ("known", "is_alive"),
    [
        ({}, False),
        (_reported("energy"), True),
        (_reported("energy", source="sms"), False),
        (_reported("energy", at=SINCE - 1), False),
        (_reported("energy", source="sms") | _reported("apn"), True),
    ],
)
def test_module_is_alive_if_another_transport_told_anything_lately(
    known: Mapping[str, Known], *, is_alive: bool
) -> None:
    assert any_reported_otherwise(known, "sms", SINCE, NOW) is is_alive


def _waiting(*steps: Step, state: State = State.QUEUED) -> Job:
    return job(*steps, state=state)


ON_DEMAND = next(one for one in READS.values() if one.on_demand)


@pytest.mark.parametrize(
    ("waiting", "is_status"),
    [
        (_waiting(read(INFO)), True),
        (_waiting(read(INFO), read(APN)), True),
        (_waiting(read(APN)), False),  # without what changes by itself
        (_waiting(read(INFO), read(Request.read(ON_DEMAND.name))), False),
        (_waiting(read(INFO), before(APN)), False),
        (_waiting(*CHANGE), False),
        *((_waiting(read(INFO), state=state), False) for state in State if state is not State.QUEUED),
    ],
)
def test_status_is_what_only_asks_for_what_a_status_tells(waiting: Job, *, is_status: bool) -> None:
    assert outcome.wants_status(waiting, PUMP) is is_status


BOTH = _reported(*READS["info"].yields, *OF_APN)
LEFT = "tcp does not have all of it; still to be requested: "


@pytest.mark.parametrize(
    ("waiting", "known", "move"),
    [
        (
            _waiting(read(INFO), read(APN)),
            BOTH,
            Move(Event.SUPERSEDED, {}, "it came by another transport: tcp"),
        ),
        (
            _waiting(read(INFO), read(APN)),
            _reported(*OF_APN),
            Move(Event.OTHER_MESSAGE, {"steps": (read(INFO),), "due_at": NOW - 50}, LEFT + "info"),
        ),
        (
            replace(_waiting(read(INFO), read(APN)), due_at=NOW + 99),
            {},
            Move(Event.OTHER_MESSAGE, {"steps": (read(INFO), read(APN)), "due_at": NOW}, LEFT + "info, apn"),
        ),
        (
            replace(_waiting(read(INFO), read(INFO), read(APN)), step=1),
            _reported(*READS["info"].yields),
            Move(Event.OTHER_MESSAGE, {"steps": (read(INFO), read(APN)), "due_at": NOW - 50}, LEFT + "apn"),
        ),
        # what came before it was asked for does not count
        (
            replace(_waiting(read(APN)), created_at=NOW - 0.5),
            _reported(*OF_APN),
            Move(Event.OTHER_MESSAGE, {"steps": (read(APN),), "due_at": NOW - 50}, LEFT + "apn"),
        ),
        # asked for by a clock that has been set back since
        (
            replace(_waiting(read(APN)), created_at=NOW + 999),
            _reported(*OF_APN, at=NOW),
            Move(Event.SUPERSEDED, {}, "it came by another transport: tcp"),
        ),
    ],
)
def test_job_that_waits_asks_only_for_what_did_not_come_another_way(
    waiting: Job, known: Mapping[str, Known], move: Move
) -> None:
    assert outcome.on_superseded(waiting, PUMP, known, NOW, "tcp") == move
    assert all(step.purpose is Purpose.READ for step in waiting.steps)
