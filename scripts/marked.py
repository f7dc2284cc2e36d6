"""The parts of documents that scripts write: what stands between two marks in a Markdown file."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def with_part(document: str, name: str, script: str, part: str) -> str:
    """Return `document` with `part` between its marks of this name; ValueError if it does not have both."""
    begin, end = f"<!-- {name}: written by scripts/{script} -->", f"<!-- end of {name} -->"
    before, first, rest = document.partition(begin)
    _, second, after = rest.partition(end)
    if not (first and second):
        raise ValueError(f"the marks {begin} and {end} are missing")
    return f"{before}{begin}\n{part}\n{end}{after}"


def cell(text: str) -> str:
    """Return `text` as the content of one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
