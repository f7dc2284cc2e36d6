"""Serial settings by a meter's name (appendix 1), tolerant of script, case and punctuation. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from gsm_meter_bridge.errors import UnknownNameError

# Cyrillic letters that look like Latin ones; users type either.
_LOOK_ALIKES = str.maketrans("АВЕЁКМНОРСТУХ", "ABEEKMHOPCTYX")


@dataclass(frozen=True, slots=True)
class Preset:
    """One entry of the table: `settings` as `P=` takes them, and the table's line of models."""

    settings: str
    line: str


def find(name: str) -> tuple[Preset, ...]:
    """Return the entries for `name`: those that match it exactly, or else those that contain it."""
    wanted = _folded(name)
    if not wanted:
        return ()
    exact = tuple(p for p in _presets() if any(re.fullmatch(n, wanted) for n in _names(p.line)))
    return exact or tuple(p for p in _presets() if _contains(p.line, wanted))


def _contains(line: str, wanted: str) -> bool:
    """Return whether a line, or a name that it stands for, contains `wanted`."""
    names = (name for full in _spelled_out(line) for name in _spellings(full))
    return wanted in _folded(line) or any(wanted in _folded(name) for name in names)


def settings_of(name: str) -> str:
    """Return the settings of the meter `name`; UnknownNameError if none or several different ones match."""
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
    """Return `name` in capitals, Latin if letters look alike, with only letters and digits."""
    return re.sub(r"[\W_]", "", name.upper().translate(_LOOK_ALIKES))


@cache
def _names(line: str) -> tuple[str, ...]:
    """Return regular expressions for the names that a line of the table stands for."""
    return tuple(dict.fromkeys(_pattern(name) for full in _spelled_out(line) for name in _spellings(full)))


def _spelled_out(line: str) -> Iterator[str]:
    """Yield each model of a line alone, after the leading words of the first one, and after its stem."""
    first, *others = ([*_alternatives(item.strip())] for item in re.split(r",(?![^(]*\))", line))
    parts = first[0].split()
    # the first one may be known without its maker's name
    yield from (" ".join(name.split()[start:]) for name in first for start in range(len(parts)))
    stem, hyphen, _ = first[0].rpartition("-")
    for item in (name for names in others for name in names):
        yield item
        yield from (" ".join((*parts[:count], item)) for count in range(1, len(parts)))
        if hyphen:  # `ТМК-Н1, Н3`
            yield f"{stem}-{item}"


def _alternatives(name: str) -> Iterator[str]:
    """Yield the names that the parentheses in a name stand for.

    `ТСРВ-010(М)` is also ТСРВ-010М, `ИВК-101(102)` also ИВК-102, `ЭМ (ЭКСПЕРТ-9xx)` either of the two.
    """
    found = re.search(r"\s*\(([^)]*)\)", name)
    if found is None:
        yield name
        return
    before, after = name[: found.start()], name[found.end() :]
    yield before + after
    for other in (part.strip() for part in found[1].split(",")):
        number = re.search(r"\d+$", before)
        if other.isdigit() and number is not None:
            yield before[: number.start()] + other + after
        else:
            yield f"{before}{other}{after}"
        if re.search(r"[^\W\d_].*\d", other):
            yield other


def _spellings(name: str) -> Iterator[str]:
    """Yield a name and, if it ends in a separate letter, the name without that."""
    yield name
    if re.search(r"\d\w*\s+\w$", name):
        yield name[:-1]


def _pattern(name: str) -> str:
    """Return a pattern in which x after a digit is any digit; after a letter behind one, any or none."""
    parts = re.split(r"((?<=\d)[xх]+)([^\W\dxх_][xх])?", name)
    found = ""
    for place, part in enumerate(parts):
        if place % 3 == 1:
            found += r"[\dX]" * len(part)
        elif place % 3 == 2 and part:
            found += re.escape(_folded(part[0])) + r"[\dX]?"
        elif part:
            found += re.escape(_folded(part))
    return found
