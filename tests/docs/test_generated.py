"""The documents that scripts write are what the scripts would write now."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
SCRIPTS = TOP / "scripts"


@pytest.fixture(autouse=True)
def _scripts_import_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def _script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / name))


def test_command_line_page_is_current() -> None:
    page = _script("command_docs.py")["page"]()
    assert (TOP / "docs/command-line.md").read_text("utf-8") == page, "run scripts/command_docs.py"


def test_command_line_page_has_every_command_and_option() -> None:
    script = _script("command_docs.py")
    page = script["page"]()
    found = dict(script["commands"](script["typer"].main.get_command(script["app"])))
    assert {"run", "apply", "mqtt clean", "master-sim write"} <= found.keys()
    for name, command in found.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            options = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]
            assert all(f"`{word}" in section.replace("\\|", "|") for word in options if word), (name, options)


@pytest.mark.parametrize(
    ("script", "document"), [("job_docs.py", "architecture.md"), ("config_docs.py", "configuration.md")]
)
def test_part_of_document_is_current(script: str, document: str) -> None:
    written = (TOP / "docs" / document).read_text("utf-8")
    assert written == _script(script)["page"](written), f"run scripts/{script}"


@pytest.mark.parametrize("script", ["job_docs.py", "config_docs.py"])
def test_part_is_refused_if_document_has_no_marks(script: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        _script(script)["page"]("# A document\n")


def test_diagram_has_every_transition_and_event() -> None:
    script = _script("job_docs.py")
    document = (TOP / "docs/architecture.md").read_text("utf-8")
    diagram, _, table = document.partition("```mermaid")[2].partition("```")
    drawn = {
        (before, event.strip(), after)
        for line in diagram.splitlines()
        if ":" in line
        for before, after in [line.partition(":")[0].split(" --> ")]
        for before, after in [(before.strip(), after.strip())]
        for event in line.partition(":")[2].split(",")
    }
    assert drawn == {(str(s), str(e), str(after)) for (s, e), after in script["TRANSITIONS"].items()}
    assert all(f"| `{event}` | " in table for event in script["Event"])


def test_options_without_meaning_are_refused() -> None:
    check = _script("config_docs.py")["_check_meanings"]
    options = {option.path for option in _script("config_docs.py")["options"]()}
    check(options)
    for wrong in ({*options, "poll.new"}, options - {"poll.jitter"}):
        with pytest.raises(ValueError, match=r"poll\.(new|jitter)"):
            check(wrong)
