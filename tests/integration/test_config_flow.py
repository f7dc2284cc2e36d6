"""A bridge is added: found at the broker, or by hand; it is followed elsewhere; its options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from homeassistant.config_entries import (
    SOURCE_MQTT,
    SOURCE_USER,
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.gsm_meter_modem import config_flow
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.options import ISSUES, Options
from tests.integration.conftest import all_received, until
from tests.integration.fake_bridge import PlayedBridge, golden

HOME = {"base_topic": "gsm_meter_modem", "bridge": "home"}
OF_ANOTHER_TIME = golden("bridge_info") | {"contract": 99}

pytestmark = pytest.mark.usefixtures("mqtt")


@pytest.fixture
def hurried() -> Iterator[pytest.MonkeyPatch]:
    """A bridge that does not tell of itself is not waited for long, until this is undone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_flow, "FIRST_INFO_S", 1.0)
        yield patch


async def _by_hand(hass: HomeAssistant, **form: str) -> ConfigFlowResult:
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "user")
    return await hass.config_entries.flow.async_configure(flow["flow_id"], HOME | form)


def _found(payload: str, topic: str = "gsm_meter_modem/home/bridge/info") -> MqttServiceInfo:
    return MqttServiceInfo(
        topic=topic,
        payload=payload,
        qos=1,
        retain=True,
        subscribed_topic="gsm_meter_modem/+/bridge/info",
        timestamp=0.0,
    )


async def test_by_hand(hass: HomeAssistant, played: PlayedBridge) -> None:
    played.publish_documents()
    made = await _by_hand(hass, base_topic=" gsm_meter_modem/ ")
    assert (made["type"], made["title"]) == (FlowResultType.CREATE_ENTRY, "GSM meter bridge")
    assert made["data"] == HOME
    entry = made["result"]
    assert entry.unique_id == "home"
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    again = await _by_hand(hass)
    assert (again["type"], again["reason"]) == (FlowResultType.ABORT, "already_configured")
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("form", "form_input", "errors"),
    [
        (
            {},
            {"bridge/info": golden("bridge_info"), "bridge/state": {"state": "offline"}},
            {"base": "bridge_offline"},
        ),
        (
            {},
            {"bridge/info": OF_ANOTHER_TIME, "bridge/state": {"state": "online"}},
            {"base": "unsupported_contract"},
        ),
        ({"base_topic": "a/#"}, {}, {"base_topic": "invalid_base_topic"}),
        ({"bridge": "a/b"}, {}, {"bridge": "invalid_bridge"}),
    ],
)
async def test_by_hand_with_faults(
    hass: HomeAssistant,
    played: PlayedBridge,
    form: dict[str, str],
    form_input: dict[str, Any],
    errors: dict[str, str],
) -> None:
    for topic, document in form_input.items():
        played.publish_below(topic, document)
    shown = await _by_hand(hass, **form)
    assert (shown["type"], shown["errors"]) == (FlowResultType.FORM, errors)
    await _entered_again(hass, played, shown)


@pytest.mark.parametrize("form_input", [{}, {"bridge/info": golden("bridge_info")}])
async def test_by_hand_without_a_bridge(
    hass: HomeAssistant, played: PlayedBridge, hurried: pytest.MonkeyPatch, form_input: dict[str, Any]
) -> None:
    for topic, document in form_input.items():
        played.publish_below(topic, document)
    await all_received(hass)
    shown = await _by_hand(hass)
    assert (shown["type"], shown["errors"]) == (FlowResultType.FORM, {"base": "no_bridge"})
    hurried.undo()
    await _entered_again(hass, played, shown)


async def _entered_again(hass: HomeAssistant, played: PlayedBridge, shown: ConfigFlowResult) -> None:
    """The bridge is there now: the same form makes an entry."""
    played.publish_documents()
    await all_received(hass)  # the first attempt's messages, too, which a person would never outrun
    made = await hass.config_entries.flow.async_configure(shown["flow_id"], HOME)
    assert made["type"] is FlowResultType.CREATE_ENTRY, made
    await hass.config_entries.async_unload(made["result"].entry_id)


async def test_by_hand_without_mqtt(hass: HomeAssistant, mqtt: MockConfigEntry) -> None:
    await hass.config_entries.async_unload(mqtt.entry_id)
    await hass.config_entries.async_set_disabled_by(mqtt.entry_id, ConfigEntryDisabler.USER)
    shown = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (shown["type"], shown["reason"]) == (FlowResultType.ABORT, "mqtt_unavailable")


async def test_a_bridge_at_the_broker_is_found(hass: HomeAssistant, played: PlayedBridge) -> None:
    played.publish_documents()
    flows = hass.config_entries.flow
    await until(lambda: flows.async_progress_by_handler(DOMAIN))
    (found,) = flows.async_progress_by_handler(DOMAIN)
    assert found["context"]["title_placeholders"] == {"name": "GSM meter bridge"}
    assert found["step_id"] == "confirm"
    made = await flows.async_configure(found["flow_id"], {})
    assert (made["type"], made["title"], made["data"]) == (
        FlowResultType.CREATE_ENTRY,
        "GSM meter bridge",
        HOME,
    )
    await hass.config_entries.async_unload(made["result"].entry_id)


