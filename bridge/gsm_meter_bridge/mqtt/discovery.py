"""Home Assistant device discovery, one message for each device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.model import Access, Address, ClientIdentity, Connectivity, DataCall, Family, Module
from gsm_meter_bridge.modem.status import ModemStatus
from gsm_meter_bridge.mqtt.abbreviations import abbreviated
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.entities import (
    ESSENTIAL,
    GONE_FROM_BRIDGE,
    GONE_FROM_MODEM,
    MODEM,
    connection,
    controls,
    observed,
    of_another_configuration,
    reported_besides,
    set_up,
    state,
    unexplained,
)
from gsm_meter_bridge.mqtt.entity import Entity, Owner, availability, flag, sensor
from gsm_meter_bridge.mqtt.options import Discovery
from gsm_meter_bridge.mqtt.topics import ORIGIN, Topics
from gsm_meter_bridge.mqtt.translations import common_translations, translations_of
from gsm_meter_bridge.translations import Language, Translations
from gsm_meter_bridge.vocabulary import Document, Secret

_HOME = "https://github.com/gsm-meter-modem/gsm-meter-modem"
_MAKER = "GSM Meter Modem"
_ANY_ID = "\ue000"
"""Placeholder for the id of a module in a cached message; a private-use character, so it is unique."""


@dataclass(frozen=True, slots=True)
class DiscoveryOptions:
    """Options of discovery messages: topics of the bridge, amount, and language of names."""

    topics: Topics
    discovery: Discovery = Discovery.FULL
    language: Language = Language.EN


def bridge_device(form: DiscoveryOptions, name: str) -> Document:
    """Return the discovery message of the bridge itself."""
    topics, translations = form.topics, common_translations(form.language)
    entities = (
        flag(
            "connection",
            "connectivity",
            "bridge.connection",
            state_topic=topics.bridge_state,
            value_template="{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
            availability=[],
        ),
        sensor("version", state_topic=topics.bridge_info),
        sensor(
            "unidentified_clients",
            state_topic=topics.unidentified_clients,
            value_template="{{ value_json.clients | count }}",
            json_attributes_topic=topics.unidentified_clients,
        ),
        flag(
            "problem",
            "problem",
            state_topic=topics.health,
            value_template="{{ 'ON' if value_json.problems or value_json.internal_errors else 'OFF' }}",
            json_attributes_topic=topics.health,
        ),
        sensor("modules", state_topic=topics.bridge_info, value_template="{{ value_json.module_count }}"),
    )
    uid = topics.bridge_uid()
    device = {
        "identifiers": [uid],
        "name": name,
        "manufacturer": _MAKER,
        "model": translations.name("bridge"),
        "sw_version": __version__,
    }
    owner = _owner(form, uid, f"{topics.bridge}_bridge", topics.bridge_info)
    message = _message(topics, entities, owner, [topics.bridge_state], GONE_FROM_BRIDGE)
    return abbreviated({"device": device, **message})


def modem_device(form: DiscoveryOptions, modem: str, name: str, status: ModemStatus) -> Document:
    """Return the discovery message of a gateway modem."""
    topics, uid = form.topics, form.topics.modem_uid(modem)
    device = {
        "identifiers": [uid],
        "name": name,
        "manufacturer": status.manufacturer or common_translations(form.language).unknown(),
        "model": status.model or common_translations(form.language).name("modem.name"),
        "via_device": topics.bridge_uid(),
    }
    if status.firmware:
        device["sw_version"] = status.firmware
    owner = _owner(form, uid, modem, topics.modem(modem))
    entities = (*MODEM, set_up(owner.topic))
    message = _message(topics, entities, owner, [topics.bridge_state], GONE_FROM_MODEM)
    return abbreviated({"device": device, **message, "state_topic": owner.topic})


def module_device(form: DiscoveryOptions, module: Module, document: Document) -> Document:
    """Return the discovery message of a module; `document` is its state document."""
    besides, codes = reported_besides(module, document), unexplained(document)
    common = _common(form, module, besides, codes)
    return abbreviated({"device": _module(form.topics, module, document)}) | common


def module_payload(
    form: DiscoveryOptions,
    module: Module,
    document: Document,
    codes: tuple[tuple[str, str], ...] | None = None,
) -> str:
    """Return `module_device` as a payload; what modules of a kind have in common is cached.

    `codes` are the labels of values reported so far that no table explains, by the name of the value; if
    None, those in `document`.
    """
    family: Any = module.family
    access = replace(module.access, password=Secret(""), frame=None)
    connectivity = _kind_of(module.connectivity)
    besides, codes = reported_besides(module, document), unexplained(document) if codes is None else codes
    common = _common_text(form, family, access, connectivity, besides, codes).replace(_ANY_ID, module.id)
    device = dump(abbreviated({"device": _module(form.topics, module, document)}))
    return f"{device.removesuffix('}')},{common.removeprefix('{')}"


def _kind_of(connectivity: Connectivity) -> Connectivity:
    """Return the part of `connectivity` that makes a difference to the discovery message."""
    return Connectivity(
        identify_by=None if connectivity.identify_by is None else ClientIdentity(),
        address=None if connectivity.address is None else Address("", 0),
        data_call=None if connectivity.data_call is None else DataCall(),
    )


def _module(topics: Topics, module: Module, document: Document) -> Document:
    device = {
        "identifiers": [topics.module_uid(module.id)],
        "name": module.name,
        "manufacturer": module.family.manufacturer,
        "model": document.get("model") or module.model or module.family.model,
        "via_device": topics.bridge_uid(),
    }
    for key, name in (("sw_version", "firmware"), ("serial_number", "serial_number")):
        if document.get(name):
            device[key] = document[name]
    return device


def _common(
    form: DiscoveryOptions, module: Module, besides: tuple[str, ...], codes: tuple[tuple[str, str], ...]
) -> Document:
    """Return the part of the message that is the same for modules of a kind, except for the id."""
    topics = form.topics
    owner = _owner(form, topics.module_uid(module.id), module.id, topics.module(module.id), module.family)
    owner = replace(owner, unexplained=codes)
    line = connection(topics, module) if module.connectivity.by_tcp else ()
    entities = (
        *observed(module, owner.translations, besides),
        *line,
        *state(topics, module),
        *controls(topics, module),
    )
    needs = [topics.bridge_state, topics.availability(module.id)]
    shown = ESSENTIAL if form.discovery is Discovery.ESSENTIAL else None
    topics_of_module = {"state_topic": owner.topic, "command_topic": topics.module_set(module.id)}
    others = of_another_configuration(topics, module, owner.translations)
    return abbreviated(_message(topics, entities, owner, needs, others, shown) | topics_of_module)


@lru_cache(maxsize=256)
def _common_text(
    form: DiscoveryOptions,
    family: Any,
    access: Access,
    connectivity: Connectivity,
    besides: tuple[str, ...],
    codes: tuple[tuple[str, str], ...],
) -> str:
    # a fleet has thousands of modules with the same family, access and connectivity
    return dump(_common(form, Module(_ANY_ID, "", family, "", access, connectivity), besides, codes))


def belongs_to(topics: Topics, message: Any) -> bool:
    """Return whether a discovery message found at the broker was published by this bridge."""
    if not isinstance(message, dict):
        return False
    origin, needs = message.get("o"), message.get("avty")
    return (
        isinstance(origin, dict)
        and origin.get("name") == ORIGIN
        and isinstance(needs, list)
        and any(isinstance(n, dict) and n.get("t") == topics.bridge_state for n in needs)
    )


def _owner(
    form: DiscoveryOptions, uid: str, entity_ids: str, topic: str, family: Family | None = None
) -> Owner:
    def translations(language: Language) -> Translations:
        return common_translations(language) if family is None else translations_of(language, family)

    return Owner(uid, entity_ids, topic, translations(form.language), translations(Language.EN))


def _message(
    topics: Topics,
    entities: Iterable[Entity],
    owner: Owner,
    needs: Iterable[str],
    others: Iterable[Entity],
    shown: frozenset[str] | None = None,
) -> Document:
    """Return a message without its device; entities that are not in `shown`, and `others`, are removed.

    Home Assistant removes an entity if its component holds the platform alone; leaving it out is not enough.
    """
    made = {e.key: e.component(owner) if shown is None or e.key in shown else e.removed() for e in entities}
    return {
        "origin": {"name": ORIGIN, "sw_version": __version__, "support_url": _HOME},
        "availability": availability(*needs),
        "availability_mode": "all",
        "qos": 1,
        "components": made | {e.key: e.removed() for e in others if e.key not in made},
    }
