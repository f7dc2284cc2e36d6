"""A broker that does not let us in, or says nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from tests.support.loop_time import LoopTime
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_packets import Connect
from tests.support.strict_broker import Greeting, StrictBroker
from tests.support.strict_client import connected, subjects
from tests.support.waiting import until


@pytest.mark.parametrize("code", [0x80, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x97, 0x9C, 0x9D, 0x9F])
async def test_client_retries_less_often_if_broker_refuses_connection(
    broker: StrictBroker, clock: LoopTime, code: int
) -> None:
    health = Health()
    broker.on_connect = lambda _: code
    async with connected(broker, health) as client:
        await clock.wait(40.0)
        assert not client.connected
        assert "the broker refuses the connection" in subjects(health)["broker"].message
    at = [at for at, _ in broker.connections]
    assert [later - earlier for earlier, later in pairwise(at)] == pytest.approx([1, 2, 4, 8, 16], abs=1)
    assert {c.version for _, c in broker.connections} == {5}


def knows_3_only(how: int | Greeting) -> Callable[[Connect], int | Greeting]:
    return lambda connect: how if connect.version == 5 else 0


@pytest.mark.parametrize("how", [0x84, Greeting.OLD, Greeting.CLOSE, Greeting.SILENCE])
async def test_client_falls_back_to_mqtt_3_1_1_if_broker_does_not_speak_mqtt_5(
    broker: StrictBroker, clock: LoopTime, how: int | Greeting, caplog: pytest.LogCaptureFixture
) -> None:
    broker.on_connect = knows_3_only(how)
    async with connected(broker) as client:
        done = client.publish("base/a", "{}", retain=True)
        await clock.until(done.done)
        assert done.result() is True
        assert client.protocol == "3.1.1"
    assert "does not speak MQTT 5" in caplog.text


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        (Greeting.CLOSE, "takes the connection but ends it without an answer; is this the TLS port?"),
        (Greeting.SILENCE, "takes the connection but does not answer; is this the TLS port?"),
    ],
)
async def test_client_logs_once_that_a_port_does_not_answer(
    broker: StrictBroker,
    clock: LoopTime,
    protocol: str,
    how: Greeting,
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker.on_connect = lambda _: how
    async with connected(broker, protocol=protocol):
        await clock.until(lambda: len(broker.connections) > 2)
    assert caplog.text.count(message) == 1


@pytest.mark.parametrize("how", [0x87, 0x89, Greeting.CLOSE])
async def test_health_keeps_one_problem_if_broker_refuses_intermittently(
    broker: StrictBroker, clock: LoopTime, how: int | Greeting
) -> None:
    """It is told once, and over once a connection has lasted."""
    health, changes, turns = Health(), [], iter([how, 0, how, 0, how, 0, 0])
    broker.on_connect = lambda _: next(turns, 0)
    health.on_change = lambda: changes.append(bool(health.problems))
    async with connected(broker, health, "5"):
        for n in range(1, 4):
            await clock.until(partial(lambda n: len(broker.sessions) == n, n))
            if n < 3:
                broker.sessions[-1].end(0x8B)
        assert set(changes) == {True}
        await clock.until(lambda: not health.problems)
    assert changes.count(False) == 1


async def test_health_clears_its_problem_if_unreachable_broker_starts(mosquitto: Mosquitto) -> None:
    health = Health()
    mosquitto.stop()
    client = MqttClient(Broker("127.0.0.1", mosquitto.port), "gsm-x", health=health)
    client.start()
    await until(lambda: bool(health.problems))
    mosquitto.start()
    await until(lambda: client.connected)
    assert not health.problems
    await client.stop()
