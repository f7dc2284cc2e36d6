"""Writes the options in docs/configuration.md from the schema: scripts/config_docs.py

What is allowed is taken from the error that a wrong value gets. The meanings are in config_meanings.py; an
option without one, or one without an option, is an error.
tests/docs/test_generated.py fails if the document is not what this makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import getclosurevars
from typing import Any

import voluptuous as vol

from config_meanings import MEANINGS
from gsm_meter_bridge.config.schema import CONFIG
from gsm_meter_bridge.config.values import (
    Duration,
    ascii_secret,
    database,
    pin,
    port_url,
    secret,
    shown_duration,
)
from marked import DOCS, cell, with_part

DOCUMENT = DOCS / "configuration.md"
_FORMS = ", like 90,"
"""Where the forms of a duration begin in its error: the document explains them once."""
_LEFT_OUT = {"modules.password": "the factory's", "mqtt.port": "1883, or 8883 with `tls`"}
"""What holds if an option is left out, where the schema leaves that to others."""


@dataclass(frozen=True)
class Option:
    """An option of the configuration: its path, its check, and its default as the check returned it."""

    path: str
    check: Any
    required: bool
    default: Any


def options() -> Iterator[Option]:
    """Yield every option of the schema, in its order, those below another behind it."""
    return _below(CONFIG, "")


def page(document: str) -> str:
    """Return the document with the tables of options as they are now."""
    return with_part(document, "options", "config_docs.py", "\n".join(_lines()))


def _lines() -> Iterable[str]:
    found = list(options())
    _check_meanings({option.path for option in found})
    for top in found:
        if "." not in top.path:
            yield from _section(top, [o for o in found if o.path.startswith(f"{top.path}.")])


def _section(top: Option, below: list[Option]) -> Iterable[str]:
    yield ""
    yield f"### {top.path}"
    yield ""
    yield MEANINGS[top.path]
    if not below:
        return
    yield ""
    yield "| option | allowed | if left out | meaning |"
    yield "|---|---|---|---|"
    for option in below:
        name = option.path.removeprefix(f"{top.path}.")
        yield f"| `{name}` | {cell(_allowed(option.check))} | {_left_out(option)} | {MEANINGS[option.path]} |"


def _below(check: Any, prefix: str) -> Iterator[Option]:
    fields = _fields(check)
    for name, inner in fields.get("checks", {}).items():
        path = f"{prefix}{name}"
        yield Option(path, inner, name in fields["required"], fields["defaults"].get(name))
        yield from _below(inner, f"{path}.")


def _fields(check: Any) -> Mapping[str, Any]:
    """Return what the map of options knows that `check` is, or that it wraps; nothing if there is none."""
    if isinstance(check, vol.All):
        return _fields(check.validators[0])
    if not hasattr(check, "__closure__"):
        return {}
    used = getclosurevars(check)
    if "checks" in used.nonlocals:
        return used.nonlocals
    if "check" in used.nonlocals:
        return _fields(used.nonlocals["check"])
    named = (getclosurevars(v).nonlocals for v in used.globals.values() if getattr(v, "__closure__", None))
    return next((found for found in named if "checks" in found), {})


def _allowed(check: Any) -> str:
    inner = _inner(check)
    if inner in (secret, ascii_secret):
        return "a [secret](#secrets)"
    if _fields(check):
        return "the options below"
    try:
        check("socket://" if inner in (database, port_url, pin) else object())
    except vol.Invalid as error:
        expected = str(error.error_message).removeprefix("allowed: ")
        return expected.partition(_FORMS)[0] if isinstance(inner, Duration) else expected
    raise ValueError(f"{check} takes anything")


def _left_out(option: Option) -> str:
    if option.required:
        return "**required**"
    if option.path in _LEFT_OUT:
        return _LEFT_OUT[option.path]
    return _shown(option.default, is_duration=isinstance(_inner(option.check), Duration))


def _inner(check: Any) -> Any:
    """Return the check below `optional`."""
    nonlocals = getclosurevars(check).nonlocals if hasattr(check, "__closure__") else {}
    return nonlocals["check"] if set(nonlocals) == {"check"} else check


def _shown(default: Any, *, is_duration: bool) -> str:
    if default is None or default in ({}, [], ()) or isinstance(default, dict):
        return ""
    if is_duration:
        return f"`{shown_duration(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{entry}`" for entry in default)
    return f"`{default}`"


def _check_meanings(paths: set[str]) -> None:
    wrong = paths ^ MEANINGS.keys()
    if wrong:
        raise ValueError(f"config_meanings.py and the schema differ in: {', '.join(sorted(wrong))}")


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(page(DOCUMENT.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
