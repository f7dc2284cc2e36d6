"""Home Assistant device discovery, one message a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.family import Access, Caller, Module, Reach
from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt.entities import (
    MODEM,
    Entity,
    availability,
    connection,
    controls,
    observed,
    sensor,
    told_besides,
)
from gsm_meter_bridge.mqtt.form import Document, dump
from gsm_meter_bridge.mqtt.topics import ORIGIN, Topics
from gsm_meter_bridge.vocabulary import Secret

_HOME = "https://github.com/gsm-meter-modem/gsm-meter-modem"
_MAKER = "GSM Meter Modem"
_ANY_ID = "\ue000"
"""Stands for the id of a module, as nothing else does."""


def bridge_device(topics: Topics, name: str) -> Document:
    """Return the message of the bridge itself."""
    uid = topics.bridge_uid()
    entities = (
        Entity(
            "connection",
            "binary_sensor",
            "Connection",
            {
                "dev_cla": "connectivity",
                "ent_cat": "diagnostic",
                "stat_t": topics.bridge_state,
                "val_tpl": "{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
                "avty": [],
            },
        ),
        sensor("version", "Version", stat_t=topics.bridge_info),
        sensor(
            "callers",
            "Unknown callers",
            stat_t=topics.callers,
            val_tpl="{{ value_json.callers | count }}",
            json_attr_t=topics.callers,
        ),
        sensor("modules", "Modules", stat_t=topics.bridge_info, val_tpl="{{ value_json.modules | count }}"),
    )
    device = {"ids": [uid], "name": name, "mf": _MAKER, "mdl": "Bridge", "sw": __version__}
    return {"dev": device, **_message(topics, entities, uid, [topics.bridge_state])}


def modem_device(topics: Topics, modem: str, name: str, status: ModemStatus) -> Document:
    """Return the message of our own modem."""
    uid = topics.modem_uid(modem)
    device = {
        "ids": [uid],
        "name": name,
        "mf": status.manufacturer or "unknown",
        "mdl": status.model or "GSM modem",
        "via_device": topics.bridge_uid(),
    }
    if status.firmware:
        device["sw"] = status.firmware
    message = _message(topics, MODEM, uid, [topics.bridge_state])
    return {"dev": device, **message, "stat_t": topics.modem(modem)}


def module_device(topics: Topics, module: Module, identity: Document) -> Document:
    """Return the message of a module; `identity` is its state document, for model, firmware and serial."""
    return {
        "dev": _module(topics, module, identity),
        **_common(topics, module, told_besides(module, identity)),
    }


def module_payload(topics: Topics, module: Module, identity: Document) -> str:
    """Return `module_device` as text, of which only little is made for each module of a kind."""
    family: Any = module.family
    access = replace(module.access, password=Secret(""), frame=None)
    reach = Reach(caller=Caller()) if module.reach.by_tcp else Reach()
    besides = told_besides(module, identity)
    common = _common_text(topics, family, access, reach, besides).replace(_ANY_ID, module.id)
    return f'{{"dev":{dump(_module(topics, module, identity))},{common.removeprefix("{")}'


def _module(topics: Topics, module: Module, identity: Document) -> Document:
    device = {
        "ids": [topics.module_uid(module.id)],
        "name": module.name,
        "mf": module.family.manufacturer,
        "mdl": identity.get("model") or module.family.model,
        "mdl_id": module.family.id,
        "via_device": topics.bridge_uid(),
    }
    for key, name in (("sw", "firmware"), ("sn", "serial_number")):
        if identity.get(name):
            device[key] = identity[name]
    return device


def _common(topics: Topics, module: Module, besides: tuple[str, ...]) -> Document:
    """Return all of the message that, but for the id, modules of a kind have in common."""
    needs = [topics.bridge_state, topics.availability(module.id)]
    line = connection(topics) if module.reach.by_tcp else ()
    entities = (*observed(module, besides), *line, *controls(topics, module))
    return _message(topics, entities, topics.module_uid(module.id), needs) | {
        "stat_t": topics.module(module.id),
        "cmd_t": topics.module_set(module.id),
    }


@lru_cache(maxsize=256)
def _common_text(topics: Topics, family: Any, access: Access, reach: Reach, besides: tuple[str, ...]) -> str:
    # a fleet has thousands of modules that are spoken to in the same way
    return dump(_common(topics, Module(_ANY_ID, "", family, "", access, reach), besides))


def belongs_to(topics: Topics, message: Any) -> bool:
    """Return whether a discovery message found at the broker was written by this very bridge."""
    if not isinstance(message, dict):
        return False
    origin = message.get("o") if isinstance(message.get("o"), dict) else {}
    needs = message.get("avty")
    return (
        isinstance(origin, dict)
        and origin.get("name") == ORIGIN
        and isinstance(needs, list)
        and any(isinstance(n, dict) and n.get("t") == topics.bridge_state for n in needs)
    )


def state_topics(topics: Topics, message: Document) -> tuple[str, ...]:
    """Return the retained topics that a device of ours had besides its discovery message."""
    state = message.get("stat_t")
    if not isinstance(state, str) or not state.startswith(f"{topics.root}/"):
        return ()
    return state, f"{state}/availability"


def _message(topics: Topics, entities: Iterable[Entity], uid: str, needs: Iterable[str]) -> Document:
    return {
        "o": {"name": ORIGIN, "sw": __version__, "url": _HOME},
        "avty": availability(*needs),
        "avty_mode": "all",
        "qos": 1,
        "cmps": {e.key: e.component(uid) for e in entities},
    }
