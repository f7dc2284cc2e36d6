"""Writes docs/command-line.md from the commands themselves: scripts/command_docs.py

tests/docs/test_generated.py fails if the file is not what this makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import typer.main

from gsm_meter_bridge.cli import app
from marked import DOCS, cell

DOCUMENT = DOCS / "command-line.md"
PROGRAM = "gsm-meter-bridge"
_KINDS = {Path: "PATH", int: "INTEGER", float: "NUMBER"}
"""What an option that names no kind of value takes; else text."""
_HEAD = """\
# Command line

Written by scripts/command_docs.py from the commands; `gsm-meter-bridge COMMAND --help` shows the same.

Results go to standard output, warnings and errors to standard error. If standard output is not a terminal,
the commands that have `--json` print JSON. The exit status is 0 if the command succeeded, 1 if it names an
error, 2 if the command line itself is wrong, and 70 after an internal error.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterable[str]:
    yield _HEAD
    found = list(commands(typer.main.get_command(app)))
    yield "| command | purpose |"
    yield "|---|---|"
    for name, command in found:
        yield f"| [`{name}`](#{_anchor(name)}) | {cell(_first_sentence(command))} |"
    for name, command in found:
        yield from _section(name, command)


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and the command of each that does something; groups only hold others."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word in below:
        yield from commands(below[word], f"{name} {word}".strip())


def _section(name: str, command: Any) -> Iterable[str]:
    yield ""
    yield f"## {name}"
    yield ""
    yield cleandoc(command.help or "")
    yield ""
    yield f"    {' '.join([PROGRAM, name, *_usage(command)])}"
    if not command.params:
        return
    yield ""
    yield "| argument or option | default | meaning |"
    yield "|---|---|---|"
    for parameter in command.params:
        yield f"| {cell(_names(parameter))} | {_default(parameter)} | {cell(parameter.help or '')} |"


def _usage(command: Any) -> Iterable[str]:
    if any(p.param_type_name == "option" for p in command.params):
        yield "[OPTIONS]"
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            more = "..." if parameter.nargs == -1 else ""
            yield f"{_metavar(parameter)}{more}" if parameter.required else f"[{_metavar(parameter)}{more}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    value = "" if parameter.is_flag else f" {_metavar(parameter)}"
    return ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return _KINDS.get(parameter.type_descriptor.annotation, "TEXT")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default in (None, False) or callable(parameter.default) or parameter.default == ():
        return ""
    default = parameter.default
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _first_sentence(command: Any) -> str:
    return cleandoc(command.help or "").split("\n\n")[0]


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
