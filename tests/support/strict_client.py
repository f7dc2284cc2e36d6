"""The bridge's client, on a broker that is strict with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gsm_meter_bridge.health import Health, Problem
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from tests.support.strict_broker import StrictBroker
from tests.support.waiting import PATIENCE_S

STATE = "base/state"


@asynccontextmanager
async def connected(
    broker: StrictBroker, health: Health | None = None, protocol: str = "auto", name: str = "gsm-x"
) -> AsyncIterator[MqttClient]:
    """A client that subscribes to one topic, as the bridge does."""
    will = (STATE, "offline")
    client = MqttClient(
        Broker("127.0.0.1", broker.port, protocol=protocol), name, will, 3600, health or Health()
    )
    client.on_connected = lambda: client.subscribe("base/request/+")
    client.start()
    try:
        yield client
    finally:
        await client.stop()


def subjects(health: Health) -> dict[str, Problem]:
    return {problem.subject: problem for problem in health.problems}


async def outcome(client: MqttClient, topic: str, payload: str = "{}", *, retain: bool = True) -> bool:
    return await asyncio.wait_for(client.publish(topic, payload, retain=retain), PATIENCE_S)
