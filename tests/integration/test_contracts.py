"""A bridge is understood in contract 1 and in contract 2; one of another contract becomes a repair."""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.gsm_meter_modem import capabilities, contract
from custom_components.gsm_meter_modem.bridge import Bridge
from custom_components.gsm_meter_modem.capabilities import CONTRACTS
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.contract import ContractError, Drifted
from tests.integration.conftest import until
from tests.integration.fake_bridge import CONTRACT, CONTRACT_1, PlayedBridge, golden, verified

FOLDERS = {1: CONTRACT_1, golden("bridge_info")["contract"]: CONTRACT}
UNSUPPORTED = (DOMAIN, "home/bridge_home_contract_unsupported")
HEAD = {"version": "0.2.0", "contract": 2, "bridge": "home", "name": "Bridge"}
FAMILY = {"title": "A family", "settings": [{"name": "apn"}, {"name": "server.<n>.rule.<x>"}]}


@pytest.fixture(params=sorted(FOLDERS))
async def bridge(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    mqtt: MockConfigEntry,
    played: PlayedBridge,
) -> Any:
    """A bridge that speaks one of the contracts, loaded."""
    played.publish_documents(FOLDERS[request.param])
    assert await hass.config_entries.async_setup(entry.entry_id)
    followed = entry.runtime_data.bridge
    await until(lambda: len(followed.subjects()) == 4)
    assert followed.info.contract == request.param
    yield followed
    await hass.config_entries.async_unload(entry.entry_id)


async def test_modules_are_known_in_each_contract(bridge: Bridge) -> None:
    hut, pump = bridge.module("hut"), bridge.module("pump")
    assert (hut.name, pump.name) == ("Hut", "Pump house")
    assert hut.has_setting("connect_period_s")
    assert not hut.has_setting("server.0.address")
    assert pump.has_setting("server.1.rule.9")
    assert not pump.has_setting("server.1.rule.11")
    assert [hut.has_action(name) for name in ("apply", "reboot")] == [True, False]
    assert [pump.has_action(name) for name in ("apply", "reboot", "connect")] == [True] * 3
    assert bridge.module("nobody") is None
    assert bridge.modules["hut"].drift == {"connect_period_s": Drifted(300, 60)}
    assert bridge.modules["hut"].profile == contract.Profile("assumed_status", verified=False)


async def test_an_action_in_each_contract(
    hass: HomeAssistant, mqtt: MockConfigEntry, bridge: Bridge, played: PlayedBridge
) -> None:
    registry = dr.async_get(hass)
    device = registry.async_get_or_create(
        config_entry_id=mqtt.entry_id, identifiers={("mqtt", "gmm_home_module_pump")}, name="Pump"
    )
    played.answer("reboot", verified)
    data = {"device_id": device.id}
    answer = await hass.services.async_call(DOMAIN, "reboot", data, blocking=True, return_response=True)
    assert answer["results"][device.id]["module"] == "pump"
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            DOMAIN, "set_mode", data | {"mode": "sms", "confirm": True}, blocking=True
        )
    assert raised.value.translation_key == "setting_missing"


async def test_modules_come_and_go_while_it_runs(bridge: Bridge, played: PlayedBridge) -> None:
    document = golden("module_lers", FOLDERS[bridge.info.contract]) | {"name": "Barn"}
    info = golden("bridge_info", FOLDERS[bridge.info.contract])
    if bridge.info.lists_modules:
        pump = next(module for module in info["modules"] if module["id"] == "pump")
        info["modules"].append(pump | {"id": "barn", "name": "Barn"})
        played.publish_below("bridge/info", info)
    played.publish_below("module/barn", document)
    await until(lambda: "barn" in bridge.modules and bridge.module("barn") is not None)
    assert bridge.module("barn").name == "Barn"
    assert bridge.module("barn").has_action("reboot")
    assert "gmm_home_module_barn" in bridge.identifiers()
    if bridge.info.lists_modules:
        info["modules"].pop()
        played.publish_below("bridge/info", info)
    played.publish_below("module/barn", "")
    await until(lambda: "barn" not in bridge.modules)
    await until(lambda: "gmm_home_module_barn" not in bridge.identifiers())
    assert bridge.module("barn") is None


