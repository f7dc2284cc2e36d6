"""Entities of the bridge's devices; a module's follow from the values that its family can report. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.commands.reads import IDENTITY
from gsm_meter_bridge.model import Action, ClientIdentity, Connectivity, Module, observables_of
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.modem.status import ProblemCode
from gsm_meter_bridge.mqtt.documents import COMMON, observed_names
from gsm_meter_bridge.mqtt.entity import (
    PRIMARY,
    Entity,
    availability,
    enumeration,
    flag,
    measurement,
    sensor,
)
from gsm_meter_bridge.mqtt.labels import is_translated
from gsm_meter_bridge.mqtt.module_values import UPDATE_STATE
from gsm_meter_bridge.mqtt.responses import EVENT_TYPES
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.translations import Translations
from gsm_meter_bridge.vocabulary import UNKNOWN, Document, Observable, Registration, is_secret

ESSENTIAL = frozenset({"online", "signal_dbm", "registration", "last_seen", "problem", "request_status"})
"""Keys of the entities of a module if discovery is essential, as in a large fleet."""

MODEM = (
    flag("connected", "connectivity", "modem.connected", **PRIMARY),
    flag("ready", named="modem.ready"),
    enumeration("problem", ("none", *ProblemCode), "problem_code", "modem.problem"),
    measurement("signal_dbm", "dBm", device_class="signal_strength", **PRIMARY),
    enumeration("registration", Registration, **PRIMARY),
    sensor("operator"),
    enumeration("sim", SimState, named="modem.sim"),
    measurement("sms_storage_used"),
    measurement("sms_storage_total", enabled_by_default=False),
    sensor("sms_sent_today", state_class="total_increasing"),
    sensor("sms_sent_month", state_class="total_increasing"),
    measurement("budget_left"),
    measurement("cost_month", enabled_by_default=False),
    measurement("sms_from_unknown_numbers", enabled_by_default=False),
    measurement("messages_orphaned", enabled_by_default=False),
)

GONE_FROM_BRIDGE = (sensor("callers"),)
GONE_FROM_MODEM = (sensor("messages_from_strangers"),)
_GONE_FROM_MODULE = (sensor("line_problem"),)
"""Entities of contract 1 (docs/migration.md), which are removed."""

_UNDONE = "value_json.setup.values() | rejectattr('state', 'eq', 'done') | list | count"


def set_up(topic: str) -> Entity:
    """Return the sensor of a modem's undone set-up steps; its attributes are all steps, from `topic`."""
    return sensor(
        "setup",
        value_template=f"{{{{ {_UNDONE} }}}}",
        enabled_by_default=False,
        json_attributes_topic=topic,
        json_attributes_template="{{ value_json.setup | tojson }}",
    )


_KWH_DECIMALS = 3
"""Decimals of energy in kWh that are shown; meters report up to seven."""

_LAST_SEEN_STEP_S = 600
"""Resolution of "Last seen" of a module with TCP, which may report every minute."""


def reported_besides(module: Module, document: Document) -> tuple[str, ...]:
    """Return the names of values in `document` that no request reads, because they came over a connection."""
    expected = frozenset(observed_names(module))
    known = observables_of(module.family)
    return tuple(n for n, value in document.items() if n in known and value is not None and n not in expected)


def unexplained(document: Document) -> tuple[tuple[str, str], ...]:
    """Return pairs (name, label) of the values in `document`, a module's document, that no table explains."""
    raw = {**document, **document.get("settings", {})}
    labels = document.get("labels", {})
    return tuple((n, label) for n, label in labels.items() if raw.get(n) == UNKNOWN)


def observed(module: Module, translations: Translations, besides: tuple[str, ...] = ()) -> Iterable[Entity]:
    """Yield the sensors of the values that a module can report, and of those in `besides`."""
    reportable, known = (*observed_names(module), *besides), observables_of(module.family)
    for name in dict.fromkeys((*COMMON, *reportable)):
        # a value without a data source so far exists, but is disabled until the user enables it
        hidden = {} if name in reportable else {"enabled_by_default": False}
        yield replace(_of_observable(known[name], translations, hidden), icon=known[name].icon)
    # a derived value is enabled if the module can report the value that it follows from
    for reading in module.family.derived({}):
        it = known[reading.name]
        hidden = {} if it.follows_from in reportable else {"enabled_by_default": False}
        yield replace(_of_observable(it, translations, hidden), icon=it.icon)


