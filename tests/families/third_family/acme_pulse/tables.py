"""Tables of the made-up manual."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.model import CodeTable

LOW_MV = 3300
"""Clause 2.1: below this the battery is low."""

ERRORS = CodeTable(
    "error", "4", MappingProxyType({"1": "it does not know this command", "2": "it does not take this value"})
)
