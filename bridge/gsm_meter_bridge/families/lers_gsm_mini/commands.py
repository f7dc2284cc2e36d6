"""Requests as setup SMS: `<password>;<command>[;<command>...]` (clause 4.2), in their short Latin forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY, LAST_SERVER
from gsm_meter_bridge.model import Request, RequestKind, SmsText
from gsm_meter_bridge.model.setting import filled, template_pattern
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret, masked

BATCH = "settings"
"""The name of every write request."""

_Values = dict[str, Scalar]
_SERVERS = tuple(f"server.{n}" for n in range(LAST_SERVER + 1))
_LISTS = ("white_list", *(f"{server}.{kind}" for server in _SERVERS for kind in ("rule", "white_list")))
_APN = ("apn", "apn_user", "apn_password")


@dataclass(frozen=True, slots=True)
class Command:
    """A row of Table 4.1. `<n>` is a server, `<x>` an entry of a list.

    `forms` holds the short form, which the bridge sends, and the long words, which are accepted too; `does`
    has R, W (for which `=` without a value deletes) and A for read, write and action.
    """

    name: str
    clause: str
    does: str
    forms: tuple[str, ...]


# Table 4.1 in its order, with UPDATE, RESET and RESTART, which only clauses 4.3.13 and 4.3.17 have.
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

# The best order for a change: first what keeps the module reachable, last its password.
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

    Raises UnknownNameError for a command that is not in the table and InvalidValueError for a text that does
    not fit one SMS.
    """
    plain, shown = zip(*(_texts(part) for part in request.each), strict=True)
    return SmsText.single(";".join((password.reveal(), *plain)), ";".join((MASK, *shown)))


def is_single(request: Request, password: Secret) -> bool:
    """Return whether `request` fits one SMS."""
    try:
        encode(request, password)
    except InvalidValueError:
        return False
    return True


def writes(changes: Mapping[str, Scalar], password: Secret) -> tuple[Request, ...]:
    """Return the commands that write `changes`, each a request, in the order to send them.

    A list with all its entries is written as a whole if that is shorter and fits one SMS (clauses 4.3.6,
    4.3.7 and 4.3.15). The numbers that the module obeys stay in one request: after half of them, the gateway
    modem's number might not be listed. Raises InvalidValueError if they do not fit one SMS.
    """
    obeyed = {name: value for name, value in changes.items() if name.startswith("white_list.")}
    together = Request.write(BATCH, obeyed)
    if obeyed and not is_single(together, password):
        raise InvalidValueError("white_list", "".join(map(str, obeyed.values())), _TOO_MANY)
    found: list[Request] = []
    for group in _groups(changes, lambda one: is_single(Request.write(BATCH, one), password)):
        if group.keys().isdisjoint(obeyed):
            found.append(Request.write(BATCH, group))
        elif together not in found:
            found.append(together)
    return tuple(found)


_TOO_MANY = (
    "numbers that fit one SMS, with the password: what the modem obeys is changed at once or not at all; a "
    "password outside of the GSM alphabet leaves 70 characters of 160"
)


def _texts(request: Request) -> tuple[str, str]:
    """Return the text of one request, and the same text with its secrets masked."""
    if request.kind is not RequestKind.WRITE:
        command = _short(request.name)
        return command, command
    groups = tuple(_groups(request.changes))
    plain, shown = (";".join(map(_write, parts)) for parts in (groups, map(masked, groups)))
    return plain, shown


def written_names(changes: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Return the first setting of each command of a write, in the order of the commands."""
    return tuple(next(iter(group)) for group in _groups(changes))


def may_empty(changes: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Return the parts of the APN that may become empty because `changes` has only others (4.3.10, B33)."""
    given = [name for name in _APN if name in changes]
    return tuple(name for name in _APN if given and name not in given)


def parse(text: str) -> Request:
    """Return the request for `text`: `I`, `A=internet,user,password`, `P;T=300`; case does not matter."""
    return Request.together([_parsed_one(one) for one in text.split(";")])


def _parsed_one(text: str) -> Request:
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
    return {f"{name}.address" if re.fullmatch(r"server\.[0-9]", name) else name: value}


def _named(word: str) -> tuple[str, Command]:
    """Return request name and row of a command; any index is accepted, the module rejects too large ones."""
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


def _groups(changes: Mapping[str, Scalar], fits: Callable[[_Values], bool] = lambda _: True) -> list[_Values]:
    """Return the changes grouped by command, in the order to send them; whole lists if they fit."""
    apn = {name: changes[name] for name in _APN if name in changes}
    groups = [apn] if apn else []
    rest = {name: value for name, value in changes.items() if name not in _APN}
    for prefix in _LISTS:
        entries = {name: rest[name] for name in _entries(prefix) if name in rest}
        if len(entries) > LAST_ENTRY:
            groups += _whole(prefix, entries, fits)
            rest = {name: value for name, value in rest.items() if name not in entries}
    groups += [{name: value} for name, value in rest.items()]
    return sorted(groups, key=lambda group: _rank(next(iter(group))))


def _entries(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{x}" for x in range(LAST_ENTRY + 1))


def _whole(prefix: str, entries: _Values, fits: Callable[[_Values], bool]) -> list[_Values]:
    """Return the shortest commands that write a list whose entries are all given.

    All numbers of a list go in one command if there is no gap between them. Rules have no such form, and
    one number as `W0=` may be the list or the entry (B18): a list of rules, or one with gaps, is emptied
    first if that is shorter, but never the list of numbers that the module obeys.
    """
    single: list[_Values] = [{name: value} for name, value in entries.items()]
    filled_in = [one for one in single if any(one.values())]
    forms = [single]
    if _is_whole(entries) and fits(entries):
        forms.append([entries])
    if prefix != "white_list":
        forms.append([dict.fromkeys(entries, ""), *filled_in])
    return min(forms, key=lambda form: sum(len(_write(group)) + 1 for group in form))


def _is_whole(entries: _Values) -> bool:
    """Return whether one command can write all of a list's entries."""
    values = list(entries.values())
    count = sum(map(bool, values))
    if any(values[count:]):
        return False
    name = next(iter(entries))
    return not count or (count > 1 if name.startswith("white_list") else ".rule." not in name)


def _rank(name: str) -> tuple[int, str]:
    head = "apn" if name in _APN else name.partition(".")[0]
    return _SEND_ORDER.index(head), name


def _write(group: Mapping[str, Scalar | None]) -> str:
    return f"{_short(_command_name(group))}={_value(group)}"


def _command_name(group: Mapping[str, Scalar | None]) -> str:
    name = next(iter(group))
    if name in _APN:
        return "apn"
    if len(group) > 1:
        prefix = name.rpartition(".")[0]
        if prefix.endswith(".rule"):
            return f"{prefix}s"
        # clause 4.3.15: the whole list has index 0, or none if it is emptied
        return name if prefix == "white_list" and any(group.values()) else prefix
    # an empty address deletes the server (clause 4.3.3); the manual does not say that SnS= does
    return name.removesuffix(".address") if name.endswith(".address") and not group[name] else name


def _value(group: Mapping[str, Scalar | None]) -> str:
    """Return a command's parameter; the APN's is `[APN][,USR][,PSW]` (clause 4.3.10)."""
    if any(name in _APN for name in group):
        return ",".join(str(group.get(name, "")) for name in _APN).rstrip(",")
    if len(group) > 1:
        return ",".join(str(value) for value in group.values() if value)
    value = next(iter(group.values()))
    return str(int(value)) if isinstance(value, bool) else str(value)
