"""No file of code has more than 400 lines, no function more than 60; parameters are ruff's (PLR0913)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
FOLDERS = ("app", "benchmarks", "bridge", "custom_components", "scripts", "tests")
FILES = sorted(path for folder in FOLDERS for path in (TOP / folder).rglob("*.py"))
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
_FUNCTION = re.compile(r"( *)(?:async )?def (\w+)")
_LAST_OF_SIGNATURE = re.compile(r" *\)")


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Yield each function's name and number of lines, from `def` to its last line by indentation.

    The files of the integration have the syntax of a newer Python, so nothing parses them here.
    """
    lines = text.splitlines()
    for first, line in enumerate(lines):
        if found := _FUNCTION.match(line):
            last = first
            for number in range(first + 1, len(lines)):
                indent = len(lines[number]) - len(lines[number].lstrip())
                if not lines[number].strip():
                    continue
                if indent <= len(found[1]) and not _LAST_OF_SIGNATURE.match(lines[number]):
                    break
                last = number
            yield found[2], last - first + 1


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(TOP)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert len(lengths) > 500
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = [
        (f"{path.relative_to(TOP)}:{name}", lines)
        for path in FILES
        for name, lines in functions(path.read_text("utf-8"))
    ]
    assert len(found) > 5000
    assert [one for one in found if one[1] > MOST_LINES_OF_A_FUNCTION] == []


def test_function_length_is_counted_by_indentation() -> None:
    method = "    def f(\n        self,\n    ) -> None:\n        a()\n\n        b()\n"
    text = f"class A:\n{method}\n    def g(self): ...\n\nx = 1\n"
    assert list(functions(text)) == [("f", 6), ("g", 1)]
