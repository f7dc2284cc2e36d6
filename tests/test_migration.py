"""docs/migration.md: its tables are what the code refuses old names by; no document has an old name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.cli.renamed import RENAMED as OF_COMMANDS
from gsm_meter_bridge.config.renamed import RENAMED as OF_CONFIGURATION
from gsm_meter_bridge.doctor import Finding, Severity
from gsm_meter_bridge.health import BridgeProblemCode
from gsm_meter_bridge.profiles.load import RENAMED as OF_PROFILES
from tests.contract.examples import examples

_ROOT = Path(__file__).parents[1]
_TEXT = (_ROOT / "docs" / "migration.md").read_text("utf-8")
_SOURCES = "\n".join(
    file.read_text("utf-8")
    for file in (_ROOT / "bridge" / "gsm_meter_bridge").rglob("*.py")
    if file.name != "renamed.py"
)
_MQTT_CODES = (_ROOT / "docs" / "mqtt.md").read_text("utf-8")


def _rows(heading: str) -> list[tuple[str, str, str]]:
    """Return the rows of the table under a heading, marks of code left out."""
    part = _TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    cells = [tuple(cell.strip().strip("`") for cell in row) for row in rows[2:]]
    return [(where, old, new) for where, old, new in cells]


def _keys(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        yield from document
    for value in document.values() if isinstance(document, dict) else document:
        if isinstance(value, dict | list):
            yield from _keys(value)


def test_configuration_table_matches_renamed_options() -> None:
    expected = [(part, old, new) for part, names in OF_CONFIGURATION.items() for old, new in names.items()]
    assert _rows("Configuration") == expected


def test_profile_table_matches_renamed_keys() -> None:
    assert _rows("Profile files") == [("a request", old, new) for old, new in OF_PROFILES.items()]


def test_command_line_table_matches_renamed_commands() -> None:
    assert _rows("Command line") == [(command, old, new) for (command, old), new in OF_COMMANDS.items()]


@pytest.mark.parametrize(("where", "old", "new"), _rows("Error and problem codes"))
def test_renamed_code_is_documented_and_old_code_is_gone(where: str, old: str, new: str) -> None:
    codes = {code.value for code in BridgeProblemCode}
    if where == "bridge/health":
        assert new in codes
        assert old not in codes
    assert f'"{new}"' in _SOURCES
    assert f"`{new}`" in _MQTT_CODES
    assert f"`{old}`" not in _MQTT_CODES


@pytest.mark.parametrize("name", examples())
def test_document_has_no_key_with_an_old_name(name: str) -> None:
    old = {row[1].rpartition(".")[2] for row in _rows("MQTT") if re.fullmatch(r"[a-z_.<>]+", row[1])}
    assert {"way", "wanted", "told", "octets_sent", "source", "messages_from_strangers", "callers"} <= old
    # entities that are gone are named so that Home Assistant removes them
    gone = {"callers", "messages_from_strangers"}
    own = {"modules", "source", *gone} if name.startswith("discovery") else set()
    assert (old - own).intersection(_keys(examples()[name])) == set()


@pytest.mark.parametrize(
    ("device", "gone"),
    [
        ("bridge", {"callers": {"p": "sensor"}}),
        ("modem", {"messages_from_strangers": {"p": "sensor"}}),
        ("energomera", {"line": {"p": "binary_sensor"}, "line_problem": {"p": "sensor"}}),
        ("lers", {"line_problem": {"p": "sensor"}}),
    ],
)
def test_entity_of_contract_1_that_is_gone_is_removed(device: str, gone: dict[str, Any]) -> None:
    components = examples()[f"discovery_{device}"]["cmps"]
    assert {key: components[key] for key in gone} == gone


def test_document_has_the_new_names() -> None:
    text = json.dumps(examples())
    new = {row[2].rpartition(".")[2] for row in _rows("MQTT") if re.fullmatch(r"[a-z_.<>]+", row[2])}
    assert len(new) > 8
    assert {name for name in new if f'"{name}"' not in text} == set()


def test_finding_of_doctor_has_the_new_names() -> None:
    finding = Finding("modem", "stick", Severity.OK, "fine").to_dict()
    for _, old, new in _rows("JSON of `doctor`"):
        assert new in finding
        assert old not in finding
