"""A broker that does not acknowledge what it is sent."""

from __future__ import annotations

import asyncio

import pytest

from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import arrivals
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.endings import Ending
from tests.support import mqtt_packets
from tests.support.loop_time import LoopTime
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_packets import Published
from tests.support.strict_broker import StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_client_reports_and_reconnects_if_broker_acknowledges_nothing(
    broker: StrictBroker, clock: LoopTime, protocol: str
) -> None:
    broker.answer_s = 1000.0
    health = Health()
    async with connected(broker, health, protocol) as client:
        done = client.publish("base/a", "1", retain=False)
        await clock.until(lambda: len(broker.connections) > 1)
        assert "it acknowledges nothing of what we send" in subjects(health)["broker"].message
        assert broker.sessions[0].left == (0x83 if protocol == "5" else 0)
        broker.answer_s = 0.0
        await clock.until(done.done)
        assert done.result() is True


def _stuck(broker: StrictBroker) -> list[int]:
    """The packet identifiers of what is not acknowledged."""
    mids: list[int] = []

    def take(message: Published) -> int | None:
        if "stuck" in message.topic:
            mids.append(message.mid)
            return None
        return 0

    broker.on_publish = take
    return mids


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_unacknowledged_topic_is_reported_and_does_not_block_others(
    broker: StrictBroker, clock: LoopTime, protocol: str
) -> None:
    lost = _stuck(broker)
    broker.stated = {"ReceiveMaximum": 2}
    health, denied = Health(), []
    async with connected(broker, health, protocol) as client:
        client.on_denied = lambda what, topic, _: denied.append((what, topic))
        stuck = client.publish("base/stuck", "1", retain=True)
        while not stuck.done():
            assert await outcome(client, "base/good", "1", retain=False) is True
            await clock.wait(1.0)
        assert stuck.result() is False
        assert "does not acknowledge it" in subjects(health)["base/stuck"].message
        assert denied == [("publish", "base/stuck")]
        assert client.waits("base/stuck")
        assert await outcome(client, "base/stuck", "2") is False  # it takes no other place
        # what the broker still counts is not sent besides
        at_once = 3 if protocol == "5" else 1  # MQTT 3.1.1 has no Receive Maximum
        assert all(await asyncio.gather(*(outcome(client, f"base/good{n}") for n in range(at_once))))
        assert broker.violations == []
        # an acknowledgement that comes at last is one
        broker.sessions[0].write(mqtt_packets.puback(broker.sessions[0].version, lost[0], 0))
        await until(lambda: not health.problems)
        broker.on_publish = lambda _: 0
        assert await outcome(client, "base/stuck", "3") is True
    assert len(broker.connections) == 1


async def test_unacknowledged_topic_is_found_on_an_idle_connection(
    broker: StrictBroker, clock: LoopTime
) -> None:
    _stuck(broker)
    health = Health()
    async with connected(broker, health) as client:
        assert await outcome(client, "base/good") is True
        stuck = client.publish("base/stuck", "1", retain=True)
        await clock.until(stuck.done)
        assert stuck.result() is False
        assert "does not acknowledge it" in subjects(health)["base/stuck"].message
        await clock.until(lambda: client.connected)
        assert await outcome(client, "base/good") is True
        count = len(broker.connections)
        await clock.wait(60.0)
        assert len(broker.connections) == count <= 4


@pytest.mark.parametrize("places", [1, 2])
async def test_client_publishes_again_if_receive_maximum_was_used_up(
    broker: StrictBroker, clock: LoopTime, places: int
) -> None:
    _stuck(broker)
    broker.stated = {"ReceiveMaximum": places}
    async with connected(broker) as client:
        for n in range(places):
            client.publish(f"base/stuck{n}", "1", retain=True)
        good = client.publish("base/good", "1", retain=True)
        await clock.until(good.done)
        assert good.result() is True
    assert broker.violations == []


