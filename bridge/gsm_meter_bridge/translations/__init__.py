"""Names of entities and texts of values, one catalogue for each language. Pure.

English names of values, settings and actions are the titles that these are declared with. Names and texts
that only one family has are in that family's folder (`Family.message`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Language(StrEnum):
    """A language of entities' names and values."""

    EN = "en"
    RU = "ru"


_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Texts of one language: `names` by key, `values` by name of the value and raw value."""

    names: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))


Catalogues = Mapping[Language, Catalogue]

_CHANGE = "set."
_UNKNOWN = "unknown"


class Translations:
    """Names and texts of values in one language, merged from several catalogues; a later one wins."""

    def __init__(self, catalogues: Iterable[Catalogue]) -> None:
        names: dict[str, str] = {}
        values: dict[str, Mapping[str, str]] = {}
        for catalogue in catalogues:
            names |= catalogue.names
            values |= catalogue.values
        self._names, self._values = names, values

    def name(self, key: str) -> str:
        """Return the name of `key`; `set.<key>` is the control that changes it. KeyError if it is unknown."""
        if key.startswith(_CHANGE):
            return self._names[_CHANGE].format(_within_a_sentence(self.name(key.removeprefix(_CHANGE))))
        return self._names[key]

    def has_values(self, name: str) -> bool:
        """Return whether there are texts for the values of `name`."""
        return name in self._values

    def value(self, name: str, value: object, raw: str | None = None) -> str | None:
        """Return the text of a value of `name`; None if it is None; "unknown" with its code in `raw`.

        `raw` is the code that no table explains. A value without a text, of a profile for example, is
        returned unchanged as a string.
        """
        if value is None:
            return None
        if value == _UNKNOWN:
            return self.unknown(raw)
        return self._values.get(name, _EMPTY).get(str(value), str(value))

    def values(self, name: str, values: Iterable[str]) -> tuple[str, ...]:
        """Return the texts of `values` in their order, without duplicates."""
        return tuple(dict.fromkeys(str(self.value(name, value)) for value in values))

    def unknown(self, raw: str | None = None) -> str:
        """Return the text for an unknown value, with its code if there is one."""
        return self._names[_UNKNOWN] if raw is None else f"{self._names[_UNKNOWN]} ({raw})"


def _within_a_sentence(name: str) -> str:
    """Return `name` with a small initial, for use within a sentence; APN and IMEI keep their capitals."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]
