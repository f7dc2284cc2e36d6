"""Home Assistant device discovery, one message a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt.entities import MODEM, Entity, availability, of_module, sensor
from gsm_meter_bridge.mqtt.form import Document
from gsm_meter_bridge.mqtt.topics import ORIGIN, Topics

_HOME = "https://github.com/gsm-meter-modem/gsm-meter-modem"
_MAKER = "GSM Meter Modem"


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
    return _message(topics, device, entities, uid, [topics.bridge_state])


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
    return _message(topics, device, MODEM, uid, [topics.bridge_state]) | {"stat_t": topics.modem(modem)}


def module_device(topics: Topics, module: Module, identity: Document) -> Document:
    """Return the message of a module; `identity` is its state document, for model, firmware and serial."""
    uid = topics.module_uid(module.id)
    device = {
        "ids": [uid],
        "name": module.name,
        "mf": module.family.manufacturer,
        "mdl": identity.get("model") or module.family.model,
        "mdl_id": module.family.id,
        "via_device": topics.bridge_uid(),
    }
    for key, name in (("sw", "firmware"), ("sn", "serial_number")):
        if identity.get(name):
            device[key] = identity[name]
    needs = [topics.bridge_state, topics.availability(module.id)]
    return _message(topics, device, of_module(topics, module, identity), uid, needs) | {
        "stat_t": topics.module(module.id),
        "cmd_t": topics.module_set(module.id),
    }


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


def _message(
    topics: Topics, device: Document, entities: Iterable[Entity], uid: str, needs: Iterable[str]
) -> Document:
    return {
        "dev": device,
        "o": {"name": ORIGIN, "sw": __version__, "url": _HOME},
        "avty": availability(*needs),
        "avty_mode": "all",
        "qos": 1,
        "cmps": {e.key: e.component(uid) for e in entities},
    }
