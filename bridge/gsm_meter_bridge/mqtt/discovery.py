"""Home Assistant device discovery, one message a device. Pure.

Entities are rows; which of them a module has follows from what its family can tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gsm_meter_bridge import __version__
from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.modem import ModemStatus
from gsm_meter_bridge.mqtt.documents import COMMON, EVENT_TYPES, UPDATE_STATE, Document, observed_names
from gsm_meter_bridge.mqtt.topics import ORIGIN, Topics
from gsm_meter_bridge.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import OBSERVABLES, Observable, Registration

_HOME = "https://github.com/gsm-meter-modem/gsm-meter-modem"
_MAKER = "GSM Meter Modem"


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its key in `cmps`, its platform, its name and what else the platform wants."""

    key: str
    platform: str
    name: str
    extra: Document = field(default_factory=dict)

    def component(self, uid: str) -> Document:
        """Return the entity's part of the message."""
        return {"p": self.platform, "uniq_id": f"{uid}_{self.key}", "name": self.name, **self.extra}


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
        _sensor("version", "Version", stat_t=topics.bridge_info),
        _sensor("modules", "Modules", stat_t=topics.bridge_info, val_tpl="{{ value_json.modules | count }}"),
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
    return _message(topics, device, _MODEM, uid, [topics.bridge_state]) | {"stat_t": topics.modem(modem)}


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
    entities = (*_observed(module), *_controls(topics, module))
    return _message(topics, device, entities, uid, needs) | {
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
        "avty": _needs(*needs),
        "avty_mode": "all",
        "qos": 1,
        "cmps": {e.key: e.component(uid) for e in entities},
    }


def _needs(*topics: str) -> list[Document]:
    return [{"t": t, "val_tpl": "{{ value_json.state }}"} for t in topics]


def _sensor(key: str, name: str, **extra: Any) -> Entity:
    return Entity(
        key, "sensor", name, {"ent_cat": "diagnostic", "val_tpl": f"{{{{ value_json.{key} }}}}", **extra}
    )


def _number(key: str, name: str, unit: str | None = None, **extra: Any) -> Entity:
    measured = {"stat_cla": "measurement", **({"unit_of_meas": unit} if unit else {}), **extra}
    return _sensor(key, name, **measured)


def _enum(key: str, name: str, options: Iterable[str], **extra: Any) -> Entity:
    return _sensor(key, name, dev_cla="enum", ops=list(options), **extra)


def _flag(key: str, name: str, device_class: str | None = None, **extra: Any) -> Entity:
    value = f"{{{{ none if value_json.{key} is none else ('ON' if value_json.{key} else 'OFF') }}}}"
    kind = {"dev_cla": device_class} if device_class else {}
    return Entity(key, "binary_sensor", name, {"ent_cat": "diagnostic", "val_tpl": value, **kind, **extra})


_MODEM = (
    _flag("connected", "Connection", "connectivity"),
    _flag("ready", "Ready to send"),
    _sensor("problem", "Problem", val_tpl="{{ value_json.problem or 'none' }}"),
    _number("signal_dbm", "Signal strength", "dBm", dev_cla="signal_strength"),
    _enum("registration", "Registration", Registration),
    _sensor("operator", "Operator"),
    _enum("sim", "SIM", SimState),
    _number("sms_storage_used", "SMS storage used"),
    _number("sms_storage_total", "SMS storage size", en=False),
    _sensor("sms_sent_today", "SMS sent today", stat_cla="total_increasing"),
    _number("messages_from_strangers", "Messages from strangers", en=False),
)

_DEVICE_CLASSES = {"signal_dbm": "signal_strength", "tcp": "connectivity"}
_ICONS = {
    "signal_level": "mdi:signal",
    "registration": "mdi:radio-tower",
    "band": "mdi:sine-wave",
    "ip": "mdi:ip-network",
    "imei": "mdi:identifier",
    "iccid": "mdi:sim",
    "sim": "mdi:sim",
    "operator": "mdi:transmission-tower",
    "firmware": "mdi:chip",
    "meter_type": "mdi:meter-electric",
    "meter_serial": "mdi:meter-electric",
}


def _observed(module: Module) -> Iterable[Entity]:
    can_tell = observed_names(module)
    for name in dict.fromkeys((*COMMON, *can_tell)):
        # a value that nothing can tell by now is there, but not shown until somebody wants it
        hidden = {} if name in can_tell else {"en": False}
        yield _of_observable(OBSERVABLES[name], hidden)
    # what follows from the signal is there where the signal is told
    for reading in module.family.derived({}):
        hidden = {} if reading.name == "signal_sufficient" and "signal_dbm" in can_tell else {"en": False}
        yield _of_observable(OBSERVABLES[reading.name], hidden)


