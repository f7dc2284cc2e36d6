"""Requests as setup SMS: `<password>;<command>[;<command>...]` (clause 4.2), in their short Latin forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families.lers_gsm_mini.tables import SMS_LIMIT
from gsm_meter_bridge.family import Request, RequestKind, SmsText
from gsm_meter_bridge.setting import filled, template_pattern
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret, masked

BATCH = "settings"
"""The name of every write: one SMS with as many commands as fit (clause 4.2)."""

T = TypeVar("T")
_APN = ("apn", "apn_user", "apn_password")


@dataclass(frozen=True, slots=True)
class Command:
    """A row of Table 4.1. `<n>` is a server, `<x>` an entry of a list.

    `forms` holds the short form, which we send, and the whole words, which are accepted too; `does` has R, W
    (which `=` with nothing deletes) and A for read, write and action.
    """

    name: str
    clause: str
    does: str
    forms: tuple[str, ...]


# Table 4.1 in its order, with UPDATE, RESET and RESTART, which only the clauses 4.3.13 and 4.3.17 have.
TABLE = (
    Command("apn", "4.3.10", "RW", ("A", "APN")),
    Command("connect.<n>", "4.3.8", "A", ("C<n>", "CONNECT<n>")),
    Command("disconnect", "4.3.9", "A", ("D", "DISCONNECT")),
    Command("info", "4.3.1", "R", ("I", "INFO")),
    Command("access_password", "4.3.11", "W", ("PASSWORD",)),
    Command("serial_port", "4.3.2", "RW", ("P", "PORT")),
    Command("reboot_period_min", "4.3.12", "RW", ("RP", "REBOOTPERIOD")),
    Command("reboot", "4.3.13", "A", ("REBOOT", "RESET", "RESTART")),
    Command("restore", "4.3.14", "A", ("RESTORE",)),
    Command("servers", "4.3.3", "R", ("S", "SERVER")),
    Command("server.<n>", "4.3.3", "RW", ("S<n>", "SERVER<n>")),
    Command("server.<n>.address", "4.3.4", "RW", ("S<n>S", "SERVER<n>SERVER")),
    Command("server.<n>.enabled", "4.3.5", "RW", ("S<n>E", "SERVER<n>ENABLED", "SERVER<n>ENABLE")),
    Command("server.<n>.rules", "4.3.6", "RW", ("S<n>R", "SERVER<n>RULE")),
    Command("server.<n>.rule.<x>", "4.3.6", "RW", ("S<n>R<x>", "SERVER<n>RULE<x>")),
    Command("server.<n>.white_list", "4.3.7", "RW", ("S<n>W", "SERVER<n>WHITELIST")),
    Command("server.<n>.white_list.<x>", "4.3.7", "RW", ("S<n>W<x>", "SERVER<n>WHITELIST<x>")),
    Command("csd_idle_timeout_s", "4.3.16", "RW", ("T", "TIMEOUT")),
    Command("white_list", "4.3.15", "RW", ("W", "WHITELIST")),
    Command("white_list.<x>", "4.3.15", "RW", ("W<x>", "WHITELIST<x>")),
    Command("update", "4.3.17", "A", ("UPDATE",)),
)

# The order in which a change is best sent: what keeps the modem reachable first, its password last.
_SEND_ORDER = (
    "serial_port",
    "apn",
    "white_list",
    "server",
    "reboot_period_min",
    "csd_idle_timeout_s",
    "access_password",
)


def encode(request: Request, password: Secret) -> SmsText:
    """Return the SMS of `request`.

    Raises UnknownNameError for a command that is not in the table and InvalidValueError for a text of
    more than 160 characters.
    """
    if request.kind is not RequestKind.WRITE:
        command = _short(request.name)
        return _sms(password, command, command)
    plain, shown = (";".join(_writes(values)) for values in (request.changes, masked(request.changes)))
    return _sms(password, plain, shown)


def batches(changes: Mapping[str, Scalar], password: Secret) -> tuple[Request, ...]:
    """Return the writes of `changes` in as few SMS of 160 characters as their order allows."""
    found: list[dict[str, Scalar]] = []
    for group in _groups(changes):
        packed = {**found[-1], **group} if found else {}
        if packed and len(password.reveal()) + sum(len(c) + 1 for c in _writes(packed)) <= SMS_LIMIT:
            found[-1] = packed
        else:
            found.append(group)
    return tuple(Request.write(BATCH, batch) for batch in found)


def parse(text: str) -> Request:
    """Return the request that `text` is: `I`, `A=internet,user,password`, `S0R2`; case does not matter."""
    word, is_write, value = text.strip().partition("=")
    name, command = _named(word.upper())
    if not is_write:
        kind = RequestKind.ACTION if command.does == "A" else RequestKind.READ
        if kind is RequestKind.READ and "R" not in command.does:
            raise InvalidValueError(word, "", f"a value: {command.forms[0]} is only written")
        return Request(kind, name)
    if "W" not in command.does:
        raise InvalidValueError(word, value, "no value: this command takes none")
    return Request.write(BATCH, _parsed(name, value))


def _parsed(name: str, value: str) -> dict[str, Scalar]:
    if name == "apn":
        return dict(zip(_APN, value.split(","), strict=False))
    return {f"{name}.address" if re.fullmatch(r"server\.\d", name) else name: value}


def _named(word: str) -> tuple[str, Command]:
    """Return request name and row of a command; any index is read, the modem refuses those too large."""
    for command in TABLE:
        for form in command.forms:
            found = template_pattern(form).fullmatch(word)
            if found is not None:
                return filled(command.name, found.groupdict()), command
    raise UnknownNameError("command", word, (form for c in TABLE for form in c.forms))


def _short(name: str) -> str:
    """Return the short form of the request `name`."""
    for command in TABLE:
        found = template_pattern(command.name).fullmatch(name)
        if found is not None:
            return filled(command.forms[0], found.groupdict())
    raise UnknownNameError("request", name, (command.name for command in TABLE))


def _groups(changes: Mapping[str, T]) -> Iterable[dict[str, T]]:
    """Return the changes that one command carries, in the order to send them."""
    apn = {name: changes[name] for name in _APN if name in changes}
    groups = [apn] if apn else []
    groups += [{name: value} for name, value in changes.items() if name not in _APN]
    return sorted(groups, key=lambda group: _rank(next(iter(group))))


def _rank(name: str) -> tuple[int, str]:
    head = "apn" if name in _APN else name.partition(".")[0]
    return _SEND_ORDER.index(head), name


def _writes(changes: Mapping[str, Scalar | None]) -> list[str]:
    return [f"{_short(_command_name(group))}={_value(group)}" for group in _groups(changes)]


def _command_name(group: Mapping[str, Scalar | None]) -> str:
    name = next(iter(group))
    if name in _APN:
        return "apn"
    # an empty address deletes the server (clause 4.3.3), which SnS= is not said to do
    return name.removesuffix(".address") if name.endswith(".address") and not group[name] else name


def _value(group: Mapping[str, Scalar | None]) -> str:
    """Return a command's parameter; the APN's is `[APN][,USR][,PSW]` (clause 4.3.10)."""
    if any(name in _APN for name in group):
        return ",".join(str(group.get(name, "")) for name in _APN).rstrip(",")
    value = next(iter(group.values()))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _sms(password: Secret, plain: str, shown: str) -> SmsText:
    text = f"{password.reveal()};{plain}"
    if len(text) > SMS_LIMIT:
        raise InvalidValueError("sms", shown, f"at most {SMS_LIMIT} characters with the password")
    return SmsText(text, f"{MASK};{shown}")
