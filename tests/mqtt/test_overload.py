"""However much a broker sends, memory is bounded and nothing is lost that was promised."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import arrivals
from gsm_meter_bridge.mqtt.connection import PACKETS_AT_ONCE
from tests.support.strict_broker import StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


async def test_client_bounds_the_number_of_waiting_qos_0_messages(
    broker: StrictBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(broker) as client:
        await client.wait_connected()
        session, most, data = broker.sessions[0], 0, 0
        for _ in range(100):
            for _ in range(1000):
                session.deliver("base/request/x", b"x" * 500)
            await session.writer.drain()
            most, data = max(most, client.incoming.qsize()), max(data, client.incoming.qos_0_bytes)
        # what matters goes through all the same
        session.deliver("base/request/set", b"{}", 1)
        await until(lambda: client.incoming.dropped > 98_000)
        assert await outcome(client, "base/a") is True
        while (message := await asyncio.wait_for(client.incoming.get(), PATIENCE_S)).qos == 0:
            pass
        assert message.topic == "base/request/set"
        assert client.incoming.qos_0_bytes == client.incoming.qos_0 == 0
    assert most <= arrivals.QOS_0_AT_MOST + 1
    assert data <= arrivals.QOS_0_BYTES
    assert caplog.text.count("messages with QoS 0 were dropped") == 1
    assert len(broker.connections) == 1


async def test_client_bounds_the_bytes_of_waiting_qos_0_messages(broker: StrictBroker) -> None:
    async with connected(broker) as client:
        await client.wait_connected()
        for _ in range(100):
            broker.sessions[0].deliver("base/request/x", b"x" * 100_000)
        await until(lambda: client.incoming.dropped > 50)
        assert client.incoming.qos_0_bytes <= arrivals.QOS_0_BYTES


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(("limit", "at_most"), [("WAITING_AT_MOST", 20), ("WAITING_BYTES", 1_000_000)])
async def test_client_pauses_reading_until_there_is_room_for_messages(
    broker: StrictBroker, monkeypatch: pytest.MonkeyPatch, protocol: str, limit: str, at_most: int
) -> None:
    monkeypatch.setattr(arrivals, limit, at_most)
    payloads = [f"{n} ".encode().ljust(100_000, b"x") for n in range(300)]
    async with connected(broker, protocol=protocol) as client:
        await client.wait_connected()
        for payload in payloads:
            broker.sessions[0].deliver("base/request/x", payload, 1)
        await until(lambda: client.incoming.is_full)
        for _ in range(30):
            await asyncio.sleep(0.02)
            # two steps of reading are on their way where it is noticed
            assert client.incoming.qsize() <= min(20, at_most) + 2 * 2 * PACKETS_AT_ONCE
        for payload in payloads:
            message = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert message.payload == payload
            client.acknowledge(message)
        assert await outcome(client, "base/a") is True
        await until(lambda: len(broker.sessions[0].acknowledged) == len(payloads))
    assert len(broker.connections) == 1


@pytest.mark.usefixtures("hurry")
async def test_client_disconnects_if_broker_exceeds_receive_maximum(
    broker: StrictBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 100
    monkeypatch.setattr(arrivals, "UNACKNOWLEDGED_AT_MOST", most)
    health = Health()
    async with connected(broker, health) as client:
        await client.wait_connected()
        first = broker.sessions[0]
        for n in range(most + 50):
            first.deliver("base/request/x", str(n).encode(), 1)
        await until(lambda: first.left is not None and bool(health.problems))
        assert first.left == 0x93
        assert "more than may be unacknowledged" in subjects(health)["broker"].message
        await asyncio.sleep(0.2)
        assert len(broker.sessions) == 1  # not before there is room
        for _ in range(most):
            client.acknowledge(await asyncio.wait_for(client.incoming.get(), PATIENCE_S))
        assert client.incoming.empty()
        await until(lambda: len(broker.sessions) == 2 and client.connected)
        # an acknowledgement of another connection's message means nothing here
        assert broker.sessions[1].acknowledged == []


async def test_acknowledged_messages_make_room_for_others(broker: StrictBroker) -> None:
    async with connected(broker) as client:
        await client.wait_connected()
        for _ in range(5):
            for n in range(90):
                broker.sessions[0].deliver("base/request/x", str(n).encode(), 1)
            for _ in range(90):
                client.acknowledge(await asyncio.wait_for(client.incoming.get(), PATIENCE_S))
        await until(lambda: len(broker.sessions[0].acknowledged) == 450)
    assert len(broker.connections) == 1


async def test_payload_is_cut_to_the_largest_size(broker: StrictBroker) -> None:
    async with connected(broker, protocol="3.1.1") as client:
        await client.wait_connected()
        broker.sessions[0].deliver("base/request/x", b"x" * 1_000_000, 1)
        message = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
        assert len(message.payload) == arrivals.LARGEST_PAYLOAD