def _of_observable(it: Observable, extra: Document) -> Entity:
    extra = extra | ({"ic": _ICONS[it.name]} if it.name in _ICONS else {})
    device_class = _DEVICE_CLASSES.get(it.name)
    if it.kind == "flag":
        return _flag(it.name, it.title, device_class, **extra)
    if it.kind == "enum":
        return _enum(it.name, it.title, it.options, **extra)
    kind = {"dev_cla": device_class} if device_class else {}
    if it.kind == "integer":
        return _number(it.name, it.title, it.unit, **kind, **extra)
    return _sensor(it.name, it.title, **kind, **extra)


def _controls(topics: Topics, module: Module) -> Iterable[Entity]:
    # these make sense, or matter most, while the module does not answer
    reachable = {"avty": _needs(topics.bridge_state)}
    yield _sensor("last_seen", "Last seen", dev_cla="timestamp", **reachable)
    yield _flag("online", "Connection", "connectivity", **reachable)
    yield Entity(
        "request_status",
        "button",
        "Request status",
        {"pl_prs": '{"request_status": true}', "ic": "mdi:message-question-outline", **reachable},
    )
    yield Entity(
        "read_settings",
        "button",
        "Read settings",
        {"pl_prs": '{"read_settings": true}', "ent_cat": "config", "ic": "mdi:cog-refresh", **reachable},
    )
    yield Entity(
        "result",
        "event",
        "Command result",
        {
            "ent_cat": "diagnostic",
            "stat_t": topics.event(module.id),
            "evt_typ": list(EVENT_TYPES),
            **reachable,
        },
    )
    for action in module.family.actions:
        press = {"pl_prs": json.dumps({"action": action.name}), "ent_cat": "config", "en": False}
        yield Entity(f"do_{action.name.replace('.', '_')}", "button", action.title, {**press, **reachable})
        if UPDATE_STATE in action.tells:
            yield Entity(
                "firmware_update",
                "update",
                "Firmware",
                {
                    "dev_cla": "firmware",
                    "ent_cat": "config",
                    "val_tpl": "{{ value_json.firmware_update | tojson }}",
                    "pl_inst": press["pl_prs"],
                },
            )
    for setting in module.family.settings:
        if setting.read_by and not setting.secret and not setting.indexes:
            yield from _setting(setting, reachable)


def _setting(setting: Setting, reachable: Document) -> Iterable[Entity]:
    """Yield the control of a setting; one that can cut the module off is disabled, and its value a sensor."""
    if not setting.cuts_off or setting.name == "apn":
        yield _control(setting, setting.name, setting.title, reachable)
        return
    value = _setting_template(setting)
    yield _sensor(setting.name, setting.title, val_tpl=value)
    yield _control(setting, f"set_{setting.name}", f"Set {_lower(setting.title)}", {**reachable, "en": False})


def _lower(title: str) -> str:
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def _setting_template(setting: Setting) -> str:
    # a code that no table explains is no option of a select
    path = f"value_json.settings.{setting.name}"
    return f"{{{{ none if {path} == 'unknown' else {path} }}}}"


def _control(setting: Setting, key: str, title: str, extra: Document) -> Entity:
    common = {
        "ent_cat": "config",
        "cmd_tpl": f"{{{{ {{'{setting.name}': value}} | tojson }}}}",
        "val_tpl": _setting_template(setting),
        **extra,
    }
    match setting.kind:
        case SettingKind.INTEGER:
            unit = {"unit_of_meas": setting.unit} if setting.unit else {}
            bounds = {"min": min((setting.minimum, *setting.also)), "max": setting.maximum, "mode": "box"}
            return Entity(key, "number", title, {**common, **unit, **bounds})
        case SettingKind.ENUM:
            return Entity(key, "select", title, {**common, "ops": list(setting.options)})
        case _:
            return Entity(key, "text", title, {**common, **_text(setting)})


def _text(setting: Setting) -> Document:
    # empty as long as it is not known: Home Assistant has no other word for that in a text
    return {
        "min": 0,
        "max": setting.maximum,
        "ptrn": f"^(?:{setting.pattern})?$",
        "val_tpl": f"{{{{ value_json.settings.{setting.name} or '' }}}}",
    }
