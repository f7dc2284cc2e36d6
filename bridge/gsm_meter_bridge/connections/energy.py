"""Checks whether a meter's energy counts are plausible, given those of the last poll."""

from __future__ import annotations

from collections.abc import Iterable

from gsm_meter_bridge.connections.meter_memory import Count, MeterMemory
from gsm_meter_bridge.vocabulary import MOST_KWH

_VOLTS, _PHASES = 264, 3
"""Upper bound of the mains voltage (EN 50160: 230 V + 10 percent, and a margin)."""
_STEP_KWH = 1.0
"""Resolution of the coarsest registers, which count whole kilowatt-hours."""
_EXCHANGED = "if it was exchanged, write meter: {exchanged: <the date>}"
_LIMITED = "if its limit is higher, write meter: {current_limit_a: ...}"
_FINEST_KWH = 0.01
"""A smaller decrease is no fall: it is the same count, reported with fewer decimals."""


def fault_of(kwh: float, before: Count | None, now: float, limit_a: int) -> str | None:
    """Return the reason why a count of `kwh` cannot follow `before`; None if it can.

    A count grows no faster than a current of `limit_a` amperes on every phase allows. If the clock was set
    back since `before`, only a fall is detected. `now` is a Unix time.
    """
    if before is None:
        return None
    growth = kwh - before.kwh
    if growth < -_FINEST_KWH:
        return f"it fell from {before.kwh:.12g} to {kwh:.12g} kWh; {_EXCHANGED}"
    if before.at > now:
        return None
    hours = (now - before.at) / 3600
    most = _STEP_KWH + hours * _PHASES * _VOLTS * limit_a / 1000
    if growth > min(most, MOST_KWH):
        return f"it grew by {growth:.12g} kWh in {hours:.1f} h, which {limit_a} A cannot do; {_LIMITED}"
    return None


def believed(
    reported: Iterable[tuple[str, float]], memory: MeterMemory, now: float, limit_a: int
) -> tuple[dict[str, Count], dict[str, str]]:
    """Return the plausible counts by name, and the reason for rejecting each of the others by name.

    `reported` holds names and kWh as the meter reported them. A count that fell within _FINEST_KWH is in
    neither.
    """
    counts, faults = {}, {}
    for name, kwh in reported:
        before = memory.counts.get(name)
        fault = fault_of(kwh, before, now, limit_a)
        if fault is not None:
            faults[name] = fault
        elif before is None or kwh >= before.kwh:
            counts[name] = Count(kwh, now)
    return counts, faults
