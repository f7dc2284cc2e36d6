"""Checks of single values of a configuration; each raises vol.Invalid that states what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import voluptuous as vol
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from gsm_meter_bridge.config.hosts import is_host
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.yaml_file.checks import flag, matching, scalar_of, text, whole

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(s|min|h|d)?", re.ASCII)
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_SPAN = re.compile(f"{_CLOCK}-{_CLOCK}")
_UNITS_S = {None: 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_LEVEL = r"[^+#/\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
_TOPIC = re.compile(f"{_LEVEL}(?:/{_LEVEL})*")
_PIN = re.compile(r"[0-9]{4,8}")
_PRINTABLE = re.compile(r"[ -~]{1,128}")
_LONGEST_SECRET = 4096
_NOT_FILLED_IN = "change me"
"""The placeholder that scripts/install writes for each secret of the example."""
_FORMS = "allowed: a text, in quotes or not, !secret NAME, !env NAME or !file PATH"
_ASCII_ONLY = f"{_FORMS}; 128 letters, digits and signs of ASCII at most"
_DATABASE = "allowed: a path, or postgresql://user:password@host/database"
_OPTIONS_OF_POSTGRESQL = frozenset(
    ("host", "port", "ssl", "sslmode", "passfile", "target_session_attrs", "prepared_statement_cache_size")
)

Identifier = matching(r"[a-z0-9_]{1,32}", "allowed: 1 to 32 of a-z, 0-9 and _")
Text = text()
PortNumber = whole(1, 65535)
Flag = flag


class Topic:
    """Checks an MQTT topic or topic prefix: no wildcards, no empty level, at most 128 bytes of UTF-8."""

    def __call__(self, value: object) -> str:
        """Return `value` if it is a topic."""
        scalar = scalar_of(value)
        topic = "" if scalar is None or scalar.is_null else scalar.text
        if _TOPIC.fullmatch(topic) and len(topic.encode()) <= 128 and not topic.startswith("$"):
            return topic
        expected = "without +, #, blanks, a $ at its beginning and slashes at its ends"
        raise vol.Invalid(f"allowed: a topic {expected}, of 128 bytes at most")


class Duration:
    """Checks a duration: seconds, or a number with s, min, h or d."""

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s, self._most_s = least_s, most_s

    def __call__(self, value: object) -> float:
        """Return the duration in seconds."""
        scalar = scalar_of(value)
        found = None if scalar is None else _DURATION.fullmatch(scalar.text)
        seconds = float(found[1]) * _UNITS_S[found[2]] if found else None
        if seconds is None or not self._least_s <= seconds <= self._most_s:
            span = f"{shown_duration(self._least_s)} to {shown_duration(self._most_s)}"
            raise vol.Invalid(f"allowed: {span}, like 90, 90 s, 15 min, 24 h or 30 d")
        return seconds


def shown_duration(seconds: float) -> str:
    """Return a duration in the largest unit (d, h, min, s) of which it has at least two."""
    unit = next(unit for unit in ("d", "h", "min", "s") if seconds >= 2 * _UNITS_S[unit] or unit == "s")
    return f"{seconds / _UNITS_S[unit]:.4g} {unit}"


def secret(value: object) -> Secret:
    """Return `value`, as it is written, as a secret of 1 to 4096 characters."""
    scalar = scalar_of(value)
    found = value if isinstance(value, Secret) else Secret("" if scalar is None else scalar.text)
    if not 1 <= len(found.reveal()) <= _LONGEST_SECRET:
        raise vol.Invalid(f"{_FORMS}; of 1 to {_LONGEST_SECRET} characters")
    if found.reveal() == _NOT_FILLED_IN:
        raise vol.Invalid(f"is still {_NOT_FILLED_IN!r}, as it was installed; write your own")
    return found


def ascii_secret(value: object) -> Secret:
    """Return a secret for modules, meters and SIM cards: 1 to 128 characters of printable ASCII."""
    found = secret(value)
    if not _PRINTABLE.fullmatch(found.reveal()):
        raise vol.Invalid(_ASCII_ONLY)
    return found


def pin(value: object) -> Secret:
    """Return the PIN of a SIM: 4 to 8 digits (3GPP TS 31.101, 9.5.1). A wrong one would cost an attempt."""
    found = secret(value)
    if not _PIN.fullmatch(found.reveal()):
        raise vol.Invalid("allowed: 4 to 8 digits, !secret NAME, !env NAME or !file PATH")
    return found


def database(value: object) -> Path | Secret:
    """Return the path of an SQLite file, or the URL of a PostgreSQL database, which may hold a password."""
    if isinstance(value, Secret):
        url = value.reveal()
    else:
        scalar = scalar_of(value)
        url = "" if scalar is None or scalar.is_null else scalar.text
    if len(url) > _LONGEST_SECRET:
        raise vol.Invalid(_DATABASE)
    if "://" not in url:
        # a broken URL, or words for libpq, maybe with a password
        if "@" in url or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url) or re.search(r"(?i)\bpassword\s*=", url):
            raise vol.Invalid(_DATABASE)
        return path(url)
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("postgresql", "postgres", "postgresql+asyncpg", "postgres+asyncpg"):
        raise vol.Invalid(_DATABASE)
    return _postgresql(f"postgresql+asyncpg://{rest}")


def _postgresql(url: str) -> Secret:
    """Return the URL in the driver's form; vol.Invalid, without citing it, if it is wrong."""
    escape = "in a user or password, %40 is @, %2F is /, %3A is : and %25 is %"
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise vol.Invalid(f"{_DATABASE}; {escape}") from None
    strange = [name for name in parsed.query if name not in _OPTIONS_OF_POSTGRESQL]
    if strange:
        raise vol.Invalid(f"{_DATABASE}; behind ?, allowed: {', '.join(sorted(_OPTIONS_OF_POSTGRESQL))}")
    host, port = parsed.host or "", parsed.port
    if not (host or "host" in parsed.query) or (host and not is_host(host)):
        raise vol.Invalid(f"{_DATABASE}; the host is no name of a host; {escape}")
    if "@" in (parsed.database or "@") or (port is not None and not 1 <= port <= 65535):
        raise vol.Invalid(f"{_DATABASE}; a port is 1 to 65535; {escape}")
    query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
    return Secret(parsed.set(query=query).render_as_string(hide_password=False))


