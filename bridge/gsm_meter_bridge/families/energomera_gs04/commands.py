"""Requests as the text commands of clause 9: `<PASSWORD> <COMMAND>[ <PARAM>]`, one command an SMS."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import InvalidValueError, UnknownNameError
from gsm_meter_bridge.family import Request, RequestKind, SmsText
from gsm_meter_bridge.vocabulary import MASK, Scalar, Secret


@dataclass(frozen=True, slots=True)
class Command:
    """One text command: its word, the setting it writes (None: only read here) and its clause."""

    word: str
    setting: str | None
    clause: str
    empty: str | None = None


# The commands of this slice; at least three letters of a word are valid, we always send it whole.
COMMANDS = MappingProxyType(
    {
        "mode": Command("MODE", None, "9.2"),
        "apn": Command("APN", "apn", "9.3"),
    }
)


def encode(request: Request, password: Secret) -> SmsText:
    """Return the SMS of `request`; UnknownNameError where the family has no such command."""
    words = [_command(request.name).word]
    if request.kind is RequestKind.WRITE:
        words.append(_parameter(request))
    tail = " ".join(words)
    return SmsText(f"{password.reveal()} {tail}", f"{MASK} {tail}")


def parse(text: str) -> Request:
    """Return the request that `text` is: `MODE`, `APN` or `APN internet`; case does not matter."""
    word, _, parameter = text.strip().partition(" ")
    name = next((n for n, c in COMMANDS.items() if _abbreviates(word, c.word)), None)
    if name is None:
        raise UnknownNameError("command", word, (c.word for c in COMMANDS.values()))
    if not parameter:
        return Request.read(name)
    setting = COMMANDS[name].setting
    if setting is None:
        raise InvalidValueError(COMMANDS[name].word, parameter, "no parameter: this command is only read")
    return Request.write(name, {setting: parameter})


def _abbreviates(word: str, whole: str) -> bool:
    return len(word) >= 3 and whole.startswith(word.upper())


def _command(name: str) -> Command:
    try:
        return COMMANDS[name]
    except KeyError:
        raise UnknownNameError("request", name, COMMANDS) from None


def _parameter(request: Request) -> str:
    setting = _command(request.name).setting
    value: Scalar | None = request.changes.get(setting) if setting else None
    if value is None:
        raise InvalidValueError(request.name, dict(request.changes), f"a value for {setting}")
    return str(value)
