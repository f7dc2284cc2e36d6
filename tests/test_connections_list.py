"""The lists of devices and of SIMs: what they say of a module, what they leave out, and how wide they are."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from gsm_meter_bridge.cli.connections import (
    ConnectionState,
    _read,
    client_table,
    device_of,
    device_table,
    is_in,
    matches,
    sim_of,
    sim_table,
    state_of,
)
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.configured import broker_of, topics_of
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.mqtt.client import MqttClient
from tests.support.mosquitto import Mosquitto

LINE = {
    "connected": True,
    "transport": "inbound",
    "peer": "203.0.113.201",
    "since": "2026-11-26T20:15:30+00:00",
    "used_by": None,
}
USED = LINE | {"used_by": "tunnel 127.0.0.1:50112"}
REPORTED = {
    "serial_number": "00001",
    "meter_serial": "009000000000101",
    "iccid": "8970100000000000001",
    "ip": "10.20.30.40",
    "connection": LINE,
    "connection_state": "connected",
}
REPORTED_USED = REPORTED | {"connection": USED, "connection_state": "used"}
DIALLED = "tcp: {host: 127.0.0.1, port: 9001}"


def _module(folder: Path, more: str) -> Module:
    file = folder / "config.yaml"
    module = f"id: cottage, family: energomera_gs04, number: '+79990000101', {more}"
    file.write_text(
        f"mqtt: {{host: h}}\nmodems: [{{id: m, url: /dev/x}}]\nmodules: [{{{module}}}]\n", "utf-8"
    )
    return load_config(file).modules["cottage"]


@pytest.mark.parametrize(
    ("more", "address"),
    [
        (DIALLED, None),
        (f"{DIALLED}, tunnel: {{port: 47001}}", "47001"),
        (f"{DIALLED}, tunnel: {{port: 47001}}, system_address: 94", "0.0.0.94"),
        ("system_address: 0.0.0.94", "0.0.0.94"),
        ("system_address: '0.0.0.94'", "0.0.0.94"),
        ("system_address: 0", "0.0.0.0"),
        ("system_address: 4294967295", "255.255.255.255"),
        ("system_address: null", None),
    ],
)
def test_system_address_is_as_configured_or_port_of_tunnel(
    tmp_path: Path, more: str, address: str | None
) -> None:
    assert _module(tmp_path, more).connectivity.listed_address == address


@pytest.mark.parametrize(
    "value",
    ["4294967296", "-1", "0.0.0", "0.0.0.256", "''", "x", "yes", "9.4", "[1]", "²", "0.0.0.094", "1" * 99],
)
def test_system_address_is_refused_if_invalid(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"four octets, like 0\.0\.0\.94"):
        _module(tmp_path, f"system_address: {value}")


@pytest.mark.parametrize(
    ("reported", "state", "filters"),
    [
        (None, ConnectionState.UNKNOWN, {ConnectionState.UNKNOWN}),
        ("of a later version", ConnectionState.UNKNOWN, {ConnectionState.UNKNOWN}),
        ("none", ConnectionState.NONE, {ConnectionState.NONE}),
        ("connected", ConnectionState.CONNECTED, {ConnectionState.CONNECTED}),
        ("used", ConnectionState.USED, {ConnectionState.CONNECTED, ConnectionState.USED}),
    ],
)
def test_connection_state_is_read_and_filtered(
    reported: str | None, state: ConnectionState, filters: set[ConnectionState]
) -> None:
    assert state_of({"connection_state": reported}) is state
    assert {one for one in ConnectionState if is_in(state, one)} == filters


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        (None, True),
        ("", True),
        ("COTT", True),
        ("0000101", True),
        ("0001", True),
        ("0.0.94", True),
        ("203.0.113", True),
        ("50112", True),
        ("used", True),
        ("10.20.30.40", False),
        ("inbound-", False),
    ],
)
def test_text_filter_matches_devices(tmp_path: Path, text: str | None, is_shown: bool) -> None:
    module = _module(tmp_path, f"{DIALLED}, system_address: 94")
    assert matches(module.id, device_of(module, REPORTED_USED), text) is is_shown


@pytest.mark.parametrize(
    ("text", "is_shown"), [("8970", True), ("+7999", True), ("10.20", True), ("00001 ", False)]
)
def test_text_filter_matches_sims(tmp_path: Path, text: str, is_shown: bool) -> None:
    module = _module(tmp_path, DIALLED)
    assert matches(module.id, sim_of(module, REPORTED), text) is is_shown


def test_device_list_shows_module_without_data(tmp_path: Path) -> None:
    nothing = dict.fromkeys(REPORTED)
    module = _module(tmp_path, "system_address: 94")
    assert device_of(module, nothing) | {"state": "unknown"} == {
        "serial_number": None,
        "meter_serial": None,
        "system_address": "0.0.0.94",
        "state": ConnectionState.UNKNOWN,
        "connection": None,
    }
    assert "unknown" in _shown(device_table({"cottage": device_of(module, nothing)}))
    assert "+79990000101" in _shown(sim_table({"cottage": sim_of(module, nothing)}))


def test_tables_fit_80_columns_without_loss(tmp_path: Path) -> None:
    module = _module(tmp_path, f"{DIALLED}, system_address: 94")
    long = "a_module_of_thirty_two_letters_x"
    devices = {
        "cottage": device_of(module, REPORTED),
        long: device_of(
            module, REPORTED_USED | {"connection": USED | {"peer": "2001:db8:1111:2222:3333:4444:5555:6666"}}
        ),
    }
    shown = _shown(device_table(devices))
    for message in ("00001", "009000000000101", "0.0.0.94", "connected", "used", "2026-11-26", "20:15:30"):
        assert message in shown
    for message in ("cottage", "203.0.113.201", "2001:db8:1111:2", "222:3333:4444:5", "555:6666"):
        assert message in shown
    for message in ("a_module_of_t", "hirty_two_let", "ters_x", "by tunnel", "127.0.0.1:50"):
        assert message in shown
    sims = _shown(sim_table({long: sim_of(module, REPORTED)}))
    for message in (long[:26], long[26:], "8970100000000000001", "+79990000101", "10.20.30.40"):
        assert message in sims
    client = {
        "address": "203.0.113.201",
        "listener": "clients",
        "connections": 12345,
        "last_at": LINE["since"],
        "claims": {"imei": "865374036612299", "serial_number": "[red]66666"},
    }
    clients = _shown(client_table([client]))
    for message in ("203.0.113.201", "clients", "12345", "2026-11-26", "865374036612299", "[red]66666"):
        assert message in clients


def _shown(table: Table) -> str:
    """What a screen of 80 columns has of it, of which nothing is cut off."""
    paper = io.StringIO()
    Console(width=80, file=paper).print(table)
    lines = paper.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in paper.getvalue()
    return paper.getvalue()


@pytest.mark.parametrize("payload", ["{", "[]", "null", "1", "offline", "[" * 10_000])
async def test_connections_list_ignores_payload_that_is_no_document(tmp_path: Path, payload: str) -> None:
    module = _module(tmp_path, DIALLED)
    with Mosquitto(tmp_path / "broker") as broker:
        (tmp_path / "config.yaml").write_text(
            f"mqtt: {{host: 127.0.0.1, port: {broker.port}}}\nmodems: [{{id: m, url: /dev/x}}]\n"
            f"modules: [{{id: cottage, family: energomera_gs04, number: '+79990000101', {DIALLED}}}]\n",
            "utf-8",
        )
        config = load_config(tmp_path / "config.yaml")
        topics = topics_of(config)
        others = MqttClient(broker_of(config.mqtt), "others")
        others.start()
        try:
            await others.wait_connected()
            for topic in (topics.module("cottage"), topics.unidentified_clients):
                await others.publish(topic, payload, retain=True)
            reading = asyncio.create_task(_read(config, [module], 60))
            while not reading.done():
                await others.publish(topics.module("cottage"), json.dumps(REPORTED), retain=False)
                await others.publish(topics.unidentified_clients, '{"clients": []}', retain=False)
                await asyncio.sleep(0.05)
            assert await reading == ({"cottage": REPORTED}, {"clients": []})
        finally:
            await others.stop()
