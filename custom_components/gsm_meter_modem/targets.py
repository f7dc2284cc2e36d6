"""From a device of Home Assistant to the bridge, modem or module that it stands for.

The devices belong to the MQTT integration, because the bridge publishes them by discovery; their identifiers
say whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.mqtt import DOMAIN as MQTT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .bridge import Bridge, Kind, Subject
from .capabilities import ModuleInfo
from .const import DOMAIN
from .errors import failed, invalid

if TYPE_CHECKING:
    from . import GsmMeterConfigEntry


@dataclass(frozen=True, slots=True)
class Target:
    """What an action is called for."""

    device_id: str
    name: str
    bridge: Bridge
    subject: Subject

    @property
    def module(self) -> ModuleInfo | None:
        """Return what a module can do; None for a modem or a bridge."""
        return self.bridge.module(self.subject.id) if self.subject.kind is Kind.MODULE else None


def resolve(hass: HomeAssistant, device_id: str, wanted: Kind) -> Target:
    """Return the target.

    Raises ServiceValidationError for a device of others, HomeAssistantError where the bridge is away.
    """
    device = dr.async_get(hass).async_get(device_id)
    if device is None:
        raise invalid("unknown_device", device=device_id)
    name = device.name_by_user or device.name or device_id
    found = find(hass, device.identifiers)
    if found is None:
        raise invalid("foreign_device", device=name)
    bridge, subject = found
    if wanted is not Kind.BRIDGE and subject.kind is not wanted:
        raise invalid(f"not_a_{wanted.value}", device=name)
    check(bridge)
    return Target(device_id, name, bridge, bridge.subject if wanted is Kind.BRIDGE else subject)


def find(hass: HomeAssistant, identifiers: Iterable[tuple[str, str]]) -> tuple[Bridge, Subject] | None:
    """Return the bridge that published the device with these identifiers, and what of it that is."""
    entries: list[GsmMeterConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    for entry in entries:
        subjects = entry.runtime_data.bridge.identifiers()
        for domain, identifier in identifiers:
            if domain == MQTT and identifier in subjects:
                return entry.runtime_data.bridge, subjects[identifier]
    return None


def check(bridge: Bridge) -> None:
    """Raise HomeAssistantError unless the bridge is there and speaks our language.

    A request that waits at the broker would be carried out whenever the bridge comes back.
    """
    if bridge.info is not None and not bridge.info.supported:
        raise failed("contract_unsupported", bridge=bridge.info.name, version=str(bridge.info.contract))
    if not bridge.online:
        raise failed("bridge_offline", bridge=bridge.topics.bridge)