async def _fill(broker: StrictBroker, client: MqttClient, messages: int) -> None:
    """Have more come than may wait."""
    for n in range(messages):
        broker.sessions[-1].deliver("base/request/x", str(n).encode(), 1)
    await until(lambda: client.incoming.is_full)


async def _take_all(client: MqttClient, messages: int) -> None:
    for _ in range(messages):
        client.acknowledge(await asyncio.wait_for(client.incoming.get(), PATIENCE_S))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("is_retained", [True, False])
async def test_broker_is_not_reported_silent_while_client_pauses_reading(
    broker: StrictBroker,
    clock: LoopTime,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    *,
    is_retained: bool,
) -> None:
    monkeypatch.setattr("gsm_meter_bridge.mqtt.connection._PAUSED_S", 3600.0)
    monkeypatch.setattr(arrivals, "WAITING_AT_MOST", 20)
    _stuck(broker)
    health = Health()
    async with connected(broker, health, protocol) as client:
        assert await outcome(client, "base/good") is True
        await _fill(broker, client, 300)
        done = [client.publish(f"base/good{n}", "1", retain=is_retained) for n in range(30)]
        await clock.wait(100.0)
        assert not any(one.done() for one in done)
        await _take_all(client, 300)
        async with asyncio.timeout(PATIENCE_S):
            assert all(await asyncio.gather(*done))
        assert not health.problems
    assert len(broker.connections) == 1


async def test_client_reconnects_if_broker_is_silent_after_a_pause_in_reading(
    broker: StrictBroker, clock: LoopTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gsm_meter_bridge.mqtt.connection._PAUSED_S", 3600.0)
    monkeypatch.setattr(arrivals, "WAITING_AT_MOST", 20)
    _stuck(broker)
    health = Health()
    async with connected(broker, health) as client:
        await client.wait_connected()
        await _fill(broker, client, 100)
        client.publish("base/stuck", "1", retain=True)
        await clock.wait(100.0)
        assert len(broker.connections) == 1
        await _take_all(client, 100)
        await clock.until(lambda: len(broker.connections) == 2)


async def test_client_stays_connected_if_its_event_loop_was_blocked(
    broker: StrictBroker, clock: LoopTime
) -> None:
    _stuck(broker)
    async with connected(broker) as client:
        assert await outcome(client, "base/good") is True
        for _ in range(3):
            done = client.publish("base/good", "1", retain=False)
            clock.stall(100.0)
            assert await asyncio.wait_for(done, PATIENCE_S) is True
    assert len(broker.connections) == 1


async def test_client_stays_connected_during_a_long_pause_in_reading(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker hears our pings, and that none is answered meanwhile means nothing."""
    monkeypatch.setattr(arrivals, "WAITING_AT_MOST", 20)
    monkeypatch.setattr("gsm_meter_bridge.mqtt.opening._KEEP_ALIVE_S", 2)
    monkeypatch.setattr("gsm_meter_bridge.mqtt.connection._PAUSED_S", 0.5)
    monkeypatch.setattr("gsm_meter_bridge.mqtt.connection._TICK_S", 0.1)
    client = MqttClient(Broker("127.0.0.1", mosquitto.port), "gsm-pause", None, 3600, Health())
    other = MqttClient(Broker("127.0.0.1", mosquitto.port), "gsm-other", None, 3600, Health())
    endings: list[Ending] = []
    client.on_connected, client.on_ended = lambda: client.subscribe("base/request/+"), endings.append
    client.start()
    other.start()
    try:
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        assert await outcome(client, "base/good") is True
        async with asyncio.timeout(PATIENCE_S):
            assert all(
                await asyncio.gather(
                    *(other.publish(f"base/request/{n}", "1", retain=False) for n in range(300))
                )
            )
        await until(lambda: client.incoming.is_full)
        done = client.publish("base/state", "1", retain=True)
        await asyncio.sleep(8.0)
        assert client.incoming.is_full
        await _take_all(client, 300)
        assert await asyncio.wait_for(done, PATIENCE_S) is True
        assert not endings
    finally:
        await client.stop()
        await other.stop()
