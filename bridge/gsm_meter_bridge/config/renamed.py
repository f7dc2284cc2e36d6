"""Options of a configuration file that had another name before contract 2 (docs/migration.md)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "modems": {
            "region": "default_region",
            "admin": "allow_raw_commands",
            "restart_after": "restart_after_no_network",
        },
        "listeners": {
            "connections": "max_connections",
            "per_address": "max_connections_per_address",
            "greeting_timeout": "identification_timeout",
            "ask_meters": "identify_by_meter",
        },
        "tcp": {"interval": "meter_poll_interval"},
        "sms": {"late_window": "late_reply_window", "resend_delay": "retry_delay"},
        "poll": {"first_spread": "initial_poll_spread", "missed_polls": "offline_after_missed_polls"},
        "modules": {
            "caller": "identify_by",
            "csd": "data_calls",
            "direct": "direct_channel",
            "delivery": "transport",
            "poll_by": "poll_transports",
        },
    }
)
"""The new name by the old name, for each part of the file."""

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        old: f"`{old}` is now `{new}`, in {part}"
        for part, names in RENAMED.items()
        for old, new in names.items()
    }
)
"""The hint for an old name in another part of the file than its own."""
