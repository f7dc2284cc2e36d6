"""Writes docs/families/*.md, and the choices in app/config.yaml, from the families: scripts/family_docs.py

tests/families/test_docs.py holds the files to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from textwrap import fill

from gsm_meter_bridge.families import families
from gsm_meter_bridge.model import Access, CodeTable, Family, Hint
from gsm_meter_bridge.model.clause import Clause, number_of
from gsm_meter_bridge.model.setting import Setting
from gsm_meter_bridge.vocabulary import Secret

FOLDER = Path(__file__).parents[1] / "docs" / "families"
APP = Path(__file__).parents[1] / "app" / "config.yaml"
_CHOICES = re.compile(r"(?<=family: list\()[^)]*(?=\))")


def page(family: Family) -> str:
    """The whole page of a family."""
    return "\n".join(_lines(family)) + "\n"


def _lines(family: Family) -> Iterable[str]:
    yield f"# {family.title}"
    yield ""
    yield f"`family: {family.id}`. Written by scripts/family_docs.py; the clauses are those of its manual."
    yield ""
    yield "## Requests"
    yield ""
    yield "| request | clause | values | sent |"
    yield "|---|---|---|---|"
    for read in family.reads(Access(Secret(""))):
        when = "at every poll" if read.volatile else "on demand" if read.on_demand else "if unknown or old"
        yield f"| `{read.name}` | {read.clause} | {_names(read.yields)} | {when} |"
    yield ""
    yield "## Settings"
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
    yield "## Actions"
    yield ""
    for action in family.actions:
        confirm = f". Needs `confirm`: {action.confirm}" if action.confirm else ""
        yield _item(f"`{action.name}` ({action.clause}): {action.title}{confirm}")
    if not family.actions:
        yield "None; a change of the mode restarts the module."
    yield from _hints("Preparation", family.preparations)
    yield from _hints("LED states", family.lights)
    yield from _hints("Troubleshooting", family.remedies)
    for table in family.tables():
        yield from _table(table)
    yield from _clauses(family)


def with_choices(app: str, names: Iterable[str]) -> str:
    """Return the configuration of the app with these families to choose from."""
    return _CHOICES.sub("|".join(names), app)


def clauses_of(family: Family) -> tuple[Clause, ...]:
    """Return what became of each clause of the family's manual."""
    module = import_module(f"gsm_meter_bridge.families.{family.id}.clauses")
    found: tuple[Clause, ...] = module.CLAUSES
    return found


def named_by_data(family: Family) -> Iterable[tuple[str, str]]:
    """Yield the clause that each request, setting, action, hint and table names, and what it is."""
    yield from ((r.clause, f"request `{r.name}`") for r in family.reads(Access(Secret(""))))
    yield from ((s.clause, f"setting `{s.name}`") for s in family.settings)
    actions = family.actions if family.call is None else (*family.actions, family.call)
    yield from ((a.clause, f"action `{a.name}`") for a in actions)
    yield from ((h.clause, "LED states") for h in family.lights)
    yield from ((h.clause, "troubleshooting") for h in family.remedies)
    yield from ((clause, "preparation") for h in family.preparations for clause in h.clause.split(", "))
    yield from ((t.clause, f"table `{t.name}`") for t in family.tables())


def _clauses(family: Family) -> Iterable[str]:
    yield ""
    yield "## The manual, clause by clause"
    yield ""
    yield "Names that begin with a dot are in the family's folder."
    yield ""
    yield "| clause | content | implemented by, or the reason why not |"
    yield "|---|---|---|"
    data: dict[str, list[str]] = {}
    for clause, what in named_by_data(family):
        data.setdefault(number_of(clause), []).append(what)
    for row in clauses_of(family):
        done = [*dict.fromkeys(data.get(row.number, ())), *(f"`{name}`" for name in row.done_by)]
        covered = "; ".join(filter(None, (", ".join(done), row.why_not)))
        yield f"| {row.number} | {_cell(row.title)} | {_cell(covered)} |"


def _hints(title: str, hints: Iterable[Hint]) -> Iterable[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from (_item(f"{hint.sign}: {hint.advice} ({hint.clause})") for hint in hints)


def _item(text: str) -> str:
    return fill(f"- {text}", 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _notes(setting: Setting) -> Iterable[str]:
    if setting.factory is not None:
        yield f"factory setting: `{setting.factory}`" if setting.factory != "" else "factory setting: empty"
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
    APP.write_text(with_choices(APP.read_text("utf-8"), families()), "utf-8")


if __name__ == "__main__":
    main()