class DayTime:
    """Checks a span of a day, like 22:00-06:00."""

    def __call__(self, value: object) -> tuple[int, int]:
        """Return its beginning and its end in minutes of the day."""
        scalar = scalar_of(value)
        found = None if scalar is None else _SPAN.fullmatch(scalar.text)
        if found is None:
            raise vol.Invalid('allowed: two times, like "22:00-06:00"')
        begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if begin == end:
            raise vol.Invalid('allowed: two times that differ, like "22:00-06:00"')
        return begin, end


def port_url(value: object) -> str:
    """Return the path of a serial port, or the URL of a remote one."""
    url: str = Text(value)
    expected = "allowed: /dev/..., socket://host:port or rfc2217://host:port"
    try:
        parts = urlsplit(url)
        missing = parts.scheme in ("socket", "rfc2217") and not (parts.hostname and parts.port)
    except ValueError:
        raise vol.Invalid(expected) from None
    if missing or (parts.hostname and not is_host(parts.hostname)):
        raise vol.Invalid(expected)
    return url


def path(value: object) -> Path:
    """Return `value` as a path."""
    scalar = scalar_of(value)
    written = "" if scalar is None or scalar.is_null else scalar.text
    if not written or len(written) > 4000 or not written.isprintable():
        raise vol.Invalid("allowed: a path")
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise vol.Invalid("allowed: a path; there is no such user behind ~") from None
