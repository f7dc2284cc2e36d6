"""Whether the values that a request would read are known already, from another transport. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gsm_meter_bridge.model import Read
from gsm_meter_bridge.model.facts import Known


def reported_otherwise(
    read: Read, known: Mapping[str, Known], delivery: str, since: float, now: float
) -> str | None:
    """Return the other transports that reported all that `read` yields since `since`, as "tcp, cenc".

    None if one of its values is not known, is older, or came by `delivery` itself. A value with a time
    later than `now` was dated by a wrong clock and is not fresh. Times are Unix times in seconds.
    """
    reported = [known.get(name) for name in read.yields]
    sources = [k.source for k in reported if k is not None and _is_fresh(k, delivery, since, now)]
    return ", ".join(dict.fromkeys(sources)) if sources and len(sources) == len(reported) else None


def any_reported_otherwise(known: Mapping[str, Known], delivery: str, since: float, now: float) -> bool:
    """Return whether any value was reported since `since` by another transport than `delivery`."""
    return any(_is_fresh(k, delivery, since, now) for k in known.values())


def _is_fresh(known: Known, delivery: str, since: float, now: float) -> bool:
    return known.value is not None and known.source != delivery and since <= known.at <= now
