"""Requests as the text commands of clause 9: `<PASSWORD> <COMMAND>[ <PARAM>]`, one command an SMS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.model import Request, RequestKind, SmsText
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret, masked

_EMPTY = "-"


@dataclass(frozen=True, slots=True)
class Command:
    """One text command: its word, its clause, the block of its reply, and its parameter to and from text."""

    word: str
    clause: str
    block: str
    write: Callable[[Scalar], str] = str
    read: Callable[[str], Scalar] = str


def _mode(code: str) -> Scalar:
    if code not in tables.MODE.rows:
        raise InvalidValueError("MODE", code, ", ".join(tables.MODE.rows), shown=True)
    return str(tables.MODE.rows[code])


def _or_dash(value: Scalar) -> str:
    return str(value) or _EMPTY


def _not_dash(text: str) -> Scalar:
    return "" if text == _EMPTY else text


def _number(text: str) -> Scalar:
    return int(text) if text.isascii() and text.isdigit() else text


# By the setting that each writes, in the best order for a change: MODE restarts the module and applies
# the rest (9.2). At least three letters of a word are valid; the bridge always sends all of it.
COMMANDS = MappingProxyType(
    {
        "apn": Command("APN", "9.3", "APN"),
        "apn_user": Command("USER", "9.4", "APN", _or_dash, _not_dash),
        "apn_password": Command("PSW", "9.5", "APN", _or_dash, _not_dash),
        "server_host": Command("DNS", "9.6", "DNS"),
        "server_port": Command("PORT", "9.7", "DNS", read=_number),
        "connect_period_s": Command("TIMEOUT", "9.8", "TIMEOUT", read=_number),
        "idle_restart_period_h": Command("RESET", "9.9", "RESET", read=_number),
        "mode": Command("MODE", "9.2", "MODE", tables.MODE.code_of, _mode),
    }
)


def encode(request: Request, password: Secret) -> SmsText:
    """Return the SMS of `request`; UnknownNameError if the family has no such command.

    Raises InvalidValueError for a text that does not fit one SMS.
    """
    command = command_of(request.name)
    plain = shown = command.word
    if request.kind is RequestKind.WRITE:
        value = request.changes.get(request.name)
        if value is None:
            raise InvalidValueError(request.name, dict(request.changes), f"a value for {request.name}")
        plain = f"{command.word} {command.write(value)}"
        shown = f"{command.word} {MASK}" if masked(request.changes)[request.name] == MASK else plain
    return SmsText.single(f"{password.reveal()} {plain}", f"{MASK} {shown}")


def parse(text: str) -> Request:
    """Return the request for `text`: `MODE`, `APN`, `APN internet`, `USER -`; case does not matter."""
    word, _, parameter = text.strip().partition(" ")
    name = next((n for n, c in COMMANDS.items() if _abbreviates(word, c.word)), None)
    if name is None:
        raise UnknownNameError("command", word, (c.word for c in COMMANDS.values()))
    if not parameter:
        return Request.read(name)
    return Request.write(name, {name: COMMANDS[name].read(parameter)})


def command_of(name: str) -> Command:
    """Return the command of a request; UnknownNameError if there is none."""
    try:
        return COMMANDS[name]
    except KeyError:
        raise UnknownNameError("request", name, COMMANDS) from None


def _abbreviates(word: str, whole: str) -> bool:
    return len(word) >= 3 and whole.startswith(word.upper())
