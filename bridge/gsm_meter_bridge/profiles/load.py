"""Read a profile file and check all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.model import OTHER_TRANSPORTS, SMS, CodeTable, Family, is_setting, observables_of
from gsm_meter_bridge.profiles.forms import (
    FIELD_TYPES,
    PASSWORD,
    BytesReply,
    Field,
    Octets,
    Profile,
    ProfileRequest,
    TextReply,
)
from gsm_meter_bridge.profiles.frame import LONGEST, SIZES, Parameter, ParameterFrame
from gsm_meter_bridge.vocabulary import Observable
from gsm_meter_bridge.yaml_file import YamlScalar, parse_yaml
from gsm_meter_bridge.yaml_file.checks import (
    Validator,
    decimal,
    flag,
    long_text,
    matching,
    named,
    names,
    one_of,
    optional,
    options,
    rows,
    scalar_of,
    text,
    whole,
)
from gsm_meter_bridge.yaml_file.checks import checked as checked_document

_NAME = matching(r"[a-z0-9_]{1,32}", "allowed: 1 to 32 of a-z, 0-9, _")
_octet = whole(0, 255)
TRANSPORTS = (SMS, *OTHER_TRANSPORTS)
RENAMED = MappingProxyType({"delivery": "transport"})
"""Former keys of a request, and their new names (docs/migration.md)."""
_DATA = 0x04
"""TP-DCS of bytes if a profile names none (3GPP TS 23.038 clause 4)."""


def load_profile(text: str, source: str, family: Family) -> Profile:
    """Return the profile in the YAML `text`; `source` names it in errors.

    Raises ConfigError that names the file, the line, the path inside it, the value and what is allowed.
    """
    checked = checked_document(parse_yaml(text, source), _schema(family))
    name, verified = checked["profile"], checked["verified"]
    provenance = " ".join(checked["provenance"].split())
    requests = {key: _request_of(key, entry) for key, entry in checked["requests"].items()}
    frame = checked.get("config_frame")
    made = (
        None
        if frame is None
        else ParameterFrame(name=name, verified=verified, provenance=provenance, **frame)
    )
    return Profile(name, family.id, verified, provenance, requests, made, checked["verified_with"])


def _schema(family: Family) -> Validator:
    tables, observables = {t.name: t for t in family.tables()}, observables_of(family)

    def table(value: object) -> CodeTable:
        scalar = scalar_of(value)
        if scalar is not None and scalar.text in tables:
            return tables[scalar.text]
        raise vol.Invalid(f"is no table of {family.id}; allowed: {names(sorted(tables))}")

    def setting(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is not None and is_setting(family, scalar.text):
            return scalar.text
        raise vol.Invalid(f"is no setting of {family.id}; allowed: {names(s.name for s in family.settings)}")

    def own(value: object) -> str:
        scalar = scalar_of(value)
        if scalar is None or scalar.text != family.id:
            raise vol.Invalid(f"this profile is not for {family.id}")
        return scalar.text

    whole_file = options(
        {
            vol.Required("profile"): _NAME,
            vol.Required("family"): own,
            vol.Required("verified"): flag,
            vol.Required("provenance"): long_text(
                10, 5000, "say where this comes from, in 10 to 5000 characters"
            ),
            vol.Optional("verified_with", default=None): optional(text(1, 300)),
            vol.Optional("requests", default=dict): named(_NAME, _request(table, observables), 0, 200),
            "config_frame": _frame(setting),
        }
    )
    return vol.All(whole_file, _not_empty)


def _request(table: Validator, observables: Mapping[str, Observable]) -> Validator:
    value: dict[Any, Validator] = {
        vol.Required("value"): vol.All(one_of(*observables), observables.__getitem__),
        "table": table,
        "shift": whole(0, 7),
        "width": whole(1, 8),
    }
    group = {vol.Required("group"): text(), **value}
    octets = {
        vol.Required("offset"): whole(0, LONGEST, f"value must be at least 0 and at most {LONGEST}"),
        "length": whole(1, LONGEST),
        vol.Required("type"): one_of(*FIELD_TYPES),
        **value,
    }
    sends = {"text": text(1, 160), "bytes": _template, "dcs": _octet}
    reply = {
        "pattern": _pattern,
        "starts": _hex,
        "length": whole(0, LONGEST),
        "fields": lambda fields: [] if _is_empty(fields) else fields,
    }
    request = options(
        {
            vol.Required("send"): _one_form("text", "bytes", sends),
            vol.Required("reply"): _one_form("pattern", "starts", reply),
            vol.Optional("volatile", default=False): flag,
            vol.Optional("transport", default=SMS): one_of(*TRANSPORTS),
            "timeout_s": decimal(1, 86_400, "allowed: 1 to 86400 seconds"),
        },
        RENAMED,
    )
    groups, places = rows(options(group), 0, 200), rows(options(octets), 0, 200)
    return vol.All(request, lambda entry: _with_fields(entry, groups, places))


def _frame(setting: Validator) -> Validator:
    parameter = options(
        {
            vol.Required("code"): _code,
            vol.Required("type"): one_of(*SIZES),
            "values": named(text(), whole(0, 0xFFFF_FFFF), 1, 200),
        }
    )
    frame = options(
        {
            vol.Required("start"): vol.All(_template, _around_password),
            vol.Required("between"): _hex,
            vol.Required("end"): _hex,
            vol.Optional("pad_to_even", default=""): _hex,
            vol.Optional("dcs", default=_DATA): _octet,
            vol.Required("parameters"): named(setting, parameter, 1, 200),
        }
    )
    return vol.All(frame, _frame_of)


def _one_form(one: str, other: str, keys: Mapping[str, Any]) -> Validator:
    def check(value: Mapping[str, Any]) -> Mapping[str, Any]:
        if (one in value) == (other in value):
            raise vol.Invalid(f"expected either {one} or {other}")
        return value

    return vol.All(options(keys), check)


def _with_fields(entry: dict[str, Any], groups: Validator, octets: Validator) -> dict[str, Any]:
    """Check the fields of a reply, whose form determines what they may hold."""
    reply = entry["reply"]
    try:
        checked = (groups if "pattern" in reply else octets)(reply.get("fields", []))
    except vol.Invalid as error:
        error.prepend(["reply", "fields"])
        raise
    if "pattern" in reply:
        named_groups = reply["pattern"].groupindex
        strange = [f["group"] for f in checked if f["group"] not in named_groups]
        if strange:
            message = f"group {strange[0]!r} is not in the pattern; it has: {names(named_groups)}"
            raise vol.Invalid(message, ["reply", "fields"])
    for n, f in enumerate(checked):
        value, table = f["value"], f.get("table")
        if table is not None and not all(map(value.takes, table.rows.values())):
            raise vol.Invalid(f"is no table of {value.name}", ["reply", "fields", n, "table"])
    return {**entry, "reply": {**reply, "fields": checked}}


def _is_empty(value: object) -> bool:
    scalar = scalar_of(value)
    return scalar is not None and scalar.is_null


def _not_empty(document: dict[str, Any]) -> dict[str, Any]:
    if not document["requests"] and "config_frame" not in document:
        raise vol.Invalid("expected requests or a config_frame")
    return document


def _hex(value: object) -> bytes:
    scalar = scalar_of(value)
    written = None if scalar is None or scalar.is_null else scalar.text
    try:
        if written is not None and written.isascii() and len(written) <= 3 * LONGEST:
            return bytes.fromhex(written)
    except ValueError:
        pass
    raise vol.Invalid(f'is not hexadecimal; give at most {LONGEST} octets in quotes, like "01 02"')


def _template(value: object) -> str:
    """Check bytes in hexadecimal with a placeholder for the password."""
    scalar = scalar_of(value)
    template = "-" if scalar is None or scalar.is_null else scalar.text
    for part in template.split(PASSWORD):
        _hex(YamlScalar(part, quoted=True))
    return template


def _around_password(template: str) -> tuple[bytes, bytes]:
    parts = tuple(_hex(YamlScalar(part, quoted=True)) for part in template.split(PASSWORD))
    if len(parts) != 2 or not parts[1]:
        raise vol.Invalid(f"expected {PASSWORD} once, and octets behind it")
    return parts[0], parts[1]


def _code(value: object) -> int:
    octets = _hex(value)
    if len(octets) != 1:
        raise vol.Invalid("allowed: one octet in hexadecimal, in quotes")
    return octets[0]


def _pattern(value: object) -> re.Pattern[str]:
    pattern = long_text(1, 4000, "expected a regular expression of 1 to 4000 characters")(value)
    try:
        return re.compile(pattern.strip(), re.VERBOSE | re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise vol.Invalid(f"not a regular expression: {str(error)[:80]}") from error


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
        {key: entry[key] for key in ("volatile", "transport", "timeout_s") if key in entry},
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
