"""Reads a profile file and checks it whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import voluptuous as vol
import yaml

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.family import OTHER_DELIVERIES, SMS, CodeTable, Family, is_setting
from gsm_meter_bridge.profile.forms import (
    FIELD_TYPES,
    PASSWORD,
    BytesReply,
    Field,
    Octets,
    Profile,
    ProfileRequest,
    TextReply,
)
from gsm_meter_bridge.profile.frame import LONGEST, SIZES, Parameter, ParameterFrame
from gsm_meter_bridge.vocabulary import OBSERVABLES

DELIVERIES = (SMS, *OTHER_DELIVERIES)
_DATA = 0x04
"""TP-DCS of octets where a profile names none (3GPP TS 23.038 clause 4)."""


def load_profile(text: str, source: str, family: Family) -> Profile:
    """Return the profile in the YAML `text`; `source` names it in errors.

    Raises ConfigError that names the file, the path inside it, the value and what is allowed.
    """
    try:
        checked = _schema(family)(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError([f"{source}: not valid YAML: {error}"]) from error
    except vol.MultipleInvalid as error:
        raise ConfigError(f"{source}: {_place(e.path)}: {e.msg}" for e in error.errors) from error
    name, verified = checked["profile"], checked["verified"]
    provenance = " ".join(checked["provenance"].split())
    requests = {key: _request_of(key, entry) for key, entry in checked["requests"].items()}
    frame = checked.get("config_frame")
    made = (
        None
        if frame is None
        else ParameterFrame(name=name, verified=verified, provenance=provenance, **frame)
    )
    return Profile(name, family.id, verified, provenance, requests, made)


def _schema(family: Family) -> vol.Schema:
    tables = {t.name: t for t in family.tables()}

    def table(value: object) -> CodeTable:
        if isinstance(value, str) and value in tables:
            return tables[value]
        raise vol.Invalid(f"{value!r} is no table of {family.id}; allowed: {', '.join(sorted(tables))}")

    def setting(value: object) -> str:
        if isinstance(value, str) and is_setting(family, value):
            return value
        known = ", ".join(s.name for s in family.settings)
        raise vol.Invalid(f"{value!r} is no setting of {family.id}; allowed: {known}")

    return vol.Schema(
        vol.All(
            {
                vol.Required("profile"): vol.Match(r"^[a-z0-9_]+$", msg="allowed: a-z, 0-9, _"),
                vol.Required("family"): vol.Equal(family.id, msg=f"this profile is not for {family.id}"),
                vol.Required("verified"): bool,
                vol.Required("provenance"): vol.All(str, vol.Length(min=10, msg="say where this comes from")),
                vol.Optional("requests", default=dict): {vol.Match(r"^[a-z0-9_]+$"): _request(table)},
                "config_frame": _frame(setting),
            },
            _not_empty,
        )
    )


def _request(table: Callable[[object], CodeTable]) -> vol.All:
    value = {
        vol.Required("value"): vol.Any(*OBSERVABLES, msg=f"allowed: {', '.join(OBSERVABLES)}"),
        "table": table,
        "shift": vol.All(int, vol.Range(0, 7)),
        "width": vol.All(int, vol.Range(1, 8)),
    }
    group = {vol.Required("group"): str, **value}
    octets = {
        vol.Required("offset"): vol.All(int, vol.Range(0, LONGEST)),
        "length": vol.All(int, vol.Range(1, LONGEST)),
        vol.Required("type"): vol.Any(*FIELD_TYPES, msg=f"allowed: {', '.join(FIELD_TYPES)}"),
        **value,
    }
    return vol.All(
        {
            vol.Required("send"): _one_form(
                "text", "bytes", {"text": vol.All(str, vol.Length(1, 160)), "bytes": _template, "dcs": _octet}
            ),
            vol.Required("reply"): _one_form(
                "pattern", "starts", {"pattern": _pattern, "starts": _hex, "length": int, "fields": list}
            ),
            vol.Optional("volatile", default=False): bool,
            vol.Optional("delivery", default=SMS): vol.Any(
                *DELIVERIES, msg=f"allowed: {', '.join(DELIVERIES)}"
            ),
            "timeout_s": vol.All(
                vol.Any(int, float), vol.Range(1, 86_400, msg="allowed: 1 to 86400 seconds")
            ),
        },
        lambda entry: _with_fields(entry, vol.Schema([group]), vol.Schema([octets])),
    )


def _frame(setting: Callable[[object], str]) -> vol.All:
    parameter = vol.Schema(
        {
            vol.Required("code"): _code,
            vol.Required("type"): vol.Any(*SIZES, msg=f"allowed: {', '.join(SIZES)}"),
            "values": {str: int},
        }
    )
    return vol.All(
        {
            vol.Required("start"): vol.All(_template, _around_password),
            vol.Required("between"): _hex,
            vol.Required("end"): _hex,
            vol.Optional("pad_to_even", default=""): _hex,
            vol.Optional("dcs", default=_DATA): _octet,
            vol.Required("parameters"): vol.All({setting: parameter}, vol.Length(min=1)),
        },
        _frame_of,
    )


def _one_form(one: str, other: str, keys: Mapping[str, Any]) -> vol.All:
    def check(value: Mapping[str, Any]) -> Mapping[str, Any]:
        if (one in value) == (other in value):
            raise vol.Invalid(f"expected either {one} or {other}")
        return value

    return vol.All(dict(keys), check)


def _with_fields(entry: dict[str, Any], groups: vol.Schema, octets: vol.Schema) -> dict[str, Any]:
    """Check the fields of a reply, whose form says what they may hold."""
    reply = entry["reply"]
    fields = reply.get("fields", [])
    try:
        checked = (groups if "pattern" in reply else octets)(fields)
    except vol.MultipleInvalid as error:
        # told with the place: these fields are checked a second time
        raise vol.MultipleInvalid(
            [vol.Invalid(e.msg, ["reply", "fields", *e.path]) for e in error.errors]
        ) from error
    if "pattern" in reply:
        named = reply["pattern"].groupindex
        for f in checked:
            if f["group"] not in named:
                raise vol.Invalid(f"group {f['group']!r} is not in the pattern; it has: {', '.join(named)}")
    return {**entry, "reply": {**reply, "fields": checked}}


def _not_empty(document: dict[str, Any]) -> dict[str, Any]:
    if not document["requests"] and "config_frame" not in document:
        raise vol.Invalid("expected requests or a config_frame")
    return document


def _hex(value: object) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError as error:
        raise vol.Invalid(f'{value!r} is not hexadecimal; give octets in quotes, like "01 02"') from error


def _template(value: object) -> str:
    """Check octets in hexadecimal with a place for the password."""
    for part in str(value).split(PASSWORD):
        _hex(part)
    return str(value)


def _around_password(template: str) -> tuple[bytes, bytes]:
    parts = tuple(_hex(part) for part in template.split(PASSWORD))
    if len(parts) != 2 or not parts[1]:
        raise vol.Invalid(f"expected {PASSWORD} once, and octets behind it")
    return parts[0], parts[1]


def _octet(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise vol.Invalid("allowed: 0 to 255")
    return value


def _code(value: object) -> int:
    octets = _hex(value)
    if len(octets) != 1:
        raise vol.Invalid("allowed: one octet in hexadecimal, in quotes")
    return octets[0]


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise vol.Invalid("expected a regular expression")
    try:
        return re.compile(value.strip(), re.VERBOSE)
    except re.error as error:
        raise vol.Invalid(f"not a regular expression: {error}") from error


def _frame_of(checked: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {
        name: Parameter(p["code"], p["type"], MappingProxyType(p["values"]) if "values" in p else None)
        for name, p in checked["parameters"].items()
    }
    rest = {key: value for key, value in checked.items() if key not in ("start", "parameters")}
    return {"head": checked["start"], "parameters": MappingProxyType(parameters), **rest}


def _request_of(name: str, entry: Mapping[str, Any]) -> ProfileRequest:
    send, rest = (
        entry["send"],
        {key: entry[key] for key in ("volatile", "delivery", "timeout_s") if key in entry},
    )
    dcs = None if "text" in send else send.get("dcs", _DATA)
    return ProfileRequest(name, send.get("text") or send["bytes"], dcs, _reply_of(entry["reply"]), **rest)


def _reply_of(reply: Mapping[str, Any]) -> TextReply | BytesReply:
    fields = tuple(
        (f, Field(f["value"], f.get("table"), f.get("shift"), f.get("width", 1))) for f in reply["fields"]
    )
    if "pattern" in reply:
        return TextReply(reply["pattern"], tuple((f["group"], field) for f, field in fields))
    places = tuple((Octets(f["offset"], f.get("length"), f["type"]), field) for f, field in fields)
    return BytesReply(reply["starts"], reply.get("length"), places)


def _place(path: Iterable[object]) -> str:
    return ".".join(str(p) for p in path) or "top level"
