"""The dashboard's card of all modules, as Home Assistant renders it from what the bridge tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.template import Template
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import all_heard, until
from tests.integration.documents import ROOT
from tests.integration.played_bridge import PlayedBridge, golden

VIEW: dict[str, Any] = yaml.safe_load((ROOT / "dashboards" / "meters.yaml").read_text("utf-8"))
PUMP_SIGNAL = "sensor.pump_house_signal_strength"


def _drawn(hass: HomeAssistant) -> str:
    cards = [card for section in VIEW["sections"] for card in section["cards"]]
    content = next(card["content"] for card in cards if card["type"] == "markdown")
    # strict, as the card asks for it
    return str(Template(content, hass).async_render(parse_result=False, strict=True))


def _rows(hass: HomeAssistant) -> list[str]:
    """The table without its head, and without the addresses of devices."""
    table = [line for line in _drawn(hass).splitlines() if line.startswith("| ")]
    return [" ".join(line.replace("|", " ").split()) for line in table[1:]]


def _document(name: str, **more: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(hours=2, minutes=10)).isoformat()
    return golden(name) | {"last_seen": at, "drift": {}, **more}


@pytest.fixture
async def links(
    hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry, played: PlayedBridge
) -> dict[str, str]:
    """How the card names the modules, which have both answered."""
    played.discover()
    await until(lambda: hass.states.get("sensor.hut_signal_strength"))
    await until(lambda: hass.states.get(PUMP_SIGNAL))
    await until(lambda: hass.states.get("event.hut_command_result"))
    await all_heard(hass)
    played.tell("module/hut", _document("module_energomera"))
    played.tell("module/pump", _document("module_lers", signal_dbm=-83))
    await until(lambda: sum("answers" in row and "2 hours ago" in row for row in _rows(hass)) == 2)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), mqtt.entry_id)
    names = {"Hut": "hut", "Pump house": "pump"}
    return {names[d.name]: f"[{d.name}](/config/devices/device/{d.id})" for d in devices if d.name in names}


async def test_all_is_well(hass: HomeAssistant, links: dict[str, str]) -> None:
    assert _rows(hass) == [
        f"🟢 {links['hut']} answers -71 dBm home 2 hours ago",
        f"🟢 {links['pump']} answers -83 dBm 2 hours ago",
    ]
    assert _drawn(hass).startswith("0 of 2 modules need a look.\n\n| Module | State |")
    assert "more" not in _drawn(hass)


async def test_the_troubled_come_first(
    hass: HomeAssistant, played: PlayedBridge, links: dict[str, str]
) -> None:
    hut = f"🟢 {links['hut']} answers -71 dBm home 2 hours ago"
    for told, row in (
        ({"signal_dbm": -97}, f"🟡 {links['pump']} weak signal -97 dBm 2 hours ago"),
        ({"last_seen": None, "signal_dbm": None}, f"⚪ {links['pump']} not seen yet"),
    ):
        played.tell("module/pump", _document("module_lers", **told))
        await until(lambda row=row: row in _rows(hass))
    assert _rows(hass)[1] == hut
    played.tell("module/pump/availability", {"state": "offline"})
    await until(lambda: _rows(hass) == [f"🔴 {links['pump']} no answer", hut])
    assert "1 of 2 modules need a look." in _drawn(hass)
    played.tell("bridge/state", {"state": "offline"})
    await until(lambda: all(row.startswith("⛔") and "bridge is away" in row for row in _rows(hass)))


async def test_registration_drift_and_the_last_command(
    hass: HomeAssistant, played: PlayedBridge, links: dict[str, str]
) -> None:
    played.tell("module/hut/event", golden("event_refused_wish"), retain=False)
    wanted = f"🟠 {links['hut']} answers -71 dBm home 2 hours ago set failed"
    await until(lambda: _rows(hass)[0] == wanted)
    played.tell("module/pump", _document("module_lers", drift={"apn": {"wanted": "m2m.example", "told": ""}}))
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, "home/module_pump_settings_drifted"))
    assert _rows(hass)[0] == f"🟠 {links['pump']} settings drifted 2 hours ago"
    played.tell("module/hut", _document("module_energomera", registration="denied"))
    await until(lambda: "not registered -71 dBm denied" in _rows(hass)[0])


async def test_names_may_be_changed(hass: HomeAssistant, played: PlayedBridge, links: dict[str, str]) -> None:
    renamed = {"new_entity_id": "sensor.mine", "name": "Mine"}
    entity = er.async_get(hass).async_update_entity("sensor.hut_signal_strength", **renamed)
    assert entity.device_id
    dr.async_get(hass).async_update_device(entity.device_id, name_by_user="A | B")
    await until(lambda: hass.states.get("sensor.mine"))
    assert "🟢 [A / B]" in _rows(hass)[0]
    assert "answers -71 dBm" in _rows(hass)[0]


async def test_a_fleet(hass: HomeAssistant, played: PlayedBridge, links: dict[str, str]) -> None:
    """More rows than are shown; of the bridge's other devices and of other programs there is none."""
    discovery = json.dumps(golden("discovery_lers"))
    for number in range(30):
        payload = discovery.replace("module_pump", f"module_p{number}").replace("Pump house", f"P{number:02}")
        played.publish(f"homeassistant/device/gmm_home_module_p{number}/config", payload)
    await until(lambda: "of 32 modules" in _drawn(hass))
    assert len(_rows(hass)) == 25
    assert "… and 7 more." in _drawn(hass)
