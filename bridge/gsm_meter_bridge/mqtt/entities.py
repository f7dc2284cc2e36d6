"""The entities of our devices; which of them a module has follows from what its family can tell. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.mqtt.answers import EVENT_TYPES
from gsm_meter_bridge.mqtt.documents import COMMON, UPDATE_STATE, observed_names
from gsm_meter_bridge.mqtt.form import Document
from gsm_meter_bridge.mqtt.icons import icon_of
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import OBSERVABLES, Observable, Registration


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its key in `cmps`, its platform, its name and what else the platform wants."""

    key: str
    platform: str
    name: str
    extra: Document = field(default_factory=dict)

    def component(self, uid: str) -> Document:
        """Return the entity's part of the message."""
        icon = icon_of(self.key) if self.extra.get("dev_cla", "enum") == "enum" else None
        shown = {"ic": icon} if icon is not None else {}
        return {"p": self.platform, "uniq_id": f"{uid}_{self.key}", "name": self.name, **self.extra, **shown}


def availability(*topics: str) -> list[Document]:
    """Return the topics that must say `online`."""
    return [{"t": t, "val_tpl": "{{ value_json.state }}"} for t in topics]


def sensor(key: str, name: str, **extra: Any) -> Entity:
    """Return a diagnostic sensor; `extra` adds to and replaces what it has by default."""
    return Entity(
        key, "sensor", name, {"ent_cat": "diagnostic", "val_tpl": f"{{{{ value_json.{key} }}}}", **extra}
    )


def _number(key: str, name: str, unit: str | None = None, **extra: Any) -> Entity:
    measured = {"stat_cla": "measurement", **({"unit_of_meas": unit} if unit else {}), **extra}
    return sensor(key, name, **measured)


def _enum(key: str, name: str, options: Iterable[str], **extra: Any) -> Entity:
    return sensor(key, name, dev_cla="enum", ops=list(options), **extra)


def _flag(key: str, name: str, device_class: str | None = None, **extra: Any) -> Entity:
    value = f"{{{{ none if value_json.{key} is none else ('ON' if value_json.{key} else 'OFF') }}}}"
    kind = {"dev_cla": device_class} if device_class else {}
    return Entity(key, "binary_sensor", name, {"ent_cat": "diagnostic", "val_tpl": value, **kind, **extra})


MODEM = (
    _flag("connected", "Connection", "connectivity"),
    _flag("ready", "Ready to send"),
    sensor("problem", "Problem", val_tpl="{{ value_json.problem or 'none' }}"),
    _number("signal_dbm", "Signal strength", "dBm", dev_cla="signal_strength"),
    _enum("registration", "Registration", Registration),
    sensor("operator", "Operator"),
    _enum("sim", "SIM", SimState),
    _number("sms_storage_used", "SMS storage used"),
    _number("sms_storage_total", "SMS storage size", en=False),
    sensor("sms_sent_today", "SMS sent today", stat_cla="total_increasing"),
    sensor("sms_sent_month", "SMS sent this month", stat_cla="total_increasing"),
    _number("budget_left", "SMS left"),
    _number("cost_month", "Cost this month", en=False),
    _number("messages_from_strangers", "Messages from strangers", en=False),
    _number("messages_orphaned", "Parts of messages left over", en=False),
)

_DEVICE_CLASSES = {"signal_dbm": "signal_strength", "tcp": "connectivity"}


def told_besides(module: Module, told: Document) -> tuple[str, ...]:
    """Return the names of what a module `told` besides what its requests tell: over a connection."""
    expected = frozenset(observed_names(module))
    return tuple(
        n for n, value in told.items() if n in OBSERVABLES and value is not None and n not in expected
    )


def observed(module: Module, besides: tuple[str, ...] = ()) -> Iterable[Entity]:
    """Yield what a module tells, and what it told `besides`."""
    can_tell = (*observed_names(module), *besides)
    for name in dict.fromkeys((*COMMON, *can_tell)):
        # a value that nothing can tell by now is there, but not shown until somebody wants it
        hidden = {} if name in can_tell else {"en": False}
        yield _of_observable(OBSERVABLES[name], hidden)
    # what follows from the signal is there where the signal is told
    for reading in module.family.derived({}):
        hidden = {} if reading.name == "signal_sufficient" and "signal_dbm" in can_tell else {"en": False}
        yield _of_observable(OBSERVABLES[reading.name], hidden)


def _of_observable(it: Observable, extra: Document) -> Entity:
    device_class = _DEVICE_CLASSES.get(it.name)
    if it.kind == "flag":
        return _flag(it.name, it.title, device_class, **extra)
    if it.kind == "enum":
        return _enum(it.name, it.title, it.options, **extra)
    kind = {"dev_cla": device_class} if device_class else {}
    if it.kind == "energy":
        energy = {"dev_cla": "energy", "stat_cla": "total_increasing", "unit_of_meas": it.unit}
        return Entity(it.name, "sensor", it.title, {"val_tpl": _value_of(it.name), **energy, **extra})
    if it.kind == "integer":
        return _number(it.name, it.title, it.unit, **kind, **extra)
    return sensor(it.name, it.title, **kind, **extra)


def _value_of(name: str) -> str:
    return f"{{{{ value_json.{name} }}}}"


def connection(topics: Topics) -> Iterable[Entity]:
    """Yield what there is to see of a module's TCP connection."""
    reachable = {"avty": availability(topics.bridge_state)}
    path = "value_json.connection"
    line = {
        "ent_cat": "diagnostic",
        "dev_cla": "connectivity",
        "val_tpl": f"{{{{ 'ON' if {path}.connected else 'OFF' }}}}",
        **reachable,
    }
    yield Entity("line", "binary_sensor", "TCP connection to the bridge", line)
    yield sensor("line_peer", "Connected from", val_tpl=f"{{{{ {path}.peer }}}}", en=False, **reachable)
    yield sensor(
        "line_user", "Connection used by", val_tpl=f"{{{{ {path}.used_by }}}}", en=False, **reachable
    )


def controls(topics: Topics, module: Module) -> Iterable[Entity]:
    """Yield what a module can be asked for and set to, and how it is reached."""
    # these make sense, or matter most, while the module does not answer
    reachable = {"avty": availability(topics.bridge_state)}
    yield sensor("last_seen", "Last seen", dev_cla="timestamp", **reachable)
    yield _flag("online", "Connection", "connectivity", **reachable)
    yield sensor("sms_sent_month", "SMS sent this month", stat_cla="total_increasing", en=False, **reachable)
    yield sensor("restarts_caused", "Restarts caused", stat_cla="total_increasing", en=False, **reachable)
    yield Entity(
        "request_status",
        "button",
        "Request status",
        {"pl_prs": '{"request_status": true}', **reachable},
    )
    yield Entity(
        "read_settings",
        "button",
        "Read settings",
        {"pl_prs": '{"read_settings": true}', "ent_cat": "config", **reachable},
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
    call = module.family.call
    for action in (*module.family.actions, *((call,) if call is not None else ())):
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
    yield sensor(setting.name, setting.title, val_tpl=value)
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
