"""A YAML file as it is written: each scalar as its text, each part with its line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from gsm_meter_bridge.errors import LONGEST_SENTENCE, cut, ending
from gsm_meter_bridge.vocabulary import MASK, Secret
from gsm_meter_bridge.vocabulary import Scalar as Plain

Path = Sequence[object]
"""The place of a part in a document: keys and indexes from the root."""

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_FLAGS = {
    word: flag
    for flag, spellings in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for plain in spellings
    for word in (plain, plain.capitalize(), plain.upper())
}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}(?:[eE][-+]?[0-9]{1,2})?")
_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,39}")
"""The form of names of options and ids."""
_SECRET_NAMES = re.compile(r"password|secret|\bpin\b|\bpuk\b|\bdatabase\b|\bpsw\b", re.IGNORECASE)
_LOGIN = re.compile(r"//.*@", re.DOTALL)
_SHOWN_PLACE = 80
_LEAST_SOURCE, _LEAST_PLACE, _LEAST_VALUE = 30, 24, 12


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A scalar: its text, whether it is quoted (or a block), and the line in which it begins."""

    text: str
    quoted: bool = False
    line: int = 0

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the scalar for a Python value."""
        if value is None:
            return cls("null")
        return cls(str(value).lower() if isinstance(value, bool) else str(value), isinstance(value, str))

    @property
    def is_null(self) -> bool:
        """Whether it is empty or null."""
        return not self.quoted and self.text in _NULLS

    @property
    def flag(self) -> bool | None:
        """The value of an unquoted true, yes, on, false, no or off; None for anything else."""
        return None if self.quoted else _FLAGS.get(self.text)

    @property
    def plain(self) -> Plain | None:
        """Its value in YAML, without YAML's surprising conversions.

        Only flags, decimal numbers and null are converted; dates, times, 012, 0x1F and .inf stay text.
        """
        if self.is_null or self.flag is not None:
            return self.flag
        if not self.quoted and _WHOLE.fullmatch(self.text):
            return int(self.text)
        if not self.quoted and _DECIMAL.fullmatch(self.text):
            return float(self.text)
        return self.text


class YamlMap(dict[str, Any]):
    """A map; `lines` has the line of each key, `line` is the one in which it begins."""

    __slots__ = ("line", "lines")

    def __init__(self, *given: Any, line: int = 0) -> None:
        super().__init__(*given)
        self.line = line
        self.lines: dict[str, int] = {}


class Rows(list[Any]):
    """A list; `line` is the one in which it begins."""

    __slots__ = ("line",)

    def __init__(self, *given: Any, line: int = 0) -> None:
        super().__init__(*given)
        self.line = line


class HiddenKey(str):
    """A key that may be a secret because it has no value or is no name: only its length is shown."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and its place; if `line` is None, it is found by the path.

    The text of a fault `in_another` file names that file, and the place in it.
    """

    path: tuple[object, ...]
    message: str
    line: int | None = None
    in_another: bool = False


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A whole file; `faults` are those found while it was read."""

    source: str
    root: Any
    faults: tuple[Fault, ...] = ()

    def line_of(self, path: Path) -> int | None:
        """Return the line of `path`, or of its last part that exists; None if unknown."""
        part, line = self.root, getattr(self.root, "line", 0)
        for step in path:
            line = part.lines.get(step, line) if isinstance(part, YamlMap) else line  # type: ignore[call-overload]
            try:
                part = part[step]
            except (LookupError, TypeError):
                break
            if isinstance(step, int):
                line = getattr(part, "line", 0) or line
        return line or None

    def value_at(self, path: Path) -> Any:
        """Return the value at `path`; None if there is none."""
        part = self.root
        for step in path:
            try:
                part = part[step]
            except (LookupError, TypeError):
                return None
        return part

    def sentence(self, fault: Fault) -> str:
        """Return the fault with file, line and place, of which only the ends are shown if room is short."""
        number = fault.line if fault.line is not None else self.line_of(fault.path)
        line, source, place = f": line {number}" if number else "", self.source, shown_place(fault.path)
        room = LONGEST_SENTENCE - len(f"{line}: : {fault.message}")
        source = ending(source, max(_LEAST_SOURCE, room - len(place)))
        place = ending(place, max(_LEAST_PLACE, room - len(source)))
        fits = len(source) + len(place) <= room
        return f"{source}{line}: {place}: {fault.message}" if fits or not fault.in_another else fault.message


def is_secret(path: Path) -> bool:
    """Return whether the value at `path` is a secret or part of one, by the names in the path."""
    return any(isinstance(step, str) and _SECRET_NAMES.search(step.replace("_", " ")) for step in path)


def shown_place(path: Path) -> str:
    """Return `path` in one line; a key that does not look like a name is not shown."""
    steps = ".".join(shown_key(step) for step in path) or "top level"
    return ending(steps, _SHOWN_PLACE)


def shown_key(key: object) -> str:
    """Return a key for a message: its length only, if it does not look like a name."""
    text = str(key)
    if isinstance(key, int) or (_NAME.fullmatch(text) and not isinstance(key, HiddenKey)):
        return text
    return f"(a key of {len(text)} characters)"


def kind_of(value: object) -> str:
    """Return the kind and the size of a value for a message."""
    if isinstance(value, (dict, list)):
        kind = "map" if isinstance(value, dict) else "list"
        return f"a {kind} of {len(value)} entries" if value else "{}" if kind == "map" else "[]"
    if isinstance(value, YamlScalar) and value.is_null:
        return "nothing"
    return f"a text of {len(value.text)} characters" if isinstance(value, YamlScalar) else "a secret"


def shown(value: object, path: Path, most: int) -> str:
    """Return the value at `path` for a message: a scalar in `most` characters, masked if it is a secret.

    A longer scalar is cut, with its length; of a list or a map, the kind and the size are shown.
    """
    if isinstance(value, (dict, list)):
        return kind_of(value)
    if isinstance(value, Secret) or is_secret(path):
        return repr(MASK)
    scalar = value if isinstance(value, YamlScalar) else YamlScalar.of(value)
    text = _LOGIN.sub(f"//{MASK}@", scalar.text[: 4 * most])
    quoted = repr(text) if isinstance(scalar.plain, str) else text
    if len(quoted) <= most:
        return quoted
    size = f" ({len(scalar.text)} characters)"
    return f"{cut(quoted, max(_LEAST_VALUE, most - len(size)))}{size}"
