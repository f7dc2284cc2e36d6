"""Diagnostics help and tell nothing private; system health has its facts."""

from __future__ import annotations

import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from custom_components.gsm_meter_modem import diagnostics
from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import until
from tests.integration.fake_bridge import PlayedBridge, golden

PRIVATE: dict[str, Any] = {
    "number": "+79990000101",
    "imei": "861234567890123",
    "imsi": "250011234567890",
    "iccid": "8970100000000000001",
    "ip": "10.20.30.40",
    "smsc": "+79168999100",
    "serial_number": "LG-12",
    "meter_serial": "000011223344556",
    "apn_user": "anna",
    "apn_password": "hunter2",
    "access_password": "4321x",
    "server_host": "secret.example",
    "server.0.address": "secret.example:20000",
    "server.1.white_list.3": "+79990000303",
    "white_list.0": "+79990000304",
    "words": "call +7 999 000-03-05 from 10.20.30.41 or 8970199000000000101",
}
SECRETS = (
    *("9990000", "999 000", "861234567890123", "250011234567890", "89701", "10.20.30", "79168999100"),
    *("LG-12", "000011223344556", "anna", "hunter2", "4321x", "secret.example"),
)


def test_a_document_full_of_private_things() -> None:
    drift = {name: {"desired": value, "reported": value} for name, value in PRIVATE.items()}
    results = {"before": PRIVATE, "after": [PRIVATE]}
    document = {"settings": PRIVATE, "drift": drift, "last_result": results, **PRIVATE}
    text = json.dumps(diagnostics.redacted(document))
    for secret in SECRETS:
        assert secret not in text
    assert set(diagnostics.redacted(PRIVATE).values()) == {
        "**REDACTED**",
        "call **REDACTED** from **REDACTED** or **REDACTED**",
    }


def test_what_helps_stays() -> None:
    kept = {"job": "01935123456789012345", "at": "2026-11-21T12:00:40+00:00", "signal_dbm": -71, "imei": None}
    kept |= {"sources": {"imei": {"source": "sms", "at": "2026-11-21T12:00:40+00:00"}}}
    kept |= {"serial_port": "9600,8,N,1", "firmware": "c1.0v1.4.8420.1.1.1", "apn": "m2m.example", "ip": ""}
    assert diagnostics.redacted(kept) == kept


async def test_of_an_entry(hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge) -> None:
    root = "gsm_meter_modem/home"
    diagnosed = await diagnostics.async_get_config_entry_diagnostics(hass, loaded)
    assert (diagnosed["data"], diagnosed["options"], diagnosed["online"]) == (dict(loaded.data), {}, True)
    topics = ("bridge/info", "modem/stick", "module/hut", "module/pump")
    assert set(diagnosed["documents"]) == {f"{root}/{topic}" for topic in topics}
    hut = diagnosed["documents"][f"{root}/module/hut"]
    assert (hut["signal_dbm"], hut["imei"], hut["iccid"]) == (-71, "**REDACTED**", "**REDACTED**")
    assert hut["number"] == "**REDACTED**"
    played.publish_below("module/pump", golden("module_lers") | {"settings": PRIVATE} | PRIVATE)
    await until(lambda: "smsc" in loaded.runtime_data.bridge.documents["gsm_meter_modem/home/module/pump"])
    text = json.dumps(await diagnostics.async_get_config_entry_diagnostics(hass, loaded))
    for secret in SECRETS:
        assert secret not in text


async def test_of_devices(hass: HomeAssistant, loaded: MockConfigEntry, devices: dict[str, str]) -> None:
    registry = dr.async_get(hass)
    diagnosed: dict[str, Any] = {}
    for name, device_id in devices.items():
        device = registry.async_get(device_id)
        assert isinstance(device, dr.DeviceEntry)
        diagnosed[name] = await diagnostics.async_get_device_diagnostics(hass, loaded, device)
    assert {name: each["kind"] for name, each in diagnosed.items()} == {
        "bridge": "bridge",
        "stick": "modem",
        "hut": "module",
        "pump": "module",
    }
    assert diagnosed["bridge"]["document"]["contract"] in (1, 2)
    assert diagnosed["stick"]["document"]["sms_storage_total"] == 20
    assert diagnosed["hut"]["document"]["signal_dbm"] == -71
    stranger = registry.async_get_or_create(config_entry_id=loaded.entry_id, identifiers={("other", "1")})
    assert await diagnostics.async_get_device_diagnostics(hass, loaded, stranger) == {}


async def test_system_health(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    assert await get_system_health_info(hass, DOMAIN) == {
        "mqtt_connected": True,
        "contract": "1, 2",
        "bridges": 1,
        "bridges_online": 1,
        "versions": "0.1.0",
        "modules": 2,
        "modems_connected": 1,
    }
