"""Checks of a document's parts, for voluptuous; each failure states what is allowed. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.errors import LONGEST_SENTENCE, ConfigError
from gsm_meter_bridge.vocabulary import Scalar as Plain
from gsm_meter_bridge.yaml_file.document import (
    Fault,
    HiddenKey,
    Path,
    YamlDocument,
    YamlScalar,
    kind_of,
    shown,
)

Validator = Callable[[Any], Any]

MOST_FAULTS = 100
_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,11}")
_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN_NAME = re.compile("[A-Za-z_]{1,32}")
_NAMES_SHOWN = 12
_NOTHING: Mapping[str, str] = MappingProxyType({})
_SHOWN_VALUE = 160
_NO_SUCH = "there is no such option"


class OtherKind(vol.Invalid):
    """A part is not the expected list or map. It may be a secret, and is not cited."""


class BadName(vol.Invalid):
    """A key is not an allowed name."""


class Renamed(vol.Invalid):
    """An option has its former name; its value is not checked."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"`{old}` is now `{new}`", [old])


def checked(document: YamlDocument, check: Validator, hints: Mapping[str, str] = _NOTHING) -> Any:
    """Return the result of `check` on a document; ConfigError with a sentence for each of its first faults.

    `hints` has texts for options that do not exist in their place, by name.
    """
    faults = list(document.faults)
    value = None
    try:
        value = vol.Schema(check)(document.root)
    except vol.MultipleInvalid as error:
        faults += [_fault(document, one, hints) for one in error.errors[:MOST_FAULTS]]
    refuse(document, faults)
    return value


def refuse(document: YamlDocument, faults: Iterable[Fault]) -> None:
    """Raise ConfigError if there are faults, in the order of the file."""
    first = islice(faults, MOST_FAULTS)
    placed = sorted((f.line or document.line_of(f.path) or 0, n, f) for n, f in enumerate(first))
    if placed:
        raise ConfigError(document.sentence(fault) for _, _, fault in placed)


def scalar_of(value: object) -> YamlScalar | None:
    """Return a document's scalar, or a default value as one; None for a list, a map and a secret."""
    if isinstance(value, YamlScalar):
        return value
    return YamlScalar.of(value) if value is None or isinstance(value, (str, int, float)) else None


