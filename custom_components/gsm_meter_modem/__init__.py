"""GSM Meter Modem: typed actions, repairs and diagnostics for the devices that a bridge publishes by MQTT."""

from __future__ import annotations

from dataclasses import dataclass

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .bridge import Bridge
from .const import CONF_BASE_TOPIC, CONF_BRIDGE, DOMAIN, FIRST_INFO_S
from .contract import Topics
from .dashboard import async_setup_dashboard
from .issues import Issues, forget_issues
from .options import Options
from .serials import Serials
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a loaded entry has."""

    bridge: Bridge
    issues: Issues


type GsmMeterConfigEntry = ConfigEntry[Runtime]


async def async_setup(hass: HomeAssistant, _: ConfigType) -> bool:
    """Register the actions and the dashboard; they say so themselves where no bridge is loaded."""
    async_setup_services(hass)
    await async_setup_dashboard(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: GsmMeterConfigEntry) -> bool:
    """Follow a bridge."""
    if not await mqtt.async_wait_for_mqtt_client(hass):
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="mqtt_unavailable")
    bridge = Bridge(hass, Topics(entry.data[CONF_BASE_TOPIC], entry.data[CONF_BRIDGE]))
    try:
        await bridge.async_start(FIRST_INFO_S)
    except TimeoutError as error:
        bridge.stop()
        placeholders = {"topic": bridge.topics.info}
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="no_info", translation_placeholders=placeholders
        ) from error
    issues = Issues(bridge, Options.read(entry.options), await Serials.load(hass, entry.entry_id))
    entry.runtime_data = Runtime(bridge, issues)
    bridge.listen(issues.look)
    return True


async def async_unload_entry(_: HomeAssistant, entry: GsmMeterConfigEntry) -> bool:
    """Let go of a bridge."""
    entry.runtime_data.bridge.stop()
    entry.runtime_data.issues.stop()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: GsmMeterConfigEntry) -> None:
    """Leave nothing behind."""
    forget_issues(hass, entry.data[CONF_BRIDGE])
    await Serials.remove(hass, entry.entry_id)
