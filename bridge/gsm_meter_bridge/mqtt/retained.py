"""What is retained at the broker: published when it changed, and cleared when it is no longer ours."""

from __future__ import annotations

import asyncio
import json
import logging

from gsm_meter_bridge.mqtt import discovery
from gsm_meter_bridge.mqtt.client import Client, Incoming
from gsm_meter_bridge.mqtt.form import Document, dump
from gsm_meter_bridge.mqtt.topics import Topics

_LOGGER = logging.getLogger(__name__)
_SEARCH_S = 2.0


class Retained:
    """Publishes retained documents once, until they change."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # by their hash: whole documents of many modules take much memory
        self._known: dict[str, int] = {}

    def __contains__(self, topic: str) -> bool:
        return topic in self._known

    def forget(self) -> None:
        """Publish everything anew when it comes again: the broker may have lost it."""
        self._known.clear()

    def put(self, topic: str, document: Document) -> None:
        """Publish a document if the broker does not have it."""
        self.put_payload(topic, dump(document))

    def put_payload(self, topic: str, payload: str) -> None:
        """Publish a payload if the broker does not have it."""
        digest = hash(payload)
        # without a connection it is published with all the rest once there is one
        if self._client.connected and self._known.get(topic) != digest:
            self._known[topic] = digest
            self._client.publish(topic, payload, retain=True)


class StaleDevices:
    """Clears devices that this bridge once published and no longer owns."""

    def __init__(self, client: Client, topics: Topics, owned: frozenset[str]) -> None:
        self._client, self._topics, self._owned = client, topics, owned

    async def search(self) -> None:
        """Listen to the retained discovery for a moment; what comes of it is for `look`."""
        await self._client.wait_connected()
        topic = self._topics.discovery("+")
        self._client.subscribe(topic)
        await asyncio.sleep(_SEARCH_S)
        self._client.unsubscribe(topic)

    def look(self, message: Incoming) -> None:
        """Clear the device of a discovery message, and its topics, if it is ours and no longer owned."""
        if message.topic in self._owned or not message.payload:
            return
        try:
            found = json.loads(message.payload)
        except ValueError:
            return
        if discovery.belongs_to(self._topics, found):
            _LOGGER.info("clearing what is left of a device that is no longer configured: %s", message.topic)
            for topic in (message.topic, *discovery.state_topics(self._topics, found)):
                self._client.publish(topic, "", retain=True)
