"""The connection itself: versions of the protocol, acknowledgement, coming back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gsm_meter_bridge.mqtt.client import Broker, Client
from tests.mqtt.conftest import WAIT_S, watcher
from tests.support.mosquitto import Mosquitto

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
async def _client(port: int, protocol: str = "auto") -> AsyncIterator[Client]:
    client = Client(Broker("127.0.0.1", port, protocol=protocol), "one", ("one/state", "gone"), 3600)
    client.on_connected = lambda: client.subscribe("wish")
    client.start()
    try:
        yield client
    finally:
        await client.stop()


async def _subscribed(client: Client) -> None:
    """The broker takes packets in their order: by the time it answers this one, it has taken those before."""
    await asyncio.wait_for(client.wait_connected(), WAIT_S)
    await asyncio.wait_for(client.publish("other", "{}", retain=False), WAIT_S)


@pytest.mark.parametrize(("protocol", "spoken"), [("auto", "5"), ("5", "5"), ("3.1.1", "3.1.1")])
async def test_versions(mosquitto: Mosquitto, protocol: str, spoken: str) -> None:
    async with _client(mosquitto.port, protocol) as client:
        await asyncio.wait_for(client.wait_connected(), WAIT_S)
        assert client.protocol == spoken


async def test_falling_back(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    async with _old_broker(mosquitto.port) as port, _client(port) as client:
        await asyncio.wait_for(client.wait_connected(), WAIT_S)
        assert client.protocol == "3.1.1"
        assert "does not speak MQTT 5" in caplog.text
        async with watcher(mosquitto.port) as seen:
            await asyncio.wait_for(client.publish("said", "{}", retain=False), WAIT_S)
            assert await seen.wait("said") == {}


async def test_whoever_insists_on_5_gets_no_3(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    async with _old_broker(mosquitto.port) as port, _client(port, "5") as client:
        async with asyncio.timeout(WAIT_S):
            while "refuses the connection: Unsupported protocol version" not in caplog.text:
                await asyncio.sleep(0.01)
        assert not client.connected


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_is_not_acknowledged_comes_again(mosquitto: Mosquitto, protocol: str) -> None:
    async with watcher(mosquitto.port) as seen:
        async with _client(mosquitto.port, protocol) as client:
            await _subscribed(client)
            await seen.say("wish", {"n": 1})
            first = await asyncio.wait_for(client.incoming.get(), WAIT_S)
            assert not first.redelivered
        async with _client(mosquitto.port, protocol) as client:
            again = await asyncio.wait_for(client.incoming.get(), WAIT_S)
            assert (again.payload, again.redelivered) == (first.payload, True)
            client.acknowledge(again)
            await _subscribed(client)
        async with _client(mosquitto.port, protocol) as client:
            await seen.say("wish", {"n": 2})
            new = await asyncio.wait_for(client.incoming.get(), WAIT_S)
            assert new.payload == b'{"n": 2}'


async def test_an_orderly_stop_is_no_loss(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with _client(mosquitto.port) as client:
        await asyncio.wait_for(client.wait_connected(), WAIT_S)
    assert "lost" not in caplog.text


async def test_a_lost_connection_comes_back(mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    async with _client(mosquitto.port) as client:
        await asyncio.wait_for(client.wait_connected(), WAIT_S)
        mosquitto.kill()
        async with asyncio.timeout(WAIT_S):
            while client.connected:
                await asyncio.sleep(0.01)
        waiting = client.publish("later", "{}", retain=True)
        mosquitto.start()
        await asyncio.wait_for(waiting, WAIT_S)
        assert "is lost" in caplog.text


async def test_what_the_broker_denies_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read allowed/#\n")
    rules.chmod(0o600)
    with Mosquitto(tmp_path / "mosquitto", f"allow_anonymous true\nacl_file {rules}") as broker:
        client = Client(Broker("127.0.0.1", broker.port), "home")
        client.start()
        await asyncio.wait_for(client.wait_connected(), WAIT_S)
        for _ in range(3):
            await asyncio.wait_for(client.publish("forbidden", "x", retain=False), WAIT_S)
        await client.stop()
    assert caplog.text.count("the broker does not let us publish: Not authorized") == 1


async def test_whoever_publishes_much_waits_for_the_broker(mosquitto: Mosquitto) -> None:
    client = Client(Broker("127.0.0.1", mosquitto.port), "much")
    told = [client.publish("much", str(n), retain=False) for n in range(2000)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.wait_room(), 0.1)
    client.start()
    await asyncio.wait_for(client.wait_room(), WAIT_S)
    await asyncio.wait_for(asyncio.gather(*told), WAIT_S)
    await client.stop()
