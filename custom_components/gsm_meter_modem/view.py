"""The view of all modules, composed of Home Assistant's own cards from what the registries have. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .bridge import Kind

type Card = dict[str, Any]
type Translations = Mapping[str, str]

MANY: Final = 8
"""So many modules have a section each, and all a line in the graphs; of more each has one tile."""
TILES: Final = 200
"""So many modules have a tile at most; all are in the table."""
COLUMNS: Final = 3
"""Sections side by side, where there is room."""
_OF_MODULE: Final = ("online", "signal_dbm", "registration", "last_seen", "energy_import_kwh", "problem")
_OF_MODEM: Final = ("connected", "signal_dbm", "registration", "sms_sent_today", "budget_left", "problem")
_OF_BRIDGE: Final = ("connection", "problem", "unidentified_clients", "callers")
_IN_TABLE: Final = ("online", "signal_dbm", "registration", "band", "last_seen", "problem", "result")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the owner of a dashboard can choose: how many rows, in which order, which signal is weak."""

    rows: int = 25
    sort: str = "trouble"
    weak_signal_dbm: int = -91
    weak_signal_gsm_dbm: int = -85


@dataclass(frozen=True, slots=True)
class Shown:
    """A device with its entities that are enabled and not hidden, by the keys of the bridge.

    `subject` is how the integration's repairs name it; `page` is the path of its page, None for users who may
    not see it. `signal_dbm` is what it is just now, None if that is not known.
    """

    kind: Kind
    name: str
    subject: str
    area: str | None
    page: str | None
    entities: Mapping[str, str] = field(default_factory=dict)
    signal_dbm: float | None = None


def view(
    devices: Iterable[Shown],
    translations: Translations,
    template: str,
    choices: Choices,
    devices_page: str | None,
) -> Card:
    """Return the view; `template` draws the table, devices are searched and sorted at `devices_page`."""
    found = sorted(devices, key=_natural)
    modules = [device for device in found if device.kind is Kind.MODULE]
    sections = [_table(modules, translations, template, choices, devices_page)]
    if len(modules) <= MANY:
        sections += [_filled(_module(module, translations)) for module in modules]
    sections += [_graphs(modules, translations), _results(modules, translations)]
    sections += [_filled(_plain(d, _OF_BRIDGE, "mdi:bridge")) for d in found if d.kind is Kind.BRIDGE]
    sections += [_filled(_plain(d, _OF_MODEM, "mdi:usb-port")) for d in found if d.kind is Kind.MODEM]
    if len(modules) > MANY:
        sections += _by_area(modules, translations)
    return {
        "type": "sections",
        "title": translations["title"],
        "path": "modules",
        "icon": "mdi:meter-electric-outline",
        "max_columns": COLUMNS,
        "sections": [section for section in sections if section["cards"]],
    }


def _table(
    modules: Sequence[Shown], translations: Translations, template: str, choices: Choices, page: str | None
) -> Card:
    heading = _heading(translations["all_modules"], "mdi:meter-electric-outline", page if modules else None)
    content = _drawn(modules, translations, template, choices) if modules else translations["no_modules"]
    table = {"type": "markdown", "content": content, "grid_options": {"columns": "full"}}
    return {"type": "grid", "column_span": COLUMNS, "cards": [heading, table]}


def _drawn(modules: Sequence[Shown], translations: Translations, template: str, choices: Choices) -> str:
    """Return the template with what it is to draw before it, as literals that Jinja reads."""
    given: dict[str, Any] = {
        "modules": [_row(module) | {"place": place} for place, module in enumerate(modules)],
        "translations": dict(translations),
        "sort": choices.sort,
        "shown": choices.rows,
        "weak_dbm": choices.weak_signal_dbm,
        "weak_gsm_dbm": choices.weak_signal_gsm_dbm,
    }
    literals = (
        f"{{%- set {name} = {json.dumps(value, ensure_ascii=False)} -%}}" for name, value in given.items()
    )
    return "\n".join((*literals, template))


