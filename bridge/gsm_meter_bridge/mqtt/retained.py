"""Retained documents at the broker: published when they changed, cleared when no longer configured."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial

from gsm_meter_bridge.mqtt import discovery
from gsm_meter_bridge.mqtt.client import Incoming, MqttClient
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.vocabulary import Document

_LOGGER = logging.getLogger(__name__)
_SEARCH_S = 2.0
_LARGEST_DEVICE = 128 * 1024


class Retained:
    """Publishes retained documents when they change; retries at growing intervals if the broker refuses."""

    def __init__(self, client: MqttClient) -> None:
        self._client = client
        # hashes only: whole documents of many modules would take much memory
        self._known: dict[str, int] = {}
        self._refused: set[str] = set()

    def forget(self, topic: str | None = None) -> None:
        """Forget what was published on a topic, or on all, so that the next `put` publishes again."""
        if topic is None:
            self._known.clear()
        else:
            self._known.pop(topic, None)

    def differs(self, topic: str, payload: bytes) -> bool:
        """Return whether `payload` differs from what was put at `topic`; False if nothing was."""
        known = self._known.get(topic)
        return known is not None and known != hash(payload.decode(errors="replace"))

    def due(self) -> bool:
        """Return whether a refused document is to be retried now; True only once for each."""
        again = {topic for topic in self._refused if not self._client.waits(topic)}
        self._refused -= again
        return bool(again)

    def put(self, topic: str, document: Document) -> asyncio.Future[bool] | None:
        """Publish a document if the broker does not have it; return whether it is taken, None if not sent."""
        return self.put_payload(topic, dump(document))

    def put_payload(self, topic: str, payload: str) -> asyncio.Future[bool] | None:
        """Publish a payload as `put` does."""
        digest = hash(payload)
        # without a connection, everything is published once there is one
        if not self._client.connected or self._known.get(topic) == digest:
            return None
        if self._client.waits(topic, payload):
            self._refused.add(topic)
            return None
        self._known[topic] = digest
        done = self._client.publish(topic, payload, retain=True)
        done.add_done_callback(partial(self._answered, topic, digest))
        return done

    def _answered(self, topic: str, digest: int, done: asyncio.Future[bool]) -> None:
        if done.cancelled() or done.result():
            return
        self._refused.add(topic)
        if self._known.get(topic) == digest:
            del self._known[topic]


class StaleDevices:
    """Clears devices and documents that this bridge once published and no longer owns."""

    def __init__(self, client: MqttClient, topics: Topics, owned: frozenset[str]) -> None:
        self._client, self._topics, self._owned = client, topics, owned

    async def search(self) -> None:
        """Subscribe for 2 s to retained devices and documents, which `look` and `look_at_state` receive."""
        await self._client.wait_connected()
        devices = (self._topics.discovery("+"), self._topics.module("+"), self._topics.modem("+"))
        topics = (*devices, *self._topics.former)
        for topic in topics:
            self._client.subscribe(topic)
        await asyncio.sleep(_SEARCH_S)
        for topic in topics:
            self._client.unsubscribe(topic)

    def owns(self, topic: str) -> bool:
        """Return whether a discovery topic is that of a configured device of this bridge."""
        return topic in self._owned

    def look(self, message: Incoming) -> None:
        """Clear a discovery message and its device's topics if this bridge published and no longer owns it.

        Messages of other programs, in whatever form, are ignored.
        """
        if self.owns(message.topic) or not 0 < len(message.payload) <= _LARGEST_DEVICE:
            return
        try:
            found = json.loads(message.payload)
        except (ValueError, RecursionError):
            return
        if discovery.belongs_to(self._topics, found):
            self._clear(message.topic, self._topics.discovered(message.topic) or "")

    def look_at_state(self, message: Incoming) -> None:
        """Clear the retained document of a module or modem of this bridge that is no longer configured.

        This also clears devices without a discovery message (`mqtt.discovery: none`), and documents that only
        earlier versions of the contract have.
        """
        if message.topic in self._topics.former and message.retained and message.payload:
            _LOGGER.info("clearing a document of an earlier contract: %s", message.topic)
            self._client.publish(message.topic, "", retain=True)
            return
        uid = self._topics.device_behind(message.topic)
        is_left = uid is not None and not self.owns(self._topics.discovery(uid))
        if uid is not None and is_left and message.retained and message.payload:
            self._clear(message.topic, uid)

    def _clear(self, found: str, uid: str) -> None:
        if left := self._topics.device_topics(uid):
            _LOGGER.info("clearing what is left of a device that is no longer configured: %s", found)
            for topic in left:
                self._client.publish(topic, "", retain=True)
