"""A line for each fact that people are asked for when something does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components import mqtt, system_health
from homeassistant.core import HomeAssistant, callback

from .capabilities import CONTRACTS
from .const import DOMAIN

if TYPE_CHECKING:
    from . import GsmMeterConfigEntry


@callback
def async_register(_: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the facts."""
    register.async_register_info(system_health_info)


async def system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the facts."""
    entries: list[GsmMeterConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    bridges = [entry.runtime_data.bridge for entry in entries]
    return {
        "mqtt_connected": mqtt.is_connected(hass),
        "contract": ", ".join(map(str, CONTRACTS)),
        "bridges": len(bridges),
        "bridges_online": sum(bridge.online is True for bridge in bridges),
        "versions": ", ".join(sorted({b.info.version for b in bridges if b.info})),
        "modules": sum(len(bridge.modules) for bridge in bridges),
        "modems_connected": sum(modem.connected for bridge in bridges for modem in bridge.modems.values()),
    }
