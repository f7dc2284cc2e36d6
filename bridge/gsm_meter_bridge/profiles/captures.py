"""Read captured dialogues with a module from logs and traffic in several formats. Pure.

The format is recognised by its content: lines that begin with `>` and `<`, traffic between a program and
a modem (AT commands, in text and in PDU mode, as lines or as hexadecimal dumps, with or without times and
directions), or the bridge's own log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.profiles.forms import PASSWORD
from gsm_meter_bridge.profiles.replies import RecordedExchange, answered
from gsm_meter_bridge.profiles.terminal import RecordedSms, messages_in
from gsm_meter_bridge.vocabulary import MASK

_ARROWS = re.compile(r"\s*(?:(>|TX:)|(<|RX:))\s?(.*)", re.IGNORECASE)
_OWN_LOG = re.compile(r"gsm_meter_bridge\.dialogue: ([^ ]+) ([<>]) (\".*\")\s*\Z")
_OWN_TRACE = re.compile(r"gsm_meter_bridge\.\S+: .*<[0-9]+ bytes>")
_LONGEST = 2_000
"""Largest reply in characters or bytes; a longer one is not an SMS of a module."""


def exchanges_in(sources: Sequence[str], *, is_hex: bool = False) -> list[RecordedExchange]:
    """Return the answered exchanges of all sources; DecodeError if there are none.

    `is_hex`: lines that begin with `>` and `<` hold bytes in hexadecimal.
    """
    found = [exchange for source in sources for exchange in _exchanges(source, is_hex=is_hex)]
    replies = sum(len(exchange.came) for exchange in found)
    for exchange in found:
        exchange.sent = _without_end(exchange.sent)
        exchange.came = [_without_end(reply) for reply in exchange.came if len(reply) <= _LONGEST]
    usable = [exchange for exchange in found if exchange.came and len(exchange.sent) <= _LONGEST]
    if usable:
        return usable
    if replies:
        raise DecodeError("log", _too_long(found))
    if any(_OWN_TRACE.search(source) for source in sources):
        message = (
            "shows only the lengths of what went through the modem; with `log_level: debug` the log has "
            "lines gsm_meter_bridge.dialogue, with requests to modules and their replies"
        )
        raise DecodeError("log", message)
    raise DecodeError(
        "log", "has no line > (sent) with a line < (received) after it, and no SMS by AT commands"
    )


def _too_long(found: Sequence[RecordedExchange]) -> str:
    """Return the reason why no answered exchange is usable."""
    if any(exchange.came for exchange in found):
        return f"has only requests with more than {_LONGEST} characters or octets; no SMS is that long"
    return (
        f"has only replies with more than {_LONGEST} characters or octets, and no SMS is that long; "
        "all lines < after a line > are one reply"
    )


def _without_end(body: str | bytes) -> str | bytes:
    """Return a text without the Ctrl-Z that ends it."""
    return body.replace("\x1a", "") if isinstance(body, str) else body


def _exchanges(source: str, *, is_hex: bool) -> list[RecordedExchange]:
    own = [found for line in source.splitlines() if (found := _OWN_LOG.search(line))]
    if own:
        return answered(_own_log(own))
    if _OWN_TRACE.search(source):
        return []
    messages = None if is_hex else messages_in(source)
    return _arrows(source, is_hex=is_hex) if messages is None else answered(messages)


def _own_log(lines: Iterable[re.Match[str]]) -> Iterator[RecordedSms]:
    for line in lines:
        try:
            text = json.loads(line[3])
        except ValueError:
            continue  # cut short
        sent = line[2] == ">"
        yield RecordedSms(sent, line[1], str(text).replace(MASK, PASSWORD) if sent else str(text))


def _arrows(source: str, *, is_hex: bool) -> list[RecordedExchange]:
    found: list[RecordedExchange] = []
    came: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _ARROWS.fullmatch(line)
        if parts is None:
            raise DecodeError("log", f"line {number} begins with neither > (sent) nor < (received)")
        text = parts[3].strip()
        if parts[1]:
            _close(found, came, is_hex=is_hex)
            found.append(RecordedExchange(octets_of(text) if is_hex else text))
            came = []
        elif not found:
            raise DecodeError("log", f"line {number} is received before anything is sent")
        else:
            came.append(text)
    _close(found, came, is_hex=is_hex)
    return found


def _close(found: list[RecordedExchange], came: list[str], *, is_hex: bool) -> None:
    if found and came:
        found[-1].came.append(octets_of(" ".join(came)) if is_hex else "\n".join(came))


def octets_of(text: str) -> bytes:
    """Return the bytes that hexadecimal `text` stands for; DecodeError if it is not hexadecimal."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise DecodeError("log", f"has {len(text)} characters in a line that are not hexadecimal") from error
