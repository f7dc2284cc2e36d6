"""Checks of single values; each failure says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.vocabulary import Secret

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)?")
_CLOCK = r"([01]\d|2[0-3]):([0-5]\d)"
_SPAN = re.compile(f"{_CLOCK}-{_CLOCK}")
_UNITS_S = {None: 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}

Identifier = vol.All(str, vol.Match(r"^[a-z0-9_]{1,32}$", msg="allowed: 1 to 32 of a-z, 0-9 and _"))
Text = vol.All(str, vol.Length(1, 128, msg="allowed: a text of 1 to 128 characters"))
Port = vol.All(int, vol.Range(1, 65535, msg="allowed: 1 to 65535"))
Flag = vol.Any(bool, msg="allowed: true or false")


class Topic:
    """A topic, or a prefix of topics: no wildcards, no slash at the ends."""

    def __call__(self, value: object) -> str:
        """Return `value` if it can be one."""
        if isinstance(value, str) and re.fullmatch(r"[^+#/\s\0]+(?:/[^+#/\s\0]+)*", value):
            return value
        raise vol.Invalid("allowed: a topic without +, #, spaces and slashes at its ends")


class Duration:
    """A duration: seconds, or a number with s, min, h or d."""

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s, self._most_s = least_s, most_s

    def __call__(self, value: object) -> float:
        """Return seconds."""
        found = _DURATION.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
        seconds = float(found[1]) * _UNITS_S[found[2]] if found else None
        if seconds is None or not self._least_s <= seconds <= self._most_s:
            raise vol.Invalid(
                f"allowed: {self._least_s:g} s to {self._most_s:g} s, like 90, 90 s, 15 min, 24 h or 30 d"
            )
        return seconds


def secret(value: object) -> Secret:
    """Return `value` as a secret; numbers are refused because YAML would eat their leading zeros."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, str) and value:
        return Secret(value)
    raise vol.Invalid("allowed: a text in quotes, !secret NAME, !env NAME or !file PATH")


def database(value: object) -> Path | Secret:
    """Return the path of an SQLite file, or the URL of a PostgreSQL database, which holds a password."""
    url = value.reveal() if isinstance(value, Secret) else value
    if isinstance(url, str) and "://" in url:
        scheme, _, rest = url.partition("://")
        if scheme not in ("postgresql", "postgresql+asyncpg") or not rest:
            raise vol.Invalid("allowed: a path, or postgresql://user:password@host/database")
        return Secret(f"postgresql+asyncpg://{rest}")
    return path(url)


class DayTime:
    """A span of a day, like 22:00-06:00, as minutes of the day."""

    def __call__(self, value: object) -> tuple[int, int]:
        """Return its beginning and its end."""
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise vol.Invalid('allowed: two times in quotes, like "22:00-06:00"')
        hours = [int(n) for n in found.groups()]
        return hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]


def one_of(*allowed: str) -> vol.In:
    """Return a check for one of `allowed`."""
    return vol.In(allowed, msg=f"allowed: {', '.join(allowed)}")


def path(value: object) -> Path:
    """Return `value` as a path."""
    if isinstance(value, str) and value:
        return Path(value).expanduser()
    raise vol.Invalid("allowed: a path")


def optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a check that lets None pass, and keeps the words of `check` for anything else."""

    schema = vol.Schema(check)

    def checked(value: Any) -> Any:
        return None if value is None else schema(value)

    return checked