async def test_a_bridge_that_has_gone_is_offered_no_more(hass: HomeAssistant, played: PlayedBridge) -> None:
    flows = hass.config_entries.flow
    played.publish_documents()
    await until(lambda: flows.async_progress_by_handler(DOMAIN))
    played.publish_below(
        "bridge/info", golden("bridge_info") | {"bridge": "north"}, root="gsm_meter_modem/north"
    )
    await until(lambda: len(flows.async_progress_by_handler(DOMAIN)) == 2)
    played.publish_below("bridge/info", "")
    await until(lambda: len(flows.async_progress_by_handler(DOMAIN)) == 1)
    assert flows.async_progress_by_handler(DOMAIN)[0]["context"]["unique_id"] == "north"
    played.publish_below("bridge/info", golden("bridge_info"))
    await until(lambda: len(flows.async_progress_by_handler(DOMAIN)) == 2)


async def test_a_bridge_is_looked_for_again_before_it_is_added(
    hass: HomeAssistant, played: PlayedBridge, hurried: pytest.MonkeyPatch
) -> None:
    flows = hass.config_entries.flow
    played.publish_documents()
    await until(lambda: flows.async_progress_by_handler(DOMAIN))
    (found,) = flows.async_progress_by_handler(DOMAIN)
    played.publish_below("bridge/state", {"state": "offline"})
    await all_received(hass)
    shown = await flows.async_configure(found["flow_id"], {})
    assert (shown["type"], shown["errors"]) == (FlowResultType.FORM, {"base": "bridge_offline"})
    played.publish_below("bridge/state", "")
    await all_received(hass)
    shown = await flows.async_configure(found["flow_id"], {})
    assert (shown["type"], shown["errors"]) == (FlowResultType.FORM, {"base": "no_bridge"})
    hurried.undo()
    played.publish_below("bridge/state", {"state": "online"})
    await all_received(hass)
    made = await flows.async_configure(found["flow_id"], {})
    assert made["type"] is FlowResultType.CREATE_ENTRY
    await hass.config_entries.async_unload(made["result"].entry_id)


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        ("", "gsm_meter_modem/home/bridge/info", "no_bridge"),
        ("{}", "gsm_meter_modem/home/bridge/info", "invalid_discovery_info"),
        ("{}", "gsm_meter_modem/Not An Id/bridge/info", "invalid_discovery_info"),
        (
            '{"version": "9", "contract": 9, "bridge": "home"}',
            "gsm_meter_modem/home/bridge/info",
            "unsupported_contract",
        ),
    ],
)
async def test_what_is_found_is_no_bridge(hass: HomeAssistant, payload: str, topic: str, reason: str) -> None:
    found = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_MQTT}, data=_found(payload, topic)
    )
    assert (found["type"], found["reason"]) == (FlowResultType.ABORT, reason)


async def test_reconfigure(hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge) -> None:
    shown = await loaded.start_reconfigure_flow(hass)
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "reconfigure")
    played.publish_below("bridge/state", {"state": "online"}, root="meters/home")
    played.publish_below("bridge/info", golden("bridge_info"), root="meters/home")
    done = await hass.config_entries.flow.async_configure(shown["flow_id"], {"base_topic": "meters"})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert loaded.data == HOME | {"base_topic": "meters"}
    await until(lambda: loaded.state is ConfigEntryState.LOADED)
    assert loaded.runtime_data.bridge.topics.root == "meters/home"


async def test_reconfigure_with_faults(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hurried: pytest.MonkeyPatch
) -> None:
    shown = await loaded.start_reconfigure_flow(hass)
    shown = await hass.config_entries.flow.async_configure(shown["flow_id"], {"base_topic": "meters"})
    assert (shown["type"], shown["errors"]) == (FlowResultType.FORM, {"base": "no_bridge"})
    hurried.undo()
    played.publish_below("bridge/state", {"state": "online"}, root="meters/home")
    played.publish_below("bridge/info", golden("bridge_info") | {"bridge": "north"}, root="meters/home")
    done = await hass.config_entries.flow.async_configure(shown["flow_id"], {"base_topic": "meters"})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "wrong_bridge")
    assert loaded.data == HOME


async def test_reconfigure_without_mqtt(
    hass: HomeAssistant, loaded: MockConfigEntry, mqtt: MockConfigEntry
) -> None:
    await hass.config_entries.async_set_disabled_by(mqtt.entry_id, ConfigEntryDisabler.USER)
    shown = await loaded.start_reconfigure_flow(hass)
    assert (shown["type"], shown["reason"]) == (FlowResultType.ABORT, "mqtt_unavailable")


async def test_options(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert Options.read(loaded.options) == Options()
    shown = await hass.config_entries.options.async_init(loaded.entry_id)
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "init")
    assert shown["data_schema"]({})["issues"] == list(ISSUES)
    chosen = {"issues": ["bridge_away"], "bridge_away_min": 5, "missed_polls": 2, "signal_low_h": 1}
    done = await hass.config_entries.options.async_configure(
        shown["flow_id"], chosen | {"signal_threshold_dbm": -95}
    )
    assert done["type"] is FlowResultType.CREATE_ENTRY
    options = Options.read(loaded.options)
    assert options.issues == {"bridge_away"}
    assert (options.bridge_away.seconds, options.missed_polls) == (300, 2)
    assert (options.signal_low.seconds, options.signal_threshold_dbm) == (3600, -95)
    await until(lambda: loaded.state is ConfigEntryState.LOADED)
