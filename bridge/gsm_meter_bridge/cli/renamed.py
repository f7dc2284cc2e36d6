"""Commands and options that had another name before contract 2 (docs/migration.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

RENAMED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("", "explain"): "explain-schedule",
        ("sms-storage", "choose"): "select",
        ("simulate", "--link"): "--port-link",
        ("simulate", "--modules"): "--world",
    }
)
"""The new name by the command that it belongs to ("" for the first word) and the old name."""


def new_name(arguments: Sequence[str]) -> str | None:
    """Return a sentence with the new name for the first old name in a command line; None if it has none."""
    if not arguments:
        return None
    command, rest = arguments[0], arguments[1:]
    if ("", command) in RENAMED:
        return _sentence("", command)
    for argument in rest:
        if argument == "--":
            break
        name = argument.partition("=")[0]
        if (command, name) in RENAMED:
            return _sentence(command, name)
        if not name.startswith("-") and any(of == command and not old.startswith("-") for of, old in RENAMED):
            break  # the name of a subcommand; its arguments follow
    return None


def _sentence(command: str, old: str) -> str:
    return f"{command + ': ' if command else ''}`{old}` is now `{RENAMED[command, old]}`"
