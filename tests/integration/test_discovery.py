"""What Home Assistant makes of discovery messages: their short keys, and another one after the first."""

from __future__ import annotations

from homeassistant.components.mqtt import abbreviations as home_assistants
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.integration.conftest import all_received, until
from tests.integration.documents import ROOT
from tests.integration.fake_bridge import PlayedBridge, golden

TOPIC = "homeassistant/device/gmm_home_module_hut/config"
ESSENTIAL = {"online", "signal_dbm", "registration", "last_seen", "problem", "request_status"}


def _tables() -> dict[str, dict[str, str]]:
    """Our tables of short keys; the bridge itself does not run in Home Assistant's environment."""
    names: dict[str, dict[str, str]] = {}
    source = (ROOT / "bridge" / "gsm_meter_bridge" / "mqtt" / "abbreviations.py").read_text("utf-8")
    for name in ("SHORT", "SHORT_OF_DEVICE", "SHORT_OF_ORIGIN"):
        table = source.partition(f"\n{name} = MappingProxyType(")[2].partition("}")[0].strip() + "}"
        names[name] = eval(table, {"__builtins__": {}})
    return names


def test_short_keys_are_those_of_home_assistant() -> None:
    ours = _tables()
    for name, theirs in (
        ("SHORT", home_assistants.ABBREVIATIONS),
        ("SHORT_OF_DEVICE", home_assistants.DEVICE_ABBREVIATIONS),
        ("SHORT_OF_ORIGIN", home_assistants.ORIGIN_ABBREVIATIONS),
    ):
        assert ours[name]
        assert {long: theirs.get(short) for long, short in ours[name].items()} == {n: n for n in ours[name]}


def test_no_published_key_could_be_shorter() -> None:
    longer = {long: short for short, long in home_assistants.ABBREVIATIONS.items() if short != long}
    for name in ("bridge", "modem", "energomera", "lers", "essential"):
        message = golden(f"discovery_{name}")
        keys = {*message, *(key for entity in message["cmps"].values() for key in entity)}
        assert keys.intersection(longer) == set(), name


async def test_essential_discovery_removes_the_other_entities(
    hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.discover()
    full = golden("discovery_energomera")
    every = {key for key, entity in full["cmps"].items() if set(entity) > {"p"}}
    await until(lambda: _of_hut(hass, mqtt) == every)
    kept = {key: entity if key in ESSENTIAL else {"p": entity["p"]} for key, entity in full["cmps"].items()}
    shape = {key: set(entity) > {"p"} for key, entity in golden("discovery_essential")["cmps"].items()}
    assert {key: key in ESSENTIAL for key in kept} == shape
    played.publish(TOPIC, full | {"cmps": kept})
    await until(lambda: _of_hut(hass, mqtt, enabled=True) == ESSENTIAL)
    if (MAJOR_VERSION, MINOR_VERSION) > (2026, 3):  # which keeps entities that were disabled
        await until(lambda: _of_hut(hass, mqtt) == ESSENTIAL)
    played.publish(TOPIC, full)
    await until(lambda: _of_hut(hass, mqtt) == every)
    await all_received(hass)


async def test_entities_of_contract_1_and_of_another_configuration_are_removed(
    hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    full = golden("discovery_energomera")
    gone = {key for key, entity in full["cmps"].items() if set(entity) == {"p"}}
    assert {"line", "line_problem", "energy_export_kwh"} <= gone
    before = {
        key: {**entity, "uniq_id": f"gmm_home_module_hut_{key}", "name": f"Former {key}"}
        for key, entity in full["cmps"].items()
    }
    played.publish(TOPIC, full | {"cmps": before})
    await until(lambda: _of_hut(hass, mqtt) == set(before))
    left_out = {key: entity for key, entity in full["cmps"].items() if key not in gone}
    played.publish(TOPIC, full | {"cmps": left_out})
    # Home Assistant keeps what a message merely leaves out
    await until(lambda: _name(hass, "online") == "Connection")
    assert _of_hut(hass, mqtt) == set(before)
    played.publish(TOPIC, full)
    await until(lambda: _of_hut(hass, mqtt) == set(before) - gone)
    await all_received(hass)


def _name(hass: HomeAssistant, key: str) -> str | None:
    """The name that discovery gave an entity of the module."""
    registry = er.async_get(hass)
    found = registry.async_get_entity_id("binary_sensor", "mqtt", f"gmm_home_module_hut_{key}")
    entity = None if found is None else registry.async_get(found)
    return None if entity is None else entity.original_name


def _of_hut(hass: HomeAssistant, entry: MockConfigEntry, *, enabled: bool = False) -> set[str]:
    """The keys of the entities that the module has, or of those that are enabled."""
    beginning = "gmm_home_module_hut_"
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    ours = (e for e in entities if e.unique_id.startswith(beginning))
    return {e.unique_id.removeprefix(beginning) for e in ours if not (enabled and e.disabled)}
