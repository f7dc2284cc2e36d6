"""The connection itself: versions of the protocol, acknowledgement, coming back."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.endings import Ending, Stage
from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

_REFUSED_VERSION = bytes.fromhex("20020001")  # CONNACK of MQTT 3.1.1, return code 1 (its clause 3.2.2.3)


@asynccontextmanager
async def _old_broker(port: int) -> AsyncIterator[int]:
    """A broker that knows no MQTT 5: in front of `port`, it refuses that as brokers of 3.1.1 do."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(4096)
        version = first[first.index(b"MQTT") + 4]
        if version == 5:
            writer.write(_REFUSED_VERSION)
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write(first)
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.CancelledError):
        while data := await reader.read(4096):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def _client(port: int, protocol: str = "auto") -> AsyncIterator[MqttClient]:
    client = MqttClient(Broker("127.0.0.1", port, protocol=protocol), "one", ("one/state", "gone"), 3600)
    client.on_connected = lambda: client.subscribe("request")
    client.start()
    try:
        yield client
    finally:
        await client.stop()


async def _subscribed(client: MqttClient) -> None:
    """The broker takes packets in their order: by the time it answers this one, it has taken those before."""
    await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
    await asyncio.wait_for(client.publish("other", "{}", retain=False), PATIENCE_S)


@pytest.mark.parametrize(("protocol", "spoken"), [("auto", "5"), ("5", "5"), ("3.1.1", "3.1.1")])
async def test_client_speaks_the_configured_mqtt_version(
    mosquitto: Mosquitto, protocol: str, spoken: str
) -> None:
    async with _client(mosquitto.port, protocol) as client:
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        assert client.protocol == spoken


async def test_client_falls_back_to_mqtt_3_1_1_if_broker_refuses_mqtt_5(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with _old_broker(mosquitto.port) as port, _client(port) as client:
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        assert client.protocol == "3.1.1"
        assert "does not speak MQTT 5" in caplog.text
        async with watcher(mosquitto.port) as seen:
            await asyncio.wait_for(client.publish("said", "{}", retain=False), PATIENCE_S)
            assert await seen.wait("said") == {}


async def test_client_does_not_fall_back_if_mqtt_5_is_configured(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with _old_broker(mosquitto.port) as port, _client(port, "5") as client:
        async with asyncio.timeout(PATIENCE_S):
            while "refuses the connection: Unsupported protocol version" not in caplog.text:
                await asyncio.sleep(0.01)
        assert not client.connected


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_unacknowledged_message_is_redelivered_to_next_connection(
    mosquitto: Mosquitto, protocol: str
) -> None:
    async with watcher(mosquitto.port) as seen:
        async with _client(mosquitto.port, protocol) as client:
            await _subscribed(client)
            await seen.publish("request", {"n": 1})
            first = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert not first.redelivered
        async with _client(mosquitto.port, protocol) as client:
            again = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert (again.payload, again.redelivered) == (first.payload, True)
            client.acknowledge(again)
            await _subscribed(client)
        async with _client(mosquitto.port, protocol) as client:
            await seen.publish("request", {"n": 2})
            new = await asyncio.wait_for(client.incoming.get(), PATIENCE_S)
            assert new.payload == b'{"n": 2}'


async def test_orderly_stop_is_not_logged_as_lost_connection(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with _client(mosquitto.port) as client:
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
    assert "lost" not in caplog.text


async def test_client_reconnects_and_publishes_if_connection_is_lost(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with _client(mosquitto.port) as client:
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        mosquitto.kill()
        async with asyncio.timeout(PATIENCE_S):
            while client.connected:
                await asyncio.sleep(0.01)
        waiting = client.publish("later", "{}", retain=True)
        mosquitto.start()
        await asyncio.wait_for(waiting, PATIENCE_S)
        assert "is lost" in caplog.text


async def test_denied_publish_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read allowed/#\n")
    rules.chmod(0o600)
    with Mosquitto(tmp_path / "mosquitto", f"allow_anonymous true\nacl_file {rules}") as broker:
        client = MqttClient(Broker("127.0.0.1", broker.port), "home")
        client.start()
        await asyncio.wait_for(client.wait_connected(), PATIENCE_S)
        for _ in range(3):
            await asyncio.wait_for(client.publish("forbidden", "x", retain=False), PATIENCE_S)
        await client.stop()
    assert caplog.text.count("the broker does not let us publish: Not authorized") == 1


async def test_client_waits_for_room_if_many_messages_are_unsent(mosquitto: Mosquitto) -> None:
    client = MqttClient(Broker("127.0.0.1", mosquitto.port), "much")
    published = [client.publish("much", str(n), retain=False) for n in range(2000)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.wait_room(), 0.1)
    client.start()
    await asyncio.wait_for(client.wait_room(), PATIENCE_S)
    await asyncio.wait_for(asyncio.gather(*published), PATIENCE_S)
    await client.stop()


@pytest.mark.parametrize(
    ("setting", "stated"),
    [
        ("max_packet_size 2048", {"packet_bytes": 2048}),
        ("max_inflight_messages 1", {"receive_maximum": 1}),
        ("retain_available false", {"retains": False}),
        ("max_qos 0", {"maximum_qos": 0}),
        ("max_keepalive 11", {"keep_alive_s": 11}),
        ("max_topic_alias 0", {}),
        ("max_packet_size 2048\nmax_inflight_messages 1\nretain_available false", {"retains": False}),
    ],
)
async def test_client_keeps_the_limits_that_mosquitto_states(
    tmp_path: Path, setting: str, stated: dict[str, object]
) -> None:
    ended: list[Ending] = []
    with Mosquitto(tmp_path / "mosquitto", f"allow_anonymous true\n{setting}") as broker:
        async with watcher(broker.port) as seen:
            async with _client(broker.port) as client:
                client.on_ended = ended.append
                published = [client.publish(f"a/{n}", '"x"', retain=True) for n in range(30)]
                large = client.publish("a/large", "x" * 3000, retain=True)
                assert all(await asyncio.wait_for(asyncio.gather(*published), PATIENCE_S))
                assert await asyncio.wait_for(large, PATIENCE_S) is ("max_packet_size" not in setting)
                for name, value in stated.items():
                    assert getattr(client.limits, name) == value
                assert client.connected
            await asyncio.gather(*(seen.wait(f"a/{n}") for n in range(30)))
    # at most the one whose will was not taken
    assert [e.stage for e in ended if e.stage is not Stage.REFUSED] == []
    assert len(ended) <= 1


@pytest.mark.parametrize(("protocol", "reported"), [("5", 1), ("3.1.1", 3)])
async def test_client_reports_another_client_with_the_same_id(
    mosquitto: Mosquitto, protocol: str, reported: int, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[Ending] = []
    async with _client(mosquitto.port, protocol) as one, _client(mosquitto.port, protocol) as other:
        for client in (one, other):
            client.on_ended = ended.append
        async with asyncio.timeout(PATIENCE_S):
            while "another client uses the id one: is a second bridge running?" not in caplog.text:
                await asyncio.sleep(0.05)
    assert reported <= len(ended) <= 7


async def test_client_connects_if_its_file_descriptor_exceeds_1024(mosquitto: Mosquitto) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= 2048
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        async with _client(mosquitto.port) as client:
            assert await asyncio.wait_for(client.publish("a", "x", retain=False), PATIENCE_S)
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
