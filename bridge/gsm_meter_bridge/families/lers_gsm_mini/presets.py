"""Serial settings by a meter's name (appendix 1), forgiving about script, case and punctuation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from gsm_meter_bridge.errors import UnknownNameError

# Cyrillic letters that look like Latin ones; people type either.
_LOOK_ALIKES = str.maketrans("АВЕЁКМНОРСТУХ", "ABEEKMHOPCTYX")


@dataclass(frozen=True, slots=True)
class Preset:
    """One entry of the table: `settings` as `P=` takes them, and the line of models it stands in."""

    settings: str
    line: str


def find(name: str) -> tuple[Preset, ...]:
    """Return the entries that `name` means: those it names exactly, else those that contain it."""
    wanted = _folded(name)
    if not wanted:
        return ()
    exact = tuple(p for p in _presets() if any(re.fullmatch(n, wanted) for n in _names(p.line)))
    return exact or tuple(p for p in _presets() if wanted in _folded(p.line))


def settings_of(name: str) -> str:
    """Return the settings of the meter `name`; UnknownNameError where none or several different ones fit."""
    found = find(name)
    if len({preset.settings for preset in found}) != 1:
        near = (f"{preset.line} ({preset.settings})" for preset in found)
        raise UnknownNameError("meter", name, near, code="unknown_meter")
    return found[0].settings


@cache
def _presets() -> tuple[Preset, ...]:
    text = (files(__package__) / "serial_presets.yaml").read_text("utf-8")
    groups = yaml.safe_load(text)
    return tuple(Preset(group["settings"], line) for group in groups for line in group["models"])


def _folded(name: str) -> str:
    """Return `name` in capitals, Latin where letters look alike, without anything but letters and digits."""
    return re.sub(r"[\W_]", "", name.upper().translate(_LOOK_ALIKES))


@cache
def _names(line: str) -> tuple[str, ...]:
    """Return regular expressions for the names that a line of the table stands for."""
    return tuple(_pattern(name) for full in _spelled_out(line) for name in _with_and_without_parts(full))


def _spelled_out(line: str) -> Iterator[str]:
    """Yield each model of a line by itself and behind the leading words of the first one."""
    first, *others = (item.strip() for item in line.split(","))
    words = first.split()
    # the first one may be known without its maker's name
    yield from (" ".join(words[start:]) for start in range(len(words)))
    for item in others:
        yield item
        yield from (" ".join((*words[:count], item)) for count in range(1, len(words)))


def _with_and_without_parts(name: str) -> Iterator[str]:
    """`ТСРВ-010(М)` is ТСРВ-010 and ТСРВ-010М."""
    yield name
    if "(" in name:
        yield re.sub(r"\s*\([^)]*\)", "", name)


def _pattern(name: str) -> str:
    """Let x behind a digit be any digit."""
    return re.sub(r"(?<=\d)X+", lambda m: r"[\dX]" * len(m[0]), _folded(name))
