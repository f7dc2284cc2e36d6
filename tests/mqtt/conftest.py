"""A bridge without a modem, on a real broker, and a second client that watches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt.client import Broker, Client
from gsm_meter_bridge.mqtt.identity import Identity, OurModem
from gsm_meter_bridge.mqtt.publisher import Publisher
from gsm_meter_bridge.mqtt.requests import Requests
from gsm_meter_bridge.mqtt.topics import Topics
from tests.support.mosquitto import Mosquitto
from tests.support.short_path import Radio, World, world

TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
WAIT_S = 30.0


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of this test's own."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@dataclass
class Watcher:
    """Another program: remembers everything that is published."""

    client: Client
    messages: list[tuple[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Take in messages until cancelled."""
        while True:
            message = await self.client.incoming.get()
            self.client.acknowledge(message)
            payload = json.loads(message.payload) if message.payload[:1] in (b"{", b"[") else message.payload
            self.messages.append((message.topic, payload))
            self.changed.set()

    def of(self, topic: str) -> list[Any]:
        """All that was published to `topic`."""
        return [payload for name, payload in self.messages if name == topic]

    async def wait(self, topic: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first message of `topic` that is wanted."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for payload in self.of(topic):
                    if wanted(payload):
                        return payload
                self.changed.clear()
                await self.changed.wait()

    async def say(self, topic: str, document: Any, *, retain: bool = False) -> None:
        """Publish something and wait for the broker to have it."""
        payload = document if isinstance(document, str) else json.dumps(document)
        await asyncio.wait_for(self.client.publish(topic, payload, retain=retain), WAIT_S)


@asynccontextmanager
async def watcher(port: int, name: str = "watcher") -> AsyncIterator[Watcher]:
    """A client that has subscribed to everything; by its name the broker keeps its session."""
    client = Client(Broker("127.0.0.1", port), name, session_s=3600)
    client.on_connected = lambda: client.subscribe("#")
    client.start()
    await asyncio.wait_for(client.wait_connected(), WAIT_S)
    seen = Watcher(client)
    task = asyncio.create_task(seen.run())
    try:
        # what it says itself comes back once it has subscribed
        await seen.say("watcher/ready", {})
        await seen.wait("watcher/ready")
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await client.stop()


@asynccontextmanager
async def bridge(
    port: int, path: Path | None = None, radio: Radio | None = None, protocol: str = "auto"
) -> AsyncIterator[World]:
    """Publisher, jobs and simulated modules; what `app` does, without the modem."""
    async with world(path, radio, ticking=True) as w:
        client = Client(
            Broker("127.0.0.1", port, protocol=protocol),
            "gsm-meter-bridge-home",
            (TOPICS.bridge_state, '{"state":"offline"}'),
            3600,
        )
        identity = Identity("home", "Test bridge", 2, 0.0, mask=False)
        status = ModemStatus(connected=True, ready=True, problem=None, problem_code=None)
        publisher = Publisher(
            client,
            TOPICS,
            w.database,
            w.modules,
            identity,
            Requests(TOPICS, w.commands),
            [OurModem("stick", "Test modem", lambda: status)],
            now=w.now,
        )
        w.runner.listen(lambda job: publisher.touch(job.module))
        w.runner.listen(lambda _: w.receiver.wake())
        w.receiver.listen(lambda module, _: publisher.touch(module))
        w.receiver.listen(lambda *_: w.runner.wake())
        client.start()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part.run()) for part in (publisher, w.runner, w.receiver)]
                yield w
                for task in tasks:
                    task.cancel()
        finally:
            await client.stop()
