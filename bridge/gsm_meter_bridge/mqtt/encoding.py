"""Encoding of all documents: JSON, times as ISO 8601, and masking of identifiers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from gsm_meter_bridge.vocabulary import MASK, Document

Dated = Callable[[float | None], float | None]
"""Returns a Unix time as it may be shown; None if the date is not known, see `Clock.dated`."""


def as_it_is(at: float | None) -> float | None:
    """Return `at` unchanged: if the clock is right, every time may be shown."""
    return at


def hide(identifier: str) -> str:
    """Return `identifier` with all but its last four characters masked."""
    return f"{MASK}{identifier[-4:]}"


def iso(at: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC, to the second."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def dump(document: Document) -> str:
    """Return `document` as compact JSON, the payload of a message."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
