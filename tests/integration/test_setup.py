"""An entry is set up, follows its bridge, and goes without a trace."""

from __future__ import annotations

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components import gsm_meter_modem
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.contract import Sim
from tests.integration.conftest import all_received, until
from tests.integration.fake_bridge import CONTRACT_1, PlayedBridge, golden


async def test_what_a_bridge_reports_is_known(loaded: MockConfigEntry) -> None:
    bridge = loaded.runtime_data.bridge
    assert bridge.online
    assert bridge.info is not None
    assert (bridge.info.version, bridge.info.name) == ("0.1.0", "GSM meter bridge")
    assert bridge.module("pump").has_setting("server.1.rule.9")
    assert not bridge.module("hut").has_setting("server.1.rule.9")
    assert bridge.modems["stick"].sim is Sim.READY
    assert bridge.modules["hut"].signal_dbm == -71
    assert bridge.modules["pump"].missed_polls == 3


@pytest.mark.usefixtures("mqtt", "played")
async def test_without_a_bridge_it_is_tried_again(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsm_meter_modem, "FIRST_INFO_S", 1.0)
    await all_received(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "no_info"


async def test_without_mqtt_it_is_not_set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "mqtt_unavailable"


async def test_a_bridge_that_goes_and_comes(
    loaded: MockConfigEntry, played: PlayedBridge, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = loaded.runtime_data.bridge
    for state in ("offline", "offline", "online", "online"):
        played.publish_below("bridge/state", {"state": state})
    played.publish_below("module/hut", golden("module_energomera") | {"signal_dbm": -99})
    await until(lambda: bridge.modules["hut"].signal_dbm == -99)
    assert bridge.online
    assert caplog.text.count("bridge gsm_meter_modem/home is away") == 1
    assert caplog.text.count("bridge gsm_meter_modem/home is back") == 1


async def test_what_is_no_document_is_left_out(
    loaded: MockConfigEntry, played: PlayedBridge, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = loaded.runtime_data.bridge
    for payload in (
        "{",
        "[1]",
        '{"contract": 1}',
        '{"contract": 1, "version": 1, "bridge": "?", "modules": []}',
    ):
        played.publish_below("bridge/info", payload, retain=False)
    played.publish_below("response/set", {"transaction": 1, "status": "odd"}, retain=False)
    played.publish_below("module/hut", golden("module_energomera") | {"drift": ["apn"]}, retain=False)
    played.publish_below("modem/stick", golden("modem") | {"sim": "strange"})
    await until(lambda: bridge.modems["stick"].sim is Sim.UNKNOWN)
    assert bridge.info is not None
    assert bridge.info.bridge == "home"
    complaints = {record.getMessage() for record in caplog.records if record.levelname == "WARNING"}
    assert len([message for message in complaints if "is not as the contract says" in message]) == 6


async def test_modules_and_modems_that_are_removed(loaded: MockConfigEntry, played: PlayedBridge) -> None:
    bridge = loaded.runtime_data.bridge
    info = golden("bridge_info", CONTRACT_1)
    played.publish_below("bridge/info", "", retain=False)
    played.publish_below("bridge/info", info | {"modules": info["modules"][:1]})
    await until(lambda: set(bridge.modules) == {"hut"})
    played.publish_below("module/hut", "")
    played.publish_below("modem/stick", "")
    await until(lambda: bridge.subjects() == [bridge.subject])
    assert set(bridge.documents) == {bridge.topics.info}


async def test_reload(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    before = loaded.runtime_data
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert loaded.state is ConfigEntryState.LOADED
    assert loaded.runtime_data is not before


async def test_removal(hass: HomeAssistant, loaded: MockConfigEntry, hass_storage: dict[str, object]) -> None:
    issues = ir.async_get(hass).issues
    await until(lambda: any(domain == DOMAIN for domain, _ in issues))
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert not [issue for domain, issue in issues if domain == DOMAIN]
    assert not [key for key in hass_storage if key.startswith(DOMAIN)]


async def test_two_bridges(hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge) -> None:
    root = "meters/north"
    played.publish_below("bridge/state", {"state": "online"}, root=root)
    played.publish_below(
        "bridge/info", golden("bridge_info") | {"bridge": "north", "name": "North"}, root=root
    )
    data = {"base_topic": "meters", "bridge": "north"}
    other = MockConfigEntry(domain=DOMAIN, data=data, unique_id="north")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    assert loaded.runtime_data.bridge.info.name == "GSM meter bridge"
    assert other.runtime_data.bridge.info.name == "North"
    played.publish_below("module/hut", golden("module_energomera"), root=root)
    await until(lambda: "gmm_north_module_hut" in other.runtime_data.bridge.identifiers())
    await hass.config_entries.async_unload(other.entry_id)
