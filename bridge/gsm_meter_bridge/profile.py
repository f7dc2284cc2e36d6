"""Profiles: the form of requests that a vendor's manual leaves open, as data with its provenance.

A profile file is YAML; `docs/profiles.md` describes it. Nothing in a profile is presented as a fact of
the vendor: it says where it comes from and whether anybody has verified it on a device.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol
import yaml

from gsm_meter_bridge.errors import ConfigError, DecodeError, UnknownNameError
from gsm_meter_bridge.family import Answer, CodeTable, Read, Reading, Reply, Request, SmsText
from gsm_meter_bridge.vocabulary import MASK, OBSERVABLES, Secret


@dataclass(frozen=True, slots=True)
class Field:
    """One named group of the reply's pattern and how its text becomes a value.

    With `shift`, the text is a hexadecimal octet and `width` bits from bit `shift` up are the code.
    """

    group: str
    observable: str
    table: CodeTable | None = None
    shift: int | None = None
    width: int = 1

    def reading(self, text: str) -> Reading:
        """Return the reading that `text`, the group's content, gives."""
        if self.shift is None:
            return self._of_code(text)
        code = int(text, 16) >> self.shift & (1 << self.width) - 1
        if self.width == 1 and self.table is None:
            return Reading(self.observable, bool(code), text)
        return self._of_code(str(code))

    def _of_code(self, code: str) -> Reading:
        if self.table is not None:
            return self.table.reading(self.observable, code)
        if OBSERVABLES[self.observable].kind == "integer":
            return Reading(self.observable, int(code), code)
        return Reading(self.observable, code)


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """How one request is sent and what its reply looks like."""

    name: str
    text: str
    pattern: re.Pattern[str]
    fields: tuple[Field, ...]
    volatile: bool

    def decode(self, text: str) -> Answer:
        """Return the readings in `text`; DecodeError where the pattern does not match it all."""
        found = self.pattern.fullmatch(_normalise(text))
        if found is None:
            raise DecodeError("reply", f"is no reply to {self.name}")
        groups = found.groupdict()
        readings = (f.reading(groups[f.group]) for f in self.fields if groups[f.group] is not None)
        return Answer(tuple(readings), text)


@dataclass(frozen=True, slots=True)
class Profile:
    """A checked profile; see `family.RequestFormat`."""

    name: str
    family: str
    verified: bool
    provenance: str
    requests: Mapping[str, ProfileRequest]

    def reads(self) -> tuple[Read, ...]:
        """Return the requests of the profile in the file's order."""
        return tuple(
            Read(
                r.name,
                tuple(dict.fromkeys(f.observable for f in r.fields)),
                f"profile {self.name}",
                r.volatile,
            )
            for r in self.requests.values()
        )

    def parse(self, text: str) -> Request | None:
        """Return the request that `text`, as sent after the password, is; None where it is none of these."""
        words = text.strip().upper()
        for request in self.requests.values():
            if request.text.removeprefix("{password}").strip().upper() == words:
                return Request.read(request.name)
        return None

    def encode(self, request: Request, password: Secret) -> SmsText:
        """Return the message of `request`; UnknownNameError where the profile does not have it."""
        template = self._request(request).text
        return SmsText(
            template.replace("{password}", password.reveal()), template.replace("{password}", MASK)
        )

    def decode(self, request: Request, text: str) -> Reply:
        """Return what `text` answers; DecodeError where it is no reply to `request`."""
        return self._request(request).decode(text)

    def _request(self, request: Request) -> ProfileRequest:
        try:
            return self.requests[request.name]
        except KeyError:
            raise UnknownNameError(f"request of profile {self.name}", request.name, self.requests) from None


def load_profile(text: str, source: str, family: str, tables: Iterable[CodeTable]) -> Profile:
    """Return the profile in the YAML `text`; `source` names it in errors.

    Raises ConfigError that names the file, the path inside it, the value and what is allowed.
    """
    try:
        document = yaml.safe_load(text)
        checked = _schema(family, {t.name: t for t in tables})(document)
    except yaml.YAMLError as error:
        raise ConfigError([f"{source}: not valid YAML: {error}"]) from error
    except vol.MultipleInvalid as error:
        raise ConfigError(f"{source}: {_place(e.path)}: {e.msg}" for e in error.errors) from error
    requests = {name: _request_of(name, entry) for name, entry in checked["requests"].items()}
    return Profile(
        checked["profile"], family, checked["verified"], " ".join(checked["provenance"].split()), requests
    )


def _schema(family: str, tables: Mapping[str, CodeTable]) -> vol.Schema:
    def table(value: object) -> CodeTable:
        if isinstance(value, str) and value in tables:
            return tables[value]
        raise vol.Invalid(f"{value!r} is no table of {family}; allowed: {', '.join(sorted(tables))}")

    field = vol.Schema(
        {
            vol.Required("group"): str,
            vol.Required("value"): vol.Any(*OBSERVABLES, msg=f"allowed: {', '.join(OBSERVABLES)}"),
            "table": table,
            "shift": vol.All(int, vol.Range(0, 7)),
            "width": vol.All(int, vol.Range(1, 8)),
        }
    )
    request = vol.Schema(
        {
            vol.Required("send"): {vol.Required("text"): vol.All(str, vol.Length(1, 160))},
            vol.Required("reply"): {vol.Required("pattern"): _pattern, vol.Required("fields"): [field]},
            "volatile": bool,
        }
    )
    return vol.Schema(
        {
            vol.Required("profile"): vol.Match(r"^[a-z0-9_]+$", msg="allowed: a-z, 0-9, _"),
            vol.Required("family"): vol.Equal(family, msg=f"this profile is not for {family}"),
            vol.Required("verified"): bool,
            vol.Required("provenance"): vol.All(str, vol.Length(min=10, msg="say where this comes from")),
            vol.Required("requests"): {vol.Match(r"^[a-z0-9_]+$"): vol.All(request, _groups_exist)},
        }
    )


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise vol.Invalid("expected a regular expression")
    try:
        return re.compile(value.strip(), re.VERBOSE)
    except re.error as error:
        raise vol.Invalid(f"not a regular expression: {error}") from error


def _groups_exist(request: dict[str, Any]) -> dict[str, Any]:
    named = request["reply"]["pattern"].groupindex
    for f in request["reply"]["fields"]:
        if f["group"] not in named:
            raise vol.Invalid(f"group {f['group']!r} is not in the pattern; it has: {', '.join(named)}")
    return request


def _request_of(name: str, entry: Mapping[str, Any]) -> ProfileRequest:
    fields = tuple(
        Field(f["group"], f["value"], f.get("table"), f.get("shift"), f.get("width", 1))
        for f in entry["reply"]["fields"]
    )
    pattern = entry["reply"]["pattern"]
    return ProfileRequest(name, entry["send"]["text"], pattern, fields, entry.get("volatile", False))


def _place(path: Iterable[object]) -> str:
    return ".".join(str(p) for p in path) or "top level"


def _normalise(text: str) -> str:
    return "\n".join(
        line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    )
