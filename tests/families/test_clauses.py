"""Each clause of a manual is done somewhere, or it is said why not; what the code names is in that table."""

from __future__ import annotations

import re
import runpy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gsm_meter_bridge
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.model.clause import Clause, number_of

TOP = Path(__file__).parents[2]
PACKAGE = Path(gsm_meter_bridge.__file__).parent
DOCS: dict[str, Any] = runpy.run_path(str(TOP / "scripts" / "family_docs.py"))
NAMES = sorted(families())
ROWS: list[tuple[str, Clause]] = [
    (name, row) for name in NAMES for row in DOCS["clauses_of"](family_of(name))
]
_CITED = re.compile(r"clauses? (\d[\d.]*\d|\d)((?:, | and | to )\d[\d.]*\d|\d)*", re.IGNORECASE)


def _object(family: str, name: str) -> object:
    """What `name` names: the longest module that it begins with, and then attributes."""
    path = f"families.{family}{name}" if name.startswith(".") else name
    parts = ["gsm_meter_bridge", *path.split(".")]
    for cut in range(len(parts), 0, -1):
        place = PACKAGE.joinpath(*parts[1:cut])
        if not (place.is_dir() or place.with_suffix(".py").is_file()):
            continue
        found: object = import_module(".".join(parts[:cut]))
        for word in parts[cut:]:
            found = getattr(found, word)
        return found
    raise LookupError(name)


@pytest.mark.parametrize(("family", "row"), ROWS, ids=[f"{family}-{row.number}" for family, row in ROWS])
def test_clause_is_implemented_or_has_reason_why_not(family: str, row: Clause) -> None:
    assert row.title
    named = {number_of(clause) for clause, _ in DOCS["named_by_data"](family_of(family))}
    assert row.done_by or row.why_not or row.number in named
    for name in row.done_by:
        assert _object(family, name) is not None, name


@pytest.mark.parametrize("name", NAMES)
def test_clause_table_has_each_clause_once(name: str) -> None:
    numbers = [row.number for family, row in ROWS if family == name]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_clause_table_has_clauses_named_by_data(name: str) -> None:
    numbers = {row.number for family, row in ROWS if family == name}
    named = {number_of(clause) for clause, _ in DOCS["named_by_data"](family_of(name))}
    table = getattr(import_module(f"gsm_meter_bridge.families.{name}.commands"), "TABLE", ())
    assert named | {command.clause for command in table} <= numbers


@pytest.mark.parametrize("name", NAMES)
def test_clause_table_has_clauses_named_in_code(name: str) -> None:
    numbers = {row.number for family, row in ROWS if family == name}
    for file in (PACKAGE / "families" / name).rglob("*.py"):
        for answers in _CITED.finditer(file.read_text("utf-8")):
            named = set(re.findall(r"\d+(?:\.\d+)*", answers[0]))
            assert named <= numbers, f"{file.name}: {answers[0]}"


@pytest.mark.parametrize("name", ["no.such.thing", ".commands.nothing", "commands.plan.nothing"])
def test_object_lookup_fails_for_unknown_name(name: str) -> None:
    with pytest.raises((AttributeError, LookupError)):
        _object(NAMES[0], name)


@pytest.mark.parametrize(
    ("clause", "number"),
    [
        ("7.1 Table 6, group 1, field 2", "7.1"),
        ("6.3; no text command", "6.3"),
        ("appendix A, bits 5-7", "appendix A"),
        ("4 Table 1", "4"),
        ("table 4.1", "table 4.1"),
    ],
)
def test_clause_number_is_extracted_from_reference(clause: str, number: str) -> None:
    assert number_of(clause) == number