def _of_observable(it: Observable, translations: Translations, extra: Document) -> Entity:
    device_class = it.device_class
    if it.name in ESSENTIAL:
        extra = {**extra, **PRIMARY}
    if it.kind == "flag":
        return flag(it.name, device_class, **extra)
    if is_translated(it, translations):
        return enumeration(it.name, it.options, **extra)
    if it.kind == "energy":
        energy: Document = {
            "device_class": "energy",
            "state_class": "total_increasing",
            "unit_of_measurement": it.unit,
            "suggested_display_precision": _KWH_DECIMALS,
        }
        return sensor(it.name, **{**energy, **PRIMARY, **extra})
    if it.measured:
        return measurement(it.name, it.unit, device_class=device_class, **extra)
    return sensor(it.name, unit_of_measurement=it.unit, device_class=device_class, **extra)


def connection(topics: Topics, module: Module) -> Iterable[Entity]:
    """Yield the entities of a module's TCP connection; connectivity only if the module keeps it open.

    A module that the bridge connects to is connected for moments only; `problem` shows whether that failed.
    """
    reachable: Document = {"availability": availability(topics.bridge_state)}
    path = "value_json.connection"
    if module.connectivity.identify_by is not None and module.connectivity.address is None:
        is_connected = f"{{{{ 'ON' if {path}.connected else 'OFF' }}}}"
        yield flag("line", "connectivity", "connection.connected", **reachable, value_template=is_connected)
    for key, name in (("line_peer", "peer"), ("line_user", "used_by")):
        value = f"{{{{ {path}.{name} }}}}"
        yield sensor(key, f"connection.{name}", value_template=value, enabled_by_default=False, **reachable)


def state(topics: Topics, module: Module) -> Iterable[Entity]:
    """Yield the entities of a module's state, which are available also while it does not answer."""
    reachable: Document = {"availability": availability(topics.bridge_state)}
    yield flag("online", "connectivity", **reachable, **PRIMARY)
    seen = "{{ value_json.last_seen }}"
    if module.connectivity.by_tcp:
        moment = f"as_timestamp(value_json.last_seen) // {_LAST_SEEN_STEP_S} * {_LAST_SEEN_STEP_S}"
        seen = f"{{{{ none if value_json.last_seen is none else ({moment}) | timestamp_utc }}}}"
    yield sensor("last_seen", device_class="timestamp", value_template=seen, **reachable, **PRIMARY)
    details = "'connection_problem': {0}.problem, 'tunnel_problem': {0}.tunnel_problem"
    at_tcp = f", {details.format('value_json.connection')}" if module.connectivity.by_tcp else ""
    yield flag(
        "problem",
        "problem",
        **reachable,
        value_template="{{ 'ON' if value_json.problems else 'OFF' }}",
        json_attributes_topic=topics.module(module.id),
        json_attributes_template=f"{{{{ {{'problems': value_json.labels.problems, "
        f"'codes': value_json.problems{at_tcp}}} | tojson }}}}",
    )
    for key in ("sms_sent_month", "restarts_caused"):
        yield sensor(key, state_class="total_increasing", enabled_by_default=False, **reachable)


def controls(topics: Topics, module: Module) -> Iterable[Entity]:
    """Yield the controls of a module: buttons of requests and actions, the command result, and settings."""
    reachable: Document = {"availability": availability(topics.bridge_state)}
    yield _button("request_status", reachable)
    if any(IDENTITY.intersection(read.yields) for read in module.family.reads(module.access)):
        yield _button("request_identity", {"entity_category": "diagnostic", **reachable})
    yield _button("read_settings", {"entity_category": "config", **reachable})
    result = {"entity_category": "diagnostic", "state_topic": topics.event(module.id), **reachable}
    yield Entity("result", "event", result, values=EVENT_TYPES, label="event_type")
    call = module.family.call
    for action in (*module.family.actions, *((call,) if call is not None else ())):
        yield from _action(action, reachable)
    known = observables_of(module.family)
    for setting in module.family.settings:
        if setting.read_by and not setting.secret and not setting.indexes:
            yield from (replace(one, icon=known[setting.name].icon) for one in _setting(setting, reachable))


