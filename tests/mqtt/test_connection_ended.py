"""What makes a broker end the connection is found, told, and left out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from gsm_meter_bridge.health import Health
from tests.support.loop_time import LoopTime
from tests.support.strict_broker import End, StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("protocol", "code", "problem"),
    [
        ("5", 0x87, "broker_denied"),
        ("5", 0x90, "broker_limit"),
        ("5", 0x95, "broker_limit"),
        ("5", 0x97, "broker_limit"),
        ("5", 0x99, "broker_limit"),
        ("5", None, "broker_limit"),
        ("3.1.1", None, "broker_limit"),
    ],
)
async def test_client_leaves_out_a_topic_at_which_broker_disconnects(
    broker: StrictBroker, protocol: str, code: int | None, problem: str
) -> None:
    health = Health()
    broker.on_publish = lambda p: End(code) if p.topic == "base/bad" else 0
    topics = {f"base/module/{n}" for n in range(30)}
    async with connected(broker, health, protocol) as client:
        published = [client.publish(topic, "{}", retain=True) for topic in sorted(topics)]
        bad = client.publish("base/bad", "{}", retain=True)
        published += [client.publish(f"{topic}/event", "{}", retain=False) for topic in sorted(topics)]
        assert all(await asyncio.wait_for(asyncio.gather(*published), PATIENCE_S))
        assert await asyncio.wait_for(bad, PATIENCE_S) is False
        found = subjects(health)
        assert found["base/bad"].code == problem
        assert "the broker ends the connection when we publish it" in found["base/bad"].message
        assert "base/bad" in found["broker"].message
        count = len(broker.connections)
        await until(lambda: client.connected)
        assert await outcome(client, "base/bad") is False  # it is not even tried
        assert await outcome(client, "base/good") is True
        assert len(broker.connections) - count <= 1
    assert topics <= broker.topics()
    assert len(broker.connections) <= 6


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(("protocol", "code"), [("5", 0x87), ("5", 0x90), ("5", None), ("3.1.1", None)])
async def test_client_leaves_out_a_topic_group_at_which_broker_disconnects(
    broker: StrictBroker, clock: LoopTime, protocol: str, code: int | None
) -> None:
    health = Health()
    broker.on_publish = lambda p: End(code) if p.topic.startswith("homeassistant/") else 0
    async with connected(broker, health, protocol) as client:

        def publish_all() -> list[asyncio.Future[bool]]:
            published = [client.publish("homeassistant/device/bridge/config", "{}", retain=True)]
            for n in range(50):
                client.publish(f"homeassistant/device/{n}/config", "{}", retain=True)
                published.append(client.publish(f"base/module/{n}", "{}", retain=True))
            return published[1:]

        def again() -> None:
            client.subscribe("base/#")
            publish_all()

        client.on_connected = again
        assert all(await asyncio.wait_for(asyncio.gather(*publish_all()), PATIENCE_S))
        await until(lambda: "homeassistant/device/#" in subjects(health))
        await until(lambda: client.connected)
        await until(lambda: not len(client._outbox))
        count = len(broker.connections)
        await clock.wait(60.0)
        assert client.connected
        assert len(broker.connections) == count <= 6
    assert {f"base/module/{n}" for n in range(50)} <= broker.topics()


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(("protocol", "code"), [("5", 0x95), ("5", None), ("3.1.1", None)])
async def test_client_learns_packet_size_limit_that_broker_does_not_state(
    broker: StrictBroker, protocol: str, code: int | None
) -> None:
    health = Health()
    broker.on_publish = lambda p: End(code) if p.octets > 2048 else 0
    async with connected(broker, health, protocol) as client:
        small = [client.publish(f"base/{n}/small", "x" * 1900, retain=True) for n in range(50)]
        large = [client.publish(f"base/{n}/large", "x" * (2100 + n), retain=True) for n in range(50)]
        assert all(await asyncio.wait_for(asyncio.gather(*small), PATIENCE_S))
        assert not any(await asyncio.wait_for(asyncio.gather(*large), PATIENCE_S))
        messages = [problem.message for problem in health.problems if problem.subject.endswith("/large")]
        assert len(messages) == 10
        assert all("bytes long and the broker takes 2048" in message for message in messages)
        await until(lambda: client.connected)
        assert await outcome(client, "base/9/large", "x") is True
    assert len(broker.connections) <= 6


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(("protocol", "code"), [("5", 0x87), ("3.1.1", None)])
async def test_client_leaves_out_a_subscription_at_which_broker_disconnects(
    broker: StrictBroker, protocol: str, code: int | None
) -> None:
    health = Health()
    broker.on_subscribe = lambda name: End(code) if name == "base/request/+" else 1
    async with connected(broker, health, protocol) as client:
        await until(lambda: "base/request/+" in subjects(health))
        assert "when we subscribe it" in subjects(health)["base/request/+"].message
        await until(lambda: client.connected)
        assert await outcome(client, "base/a") is True
    assert len(broker.connections) <= 6


@pytest.mark.parametrize(
    ("protocol", "message"), [("5", "another client uses the id gsm-x"), ("3.1.1", "gsm-x")]
)
async def test_clients_with_the_same_id_report_it_and_reconnect_rarely(
    broker: StrictBroker, clock: LoopTime, protocol: str, message: str
) -> None:
    one, other = Health(), Health()
    async with AsyncExitStack() as stack:
        began = clock()
        for health in (one, other):
            await stack.enter_async_context(connected(broker, health, protocol))
        await clock.until(lambda: any(message in p.message for h in (one, other) for p in h.problems))
        problems = [p for h in (one, other) for p in h.problems if message in p.message]
        assert "is a second bridge running?" in problems[0].message
        await clock.wait(began + 60.0 - clock())
    # 0, 1, 3, 7, 15 and 31 s after the beginning, at most, each
    assert len(broker.connections) <= 12
