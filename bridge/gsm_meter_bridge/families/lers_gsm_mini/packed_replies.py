"""Decode the reply to several commands in one SMS: a block for each, in order (clause 4.2, B15)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini import commands, replies
from gsm_meter_bridge.families.lers_gsm_mini.refusals import REJECTED, refusal_message, refusals
from gsm_meter_bridge.model import Answer, Reading, Refusal, Reply, Request, RequestKind
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.sms import fits_gsm7

_SEPARATOR = re.compile(r"[\r\n;]+")
_ENTRY = r"[0-9]\s*:.*|[.…]+"

# The lines after the first of a block, for the commands whose replies have several.
_GOES_ON = MappingProxyType(
    {
        name: re.compile(pattern, re.IGNORECASE)
        for name, pattern in {
            "info": r"(?:SN|FW|IMEI|Signal level)\s*:.*",
            "apn": r"(?:USR|PSW)\s*:.*",
            "servers": _ENTRY,
            "server.#": r"Enabled\s*:.*|(?:Rules|White-list)\s*:\s*[0-9]+",
            "server.#.rules": _ENTRY,
            "server.#.white_list": _ENTRY,
            "white_list": _ENTRY,
            "white_list.#": r"\+?[0-9 ]+",
        }.items()
    }
)
# The last of these lines; a block without it counts as cut off.
_LAST_ENTRY = re.compile(r"9\s*:.*")
_ENDS = MappingProxyType(
    {
        "info": re.compile(r"Signal level\s*:.*", re.IGNORECASE),
        "apn": re.compile(r"PSW\s*:.*", re.IGNORECASE),
        "server.#": re.compile(r"White-list\s*:.*", re.IGNORECASE),
        "server.#.rules": _LAST_ENTRY,
        "server.#.white_list": _LAST_ENTRY,
        "white_list": _LAST_ENTRY,
    }
)

_PART_GSM7, _PART_UCS2 = 153, 67
"""Characters of one part of a longer SMS; a shorter text was not cut off."""


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to the parts of `request`; DecodeError if it is no reply to it.

    Reads that are refused, missing, or at the end of a text that may be cut off, are `unanswered`. A change
    is refused if any of its commands is; readings in the same reply count if they are there.
    """
    lines = [line.strip() for line in _SEPARATOR.split(text) if line.strip()]
    found = _Found(_may_be_cut(text))
    rest = found.take(request.parts, lines)
    if not found.replies or (rest and not found.is_cut(request)):
        raise DecodeError("reply", "does not answer what was asked together")
    if request.kind is RequestKind.READ:
        if 0 not in found.replies:
            raise DecodeError("reply", "does not begin with what was asked first")
        return found.answer(request)
    return found.acknowledgement(request)


def _may_be_cut(text: str) -> bool:
    return len(text) >= (_PART_GSM7 if fits_gsm7(text) else _PART_UCS2)


@dataclass
class _Found:
    """The replies to the parts that have one, by the part's index."""

    is_long: bool
    replies: dict[int, Reply] = field(default_factory=dict)

    def take(self, parts: Sequence[Request], lines: Sequence[str]) -> Sequence[str]:
        """Take the block of each part out of `lines` and return the remaining lines."""
        for number, part in enumerate(parts):
            block = _block(part, lines)
            reply = _reply(part, block)
            if reply is not None:
                self.replies[number] = reply
                lines = lines[len(block) :]
        return lines

    def is_cut(self, request: Request) -> bool:
        """Return whether the text may have been cut off within or before the last parts."""
        return self.is_long and max(self.replies) + 1 < len(request.parts)

    def answer(self, request: Request) -> Answer:
        """Return the readings that are certain, and the parts without an answer."""
        if self.is_cut(request):
            del self.replies[max(self.replies)]
        answers = {n: reply for n, reply in self.replies.items() if isinstance(reply, Answer)}
        missing = tuple(part for n, part in enumerate(request.parts) if n not in answers)
        raw = "\r\n".join(reply.raw for reply in answers.values())
        return Answer(_readings(answers), raw, unanswered=missing)

    def acknowledgement(self, request: Request) -> Reply:
        """Return whether the commands were carried out; DecodeError if the text does not mention them."""
        raw = "\r\n".join(reply.raw for reply in self.replies.values())
        changing = {n: reply for n, reply in self.replies.items() if _changes(request.parts[n])}
        refused = {n: reply for n, reply in changing.items() if isinstance(reply, Refusal)}
        if refused:
            each = [one for n, reply in changing.items() for one in refusals(request.parts[n], reply)]
            message = refusal_message([name for name, _ in each], [no for _, no in each])
            every = len(refused) == sum(map(_changes, request.parts))
            partial = not every or any(reply.partial for reply in refused.values())
            return Refusal(REJECTED, message, raw, _readings(self.replies), partial=partial)
        if not changing:
            raise DecodeError("reply", "is not the Ok that answers a change")
        return Answer(_readings(self.replies), raw)


def _changes(part: Request) -> bool:
    return part.kind is not RequestKind.READ


def _readings(answers: Mapping[int, Reply]) -> tuple[Reading, ...]:
    return tuple(reading for reply in answers.values() for reading in reply.readings)


def _block(part: Request, lines: Sequence[str]) -> Sequence[str]:
    """Return the lines that may answer `part`: the first, and those that continue it."""
    if part.kind is RequestKind.WRITE:
        acknowledged = lines[: len(commands.written_names(part.changes))]
        return list(takewhile(lambda line: _decoded(part, [line]) is not None, acknowledged))
    goes_on = _GOES_ON.get(generic(part.name))
    end = min(1, len(lines))
    while goes_on is not None and end < len(lines) and goes_on.fullmatch(lines[end]):
        end += 1
    return lines[:end]


def _reply(part: Request, block: Sequence[str]) -> Reply | None:
    """Return what `block` answers to `part`; None if it is no answer, or incomplete."""
    reply = _decoded(part, block) if block else None
    end = _ENDS.get(generic(part.name)) if part.kind is RequestKind.READ else None
    if isinstance(reply, Answer) and end is not None and not end.fullmatch(block[-1]):
        return None
    return reply


def _decoded(part: Request, lines: Sequence[str]) -> Reply | None:
    try:
        return replies.decode(part, "\r\n".join(lines))
    except DecodeError:
        return None
