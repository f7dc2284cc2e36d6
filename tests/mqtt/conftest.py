"""A bridge without a modem, on a real broker, and a second client that watches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.app.build import build_publisher
from gsm_meter_bridge.errors import LeaseLostError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt import endings
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.options import GatewayModemView, PublisherOptions
from gsm_meter_bridge.mqtt.requests import RequestHandler
from gsm_meter_bridge.mqtt.sources import Sources
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.database import is_unavailable
from tests.support.in_memory_bridge import FakeTransport, InMemoryBridge, world
from tests.support.loop_time import LoopTime, loop_time
from tests.support.strict_broker import StrictBroker, strict_broker
from tests.support.waiting import PATIENCE_S

TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")


@pytest.fixture
async def broker() -> AsyncIterator[StrictBroker]:
    """A broker that is as strict as the test has it."""
    async with strict_broker() as strict:
        yield strict


@pytest.fixture
async def clock() -> AsyncIterator[LoopTime]:
    """The time of the event loop; not for a test with a mosquitto or a database."""
    async with loop_time() as clock:
        yield clock


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait between connections is a twentieth of what it is."""
    monkeypatch.setattr(endings, "_FIRST_S", 0.05)


def _read(payload: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(payload) if payload[:1] in (b"{", b"[") else payload
    return payload


@dataclass
class Watcher:
    """Another program: remembers everything that is published."""

    client: MqttClient
    messages: list[tuple[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Take in messages until cancelled."""
        while True:
            message = await self.client.incoming.get()
            self.client.acknowledge(message)
            self.messages.append((message.topic, _read(message.payload)))
            self.changed.set()

    def of(self, topic: str) -> list[Any]:
        """All that was published to `topic`."""
        return [payload for name, payload in self.messages if name == topic]

    async def wait(self, topic: str, wanted: Callable[[Any], object] = lambda _: True) -> Any:
        """The first message of `topic` that is wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for payload in self.of(topic):
                    if wanted(payload):
                        return payload
                self.changed.clear()
                await self.changed.wait()

    async def publish(self, topic: str, document: Any, *, retain: bool = False) -> None:
        """Publish something and wait for the broker to have it."""
        payload = document if isinstance(document, str) else json.dumps(document)
        await asyncio.wait_for(self.client.publish(topic, payload, retain=retain), PATIENCE_S)


@asynccontextmanager
async def watcher(
    port: int, name: str = "watcher", topics: tuple[str, ...] = ("#",)
) -> AsyncIterator[Watcher]:
    """A client that has subscribed to `topics`; by its name the broker keeps its session."""
    client = MqttClient(Broker("127.0.0.1", port), name, session_s=3600)

    def subscribe() -> None:
        for topic in topics:
            client.subscribe(topic)

    client.on_connected = subscribe
    client.start()
    await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
    seen = Watcher(client)
    task = asyncio.create_task(seen.run())
    try:
        # what it says itself comes back once it has subscribed
        await seen.publish("watcher/ready", {})
        await seen.wait("watcher/ready")
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await client.stop()


IDENTITY = PublisherOptions("home", "Test bridge", 2, 0.0, mask=False)


@asynccontextmanager
async def bridge(
    port: int,
    path: Path | None = None,
    radio: FakeTransport | None = None,
    protocol: str = "auto",
    topics: Topics = TOPICS,
    identity: PublisherOptions = IDENTITY,
    *,
    mask: bool = False,
) -> AsyncIterator[InMemoryBridge]:
    """Publisher, jobs and simulated modules; what `app` does, without the modem."""
    identity = replace(identity, mask=mask)
    health = Health(passes=lambda e: is_unavailable(e) or isinstance(e, LeaseLostError))
    async with world(path, radio, ticking=True) as w:
        client = MqttClient(
            Broker("127.0.0.1", port, protocol=protocol),
            "gsm-meter-bridge-home",
            (topics.bridge_state, '{"state":"offline"}'),
            3600,
            health,
        )
        status = ModemStatus(connected=True, ready=True, problem=None, problem_code=None)
        publisher = build_publisher(
            Sources(client, topics, w.database, w.modules, identity, health=health, now=w.now),
            RequestHandler(topics, w.commands, health=health, mask=mask),
            [GatewayModemView("stick", "Test modem", lambda: status)],
            w.runner,
            w.receiver,
        )
        client.start()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part.run()) for part in (publisher, w.runner, w.receiver)]
                yield w
                for task in tasks:
                    task.cancel()
        finally:
            await client.stop()
