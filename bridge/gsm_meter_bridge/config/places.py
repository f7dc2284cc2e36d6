"""The files that a bridge keeps: whether they exist, or can be created."""

from __future__ import annotations

from pathlib import Path

from gsm_meter_bridge.config.model import BridgeConfig
from gsm_meter_bridge.installation import known_key
from gsm_meter_bridge.storage.database import check_place


def check_places(bridge: BridgeConfig) -> None:
    """Raise ConfigError if the database or the key cannot be created or written; change nothing."""
    if isinstance(bridge.database, Path):
        check_place(bridge.database)
    known_key(bridge.key_file)