async def test_a_bridge_is_updated_while_it_runs(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    bridge = loaded.runtime_data.bridge
    played.publish_documents(CONTRACT_1)
    await until(lambda: bridge.info.contract == 1)
    played.publish_below(
        "bridge/info", HEAD | {"families": {"lers_gsm_mini": FAMILY | {"actions": ["apply"]}}}
    )
    await until(lambda: bridge.info.contract == 2)
    played.publish_below(
        "module/pump", golden("module_lers") | {"family": "lers_gsm_mini", "name": "Well", "actions": None}
    )
    await until(lambda: bridge.module("pump").name == "Well")
    assert not bridge.module("pump").has_action("reboot")


async def test_a_contract_that_is_not_known_is_a_repair(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    bridge = loaded.runtime_data.bridge
    registry = dr.async_get(hass)
    entry = hass.config_entries.async_entries("mqtt")[0]
    device = registry.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("mqtt", "gmm_home_module_pump")}
    )
    played.publish_below(
        "bridge/info", {"contract": 3, "version": "9.0", "bridge": "home", "families": 7, "modules": "none"}
    )
    await until(lambda: UNSUPPORTED in ir.async_get(hass).issues)
    placeholders = ir.async_get(hass).issues[UNSUPPORTED].translation_placeholders
    assert placeholders == {"name": "home", "version": "3", "bridge": "9.0", "spoken": "1, 2"}
    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call(DOMAIN, "request_status", {"device_id": device.id}, blocking=True)
    assert raised.value.translation_key == "contract_unsupported"
    assert not played.asked
    played.publish_below("bridge/info", golden("bridge_info"))
    await until(lambda: UNSUPPORTED not in ir.async_get(hass).issues)
    assert bridge.info.supported


@pytest.mark.parametrize(
    ("family", "module", "can", "cannot"),
    [
        ({"actions": ["apply", "reboot"]}, {}, {"apply", "reboot"}, {"connect"}),
        ({"actions": ["apply", "reboot"]}, {"actions": ["apply"]}, {"apply"}, {"reboot"}),
        ({"actions": ["connect.0"]}, {"actions": None}, {"connect"}, {"apply"}),
        ({"actions": ["apply"]}, {"actions": []}, set(), {"apply"}),
        ({}, {}, {"apply", "anything"}, set()),  # not told: the bridge judges
        ({}, {"family": "another"}, {"apply"}, set()),
    ],
)
def test_what_a_module_can_do_in_contract_2(
    family: dict[str, Any], module: dict[str, Any], can: set[str], cannot: set[str]
) -> None:
    info = capabilities.bridge_info(HEAD | {"families": {"f": FAMILY | family}})
    found = info.module("hut", contract.module_state({"family": "f", "name": "Hut"} | module))
    assert found is not None
    assert {name for name in can | cannot if found.has_action(name)} == can


@pytest.mark.parametrize(
    ("module", "known", "unknown"),
    [
        ({"family": "f"}, {"apn", "server.1.rule.9"}, {"mode", "server.x.rule.9", "rule"}),
        ({"family": "f", "supported_settings": ["mode"]}, {"mode"}, {"apn"}),
        ({"family": "another"}, {"apn", "anything"}, set()),
        ({}, {"apn"}, set()),
    ],
)
def test_settings_of_a_module_in_contract_2(
    module: dict[str, Any], known: set[str], unknown: set[str]
) -> None:
    info = capabilities.bridge_info(HEAD | {"families": {"f": FAMILY}})
    found = info.module("hut", contract.module_state(module))
    assert found is not None
    assert found.name == "hut"
    assert {name for name in known | unknown if found.has_setting(name)} == known


@pytest.mark.parametrize(
    "wrong",
    [
        {"contract": "two"},
        {"contract": None},
        {"families": ["f"]},
        {"families": {"f": 1}},
        {"families": {"f": {"settings": [{}]}}},
        {"families": {"f": {"settings": 1}}},
        {"bridge": "No Id"},
        {"contract": 1},
        {"contract": 1, "modules": [{"id": "x"}]},
    ],
    ids=str,
)
def test_an_info_that_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        capabilities.bridge_info(HEAD | {"families": {}} | wrong)


@pytest.mark.parametrize(
    "drift", [["apn"], {"apn": 1}, {"apn": {}}, {"apn": {"desired": 1}}, {"apn": {"wanted": 1}}], ids=str
)
def test_a_drift_that_is_none(drift: Any) -> None:
    with pytest.raises(ContractError):
        contract.module_state({"drift": drift})


def test_contracts_that_are_spoken() -> None:
    assert CONTRACTS == (1, 2)
