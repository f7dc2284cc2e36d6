"""Whatever happens on a connection, the client comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import paho.mqtt.client
import pytest

from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import endings
from gsm_meter_bridge.mqtt.attempts import Attempts
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.connection import Connection
from tests.support.strict_broker import Greeting, StrictBroker
from tests.support.strict_client import connected, outcome, subjects
from tests.support.waiting import PATIENCE_S, until


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    "data", ["f0 00", "20 02 00 00", "30 03 00 05 61", "40 01 00", "90 02 00 01", "e0 01 07"]
)
async def test_client_publishes_after_broker_sent_an_invalid_packet(broker: StrictBroker, data: str) -> None:
    async with connected(broker) as client:
        await client.wait_connected()
        broker.sessions[0].write(bytes.fromhex(data))
        broker.sessions[0].deliver("base/request/x", b"1")
        await asyncio.sleep(0.1)
        assert await outcome(client, "base/a") is True


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("error", [KeyError("secret"), OSError(24, "Too many open files")])
@pytest.mark.parametrize(
    ("kind", "callee"),
    [
        *((MqttClient, name) for name in ("accepted", "answered", "arrived", "tick")),
        *((Connection, name) for name in ("run", "_attach", "_arrive", "_end", "publish")),
        (Attempts, "ended"),
        (Attempts, "next"),
        (paho.mqtt.client.Client, "loop_read"),
        (paho.mqtt.client.Client, "loop_write"),
        (paho.mqtt.client.Client, "loop_misc"),
        (paho.mqtt.client.Client, "connect"),
    ],
)
async def test_client_counts_an_internal_error_and_reconnects_if_a_callee_raises(
    broker: StrictBroker, kind: type, callee: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as in the bridge, where a database that is away goes through most guards
    health, right = Health(passes=lambda e: isinstance(e, OSError)), getattr(kind, callee)
    wrong = [True]

    def raises(self: object, *args: Any, **more: Any) -> Any:
        if wrong.pop() if wrong else False:
            raise error
        return right(self, *args, **more)

    monkeypatch.setattr(kind, callee, raises)
    monkeypatch.setattr("gsm_meter_bridge.mqtt.client._AFTER_AN_ERROR_S", 0.1)
    async with connected(broker, health) as client:
        await until(lambda: bool(broker.sessions))
        broker.sessions[0].deliver("base/request/x", b"1")
        first = client.publish("base/first", "{}", retain=True)
        if callee in ("ended", "_end"):
            broker.sessions[0].end(0x8B)
        await until(lambda: not wrong)
        if not (callee == "connect" and isinstance(error, OSError)):  # which is a broker that is not there
            await until(lambda: health.internal_errors == 1)
        await asyncio.wait_for(first, PATIENCE_S)
        await until(lambda: client.connected)
        assert await outcome(client, "base/a") is True


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("host", ["a..b", "", "x" * 70, "a\x00b", "\udc80", ".", "mqtt://a"], ids=repr)
async def test_client_reports_broker_as_unreached_if_host_is_invalid(host: str) -> None:
    health = Health()
    client = MqttClient(Broker(host, 1), "gsm-x", health=health)
    ended: list[endings.Ending] = []
    client.on_ended = ended.append
    client.start()
    await until(lambda: len(ended) > 1)
    await client.stop()
    assert {e.stage for e in ended} == {endings.Stage.UNREACHED}
    assert "broker" in subjects(health)
    subjects(health)["broker"].message.encode()


async def test_invalid_message_fails_without_ending_the_connection(broker: StrictBroker) -> None:
    health = Health()
    async with connected(broker, health) as client:
        await client.wait_connected()
        assert await outcome(client, "base/a", "\udc80") is False
        assert await outcome(client, "base/+") is False
        assert await outcome(client, "base/b") is True
        assert health.internal_errors == 2
    assert len(broker.connections) == 1


async def test_client_stops_without_waiting_for_a_silent_broker(broker: StrictBroker) -> None:
    broker.on_connect = lambda _: Greeting.SILENCE
    async with connected(broker):
        await until(lambda: bool(broker.connections))
    # a broker that does not answer our leaving either
    broker.on_connect = lambda _: 0
    async with connected(broker) as client:
        assert await outcome(client, "base/a") is True
