"""The form of all documents: JSON, times as ISO 8601, identifiers hidden where that is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from gsm_meter_bridge.vocabulary import MASK

Document = dict[str, Any]


def hide(identifier: str) -> str:
    """Return `identifier` with all but its last four characters hidden."""
    return f"{MASK}{identifier[-4:]}"


def iso(at: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC, to the second."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def dump(document: Document) -> str:
    """Return the payload of `document`."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