def _natural(device: Shown) -> list[tuple[bool, int, str]]:
    """Return what sorts House 2 before House 10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", device.name.casefold())
    return [(part[0] > "9", int(part) if part[0] <= "9" and part.isdigit() else 0, part) for part in parts]


def _row(module: Shown) -> dict[str, Any]:
    # a bar would end the cell, a bracket the link
    plain = "".join("/" if c == "|" else " " if c in "[]\n" else c for c in module.name)
    label = plain if module.page is None else f"[{plain}]({module.page})"
    entities = {key: module.entities[key] for key in _IN_TABLE if key in module.entities}
    return {"label": label, "drift": f"{module.subject}_settings_drifted", **entities}


def _module(module: Shown, translations: Translations) -> Card:
    section = _plain(module, _OF_MODULE, "mdi:meter-electric-outline")
    if (button := module.entities.get("request_status")) is not None:
        press = {
            "action": "perform-action",
            "perform_action": "button.press",
            "target": {"entity_id": button},
            "confirmation": {"text": translations["costs_an_sms"]},
        }
        tile = _tile(button) | {"hide_state": True, "tap_action": press, "icon_tap_action": press}
        section["cards"].append(tile)
    return section


def _plain(device: Shown, keys: Iterable[str], icon: str) -> Card:
    """Return a section with a tile for each of these entities."""
    tiles = [_tile(device.entities[key]) for key in keys if key in device.entities]
    return _section(_heading(device.name, icon, device.page), *tiles)


def _filled(section: Card) -> Card:
    """Return the section; a tile that is alone in the last row has all of it, so a long name is not cut."""
    _, *tiles = section["cards"] or [None]
    if len(tiles) % 2:
        tiles[-1]["grid_options"] = {"columns": "full"}
    return section


def _graphs(modules: Sequence[Shown], translations: Translations) -> Card:
    """Return the history of a few: of many modules those with the weakest signal."""
    with_signal = [module for module in modules if "signal_dbm" in module.entities]
    if len(with_signal) > MANY:
        with_signal = sorted(
            (m for m in with_signal if m.signal_dbm is not None), key=lambda m: m.signal_dbm or 0
        )[:MANY]
    cards = []
    if with_signal:
        title = (
            translations["signal_a_week"] if len(modules) <= MANY else translations["weakest_signals_a_week"]
        )
        cards.append(_history(title, 168, with_signal, "signal_dbm"))
    watched = [module for module in modules if "online" in module.entities]
    if watched and len(modules) <= MANY:
        cards.append(_history(translations["connection_a_day"], 24, watched, "online"))
    return _section(_heading(translations["history"], "mdi:chart-line"), *cards)


def _history(title: str, hours: int, modules: Iterable[Shown], key: str) -> Card:
    entities = [{"entity": module.entities[key], "name": module.name} for module in modules]
    return {"type": "history-graph", "title": title, "hours_to_show": hours, "entities": entities}


def _results(modules: Sequence[Shown], translations: Translations) -> Card:
    results = [module.entities["result"] for module in modules if "result" in module.entities][:TILES]
    logbook = {"type": "logbook", "hours_to_show": 72, "target": {"entity_id": results}}
    return _section(
        _heading(translations["commands"], "mdi:message-text-clock"), *([logbook] if results else [])
    )


def _by_area(modules: Sequence[Shown], translations: Translations) -> list[Card]:
    """Return sections with one tile for each module, those without an area last."""
    shown = [module for module in modules if module.entities][:TILES]
    areas = sorted({module.area for module in shown if module.area}, key=str.casefold)
    return [
        _section(
            _heading(area or translations["without_area"], "mdi:texture-box"),
            *(_summary(module) for module in shown if module.area == area),
        )
        for area in (*areas, None)
    ]


def _summary(module: Shown) -> Card:
    """Return the one tile of a module: its connection, or else what there is of it."""
    key = next((key for key in _OF_MODULE if key in module.entities), next(iter(module.entities)))
    tile = _tile(module.entities[key]) | {
        "name": {"type": "device"},
        "state_content": ["state", "last_changed"],
    }
    if module.page is not None:
        tile["tap_action"] = _navigate(module.page)
    return tile


def _section(heading: Card, *cards: Card) -> Card:
    """Return a section; without cards it has no heading either."""
    return {"type": "grid", "cards": [heading, *cards] if cards else []}


def _heading(text: str, icon: str, page: str | None = None) -> Card:
    heading: Card = {"type": "heading", "heading": text, "icon": icon}
    if page is not None:
        heading["tap_action"] = _navigate(page)
    return heading


def _navigate(page: str) -> Card:
    return {"action": "navigate", "navigation_path": page}


def _tile(entity: str) -> Card:
    return {"type": "tile", "entity": entity, "name": {"type": "entity"}}
