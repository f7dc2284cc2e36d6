"""Options of the publishing bridge, and its view of the gateway modems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gsm_meter_bridge.commands.plan import Price
from gsm_meter_bridge.modem.status import ModemStatus
from gsm_meter_bridge.translations import Language


class Discovery(StrEnum):
    """How many entities Home Assistant discovers."""

    FULL = "full"
    ESSENTIAL = "essential"
    """Of modules, only the few entities that are needed to monitor a large fleet."""
    NONE = "none"


FULL_UP_TO = 200
"""With more modules than this, discovery is essential unless it is configured."""


@dataclass(frozen=True, slots=True)
class PublisherOptions:
    """The publishing bridge and its options; `mask` hides identifiers, `birth_delay_s` is in seconds."""

    bridge: str
    name: str
    offline_after_missed_polls: int
    birth_delay_s: float
    mask: bool
    latest_firmware: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None
    discovery: Discovery = Discovery.FULL
    language: Language = Language.EN


@dataclass(frozen=True, slots=True)
class GatewayModemView:
    """A gateway modem; `paused_s` returns for how long sending is paused after repeated failures."""

    id: str
    name: str
    status: Callable[[], ModemStatus]
    paused_s: Callable[[], float] = lambda: 0.0
