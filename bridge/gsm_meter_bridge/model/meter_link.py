"""Whether the reported state of the link between a module and its meter is a problem. Pure."""

from __future__ import annotations

from gsm_meter_bridge.model.request import Reading
from gsm_meter_bridge.vocabulary import MeterLink

LINK, PROBLEM = "meter_link", "meter_link_problem"


def plain_verdict(link: Reading) -> Reading:
    """Return the verdict on a link by its own state alone; its value is None if that does not decide."""
    bad, good = link.value == MeterLink.UNKNOWN_METER_OR_NO_LINK, link.value == MeterLink.OK
    return Reading(PROBLEM, bad if bad or good else None)
