"""The context that all parts of one bridge share."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from gsm_meter_bridge.health import Health
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.storage.database import Database, is_unavailable


def _health() -> Health:
    return Health(is_unavailable)


@dataclass(frozen=True, slots=True)
class BridgeContext:
    """One bridge: its id, database, modules and policy.

    `modules` is one mapping for all parts: all see a changed access password at once. `now` returns Unix
    time in seconds. `health` counts unexpected errors; an unavailable database is not one of them.
    """

    bridge: str
    database: Database
    modules: MutableMapping[str, Module]
    policy: Policy
    now: Callable[[], float] = time.time
    health: Health = field(default_factory=_health)
