"""Files that are made of the table of actions.

`.venv-integration/bin/python -m tests.integration.documents` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from custom_components.gsm_meter_modem.actions import ACTIONS, DEVICE_ID, TIMEOUT, WAIT, Action, Field
from custom_components.gsm_meter_modem.bridge import Kind

OURS = "GSM Meter Modem"
"""Manufacturer of the bridge, as it publishes itself."""
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "custom_components" / "gsm_meter_modem"
GUIDE = ROOT / "docs" / "integration.md"
START, END = "<!-- actions: made of actions.py -->\n", "<!-- end of actions -->\n"


def services_yaml() -> str:
    """What Home Assistant's forms show."""
    return yaml.safe_dump({a.name: {"fields": _fields(a)} for a in ACTIONS}, sort_keys=False, width=100)


def _fields(action: Action) -> dict[str, Any]:
    fields: dict[str, Any] = {
        DEVICE_ID: {"required": True, "selector": _devices(action)},
        **{field.name: _field(field) for field in action.fields},
    }
    if action.job:
        fields[WAIT] = {"default": True, "selector": {"boolean": None}}
        fields[TIMEOUT] = {"example": {"minutes": 10}, "selector": {"duration": None}}
    return fields


def manufacturers(action: Action) -> list[str]:
    """The manufacturers of the devices that the action is offered for; none: of any."""
    if action.of is not Kind.MODULE:
        return [OURS] if action.of is Kind.BRIDGE else []
    return [family["manufacturer"] for family in _families() if _can(family, action)]


def _families() -> list[dict[str, Any]]:
    info = json.loads((ROOT / "tests" / "contract" / "bridge_info.json").read_text("utf-8"))
    return [family for _, family in sorted(info["families"].items())]


def _can(family: dict[str, Any], action: Action) -> bool:
    if action.settings:
        return any(setting["name"] in action.settings for setting in family["settings"])
    return action.request in {name.partition(".")[0] for name in family["actions"]}


def _devices(action: Action) -> dict[str, Any]:
    filters = [{"integration": "mqtt", "manufacturer": name} for name in manufacturers(action)]
    return {"device": {"multiple": True, "filter": filters or [{"integration": "mqtt"}]}}


def _field(field: Field) -> dict[str, Any]:
    ((kind, config),) = field.selector.items()
    shown: dict[str, Any] = {"required": True} if field.required else {}
    if field.default is not None:
        shown["default"] = field.default
    if field.example is not None:
        shown["example"] = field.example
    return shown | {"selector": {kind: dict(config) or None}}


def actions_table() -> str:
    """The table of docs/integration.md."""
    lines = ["| action | for | fields (*optional*) | |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_row, ACTIONS)]) + "\n"


def _row(action: Action) -> str:
    whose = {Kind.BRIDGE: "the bridge", Kind.MODEM: "a modem of the bridge"}
    fields = ", ".join(f"`{f.name}`" if f.required else f"*`{f.name}`*" for f in action.fields)
    notes = ["administrators only"] * action.admin + ["needs `confirm: true`"] * action.confirm
    cells = (
        f"`{action.name}`",
        whose.get(action.of) or ", ".join(manufacturers(action)),
        fields,
        "; ".join(notes),
    )
    return "| " + " | ".join(cells) + " |"


def guide() -> str:
    """docs/integration.md with the table as it is now."""
    head, _, rest = GUIDE.read_text("utf-8").partition(START)
    return head + START + actions_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    (FOLDER / "services.yaml").write_text(services_yaml(), "utf-8")
    GUIDE.write_text(guide(), "utf-8")
