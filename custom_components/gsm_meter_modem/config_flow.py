"""Adding a bridge: found at the broker, or by hand."""

from __future__ import annotations

from typing import Any

import voluptuous as vol
from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.core import callback
from homeassistant.helpers import selector
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo

from . import capabilities, contract, options
from .bridge import Bridge
from .capabilities import BridgeInfo
from .const import CONF_BASE_TOPIC, CONF_BRIDGE, DEFAULT_BASE_TOPIC, DEFAULT_BRIDGE, DOMAIN, FIRST_INFO_S
from .contract import ContractError, Topics

_BASE_TOPIC = {vol.Required(CONF_BASE_TOPIC, default=DEFAULT_BASE_TOPIC): selector.TextSelector()}
_BY_HAND = vol.Schema(
    {**_BASE_TOPIC, vol.Required(CONF_BRIDGE, default=DEFAULT_BRIDGE): selector.TextSelector()}
)


class GsmMeterModemConfigFlow(ConfigFlow, domain=DOMAIN):
    """One entry for each bridge; its id is what makes it unique, as in the devices that it publishes."""

    VERSION = 1

    def __init__(self) -> None:
        self._topics = Topics(DEFAULT_BASE_TOPIC, DEFAULT_BRIDGE)
        self._name = DEFAULT_BRIDGE

    @staticmethod
    @callback
    def async_get_options_flow(_: Any) -> BridgeOptionsFlow:
        """Return the flow of the options."""
        return BridgeOptionsFlow()

    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """Offer a bridge whose `bridge/info` was seen at the broker, until that is emptied."""
        try:
            self._topics = Topics.of_info(discovery_info.topic)
            if not discovery_info.payload:
                return self._take_back_offers()
            info = capabilities.bridge_info(contract.read_document(discovery_info.payload))
        except ContractError:
            return self.async_abort(reason="invalid_discovery_info")
        if not info.supported:
            return self.async_abort(reason="unsupported_contract")
        await self.async_set_unique_id(info.bridge)
        self._abort_if_unique_id_configured()
        self._name = info.name
        self.context["title_placeholders"] = {"name": info.name}
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether the bridge that was found is wanted; it may have gone since, so look again."""
        errors: dict[str, str] = {}
        if user_input is not None:
            info, errors = await self._probe(self._topics.base, self._topics.bridge)
            if info is not None:
                return self._create_entry()
        self._set_confirm_only()
        placeholders = {"name": self._name, "topic": self._topics.root}
        return self.async_show_form(step_id="confirm", description_placeholders=placeholders, errors=errors)

    @callback
    def _take_back_offers(self) -> ConfigFlowResult:
        """End the flows that offer a bridge which is gone."""
        for offer in self._async_in_progress(match_context={"unique_id": self._topics.bridge}):
            self.hass.config_entries.flow.async_abort(offer["flow_id"])
        return self.async_abort(reason="no_bridge")

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add a bridge by its topic, if it answers."""
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            return self.async_abort(reason="mqtt_unavailable")
        errors: dict[str, str] = {}
        if user_input is not None:
            info, errors = await self._probe(user_input[CONF_BASE_TOPIC], user_input[CONF_BRIDGE].strip())
            if info is not None:
                await self.async_set_unique_id(info.bridge, raise_on_progress=False)
                self._abort_if_unique_id_configured()
                self._name = info.name
                return self._create_entry()
        form = self.add_suggested_values_to_schema(_BY_HAND, user_input)
        return self.async_show_form(step_id="user", data_schema=form, errors=errors)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Follow a bridge whose base topic was changed."""
        entry = self._get_reconfigure_entry()
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            return self.async_abort(reason="mqtt_unavailable")
        errors: dict[str, str] = {}
        if user_input is not None:
            info, errors = await self._probe(user_input[CONF_BASE_TOPIC], entry.data[CONF_BRIDGE])
            if info is not None:
                await self.async_set_unique_id(info.bridge, raise_on_progress=False)
                self._abort_if_unique_id_mismatch(reason="wrong_bridge")
                return self.async_update_reload_and_abort(entry, data=self._data())
        form = self.add_suggested_values_to_schema(vol.Schema(_BASE_TOPIC), user_input or entry.data)
        return self.async_show_form(step_id="reconfigure", data_schema=form, errors=errors)

    def _data(self) -> dict[str, Any]:
        return {CONF_BASE_TOPIC: self._topics.base, CONF_BRIDGE: self._topics.bridge}

    def _create_entry(self) -> ConfigFlowResult:
        return self.async_create_entry(title=self._name, data=self._data())

    async def _probe(self, base_topic: str, bridge_id: str) -> tuple[BridgeInfo | None, dict[str, str]]:
        """Return what a bridge says of itself, or by field what is wrong."""
        base_topic = base_topic.strip().strip("/")
        self._topics = Topics(base_topic, bridge_id)
        if contract.BRIDGE_ID.fullmatch(bridge_id) is None:
            return None, {CONF_BRIDGE: "invalid_bridge"}
        try:
            mqtt.valid_publish_topic(base_topic)
        except vol.Invalid:
            return None, {CONF_BASE_TOPIC: "invalid_base_topic"}
        bridge = Bridge(self.hass, self._topics)
        try:
            await bridge.async_start(FIRST_INFO_S)
        except TimeoutError:
            return None, {"base": "no_bridge"}
        finally:
            bridge.stop()
        if bridge.info is not None and not bridge.info.supported:
            return None, {"base": "unsupported_contract"}
        return (bridge.info, {}) if bridge.online else (None, {"base": "bridge_offline"})


class BridgeOptionsFlow(OptionsFlowWithReload):
    """Which repairs are shown, and from what on."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the form, keep what was chosen."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        form = self.add_suggested_values_to_schema(options.schema(), self.config_entry.options)
        return self.async_show_form(step_id="init", data_schema=form)
