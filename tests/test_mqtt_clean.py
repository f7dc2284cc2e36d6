"""What a bridge left under another base topic or id is shown, and removed where that is wanted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

_FILE = """\
bridge: {{id: home}}
mqtt: {{host: 127.0.0.1, port: {port}, protocol: "{protocol}"}}
modems: [{{id: stick, url: /dev/ttyUSB0}}]
modules: [{{id: hut, family: energomera_gs04, number: "+79990000101", password: "0000"}}]
"""


def _device(root: str, name: str = "gsm-meter-modem") -> str:
    return json.dumps({"o": {"name": name}, "avty": [{"t": f"{root}/bridge/state"}], "cmps": {}})


OLD = {
    "old/attic/bridge/state": '{"state": "offline"}',
    "old/attic/bridge/info": "{}",
    "old/attic/module/hut": "{}",
    "old/attic/module/hut/availability": '{"state": "offline"}',
    "old/attic/modem/stick": "{}",
    "homeassistant/device/gmm_attic_module_hut/config": _device("old/attic"),
    "homeassistant/device/gmm_attic/config": _device("old/attic"),
}
OTHERS = {
    "old/attic/lamp/kitchen": "on",
    "old/other/bridge/state": '{"state": "online"}',
    "old/attic": "x",
    "gsm_meter_modem/home/bridge/state": '{"state": "online"}',
    "gsm_meter_modem/home/module/hut": "{}",
    "homeassistant/device/gmm_home_module_hut/config": _device("gsm_meter_modem/home"),
    "homeassistant/device/gmm_other/config": _device("old/other"),
    "homeassistant/device/lamp/config": _device("old/attic", "zigbee"),
    "homeassistant/device/broken/config": "{",
    "homeassistant/device/list/config": "[1]",
}


def _keep(port: int, kept: Mapping[str, str]) -> None:
    async def publish() -> None:
        client = MqttClient(Broker("127.0.0.1", port), "keeper")
        client.start()
        for topic, payload in kept.items():
            assert await client.publish(topic, payload, retain=True)
        await client.stop()

    asyncio.run(publish())


def _kept(port: int) -> set[str]:
    async def retained_topics() -> set[str]:
        found: set[str] = set()
        client = MqttClient(Broker("127.0.0.1", port), "reader")
        client.on_connected = lambda: client.subscribe("#")
        client.start()
        try:
            await client.wait_connected()
            await client.publish("reader/ready", "", retain=False)  # it comes after all that is kept
            async with asyncio.timeout(PATIENCE_S):
                while (message := await client.incoming.get()).topic != "reader/ready":
                    client.acknowledge(message)
                    found.add(message.topic)
            return found
        finally:
            await client.stop()

    return asyncio.run(retained_topics())


def _clean(folder: Path, port: int, *more: str, protocol: str = "auto") -> Result:
    file = folder / "config.yaml"
    file.write_text(_FILE.format(port=port, protocol=protocol))
    return CliRunner().invoke(app, ["mqtt", "clean", "--config", str(file), *more])


_WHERE = ("--base-topic", "old", "--bridge", "attic")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_mqtt_clean_shows_and_then_removes_left_topics(
    tmp_path: Path, broker: Mosquitto, protocol: str
) -> None:
    _keep(broker.port, {**OLD, **OTHERS})
    shown = _clean(tmp_path, broker.port, *_WHERE, protocol=protocol)
    assert shown.exit_code == 0, shown.output
    assert sorted(line.split()[1] for line in shown.stdout.splitlines()) == sorted(OLD)
    assert _kept(broker.port) == {*OLD, *OTHERS}
    removed = _clean(tmp_path, broker.port, *_WHERE, "--yes", protocol=protocol)
    assert removed.exit_code == 0, removed.output
    assert {line.split()[0] for line in removed.stdout.splitlines()} == {"removed"}
    assert _kept(broker.port) == set(OTHERS)
    again = _clean(tmp_path, broker.port, *_WHERE, "--yes", protocol=protocol)
    assert (again.exit_code, again.stdout) == (0, "")


@pytest.mark.parametrize(
    ("more", "there", "gone"),
    [
        (("--bridge", "attic"), "gsm_meter_modem/attic", "homeassistant/device/gmm_attic/config"),
        (("--base-topic", "old"), "old/home", "homeassistant/device/gmm_home_modem_gone/config"),
        (("--discovery-prefix", "ha"), "gsm_meter_modem/home", "ha/device/gmm_home_module_hut/config"),
    ],
)
def test_mqtt_clean_removes_discovery_if_only_one_option_changed(
    tmp_path: Path, broker: Mosquitto, more: tuple[str, ...], there: str, gone: str
) -> None:
    _keep(broker.port, {gone: _device(there), **OTHERS})
    result = _clean(tmp_path, broker.port, *more, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["removed", gone]
    assert _kept(broker.port) == set(OTHERS)


def test_mqtt_clean_leaves_topics_of_running_bridge(tmp_path: Path, broker: Mosquitto) -> None:
    running = {**OLD, "old/attic/bridge/state": '{"state": "online"}'}
    _keep(broker.port, running)
    result = _clean(tmp_path, broker.port, *_WHERE, "--yes")
    assert result.exit_code == 1
    assert "a bridge runs there: old/attic/bridge/state says online" in result.output.replace("\n", " ")
    assert _kept(broker.port) == set(OLD)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_mqtt_clean_lists_topics_broker_does_not_let_it_clear(tmp_path: Path, protocol: str) -> None:
    folder, acl = tmp_path / "mosquitto", tmp_path / "acl"
    acl.write_text("topic readwrite #\n")
    with Mosquitto(folder, f"allow_anonymous true\nacl_file {acl}") as broker:
        _keep(broker.port, OLD)
        acl.write_text("topic read #\ntopic readwrite old/attic/module/#\ntopic readwrite reader/#\n")
        broker.reload()
        result = _clean(tmp_path, broker.port, *_WHERE, "--yes", protocol=protocol)
        left = {topic for topic in OLD if not topic.startswith("old/attic/module/")}
        assert result.exit_code == 1
        assert {line.split()[1] for line in result.stdout.splitlines() if line.startswith("kept")} == left
        assert _kept(broker.port) == left


@pytest.mark.parametrize(("protocol", "count"), [("5", 150), ("3.1.1", 150), ("5", 3000)])
def test_mqtt_clean_removes_more_topics_than_broker_queues(tmp_path: Path, protocol: str, count: int) -> None:
    limits = f"allow_anonymous true\nmax_queued_messages {count // 5}"
    with Mosquitto(tmp_path / "mosquitto", limits) as broker:
        many = {f"old/attic/module/hut_{n}": "{}" for n in range(count)}
        _keep(broker.port, {**many, **OTHERS})
        shown = _clean(tmp_path, broker.port, *_WHERE, protocol=protocol)
        assert {line.split()[1] for line in shown.stdout.splitlines()} == set(many)
        message = " ".join(shown.stderr.split())
        assert message.startswith(f"{count} topics; --yes removes them, and what else it finds")
        result = _clean(tmp_path, broker.port, *_WHERE, "--yes")
        assert result.exit_code == 0, result.output
        assert {line.split()[1] for line in result.stdout.splitlines()} == set(many)
        assert _kept(broker.port) == set(OTHERS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "name another"),
        (("--bridge", "home"), "name another"),
        (("--base-topic", "gsm_meter_modem"), "name another"),
        (("--base-topic", "old/#"), "without +, #"),
        (("--bridge", "At Tic"), "a-z, 0-9 and _"),
    ],
)
def test_mqtt_clean_refuses_own_topics_and_invalid_options(
    tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = _clean(tmp_path, 1, *more)
    assert result.exit_code != 0
    assert message in " ".join(result.output.replace("│", " ").split())


def test_mqtt_clean_fails_without_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.cli.mqtt_clean._CONNECT_S", 0.5)
    result = _clean(tmp_path, 1, *_WHERE)
    assert result.exit_code == 1
    assert "no answer in time" in result.output
