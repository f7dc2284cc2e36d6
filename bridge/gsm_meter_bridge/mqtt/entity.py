"""Common parts of all entities: key, platform, name, texts of their values, icon. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gsm_meter_bridge.mqtt.icons import icon_of
from gsm_meter_bridge.translations import Translations
from gsm_meter_bridge.vocabulary import Document

PRIMARY: Mapping[str, Any] = MappingProxyType({"entity_category": None})
"""Marks a main entity: without a category, Home Assistant's overview, areas and voice assistants show it."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The device that entities belong to.

    `uid` is the prefix of their unique ids, `id` that of their default entity ids; `topic` is that of the
    device's document. `translations` are shown, `english` names make the default entity ids, which therefore
    do not depend on the language. `unexplained` are pairs (name, label) of reported values that no table
    explains.
    """

    uid: str
    id: str
    topic: str
    translations: Translations
    english: Translations
    unexplained: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its key, its platform and the platform's other options, in Home Assistant's keys.

    `named` is the key of its name if that is not `key`. `values` are the raw values of an enumeration (or the
    types of an event), `label` the name of its current text in the document's `labels`; `within` is the path
    of the raw value in a template.
    """

    key: str
    platform: str
    extra: Document = field(default_factory=dict)
    named: str | None = None
    values: tuple[str, ...] = ()
    label: str | None = None
    within: str = "value_json"
    icon: str | None = None

    def component(self, owner: Owner) -> Document:
        """Return the entity's component in the discovery message."""
        name = self.named or self.key
        shown: Document = {
            "platform": self.platform,
            "unique_id": f"{owner.uid}_{self.key}",
            "default_entity_id": f"{self.platform}.{owner.id}_{_slug(owner.english.name(name))}",
            "name": owner.translations.name(name),
            **self._labelled(owner),
            **self.extra,
        }
        if shown.get("device_class") in (None, "enum"):
            shown["icon"] = self.icon or icon_of(self.key)
        return {key: value for key, value in shown.items() if value is not None}

    def removed(self) -> Document:
        """Return the component that makes Home Assistant remove the entity."""
        return {"platform": self.platform}

    def _labelled(self, owner: Owner) -> Document:
        """Return the options and templates that translate between raw values and their texts."""
        if self.label is None:
            return {}
        match self.platform:
            case "sensor":
                return {
                    "entity_category": "diagnostic",
                    "value_template": f"{{{{ value_json.labels['{self.label}'] }}}}",
                    **self._options(owner),
                    **self._raw(owner),
                }
            case "select":
                raw = {owner.translations.value(self.label, value): value for value in self.values}
                command = f"{{{{ {{'{self.label}': {_literal(raw)}[value]}} | tojson }}}}"
                return {"command_template": command, "options": list(raw)}
            case "event":
                labelled = {value: owner.translations.value(self.label, value) for value in self.values}
                event_type = "value_json.event_type"
                return {
                    "event_types": list(labelled.values()),
                    "value_template": f"{{{{ dict(value_json, event={event_type}, "
                    f"event_type={_literal(labelled)}.get({event_type}, {event_type})) | tojson }}}}",
                }
        raise ValueError(f"{self.platform} has no texts")

    def _raw(self, owner: Owner) -> Document:
        """Return the options that show the raw value as an attribute, named as in the document."""
        value = f"{{{{ {{'{self.label}': {self.within}.{self.label}}} | tojson }}}}"
        return {"json_attributes_topic": owner.topic, "json_attributes_template": value}

    def _options(self, owner: Owner) -> Document:
        """Return the options of an enumeration; {} for free text, of which only some values have labels."""
        if not self.values or self.label is None:
            return {}
        unexplained = [label for name, label in owner.unexplained if name == self.label]
        options = dict.fromkeys((*owner.translations.values(self.label, self.values), *unexplained))
        return {"device_class": "enum", "options": list(options)}


def availability(*topics: str) -> list[Document]:
    """Return the availability list: each topic's document must have `state` "online"."""
    return [{"topic": t, "value_template": "{{ value_json.state }}"} for t in topics]


def sensor(key: str, named: str | None = None, **extra: Any) -> Entity:
    """Return a diagnostic sensor; `extra` adds to and overrides its default options."""
    config = {"entity_category": "diagnostic", "value_template": f"{{{{ value_json.{key} }}}}"}
    return Entity(key, "sensor", {**config, **extra}, named)


def measurement(key: str, unit: str | None = None, named: str | None = None, **extra: Any) -> Entity:
    """Return a sensor of a quantity in `unit`, with long-term statistics."""
    measured = {"state_class": "measurement", "unit_of_measurement": unit, **extra}
    return sensor(key, named, **measured)


def enumeration(
    key: str, values: Iterable[str], label: str | None = None, named: str | None = None, **extra: Any
) -> Entity:
    """Return a sensor that shows its values as text; `label` is their name in the document's `labels`."""
    return Entity(key, "sensor", extra, named, tuple(values), label or key)


def flag(key: str, device_class: str | None = None, named: str | None = None, **extra: Any) -> Entity:
    """Return a binary sensor of a value that is true, false or null."""
    value = f"{{{{ none if value_json.{key} is none else ('ON' if value_json.{key} else 'OFF') }}}}"
    config = {"entity_category": "diagnostic", "value_template": value, "device_class": device_class}
    return Entity(key, "binary_sensor", {**config, **extra}, named)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _literal(table: dict[Any, Any]) -> str:
    """Return a table of texts as a literal for a Jinja template."""
    return json.dumps(table, ensure_ascii=False)
