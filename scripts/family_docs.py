"""Writes docs/families/*.md from the families themselves: scripts/family_docs.py

tests/families/test_docs.py holds the files to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gsm_meter_bridge.families import families
from gsm_meter_bridge.family import Access, CodeTable, Family, Hint
from gsm_meter_bridge.setting import Setting
from gsm_meter_bridge.vocabulary import Secret

FOLDER = Path(__file__).parents[1] / "docs" / "families"


def page(family: Family) -> str:
    """The whole page of a family."""
    return "\n".join(_lines(family)) + "\n"


def _lines(family: Family) -> Iterable[str]:
    yield f"# {family.title}"
    yield ""
    yield f"`family: {family.id}`. Made by scripts/family_docs.py; the clauses are its manual's."
    yield ""
    yield "## What is asked"
    yield ""
    yield "| request | clause | tells | asked |"
    yield "|---|---|---|---|"
    for read in family.reads(Access(Secret(""))):
        when = (
            "at every poll" if read.volatile else "on demand" if read.on_demand else "when not known or old"
        )
        yield f"| `{read.name}` | {read.clause} | {_names(read.yields)} | {when} |"
    yield ""
    yield "## What can be set"
    yield ""
    yield "| setting | clause | allowed | notes |"
    yield "|---|---|---|---|"
    for setting in family.settings:
        notes = ", ".join(_notes(setting))
        yield f"| `{setting.name}` | {setting.clause} | {_cell(setting.allowed)} | {notes} |"
    if any(s.indexes for s in family.settings):
        largest = {k: v for s in family.settings for k, v in s.indexes.items()}
        yield ""
        yield "; ".join(f"`<{k}>` is 0 to {v}" for k, v in sorted(largest.items())) + "."
    yield ""
    yield "## What can be done"
    yield ""
    yield from (
        f"- `{a.name}` ({a.clause}): {a.title}{f'. Wants `confirm`: {a.confirm}' if a.confirm else ''}"
        for a in family.actions
    )
    if not family.actions:
        yield "Nothing by itself; a change of the mode restarts the module."
    yield from _hints("What its lights say", family.lights)
    yield from _hints("What helps", family.remedies)
    for table in family.tables():
        yield from _table(table)


def _hints(title: str, hints: Iterable[Hint]) -> Iterable[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from (f"- {hint.sign}: {hint.words} ({hint.clause})" for hint in hints)


def _notes(setting: Setting) -> Iterable[str]:
    if not setting.documented:
        yield "**no documented text command**"
    if setting.secret:
        yield "secret"
    if setting.cuts_off:
        yield "can cut the module off"
    if setting.restarts:
        yield "restarts the module"


def _table(table: CodeTable) -> Iterable[str]:
    yield ""
    yield f"## Table `{table.name}` ({table.clause})"
    yield ""
    yield "| code | meaning |"
    yield "|---|---|"
    yield from (f"| `{code}` | {_cell(str(meaning))} |" for code, meaning in table.rows.items())


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, family in families().items():
        (FOLDER / f"{name}.md").write_text(page(family), "utf-8")


if __name__ == "__main__":
    main()
