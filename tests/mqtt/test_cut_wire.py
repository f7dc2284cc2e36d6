"""The wire to the broker is cut before a command of an entity is acknowledged, and mended when it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gsm_meter_bridge.storage import store
from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.in_memory_bridge import InMemoryBridge
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S
from tests.support.wire import wire


async def _ended(w: InMemoryBridge) -> int:
    async with w.database.transaction() as tx:
        return len(await store.latest(tx, 100, "pump"))


async def _wait_ended(w: InMemoryBridge, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await _ended(w) < count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "command",
    [
        {"action": "disconnect"},
        {"request_status": True},
        {"request_identity": True},
        {"read_settings": True},
        {"apn": "m2m"},
        {"apn": "m2m", "apn_password": "hunter2"},
    ],
    ids=str,
)
async def test_redelivered_entity_command_is_executed_once(
    mosquitto: Mosquitto, command: dict[str, Any]
) -> None:
    async with wire(mosquitto.port) as cable, watcher(mosquitto.port) as seen, bridge(cable.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))
        cable.hold()
        await seen.publish(TOPICS.module_set("pump"), command)
        await _wait_ended(w, 1)
        done = w.texts("pump")
        w.clock[0] += 600.0  # far more than it takes to be just done
        seen.messages.clear()
        cable.cut()
        # what is asked now comes after what is brought again
        await seen.publish(TOPICS.request("request_status"), {"transaction": "t", "module": "hut"})
        await seen.wait(TOPICS.response("request_status"), lambda a: a["status"] == "ok")
        assert w.texts("pump") == done
        assert await _ended(w) == 1


@pytest.mark.parametrize("command", [{"action": "disconnect"}, {"apn": "m2m"}], ids=str)
async def test_repeated_entity_command_is_executed_again_after_a_minute_only(
    mosquitto: Mosquitto, command: dict[str, Any]
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.module_set("pump"), command)
        await _wait_ended(w, 1)
        done = w.texts("pump")
        await seen.publish(TOPICS.module_set("pump"), command)
        await seen.publish(TOPICS.request("request_status"), {"transaction": "t", "module": "hut"})
        await seen.wait(TOPICS.response("request_status"), lambda a: a["status"] == "ok")
        assert w.texts("pump") == done
        w.clock[0] += 61.0
        await seen.publish(TOPICS.module_set("pump"), command)
        await _wait_ended(w, 2)
        assert len(w.texts("pump")) > len(done)
