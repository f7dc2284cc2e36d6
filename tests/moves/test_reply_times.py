"""Which requests a message can answer by its time stamp, and when a module can have had a request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from gsm_meter_bridge.jobs import stamps
from gsm_meter_bridge.jobs.matching import Candidate
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.sms import SmsStatusReport, TypeOfNumber
from gsm_meter_bridge.storage import reports
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.inbox import Arrival
from gsm_meter_bridge.storage.reports import Reception, window
from tests.support.moves import APN, BOTH, CHANGE, INFO, NOW, OF_TWO, USER, before, job, read

SENT_AT = datetime(2026, 11, 27, tzinfo=UTC)


def _report(under_way_s: float | None, *, is_stamped: bool = True) -> SmsStatusReport:
    reached = None if under_way_s is None else SENT_AT + timedelta(seconds=under_way_s)
    stamp = SENT_AT if is_stamped else None
    return SmsStatusReport(None, 1, "+79990000201", stamp, reached, 0, TypeOfNumber.INTERNATIONAL)


@pytest.mark.parametrize(
    ("report", "since_s", "later_s"),
    [
        (_report(25.0), 40.0, 24.0),  # times are in whole seconds
        (_report(41.0), 40.0, 40.0),
        (_report(41.5), 40.0, 0.0),  # longer than since it was asked: no true time
        (_report(1.5), 40.0, 0.5),
        (_report(1.0), 40.0, 0.0),
        (_report(-25.0), 40.0, 0.0),
        (_report(None), 40.0, 0.0),
        (_report(25.0, is_stamped=False), 40.0, 0.0),
    ],
)
def test_report_tells_how_long_a_request_took(
    report: SmsStatusReport, since_s: float, later_s: float
) -> None:
    assert stamps.delivered_at(NOW, report, NOW + since_s) == NOW + later_s


@pytest.mark.parametrize(
    ("times", "took_s"),
    [
        ([(0.0, 5.0), (100.0, 165.0)], 65.0),
        ([(0.0, 5.0), (100.0, 165.5)], None),
        ([(0.0, 65.0), (100.0, 105.0)], 65.0),
    ],
)
def test_transit_time_is_confirmed_by_one_within_a_minute_of_it(
    times: list[tuple[float, float]], took_s: float | None
) -> None:
    assert stamps.longest_confirmed([Reception(*one) for one in times]) == took_s


ASKED = job(read(INFO), asked_at=NOW)
NEVER_ASKED = job(read(INFO))
EARLIER = job(read(APN), asked_at=NOW - 100)
WRITES = job(*CHANGE, at=1, asked_at=NOW)
RULES = tuple(read(Request.read(f"server.{n}.rules")) for n in range(2))
TOOK = ((-900.0, -890.0), (-800.0, -790.0))
"""Stamps and receptions of two earlier messages, seconds from NOW: each took 10 s."""


async def _possible(
    monkeypatch: pytest.MonkeyPatch,
    found: Sequence[Candidate],
    stamp_s: float | None,
    *,
    came_s: float = 20.0,
    first_s: float | None = None,
    took: Sequence[tuple[float, float]] = TOOK,
) -> list[Candidate]:
    """What a message may answer; times are in seconds from NOW."""

    async def times_of_module(_: object, module: str, numbers: object, run: str) -> list[Reception]:
        assert (module, numbers, run) == ("pump", (7,), "this run")
        return [Reception(NOW + scts, NOW + at) for scts, at in took]

    async def first_received(_: object, numbers: object) -> float | None:
        assert numbers == (7,)
        return None if first_s is None else NOW + first_s

    monkeypatch.setattr(reports, "times_of_module", times_of_module)
    monkeypatch.setattr(reports, "first_received", first_received)
    scts = None if stamp_s is None else NOW + stamp_s
    arrival = Arrival((7,), NOW + came_s, "+79990000201", "x", scts=scts)
    none = cast("Transaction", None)
    return [*await stamps.possible(none, "pump", arrival, found, "this run")]


def _of(one: Job, *, late: bool = False) -> Candidate:
    return Candidate(one, one.current, late)


@pytest.mark.parametrize(
    ("candidate", "stamp_s", "counts"),
    [
        # stamped by a clock that is 10 s behind: it may be as early as 11 s before
        (_of(WRITES), -11.0, True),
        (_of(WRITES), -11.5, False),
        (_of(WRITES), 0.0, True),
        (_of(WRITES), None, True),
        (_of(EARLIER), -60.0, True),
        (_of(NEVER_ASKED), -60.0, True),
        # a value that has not been asked for: nothing earlier can have told it
        (_of(ASKED), -60.0, True),
        (_of(job(read(INFO), read(APN), at=1, asked_at=NOW)), -60.0, True),
        (_of(job(*CHANGE, asked_at=NOW)), -60.0, True),
        (_of(job(read(BOTH), read(APN), at=1, asked_at=NOW)), -60.0, False),
        (_of(job(read(APN), read(BOTH), at=1, asked_at=NOW)), -60.0, False),
        (_of(job(read(APN), before(USER), at=1, asked_at=NOW)), -60.0, True),
        (_of(job(*RULES, asked_at=NOW)), -60.0, True),
        (_of(job(*RULES, at=1, asked_at=NOW)), -60.0, False),  # server 0 and server 1 reply alike
        (_of(job(*CHANGE, at=2, asked_at=NOW)), -60.0, False),
        (_of(job(*OF_TWO, before(INFO), at=4, asked_at=NOW)), -60.0, False),
    ],
)
async def test_stamp_of_before_excludes_what_may_have_been_asked_before(
    monkeypatch: pytest.MonkeyPatch, candidate: Candidate, stamp_s: float | None, *, counts: bool
) -> None:
    assert await _possible(monkeypatch, [candidate], stamp_s) == [candidate] * counts


@pytest.mark.parametrize("took", [(), TOOK[:1], (TOOK[0], TOOK[0])])
async def test_stamp_excludes_nothing_if_transit_time_is_not_confirmed(
    monkeypatch: pytest.MonkeyPatch, took: Sequence[tuple[float, float]]
) -> None:
    assert await _possible(monkeypatch, [_of(WRITES)], -60.0, took=took) == [_of(WRITES)]


async def test_stamp_of_before_answers_what_is_late_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [_of(ASKED), _of(EARLIER, late=True)]
    assert await _possible(monkeypatch, found, -60.0) == found[1:]
    assert await _possible(monkeypatch, found, 0.0) == found
    other_step = Candidate(WRITES, CHANGE[0], late=True)  # not the step that was asked at that time
    assert await _possible(monkeypatch, [_of(WRITES), other_step], -60.0) == [other_step]


@pytest.mark.parametrize(
    ("first_s", "came_s", "counts"),
    [
        (-1.0, 20.0, False),  # it has come before the request left
        (-1.0, 1.5, False),
        (-1.0, 1.0, True),  # in the same moment: parts of one delivery
        (0.0, 20.0, True),
        (1.0, 20.0, True),
    ],
)
async def test_equal_message_that_came_before_the_request_does_not_answer_it(
    monkeypatch: pytest.MonkeyPatch, first_s: float, came_s: float, *, counts: bool
) -> None:
    found = [_of(ASKED)]
    assert await _possible(monkeypatch, found, 0.0, came_s=came_s, first_s=first_s) == found * counts


T = 1e6


@pytest.mark.parametrize(
    ("times", "now", "begin", "end"),
    [
        # the two clocks agree within five minutes
        ([(T - 300, T)], T, T - 420, T + 600),
        ([(T - 301, T)], T, T - 421, None),
        ([(T, T - 300)], T, T - 120, T + 600),
        # our clock is behind the service centre's newest time
        ([(T, T)], T - 300, T - 120, T + 300),
        ([(T, T)], T - 301, T - 120, None),
        # a stamp of the future is not believed beside one that agrees
        ([(T, T), (T + 301, T)], T, T - 120, T + 600),
        ([(T, T), (T + 300, T)], T, T + 180, T + 600),
        # nor if two later ones, and most of them, are more than an hour older
        ([(T, 0.0), (T, 0.0), (T + 3601, 0.0)], T, T - 120, None),
        ([(T, 0.0), (T, 0.0), (T + 3600, 0.0)], T, T + 3480, None),
        ([(T, 0.0), (T + 3601, 0.0)], T, T + 3481, None),
        ([(T, 0.0), (T + 9e3, 0.0), (T, 0.0), (T + 9e3, 0.0), (T + 9e3, 0.0)], T, T + 8880, None),
    ],
)
def test_report_window_has_exact_limits(
    times: list[tuple[float, float]], now: float, begin: float | None, end: float | None
) -> None:
    assert window([Reception(*one) for one in times], now) == (begin, end)