def of_another_configuration(topics: Topics, module: Module, translations: Translations) -> Iterable[Entity]:
    """Yield all entities that a module of the family can have, or had in contract 1, besides `controls`.

    Home Assistant may still have those that the module has no longer, from an earlier profile or connection.
    """
    every = tuple(name for name in observables_of(module.family) if not is_secret(name))
    yield from observed(module, translations, every)
    yield from connection(topics, replace(module, connectivity=Connectivity(identify_by=ClientIdentity())))
    yield _button("request_identity", {})
    yield from _GONE_FROM_MODULE


def _button(key: str, extra: Document) -> Entity:
    return Entity(key, "button", {"payload_press": json.dumps({key: True}), **extra})


def _action(action: Action, reachable: Document) -> Iterable[Entity]:
    payload = json.dumps({"action": action.name})
    press = {"payload_press": payload, "entity_category": "config", "enabled_by_default": False}
    key = f"do_{action.name.replace('.', '_')}"
    yield Entity(key, "button", {**press, **reachable}, f"action.{action.name}", icon=action.icon)
    if UPDATE_STATE in action.yields:
        update = {
            "device_class": "firmware",
            "entity_category": "config",
            "value_template": "{{ value_json.firmware_update | tojson }}",
            "payload_install": payload,
        }
        yield Entity("firmware_update", "update", update)


_SETTINGS = "value_json.settings"


def _setting(setting: Setting, reachable: Document) -> Iterable[Entity]:
    """Yield the control of a setting; if it can cut the module off, a sensor and the disabled control."""
    name = setting.name
    if setting.is_enabled:
        yield _control(setting, name, name, reachable)
        return
    if setting.kind is SettingKind.ENUM:
        yield Entity(name, "sensor", values=(*setting.options, UNKNOWN), label=name, within=_SETTINGS)
    else:
        yield sensor(name, value_template=_template_of(setting))
    yield _control(setting, f"set_{name}", f"set.{name}", {**reachable, "enabled_by_default": False})


def _control(setting: Setting, key: str, named: str, extra: Document) -> Entity:
    common = {
        "entity_category": "config",
        "command_template": f"{{{{ {{'{setting.name}': value}} | tojson }}}}",
        "value_template": _template_of(setting),
        **extra,
    }
    match setting.kind:
        case SettingKind.INTEGER:
            unit = {"unit_of_measurement": setting.unit} if setting.unit else {}
            bounds = {"min": min((setting.minimum, *setting.also)), "max": setting.maximum, "mode": "box"}
            return Entity(key, "number", {**common, **unit, **bounds}, named)
        case SettingKind.ENUM:
            label = f"value_json.labels['{setting.name}']"
            chosen = {"entity_category": "config", "value_template": _template_of(setting, label), **extra}
            return Entity(key, "select", chosen, named, setting.options, setting.name)
        case _:
            return Entity(key, "text", {**common, **_text(setting)}, named)


def _template_of(setting: Setting, shown: str | None = None) -> str:
    # a code that no table explains is not among the options
    path = f"{_SETTINGS}.{setting.name}"
    return f"{{{{ none if {path} == 'unknown' else {shown or path} }}}}"


def _text(setting: Setting) -> Document:
    # empty until the value is known: a text entity of Home Assistant has no other state for that
    # a setting that is also looked up by name has no pattern
    pattern = {} if setting.lookup is not None else {"pattern": f"^(?:{setting.pattern})?$"}
    return {
        "min": 0,
        "max": setting.maximum,
        **pattern,
        "value_template": f"{{{{ {_SETTINGS}.{setting.name} or '' }}}}",
    }
