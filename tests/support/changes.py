"""Changes of several settings of the LERS GSM Mini, and what is known of a module afterwards."""

from __future__ import annotations

from gsm_meter_bridge.storage import observations
from tests.support.in_memory_bridge import InMemoryBridge

TWO: dict[str, object] = {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 200}
RULES: dict[str, object] = {f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(4)}
ALONE: dict[str, object] = {"server.0.address": f"{'a' * 46}.example:5000", "server.0.enabled": True, **RULES}
"""As much as leaves no room for the restart, which has a message of its own then."""


async def readings_and_desired(w: InMemoryBridge, module: str) -> tuple[dict[str, object], dict[str, object]]:
    """What is known of a module, and what of it is wanted."""
    async with w.database.transaction() as tx:
        known = await observations.facts(tx, module)
    return {name: reading.value for name, reading in known.readings.items()}, dict(known.desired)
