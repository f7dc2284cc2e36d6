"""The bridge on a broker that limits, refuses and ends: all else is published, and told what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from tests.mqtt.conftest import TOPICS, bridge
from tests.support.mqtt_packets import Published
from tests.support.strict_broker import End, StrictBroker
from tests.support.waiting import until

OURS = {
    TOPICS.bridge_state,
    TOPICS.bridge_info,
    TOPICS.unidentified_clients,
    TOPICS.health,
    TOPICS.modem("stick"),
    *(topic for m in ("hut", "pump") for topic in (TOPICS.module(m), TOPICS.availability(m))),
}
UIDS = (TOPICS.bridge_uid(), TOPICS.modem_uid("stick"), *map(TOPICS.module_uid, ("hut", "pump")))
DEVICES = set(map(TOPICS.discovery, UIDS))


@pytest.fixture(autouse=True)
def soon(hurry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused is tried again soon, too."""
    monkeypatch.setattr("gsm_meter_bridge.mqtt.refusals._FIRST_S", 0.5)


def problems(broker: StrictBroker) -> dict[str, dict[str, Any]]:
    """What the bridge's document says to be wrong, by subject."""
    document = json.loads(broker.retained.get(TOPICS.health, b'{"problems": []}'))
    return {problem["subject"]: problem for problem in document["problems"]}


@pytest.mark.parametrize("code", [0x80, 0x87, 0x97, 0x99])
async def test_discovery_refused_by_puback_is_reported_and_published_later(
    broker: StrictBroker, code: int
) -> None:
    broker.on_publish = lambda p: code if p.topic in DEVICES else 0
    async with bridge(broker.port):
        await until(lambda: broker.retained.keys() >= OURS)
        await until(lambda: problems(broker).keys() >= DEVICES)
        assert {p["code"] for p in problems(broker).values()} == {"broker_denied"}
        broker.on_publish = lambda _: 0
        await until(lambda: broker.retained.keys() >= DEVICES)
        await until(lambda: not problems(broker))
    assert len(broker.connections) == 1


async def test_refused_discovery_is_retried_with_growing_pauses(broker: StrictBroker) -> None:
    tried: list[str] = []

    def refuse(message: Published) -> int:
        if message.topic not in DEVICES:
            return 0
        tried.append(message.topic)
        return 0x87

    broker.on_publish = refuse
    async with bridge(broker.port) as w:
        await until(lambda: problems(broker).keys() >= DEVICES)
        for _ in range(20):  # what happens meanwhile is no reason to try
            await w.know_status("hut")
        await until(lambda: tried.count(TOPICS.discovery(TOPICS.bridge_uid())) > 2)
    # after 0.5, 1 and 2 s
    assert max(map(tried.count, DEVICES)) <= 4


async def test_refused_event_is_published_once_when_broker_accepts_it(broker: StrictBroker) -> None:
    event, refused = TOPICS.event("hut"), list[bytes]()

    def refuse_twice(message: Published) -> int:
        if message.topic != event or len(refused) == 2:
            return 0
        refused.append(message.payload)
        return 0x97

    broker.on_publish = refuse_twice
    async with bridge(broker.port) as w:
        await until(lambda: broker.retained.keys() >= OURS)
        await w.commands.request_status("hut", CommandOptions())
        await until(lambda: len(refused) == 1)
        await until(lambda: event in problems(broker))
        await until(lambda: event in broker.topics())
        await until(lambda: not problems(broker))
    reported = [json.loads(p.payload) for p in broker.published if p.topic == event]
    assert [(t["event_type"], t["action"]) for t in reported] == [("command_succeeded", "request_status")]
    assert len({json.loads(payload)["job"] for payload in refused} | {reported[0]["job"]}) == 1


async def test_bridge_reports_documents_larger_than_maximum_packet_size(broker: StrictBroker) -> None:
    broker.stated = {"MaximumPacketSize": 2048}
    async with bridge(broker.port):
        await until(lambda: broker.retained.keys() >= {TOPICS.bridge_state, TOPICS.modem("stick")})
        await until(lambda: len(problems(broker)) > 1)
        large = problems(broker)
        assert large.keys() <= OURS | DEVICES
        assert {p["code"] for p in large.values()} == {"broker_limit"}
        assert all("the broker takes 2048" in p["message"] for p in large.values())
        await until(lambda: broker.retained.keys() | problems(broker).keys() >= OURS | DEVICES)
    assert (broker.violations, len(broker.connections)) == ([], 1)


@pytest.mark.parametrize(("protocol", "code"), [("5", 0x87), ("5", None), ("3.1.1", None)])
async def test_bridge_publishes_its_state_if_broker_disconnects_at_discovery(
    broker: StrictBroker, protocol: str, code: int | None
) -> None:
    broker.on_publish = lambda p: End(code) if p.topic in DEVICES else 0
    async with bridge(broker.port, protocol=protocol):
        await until(lambda: broker.retained.keys() >= OURS)
        await until(lambda: "homeassistant/device/#" in problems(broker))
    assert len(broker.connections) <= 6


async def test_health_document_reports_second_bridge_with_same_client_id(broker: StrictBroker) -> None:
    async with bridge(broker.port), bridge(broker.port):
        await until(lambda: "broker" in problems(broker))
        message = "another client uses the id gsm-meter-bridge-home: is a second bridge running?"
        assert message in problems(broker)["broker"]["message"]
