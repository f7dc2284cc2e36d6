"""Requests as setup SMS: `<password>;<command>[;<command>...]` (clause 4.2), in their short Latin forms."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families.lers_gsm_mini.tables import SMS_LIMIT
from gsm_meter_bridge.family import Request, RequestKind, SmsText
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret

# Table 4.1: request name to the short form and the whole word; both are accepted, the short one is sent.
COMMANDS = MappingProxyType({"info": ("I", "INFO"), "apn": ("A", "APN")})

_APN_FIELDS = ("apn", "apn_user", "apn_password")


def encode(request: Request, password: Secret) -> SmsText:
    """Return the SMS of `request`.

    Raises UnknownNameError for a command that is not in the table and InvalidValueError for a text of
    more than 160 characters.
    """
    short, _ = _command(request.name)
    if request.kind is RequestKind.READ:
        return _sms(password, short, short)
    plain = f"{short}={_apn_value(request.changes)}"
    shown = f"{short}={_apn_value({**request.changes, **_hidden(request.changes)})}"
    return _sms(password, plain, shown)


def parse(text: str) -> Request:
    """Return the request that `text` is: `I`, `A`, `A=internet,user,password`; case does not matter."""
    word, is_write, value = text.strip().partition("=")
    name = next((n for n, forms in COMMANDS.items() if word.upper() in forms), None)
    if name is None:
        raise UnknownNameError("command", word, (form for forms in COMMANDS.values() for form in forms))
    if not is_write:
        return Request.read(name)
    if name != "apn":
        raise InvalidValueError(word, value, "no value: this command is only read")
    return Request.write("apn", dict(zip(_APN_FIELDS, value.split(","), strict=False)))


def _command(name: str) -> tuple[str, str]:
    try:
        return COMMANDS[name]
    except KeyError:
        raise UnknownNameError("request", name, COMMANDS) from None


def _apn_value(changes: Mapping[str, Scalar]) -> str:
    """Return `[APN][,USR][,PSW]` (clause 4.3.10) without empty fields at its end."""
    return ",".join(str(changes.get(name, "")) for name in _APN_FIELDS).rstrip(",")


def _hidden(changes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {"apn_password": MASK} if changes.get("apn_password") else {}


def _sms(password: Secret, plain: str, shown: str) -> SmsText:
    text = f"{password.reveal()};{plain}"
    if len(text) > SMS_LIMIT:
        raise InvalidValueError("sms", shown, f"at most {SMS_LIMIT} characters with the password")
    return SmsText(text, f"{MASK};{shown}")
