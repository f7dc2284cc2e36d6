"""What Home Assistant makes of the bridge's own discovery messages and documents."""

from __future__ import annotations

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.template import Template
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import all_received, until
from tests.integration.fake_bridge import PlayedBridge, golden, verified

COMPONENTS = [
    component
    for device in ("bridge", "modem", "energomera", "lers")
    for component in golden(f"discovery_{device}")["cmps"].values()
    if set(component) > {"p"}  # the others are removed
]


async def test_devices_and_entities(
    hass: HomeAssistant,
    mqtt: MockConfigEntry,
    loaded: MockConfigEntry,
    played: PlayedBridge,
    snapshot: SnapshotAssertion,
) -> None:
    played.discover()
    await until(lambda: len(_entities(hass, mqtt)) == len(COMPONENTS))
    await all_received(hass)
    assert {device.name: _facts(device) for device in _devices(hass, mqtt)} == snapshot(name="devices")
    entities = {
        entry.entity_id: {
            "unique_id": entry.unique_id,
            "category": _text(entry.entity_category),
            "disabled_by": _text(entry.disabled_by),
            "class": _text(entry.original_device_class),
            "unit": entry.unit_of_measurement,
        }
        for entry in sorted(_entities(hass, mqtt), key=lambda entry: entry.entity_id)
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


def _entities(hass: HomeAssistant, entry: MockConfigEntry) -> list[er.RegistryEntry]:
    return er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)


def _devices(hass: HomeAssistant, entry: MockConfigEntry) -> list[dr.DeviceEntry]:
    return dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)


def _named(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> dr.DeviceEntry | None:
    return next((device for device in _devices(hass, entry) if device.name == name), None)


def _facts(device: dr.DeviceEntry) -> dict[str, Any]:
    names = ("manufacturer", "model", "model_id", "sw_version")
    return {"ids": sorted(i for _, i in device.identifiers)} | {name: getattr(device, name) for name in names}


def _text(value: str | None) -> str | None:
    """An enumeration's value, whatever Home Assistant's release calls its class."""
    return None if value is None else str(value)
