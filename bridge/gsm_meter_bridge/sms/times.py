"""Time stamps and validity periods (3GPP TS 23.040 clauses 9.2.3.11 and 9.2.3.12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(weeks=63)

# Clause 9.2.3.12.1: up to this octet, the period is `start + (octet - first + 1) * unit`.
_STEPS = (
    (143, 0, timedelta(0), timedelta(minutes=5)),
    (167, 144, timedelta(hours=12), timedelta(minutes=30)),
    (196, 168, timedelta(days=1), timedelta(days=1)),
    (255, 197, timedelta(weeks=4), timedelta(weeks=1)),
)


def encode_validity(period: timedelta) -> int:
    """Return the relative TP-VP octet of the shortest period that covers `period` (5 min to 63 weeks)."""
    for last, first, start, unit in _STEPS:
        if period <= start + (last - first + 1) * unit:
            steps = -((start - period) // unit)
            return first + max(steps, 1) - 1
    return 255


def decode_validity(octet: int) -> timedelta:
    """Return the period of a relative TP-VP octet (0 to 255)."""
    _, first, start, unit = next(step for step in _STEPS if octet <= step[0])
    return start + (octet - first + 1) * unit


def effective_validity(period: timedelta) -> timedelta:
    """Return the period that the network applies if `period` is requested."""
    return decode_validity(encode_validity(period))


def decode_timestamp(octets: bytes) -> datetime | None:
    """Return the time in seven semi-octet pairs, with its zone; None if they are no valid time."""
    digits = [(o & 0x0F) * 10 + (o >> 4) for o in octets[:6]]
    zone = octets[6]
    quarters = (zone & 0x07) * 10 + (zone >> 4)
    offset = timedelta(minutes=15 * (-quarters if zone & 0x08 else quarters))
    try:
        year, month, day, hour, minute, second = digits
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None


def encode_timestamp(at: datetime) -> bytes:
    """Return the seven octets of an aware time (its seconds, years 2000 to 2099)."""
    offset = at.utcoffset()
    if offset is None:
        at, offset = at.replace(tzinfo=UTC), timedelta(0)
    quarters = abs(int(offset.total_seconds())) // 900
    parts = (at.year % 100, at.month, at.day, at.hour, at.minute, at.second, quarters)
    octets = bytearray((p % 10) << 4 | p // 10 for p in parts)
    if offset < timedelta(0):
        octets[6] |= 0x08
    return bytes(octets)
