"""`doctor` at a broker that limits, refuses, ends or is silent, and beside a bridge that comes and goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from gsm_meter_bridge.doctor import broker_probe
from gsm_meter_bridge.errors import LONGEST_SENTENCE
from gsm_meter_bridge.mqtt import endings
from tests.doctor.conftest import DoctorFixture, running_bridge
from tests.support.mqtt_packets import Connect
from tests.support.strict_broker import End, Greeting, StrictBroker, strict_broker

pytestmark = pytest.mark.usefixtures("world", "hurry")
STATE = "gsm_meter_modem/home/bridge/state"
HEALTH, MODEM = "gsm_meter_modem/home/bridge/health", "gsm_meter_modem/home/modem/stick"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_FIRST_S", 0.05)
    monkeypatch.setattr("gsm_meter_bridge.mqtt.connection._ANSWER_S", 0.3)
    monkeypatch.setattr(broker_probe, "CONNECT_S", 1.0)
    monkeypatch.setattr(broker_probe, "ECHO_S", 1.5)
    monkeypatch.setattr(broker_probe, "WATCH_S", 1.5)


@pytest.fixture
async def strict(installed: DoctorFixture) -> AsyncIterator[StrictBroker]:
    async with strict_broker() as broker:
        installed.config["mqtt"]["port"] = broker.port
        yield broker


async def of(installed: DoctorFixture, check: str) -> str:
    """What is said of the broker, or the bridge, that is not good."""
    result = await installed.doctor()
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    bad = [line[9:] for line in result.stdout.splitlines() if line.startswith(("problem ", "warning "))]
    return "\n".join(line for line in bad if line.startswith(f"{check}: "))


async def test_doctor_reports_nothing_of_broker_without_limits(
    installed: DoctorFixture, strict: StrictBroker
) -> None:
    assert await of(installed, "broker") == ""
    assert len(strict.connections) == 1


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"MaximumPacketSize": 2048}, "the broker takes packets of 2048 bytes at most"),
        ({"MaximumQoS": 0}, "the broker takes QoS 0 only"),
        ({"RetainAvailable": 0}, "the broker keeps no retained messages"),
        ({"WildcardSubscriptionAvailable": 0}, "the broker allows no wildcards in subscriptions"),
        ({"SessionExpiryInterval": 3600}, "keeps requests for a bridge that is away for 3600 s only"),
    ],
)
async def test_doctor_reports_limits_stated_by_broker(
    installed: DoctorFixture, strict: StrictBroker, stated: dict[str, int | str], message: str
) -> None:
    strict.stated = stated
    assert message in await of(installed, "broker")


async def test_doctor_names_topic_prefix_where_publishing_is_refused(
    installed: DoctorFixture, strict: StrictBroker
) -> None:
    strict.on_publish = lambda p: 0x87 if p.topic.startswith("homeassistant/") else 0
    assert (await of(installed, "broker")).startswith(
        "broker: we may not publish below homeassistant/; let the"
    )


@pytest.mark.parametrize(
    "topic",
    [
        "homeassistant/status",
        "gsm_meter_modem/home/request/+",
        "gsm_meter_modem/home/module/+/set",
    ],
)
async def test_doctor_names_subscription_that_broker_refuses(
    installed: DoctorFixture, strict: StrictBroker, topic: str
) -> None:
    strict.on_subscribe = lambda name: 0x87 if name == topic else 1
    assert f"broker: we may not subscribe to {topic} (Not authorized)" in await of(installed, "broker")


@pytest.mark.parametrize(
    ("code", "message"), [(0x87, "Not authorized"), (0x97, "Quota exceeded"), (None, "closed")]
)
async def test_doctor_reports_connection_ended_by_broker(
    installed: DoctorFixture, strict: StrictBroker, code: int | None, message: str
) -> None:
    strict.on_publish = lambda p: End(code) if p.topic.startswith("homeassistant/") else 0
    packet = await of(installed, "broker")
    assert "homeassistant/gsm_meter_modem_doctor/" in packet
    assert f"the broker ended the connection ({message}) while this was under way: homeassistant/" in packet


@pytest.mark.parametrize("how", [Greeting.CLOSE, Greeting.SILENCE])
async def test_doctor_reports_broker_that_does_not_answer_connect(
    installed: DoctorFixture, strict: StrictBroker, how: Greeting
) -> None:
    strict.on_connect = lambda _: how
    assert "broker: the broker takes the connection but does not answer; look at mqtt: port" in await of(
        installed, "broker"
    )


@pytest.mark.parametrize("how", [0x84, Greeting.OLD, Greeting.CLOSE, Greeting.SILENCE])
async def test_doctor_falls_back_to_mqtt_3_1_1_and_warns(
    installed: DoctorFixture, strict: StrictBroker, how: int | Greeting
) -> None:
    def connect(packet: Connect) -> int | Greeting:
        return how if packet.version == 5 else 0

    strict.on_connect = connect
    assert "broker: MQTT 3.1.1 is spoken; Home Assistant needs 5 from 2027.1" in await of(installed, "broker")


async def test_doctor_reports_running_bridge_not_connected_to_broker(
    installed: DoctorFixture, strict: StrictBroker
) -> None:
    strict.retained[STATE] = b'{"state":"offline"}'
    async with running_bridge(installed):
        assert "bridge: it runs, but it is not connected to this broker" in await of(installed, "bridge")


async def test_doctor_reports_unstable_connection_of_bridge(
    installed: DoctorFixture, strict: StrictBroker
) -> None:
    strict.retained[STATE] = b'{"state":"offline"}'

    async def flap() -> None:
        for n in range(100):
            await asyncio.sleep(0.3)
            for one in strict.sessions:
                if STATE in one.filters:
                    one.deliver(STATE, b'{"state":"online"}' if n % 2 else b'{"state":"offline"}')

    task = asyncio.create_task(flap())
    async with running_bridge(installed):
        packet = await of(installed, "bridge")
    task.cancel()
    assert "bridge: its connection to the broker comes and goes: " in packet
    assert "is a second bridge with the id home running?" in packet


FORGED: list[tuple[str, bytes]] = [
    (HEALTH, b"[" * 100_000),
    (HEALTH, b'{"a":' * 20_000),
    (HEALTH, b"\xff\xfe{"),
    (HEALTH, b'{"internal_errors":{"a":1},"last_internal_error":{"kind":["x"],"place":{"y":1}}}'),
    (HEALTH, b'{"problems":[3,null,{"subject":5,"message":"x\\nok broker: fine\\u001b[2J"}]}'),
    (HEALTH, json.dumps({"problems": [{"subject": "\ud800" * 5000, "message": "x" * 5000}]}).encode()),
    (MODEM, b"[" * 100_000),
    (MODEM, b'{"ready":true,"registration":["x"],"operator":{"a":1},"signal_dbm":"abc"}'),
    (MODEM, b'{"ready":true,"registration":"home","operator":"\\ud800","signal_dbm":[1]}'),
    (MODEM, b'{"ready":true,"sms_storage":"SM","sms_storage_used":"5","sms_storage_total":"x"}'),
    (MODEM, b'{"ready":true,"sms_storage":["SM"],"sms_storage_used":[5],"sms_storage_total":{}}'),
    (MODEM, b'{"ready":true,"sms_storage":"SM","sms_storage_used":Infinity,"sms_storage_total":NaN}'),
    (MODEM, json.dumps({"problem": {"x": "\x1b[31m" * 1000}}).encode()),
    ("homeassistant/status", b"\xff\x1b[2J\nproblem x: y"),
]


@pytest.mark.parametrize(("topic", "payload"), FORGED)
async def test_doctor_survives_forged_documents_in_topics_of_bridge(
    installed: DoctorFixture, strict: StrictBroker, topic: str, payload: bytes
) -> None:
    strict.retained[topic] = payload
    async with running_bridge(installed):
        result = await installed.doctor()
    assert result.exit_code in (0, 1), result.output
    lines = result.stdout.splitlines()
    assert lines[-2].split()[1:3] == ["module", "pump:"]  # the last check was made, too
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= 2 * LONGEST_SENTENCE + 100
    assert not any(line.startswith("ok broker") for line in lines)
