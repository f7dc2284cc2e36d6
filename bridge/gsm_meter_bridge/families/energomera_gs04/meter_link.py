"""Whether the reported state of a module's link to the meter is a problem (clause 7.1, Table 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsm_meter_bridge.model import Known, Reading
from gsm_meter_bridge.model.meter_link import LINK, PROBLEM, plain_verdict
from gsm_meter_bridge.vocabulary import MeterLink

UNCHANGED_S = 60.0
"""Seconds after which a link that is still in the same starting state has a fault."""


def verdicts(reported: Iterable[Reading], at: float, before: Mapping[str, Known]) -> Iterable[Reading]:
    """Yield the verdict on each reported link."""
    was = before.get(PROBLEM)
    for link in reported:
        if link.name == LINK:
            yield judged(link, at, before.get(LINK), was_problem=was is not None and was.value is True)


def judged(link: Reading, at: float, before: Known | None, *, was_problem: bool) -> Reading:
    """Return whether a `link` reported at `at` (Unix time) is a problem; `before` is the previous report.

    None if that is not known yet. While the module reads the meter's clock, the code itself must change.
    """
    if link.value != MeterLink.READING_CLOCK:
        return plain_verdict(link)
    if before is None or (before.value, before.raw) != (link.value, link.raw):
        return Reading(PROBLEM, value=False)
    return Reading(PROBLEM, value=was_problem or at - before.at >= UNCHANGED_S)
