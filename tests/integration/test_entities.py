"""What Home Assistant makes of the bridge's own discovery messages and documents."""

from __future__ import annotations

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.template import Template
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import until
from tests.integration.played_bridge import PlayedBridge, verified


async def test_devices_and_entities(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, snapshot: SnapshotAssertion
) -> None:
    played.discover()
    await _settled(hass)
    registry = er.async_get(hass)
    entities = {
        entry.entity_id: {
            "unique_id": entry.unique_id,
            "category": entry.entity_category,
            "disabled_by": entry.disabled_by,
            "class": entry.original_device_class,
            "unit": entry.unit_of_measurement,
        }
        for entry in sorted(registry.entities.values(), key=lambda entry: entry.entity_id)
        if entry.platform == "mqtt"
    }
    assert entities == snapshot(name="registry")
    states = {entity: state.state for entity in entities if (state := hass.states.get(entity)) is not None}
    assert states == snapshot(name="states")


async def test_an_action_for_a_device_that_was_discovered(
    hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.discover()
    await until(lambda: _named(hass, mqtt, "Pump house"))
    played.answer("request_status", verified)
    device = _named(hass, mqtt, "Pump house")
    # as docs/integration.md has it
    template = """{{ integration_entities('mqtt') | map('device_id') | unique
                     | select('is_device_attr', 'manufacturer', 'LERS') | list }}"""
    assert device is not None
    assert Template(template, hass).async_render() == [device.id]
    answer = await hass.services.async_call(
        DOMAIN, "request_status", {"device_id": device.id}, blocking=True, return_response=True
    )
    assert answer is not None
    assert answer["results"][device.id]["module"] == "pump"


TOLD = {
    "sensor.gsm_meter_bridge_version": "0.1.0",
    "sensor.gsm_modem_signal_strength": "-77",
    "sensor.hut_signal_strength": "-71",
    "text.hut_apn": "m2m.example",
    "binary_sensor.pump_house_connection": "off",
}
"""A value of each device's document."""


async def _settled(hass: HomeAssistant) -> None:
    """Return once each device has told its document and nothing changes any more."""

    def now() -> dict[str, str]:
        return {state.entity_id: state.state for state in hass.states.async_all()}

    before: dict[str, str] = {}
    while not (before == now() and TOLD.items() <= before.items() and "unavailable" not in before.values()):
        before = now()
        await asyncio.sleep(0.5)


def _named(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> dr.DeviceEntry | None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next((device for device in devices if device.name == name), None)
