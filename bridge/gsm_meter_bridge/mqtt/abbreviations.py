"""Abbreviated keys of discovery messages, which Home Assistant expands. Pure.

An excerpt of its `components/mqtt/abbreviations.py`; a test compares it with the installed release.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gsm_meter_bridge.vocabulary import Document

SHORT = MappingProxyType(
    {
        "availability": "avty",
        "availability_mode": "avty_mode",
        "command_template": "cmd_tpl",
        "command_topic": "cmd_t",
        "components": "cmps",
        "default_entity_id": "def_ent_id",
        "device": "dev",
        "device_class": "dev_cla",
        "enabled_by_default": "en",
        "entity_category": "ent_cat",
        "event_types": "evt_typ",
        "icon": "ic",
        "json_attributes_template": "json_attr_tpl",
        "json_attributes_topic": "json_attr_t",
        "options": "ops",
        "origin": "o",
        "pattern": "ptrn",
        "payload_install": "pl_inst",
        "payload_press": "pl_prs",
        "platform": "p",
        "state_class": "stat_cla",
        "state_topic": "stat_t",
        "suggested_display_precision": "sug_dsp_prc",
        "topic": "t",
        "unique_id": "uniq_id",
        "unit_of_measurement": "unit_of_meas",
        "value_template": "val_tpl",
    }
)
"""Keys of a discovery message, of its components and of its availability topics."""

SHORT_OF_DEVICE = MappingProxyType(
    {
        "identifiers": "ids",
        "manufacturer": "mf",
        "model": "mdl",
        "serial_number": "sn",
        "sw_version": "sw",
    }
)
SHORT_OF_ORIGIN = MappingProxyType({"sw_version": "sw", "support_url": "url"})


def abbreviated(message: Document) -> Document:
    """Return a discovery message, or a part of one, with every key that has an abbreviation abbreviated."""
    return {SHORT.get(key, key): _part(key, value) for key, value in message.items()}


def _part(key: str, value: object) -> object:
    match key, value:
        case "device", dict():
            return _shortened(value, SHORT_OF_DEVICE)
        case "origin", dict():
            return _shortened(value, SHORT_OF_ORIGIN)
        case "components", dict():
            return {name: abbreviated(entity) for name, entity in value.items()}
        case "availability", list():
            return [abbreviated(topic) for topic in value]
    return value


def _shortened(document: Document, short: Mapping[str, str]) -> Document:
    return {short.get(key, key): value for key, value in document.items()}
