"""Who publishes, and which modems are ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.service.plan import Price


@dataclass(frozen=True, slots=True)
class Identity:
    """Who publishes, and how openly."""

    bridge: str
    name: str
    missed_polls: int
    birth_delay_s: float
    mask: bool
    latest_firmware: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class OurModem:
    """One of our modems: `paused_s` is how long nothing is sent through it because it fails to."""

    id: str
    name: str
    status: Callable[[], ModemStatus]
    paused_s: Callable[[], float] = lambda: 0.0
