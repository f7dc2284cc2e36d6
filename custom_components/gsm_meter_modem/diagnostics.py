"""Everything that helps to find a fault, and nothing that identifies a person or a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .bridge import Bridge, Kind
from .targets import find

if TYPE_CHECKING:
    from . import GsmMeterConfigEntry

_PRIVATE: Final = re.compile(
    r"imei|imsi|iccid|ip|smsc|number|msisdn|serial_number|meter_serial|operator"
    r"|apn_user|.*password.*|pin|puk|.*host|.*address|(?:.*\.)?white_list(?:\..*)?"
)
"""Keys whose values are taken out, settings included."""
_PRIVATE_TEXT: Final = re.compile(
    r"\+?\d(?:[ -]?\d){8,}"  # numbers, IMEI, ICCID, serials
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"  # IPv4
)


async def async_get_config_entry_diagnostics(_: HomeAssistant, entry: GsmMeterConfigEntry) -> dict[str, Any]:
    """Return what is known of a bridge, its modems and its modules."""
    bridge = entry.runtime_data.bridge
    return {
        "data": dict(entry.data),
        "options": dict(entry.options),
        "online": bridge.online,
        "documents": {topic: redacted(document) for topic, document in bridge.documents.items()},
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: GsmMeterConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return what is known of one device."""
    found = find(hass, device.identifiers)
    if found is None:
        return {}
    bridge, subject = found
    return {
        "online": bridge.online,
        "kind": subject.kind.value,
        "document": redacted(bridge.documents.get(_topic(bridge, subject.kind, subject.id), {})),
    }


def redacted(value: Any) -> Any:
    """Return a document without what is private, by the names of its values and by their looks."""
    if isinstance(value, Mapping):
        return {key: _of_key(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner) for inner in value]
    return _PRIVATE_TEXT.sub(REDACTED, value) if isinstance(value, str) else value


def _of_key(key: str, value: Any) -> Any:
    if value in (None, "", [], {}) or key == "job":
        return value
    if _PRIVATE.fullmatch(key) and not _is_source(value):
        return REDACTED
    return redacted(value)


def _is_source(value: Any) -> bool:
    """Return whether `value` says where and when a value came from, and not the value itself."""
    return isinstance(value, Mapping) and value.keys() in ({"transport", "at"}, {"source", "at"})


def _topic(bridge: Bridge, kind: Kind, subject: str) -> str:
    return bridge.topics.info if kind is Kind.BRIDGE else f"{bridge.topics.root}/{kind.value}/{subject}"
