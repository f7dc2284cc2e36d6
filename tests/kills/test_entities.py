"""What is pressed in Home Assistant is done once, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kills.trial import MODULES, Trial, trial
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.long


async def _press_all(home: Trial, broker: Mosquitto) -> None:
    """Press `Reboot` of each module once, and kill the bridge or the broker while it is carried out."""
    for n, module in enumerate(home.numbers):
        # who comes back again and again waits longer and longer
        await asyncio.wait_for(home.seen.client.wait_connected(), 120)
        await home.seen.publish(home.topic(f"module/{module}/set"), {"action": "reboot"})
        await asyncio.sleep(home.dice.uniform(0, 1.5))
        if n % 8 == 3:
            broker.kill()
            broker.start()
        else:
            before = home.connections
            home.bridge.kill()
            home.bridge.start()
            if n % 2:
                await home.wait_connected(before + 1)


async def test_reboot_is_done_once_at_most_if_bridge_or_broker_is_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with trial("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.wait_online()
        await _press_all(home, broker)
        await home.settle_all()
        done = home.brought("REBOOT")
        assert {text: count for text, count in done.items() if count > 1} == {}
        # a broker that is killed may have forgotten some of what it had taken
        assert len(done) >= MODULES // 2
        assert "Traceback" not in home.bridge.log
