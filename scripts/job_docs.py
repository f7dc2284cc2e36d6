"""Writes the states of a job in docs/architecture.md from their table: scripts/job_docs.py

tests/docs/test_generated.py fails if the document is not what this makes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from itertools import pairwise

from gsm_meter_bridge.model import job
from gsm_meter_bridge.model.job import FINAL, OPEN, TRANSITIONS, Event, State
from marked import DOCS, cell, with_part

DOCUMENT = DOCS / "architecture.md"


def page(document: str) -> str:
    """Return the document with the diagram and the table of events as they are now."""
    return with_part(document, "job states", "job_docs.py", "\n".join(_lines()))


def _lines() -> Iterable[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.QUEUED}"
    for (before, after), events in _edges().items():
        yield f"    {before} --> {after}: {', '.join(events)}"
    yield from (f"    {state} --> [*]" for state in State if state in FINAL)
    yield "```"
    yield ""
    yield f"- Open (no other job may talk to the module): {_names(OPEN)}."
    yield f"- Final: {_names(FINAL)}."
    yield ""
    yield "| event | meaning |"
    yield "|---|---|"
    meanings = _meanings()
    yield from (f"| `{event}` | {cell(meanings[event.name])} |" for event in Event)


def _edges() -> dict[tuple[State, State], list[Event]]:
    edges: dict[tuple[State, State], list[Event]] = {}
    for (before, event), after in TRANSITIONS.items():
        edges.setdefault((before, after), []).append(event)
    return edges


def _names(states: Iterable[State]) -> str:
    chosen = set(states)
    return ", ".join(f"`{state}`" for state in State if state in chosen)


def _meanings() -> dict[str, str]:
    """Return the docstring of each event by its name; it stands below the event in the source."""
    module = ast.parse(inspect.getsource(job))
    body = next(n.body for n in module.body if isinstance(n, ast.ClassDef) and n.name == Event.__name__)
    return {
        event.targets[0].id: text.value.value
        for event, text in pairwise(body)
        if isinstance(event, ast.Assign) and isinstance(event.targets[0], ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(page(DOCUMENT.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
