"""Whether a message can answer a request: not if its service centre had it before the request was sent.

The stamp of a message (TP-SCTS, 3GPP TS 23.040 clause 9.2.3.11) is by the clock of the module's service
centre, which may be far from ours. The difference is learnt from the module's messages since the bridge
started, because our clock may have been set while it was stopped. If it is unknown, or the service centre's
clock stands still, no reply is rejected. After that clock was set back, two messages are needed to learn it:
until then, a reply to a read counts whatever its stamp, unless it may answer another request, and a reply
that proves a change is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

from gsm_meter_bridge.jobs.matching import Candidate
from gsm_meter_bridge.model.job import Purpose
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.sms import SmsStatusReport
from gsm_meter_bridge.storage import reports
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.inbox import Arrival
from gsm_meter_bridge.storage.reports import Reception

_CONFIRMED_S = 60.0
"""Two messages whose transit times differ by at most this many seconds show how long messages take."""
_RESOLUTION_S = 1.0
_SAME_MOMENT_S = 2.0
"""No network carries a request and its reply faster; a later equal message is a repeated delivery."""


async def possible(
    tx: Transaction, module: str, arrival: Arrival, found: Sequence[Candidate], run: str
) -> tuple[Candidate, ...]:
    """Return those of `found` that a message of `module` may answer according to its stamp."""
    took_s = longest_confirmed(await reports.times_of_module(tx, module, arrival.numbers, run))
    if arrival.scts is None or took_s is None:
        return tuple(found)
    latest = arrival.scts + took_s + _RESOLUTION_S
    first_at = await reports.first_received(tx, arrival.numbers)
    if first_at is not None and arrival.received_at > first_at + _SAME_MOMENT_S:
        latest = min(latest, first_at)  # an equal message has come before
    elif not any(one.late for one in found):
        return tuple(one for one in found if not _left_after(one, latest) or _is_asked_first(one))
    return tuple(one for one in found if not _left_after(one, latest))


def longest_confirmed(times: Sequence[Reception]) -> float | None:
    """Return the longest transit time of messages by the two clocks in seconds; None if it is not known.

    A time counts only if another message, with another stamp, took about as long: a single one may have been
    late.
    """
    took = [(one.received_at - one.scts, one.scts) for one in times]
    return max(
        (s for s, at in took if any(abs(s - other) <= _CONFIRMED_S and at != then for other, then in took)),
        default=None,
    )


def delivered_at(asked_at: float, report: SmsStatusReport, now: float) -> float:
    """Return the earliest Unix time, by our clock, when a module can have had a request sent at `asked_at`.

    The report's two times (TP-SCTS and TP-DT) are by one clock, so their difference is the transit time even
    if that clock is wrong. It is ignored if it is longer than the time since `asked_at`.
    """
    if report.tp_scts is None or report.tp_dt is None:
        return asked_at
    under_way_s = (report.tp_dt - report.tp_scts).total_seconds() - _RESOLUTION_S
    return asked_at + under_way_s if 0 < under_way_s <= now - asked_at else asked_at


def _is_asked_first(candidate: Candidate) -> bool:
    """Return whether a request only reads values that its job has not read yet, before any change."""
    job = candidate.job
    if candidate.step.purpose not in (Purpose.READ, Purpose.BEFORE) or job.touched:
        return False
    earlier = {generic(one.name) for step in job.steps[: job.step] for one in step.request.each}
    return earlier.isdisjoint(generic(one.name) for one in candidate.step.request.each)


def _left_after(candidate: Candidate, moment: float) -> bool:
    """Return whether the candidate's request certainly left later than `moment` (Unix time)."""
    job = candidate.job
    return candidate.step is job.current and job.asked_at is not None and job.asked_at > moment