def text(least: int = 1, most: int = 128) -> Validator:
    """Return a check for a text of `least` to `most` characters as written, quoted or not, in one line."""
    expected = f"allowed: a text of {least} to {most} characters in one line"

    def check(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or scalar.is_null or not least <= len(scalar.text) <= most:
            raise vol.Invalid(expected)
        if _CONTROL.search(scalar.text):
            raise vol.Invalid(f"{expected}, without control characters")
        return scalar.text

    return check


def long_text(least: int, most: int, expected: str) -> Validator:
    """Return a check for a text of one or more lines; `expected` states what is expected."""

    def check(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or scalar.is_null or not least <= len(scalar.text) <= most:
            raise vol.Invalid(expected)
        return scalar.text

    return check


def matching(pattern: str, expected: str) -> Validator:
    """Return a check for a text that `pattern` matches as a whole; `expected` states what is expected."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or scalar.is_null or compiled.fullmatch(scalar.text) is None:
            raise vol.Invalid(expected)
        return scalar.text

    return check


def whole(least: int, most: int, expected: str | None = None) -> Validator:
    """Return a check for an integer from `least` to `most`: unquoted ASCII digits and nothing else."""
    expected = expected or f"allowed: {least} to {most}"

    def check(value: object) -> int:
        scalar = scalar_of(value)
        if scalar is None or not _DIGITS.fullmatch(scalar.text):
            raise vol.Invalid(expected)
        if scalar.quoted:
            raise vol.Invalid(f"{expected}, without quotes")
        if not least <= int(scalar.text) <= most:
            raise vol.Invalid(expected)
        return int(scalar.text)

    return check


def decimal(least: float, most: float, expected: str | None = None) -> Validator:
    """Return a check for a number from `least` to `most`, with or without decimals."""
    expected = expected or f"allowed: {least:g} to {most:g}"

    def check(value: object) -> float:
        scalar = scalar_of(value)
        if scalar is None or not _DECIMAL.fullmatch(scalar.text):
            raise vol.Invalid(expected)
        if not least <= float(scalar.text) <= most:
            raise vol.Invalid(expected)
        return float(scalar.text)

    return check


def flag(value: object) -> bool:
    """Return the value of an unquoted true or false (also yes, no, on, off)."""
    scalar = scalar_of(value)
    if scalar is None or scalar.flag is None:
        raise vol.Invalid("allowed: true or false")
    return scalar.flag


def plain(value: object) -> Plain:
    """Return a scalar's value in YAML with the limits of `YamlScalar.plain`."""
    scalar = scalar_of(value)
    found = None if scalar is None else scalar.plain
    if found is None:
        raise vol.Invalid("allowed: a text, a number, true or false")
    return found


def one_of(*allowed: str) -> Validator:
    """Return a check for one of `allowed`."""
    expected = f"allowed: {names(allowed)}"

    def check(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or scalar.text not in allowed:
            near = "" if scalar is None else _near(scalar.text, allowed)
            raise vol.Invalid(f"{expected}{near}")
        return scalar.text

    return check


def optional(check: Validator) -> Validator:
    """Return a check that accepts an empty value as None."""

    def checked_or_none(value: object) -> Any:
        scalar = scalar_of(value)
        return None if scalar is not None and scalar.is_null else check(value)

    return checked_or_none


def options(fields: Mapping[Any, Validator], renamed: Mapping[str, str] = _NOTHING) -> Validator:
    """Return a check for a map with these options and no others.

    A name is vol.Required, vol.Optional or plain; defaults are checked once, and shared. `renamed` has the
    new name of each renamed option by its former one; an error about it names the new one.
    """
    known = [str(getattr(name, "schema", name)) for name in fields]
    checks = dict(zip(known, fields.values(), strict=True))
    required = [str(name.schema) for name in fields if isinstance(name, vol.Required)]
    defaults = {
        str(name.schema): check(name.default())
        for name, check in fields.items()
        if isinstance(name, vol.Optional) and not isinstance(name.default, vol.Undefined)
    }

    def check_options(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise OtherKind("allowed: options in lines of their own, each as name: value")
        strange = islice((name for name in value if name not in checks), MOST_FAULTS)
        faults = [
            Renamed(name, renamed[name]) if name in renamed else _no_such(name, value[name], known)
            for name in strange
        ]
        faults += [vol.RequiredFieldInvalid("is missing", [name]) for name in required if name not in value]
        found = dict(defaults)
        for name in value:
            if name in checks:
                try:
                    found[name] = checks[name](value[name])
                except vol.Invalid as error:
                    faults += _below(name, error)
        _raise_if(faults)
        return found

    return check_options


def rows(check: Validator, least: int = 0, most: int = 20_000) -> Validator:
    """Return a check for a list of `least` to `most` entries; after many faults the rest is not checked."""
    expected = f"allowed: a list of {least} to {most} entries, each behind '- '"

    def checked_rows(value: object) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise OtherKind(expected)
        found: list[Any] = []
        faults: list[vol.Invalid] = []
        for n, entry in enumerate(value):
            try:
                found.append(check(entry))
            except vol.Invalid as error:
                faults += _below(n, error)
                if len(faults) >= MOST_FAULTS:
                    break
        _raise_if(faults)
        return found

    return checked_rows


def named(name: Validator, check: Validator, least: int = 0, most: int = 20_000) -> Validator:
    """Return a check for a map with free names; after many faults the rest is not checked."""
    expected = f"allowed: {least} to {most} entries, each as name: value"

    def checked_map(value: object) -> dict[Any, Any]:
        if not isinstance(value, dict) or not least <= len(value) <= most:
            raise OtherKind(expected)
        found: dict[Any, Any] = {}
        faults: list[vol.Invalid] = []
        for key, entry in value.items():
            try:
                known = _name_of(name, key, entry)
                found[known] = check(entry)
            except vol.Invalid as error:
                faults += [error] if isinstance(error, BadName) else _below(key, error)
                if len(faults) >= MOST_FAULTS:
                    break
        _raise_if(faults)
        return found

    return checked_map


def names(known: Iterable[str], most: int = _NAMES_SHOWN) -> str:
    """Return names as text: at most `most` of them, and how many more there are."""
    listed = list(known)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}" or "none"


def _name_of(check: Validator, key: str, entry: object) -> Any:
    try:
        return check(YamlScalar(key, quoted=True))
    except vol.Invalid as error:
        raise BadName(error.error_message, [_guarded(key, entry)]) from None


def _guarded(key: str, value: object) -> str:
    """Return an unknown key, hidden unless it looks like a name and has a value."""
    scalar = scalar_of(value)
    empty = scalar is not None and scalar.is_null
    return HiddenKey(key) if empty or not _PLAIN_NAME.fullmatch(key) else key


def _below(step: object, error: vol.Invalid) -> list[vol.Invalid]:
    error.prepend([step])
    return list(error.errors) if isinstance(error, vol.MultipleInvalid) else [error]


def _raise_if(faults: list[Any]) -> None:
    if faults:
        raise vol.MultipleInvalid(faults[:MOST_FAULTS])


def _no_such(name: str, value: object, known: list[str]) -> vol.Invalid:
    near = _near(name, known)
    message = f"{_NO_SUCH}{near}; allowed: {names(known)}"
    return vol.Invalid(message, [name if near else _guarded(name, value)])


def _near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name[:64], list(known), 1, 0.75)
    return f"; perhaps {found[0]} is meant" if found else ""


def _fault(document: YamlDocument, error: vol.Invalid, hints: Mapping[str, str]) -> Fault:
    path: tuple[object, ...] = tuple(getattr(p, "schema", p) for p in error.path)
    if isinstance(error, vol.RequiredFieldInvalid):
        return Fault(path, "is missing")
    message = error.error_message
    if isinstance(error, Renamed):
        return Fault(path, message)
    if message.startswith(_NO_SUCH):
        hint = hints.get(str(path[-1]))
        return Fault(path, message if hint is None else f"{_NO_SUCH} here: {hint}")
    if isinstance(error, OtherKind):
        return Fault(path, f"{kind_of(document.value_at(path))} is not allowed; {message}")
    if isinstance(error, BadName):
        return Fault(path, f"this name {message}" if message.startswith("is ") else f"this name: {message}")
    value = _shown_beside(document, path, message)
    if message.startswith("expected"):
        return Fault(path, f"{message}; {value} is not allowed")
    return Fault(
        path, f"{value} {message}" if message.startswith("is ") else f"{value} is not allowed; {message}"
    )


def _shown_beside(document: YamlDocument, path: Path, message: str) -> str:
    """Return the value at `path`, cut so that the sentence has room for what is allowed."""
    rest = len(document.sentence(Fault(tuple(path), f" is not allowed; {message}")))
    return shown(document.value_at(path), path, min(_SHOWN_VALUE, LONGEST_SENTENCE - rest))
