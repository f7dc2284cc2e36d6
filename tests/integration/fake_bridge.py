"""Plays the bridge's part of the contract on a real broker, with the golden documents of tests/contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho

CONTRACT = Path(__file__).parents[1] / "contract"
CONTRACT_1 = Path(__file__).parent / "contract1"
"""Documents of a bridge that speaks contract 1; nothing writes them any more."""
ROOT = "gsm_meter_modem/home"
WAIT_S = 120.0
Document = dict[str, Any]
Reply = Callable[[Document], Iterable[Document]]


def golden(name: str, folder: Path = CONTRACT) -> Document:
    """A golden document; the bridge's own tests hold its code to the same."""
    document: Document = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return document


def answering(*names: str, **more: Any) -> Reply:
    """Answer with golden documents under the transaction of the request, changed by `more`."""
    return lambda asked: [golden(n) | more | {"transaction": asked["transaction"]} for n in names]


def accepted(**more: Any) -> Document:
    """The first answer, with a deadline that is far away."""
    return golden("response_accepted") | {"deadline": "2999-01-01T00:00:00+00:00"} | more


def verified(asked: Document) -> Iterable[Document]:
    """Accepted, and at once verified."""
    ours = {"transaction": asked["transaction"], "module": asked["module"]}
    return [accepted() | ours, golden("response_ok") | ours]


class PlayedBridge:
    """Tells documents, keeps the requests that come, and answers each as it was told to."""

    def __init__(self, port: int) -> None:
        self.asked: list[tuple[str, Document]] = []
        self._replies: dict[str, Reply] = {}
        self._published: set[str] = set()
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(f"{ROOT}/request/+", qos=1)
        assert self._ready.wait(WAIT_S)

    def publish_below(
        self, topic: str, document: Document | str, *, root: str = ROOT, retain: bool = True
    ) -> None:
        """Publish below the bridge's root."""
        self.publish(f"{root}/{topic}", document, retain=retain)

    def publish(self, topic: str, document: Document | str, *, retain: bool = True) -> None:
        """Publish, and return once the broker has it."""
        if retain:
            self._published.add(topic)
        payload = document if isinstance(document, str) else json.dumps(document)
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def publish_documents(self, folder: Path = CONTRACT) -> None:
        """Tell what a bridge with two modules tells."""
        self.publish_below("bridge/state", golden("bridge_state"))
        self.publish_below("bridge/info", golden("bridge_info", folder))
        self.publish_below("modem/stick", golden("modem", folder))
        self.publish_below("module/hut", golden("module_energomera", folder))
        self.publish_below("module/pump", golden("module_lers", folder))

    def discover(self) -> None:
        """Publish the devices, as Home Assistant's MQTT integration finds them."""
        names = {"bridge": "", "modem": "_modem_stick", "energomera": "_module_hut", "lers": "_module_pump"}
        for name, uid in names.items():
            self.publish(f"homeassistant/device/gmm_home{uid}/config", golden(f"discovery_{name}"))
        for module in ("hut", "pump"):
            self.publish_below(f"module/{module}/availability", golden("bridge_state"))

    def answer(self, action: str, reply: Reply) -> None:
        """Answer requests of an action from now on."""
        self._replies[action] = reply

    def requests(self, action: str) -> list[Document]:
        """What was asked."""
        return [document for name, document in self.asked if name == action]

    def forget(self) -> None:
        """Leave nothing for the next test."""
        for topic in sorted(self._published, reverse=True):
            self._client.publish(topic, "", qos=1, retain=True).wait_for_publish(WAIT_S)
        self._published.clear()
        self._replies.clear()
        self.asked.clear()

    def stop(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        action = message.topic.rpartition("/")[2]
        asked = json.loads(message.payload)
        self.asked.append((action, asked))
        for document in self._replies.get(action, lambda _: ())(asked):
            self._client.publish(f"{ROOT}/response/{action}", json.dumps(document), qos=1)
