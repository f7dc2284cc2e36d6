"""What a broker refuses does not count as taken, and is told and tried again."""

from __future__ import annotations

import asyncio

import pytest

from gsm_meter_bridge.health import Health
from tests.support.strict_broker import StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


@pytest.mark.parametrize("code", [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
async def test_refused_publish_is_reported_with_its_topic_until_accepted(
    broker: StrictBroker, code: int
) -> None:
    health = Health()
    broker.on_publish = lambda p: code if p.topic == "base/no" else 0
    async with connected(broker, health) as client:
        refused = client.publish("base/no", "{}", retain=True)
        assert await outcome(client, "base/yes") is True
        assert await asyncio.wait_for(refused, PATIENCE_S) is False
        assert client.waits("base/no")
        assert not client.waits("base/yes")
        assert subjects(health).keys() == {"base/no"}
        assert subjects(health)["base/no"].code == "broker_denied"
        broker.on_publish = lambda _: 0
        assert await outcome(client, "base/no") is True
        assert not client.waits("base/no")
        assert not health.problems
    assert len(broker.connections) == 1


async def test_publish_without_subscribers_is_not_a_refusal(broker: StrictBroker) -> None:
    health = Health()
    broker.on_publish = lambda _: 0x10
    async with connected(broker, health) as client:
        assert await outcome(client, "base/a") is True
    assert not health.problems


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_refused_subscription_is_reported(broker: StrictBroker, protocol: str) -> None:
    health, denied = Health(), []
    broker.on_subscribe = lambda name: 0x87 if name == "base/request/+" else 1
    async with connected(broker, health, protocol) as client:
        client.on_denied = lambda what, topic, _: denied.append((what, topic))
        await until(lambda: bool(health.problems))
        assert subjects(health)["base/request/+"].message.startswith("the broker does not let us subscribe")
    assert denied == [("subscribe", "base/request/+")]


async def test_subscription_is_refused_if_suback_has_no_reason_code(broker: StrictBroker) -> None:
    health = Health()
    broker.on_subscribe = lambda _: None
    async with connected(broker, health):
        await until(lambda: bool(health.problems))
    assert "base/request/+" in subjects(health)
    assert health.internal_errors == 0


async def test_refused_subscription_is_retried(broker: StrictBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.mqtt.refusals._FIRST_S", 0.1)
    health = Health()
    broker.on_subscribe = lambda _: 0x97
    async with connected(broker, health):
        await until(lambda: bool(health.problems))
        broker.on_subscribe = lambda _: 1
        await until(lambda: not health.problems)
    assert broker.sessions[0].filters == ["base/request/+"]
