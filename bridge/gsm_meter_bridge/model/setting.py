"""The settings of a family: names, ranges, and how a user's value becomes the module's. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Self

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.vocabulary import Scalar

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
    """One setting of a family, or a group of them if its name holds `<n>` or `<x>`.

    `minimum` and `maximum` bound a text's length in characters, or an integer; `also` are integers allowed
    besides that range; `spelled` converts a user's spelling to the module's form; `pattern` and `check` must
    accept a whole text, `lookup` finds it by a name; `options` are the values of an enum. `read_by` names the
    request that reads it. `cuts_off` marks a change that can make the module unreachable, `restarts` one
    after which it restarts. `enabled_by_default` is for its control in Home Assistant; None: enabled unless
    it cuts off. `identifies` marks personal data, such as a phone number, which can be masked. `documented`
    is False if no text command of the manual carries it. `indexes` gives the largest number of each
    placeholder. `factory` is the value of a new module, None if the manual does not give it.
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
    spelled: Callable[[str], str] | None = field(default=None, repr=False)
    allowed: str = "any text"
    unit: str | None = None
    secret: bool = False
    cuts_off: bool = False
    restarts: bool = False
    enabled_by_default: bool | None = None
    identifies: bool = False
    documented: bool = True
    indexes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    factory: Scalar | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether its control in Home Assistant is enabled by default."""
        return not self.cuts_off if self.enabled_by_default is None else self.enabled_by_default

    def match(self, name: str) -> re.Match[str] | None:
        """Return the match of `name` with this setting's name, with its indexes as groups; None if none."""
        return template_pattern(self.name, tuple(self.indexes.items())).fullmatch(name)

    def named(self, name: str) -> Self | None:
        """Return this setting as `name`, with its placeholders filled in; None if the name does not match."""
        found = self.match(name)
        if found is None or not self.indexes:
            return self if found else None
        read_by = filled(self.read_by, found.groupdict())
        return replace(self, name=name, read_by=read_by, indexes=MappingProxyType({}))

    def validate(self, value: object) -> Scalar:
        """Return `value` in the module's form; numbers and flags may also be given as texts.

        Raises InvalidValueError that names the setting, the value (unless it is secret) and what is allowed.
        """
        taken = _TAKE[self.kind](self, value)
        if taken is None:
            raise InvalidValueError(self.name, value, self.allowed, shown=not self.secret)
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
    """Return the pattern for texts like `template`; each `<x>` is a digit, at most that in `largest`."""
    bounds = dict(largest)
    named = re.sub(r"<(\w)>", lambda m: f"(?P<{m[1]}>[0-{bounds.get(m[1], 9)}])", re.escape(template))
    return re.compile(named)


def generic(name: str) -> str:
    """Return `name` with each of its numbers as `#`: `server.0.rule.2` is `server.#.rule.#`."""
    return re.sub(r"\.[0-9]", ".#", name)


def filled(template: str, numbers: Mapping[str, str]) -> str:
    """Return `template` with each `<x>` replaced by its number."""
    for index, number in numbers.items():
        template = template.replace(f"<{index}>", number)
    return template


def _text(setting: Setting, value: object) -> Scalar | None:
    if isinstance(value, str) and setting.spelled is not None:
        value = setting.spelled(value)
    if not isinstance(value, str) or not setting.minimum <= len(value) <= setting.maximum:
        return None
    if re.fullmatch(setting.pattern, value, re.DOTALL | re.ASCII) is None:
        # a name has no comma; the lookup raises UnknownNameError with similar names
        return setting.lookup(value) if setting.lookup is not None and "," not in value else None
    return value if setting.check is None or setting.check(value) else None


def _integer(setting: Setting, value: object) -> Scalar | None:
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value):
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
