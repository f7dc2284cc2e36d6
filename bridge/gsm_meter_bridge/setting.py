"""What a family lets its owner set: name, range, and how a person's value becomes the module's. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Self

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.vocabulary import MASK, Scalar

_FLAGS: Mapping[str, bool] = MappingProxyType(
    dict.fromkeys(("true", "on", "yes", "1"), True) | dict.fromkeys(("false", "off", "no", "0"), False)
)


class SettingKind(StrEnum):
    """The type of a setting's values."""

    TEXT = "text"
    INTEGER = "integer"
    ENUM = "enum"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a family, or a group of them where its name holds `<n>` or `<x>`.

    `minimum` and `maximum` bound a text's length in characters or an integer; `also` are integers beside
    that range; `pattern` and `check` must agree to a whole text, `lookup` finds it by a name; `options` are
    the values of an enum. `read_by` names the request that reads it. `cuts_off` marks a change that can
    make the module unreachable, `restarts` one after which it restarts. `documented` is False where no text
    command of the manual carries it. `indexes` gives the largest number that each placeholder can be.
    """

    name: str
    title: str
    clause: str
    read_by: str
    kind: SettingKind = SettingKind.TEXT
    minimum: int = 0
    maximum: int = 255
    also: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    pattern: str = ".*"
    check: Callable[[str], bool] | None = field(default=None, repr=False)
    lookup: Callable[[str], str] | None = field(default=None, repr=False)
    allowed: str = "any text"
    unit: str | None = None
    secret: bool = False
    cuts_off: bool = False
    restarts: bool = False
    documented: bool = True
    indexes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def match(self, name: str) -> re.Match[str] | None:
        """Return the match of `name` with this setting's, its indexes by name; None for another's."""
        return template_pattern(self.name, tuple(self.indexes.items())).fullmatch(name)

    def named(self, name: str) -> Self | None:
        """Return this setting as `name`, with its placeholders filled in; None where it is another's name."""
        found = self.match(name)
        if found is None or not self.indexes:
            return self if found else None
        read_by = filled(self.read_by, found.groupdict())
        return replace(self, name=name, read_by=read_by, indexes=MappingProxyType({}))

    def validate(self, value: object) -> Scalar:
        """Return `value` as the module takes it; numbers and flags may also come as texts.

        Raises InvalidValueError naming the setting, the value (masked if secret) and what is allowed.
        """
        taken = _TAKE[self.kind](self, value)
        if taken is None:
            raise InvalidValueError(self.name, MASK if self.secret and value else value, self.allowed)
        return taken

    def describe(self) -> dict[str, Any]:
        """Return the setting as plain data for `bridge/info`."""
        return {
            "name": self.name,
            "title": self.title,
            "clause": self.clause,
            "read_by": self.read_by,
            "kind": self.kind,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "also": list(self.also),
            "options": list(self.options),
            "pattern": self.pattern,
            "allowed": self.allowed,
            "unit": self.unit,
            "secret": self.secret,
            "cuts_off": self.cuts_off,
            "restarts": self.restarts,
            "documented": self.documented,
            "indexes": dict(self.indexes),
        }


@cache
def template_pattern(template: str, largest: tuple[tuple[str, int], ...] = ()) -> re.Pattern[str]:
    """Return what texts like `template` match; each `<x>` is a digit, up to its number in `largest`."""
    bounds = dict(largest)
    named = re.sub(r"<(\w)>", lambda m: f"(?P<{m[1]}>[0-{bounds.get(m[1], 9)}])", re.escape(template))
    return re.compile(named)


def filled(template: str, numbers: Mapping[str, str]) -> str:
    """Return `template` with each `<x>` replaced by its number."""
    for index, number in numbers.items():
        template = template.replace(f"<{index}>", number)
    return template


def _text(setting: Setting, value: object) -> Scalar | None:
    if not isinstance(value, str) or not setting.minimum <= len(value) <= setting.maximum:
        return None
    if re.fullmatch(setting.pattern, value, re.DOTALL) is None:
        # a name has no comma; the lookup raises UnknownNameError with what comes near
        return setting.lookup(value) if setting.lookup is not None and "," not in value else None
    return value if setting.check is None or setting.check(value) else None


def _integer(setting: Setting, value: object) -> Scalar | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if setting.minimum <= value <= setting.maximum or value in setting.also else None


def _enum(setting: Setting, value: object) -> Scalar | None:
    return value if isinstance(value, str) and value in setting.options else None


def _flag(_setting: Setting, value: object) -> Scalar | None:
    if isinstance(value, bool):
        return value
    return _FLAGS.get(str(value).lower()) if isinstance(value, (str, int)) else None


_TAKE: Mapping[SettingKind, Callable[[Setting, object], Scalar | None]] = MappingProxyType(
    {
        SettingKind.TEXT: _text,
        SettingKind.INTEGER: _integer,
        SettingKind.ENUM: _enum,
        SettingKind.FLAG: _flag,
    }
)
