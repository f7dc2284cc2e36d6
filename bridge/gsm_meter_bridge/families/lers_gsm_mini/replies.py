"""Decode replies to the setup SMS. Many are bare (`Ok`, `1440`), so decoding needs the request (B12)."""

from __future__ import annotations

import re

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini import action_replies, read_replies
from gsm_meter_bridge.families.lers_gsm_mini.commands import written_names
from gsm_meter_bridge.families.lers_gsm_mini.refusals import REJECTED, is_err, refusal, refusal_message
from gsm_meter_bridge.model import Answer, Refusal, Reply, Request, RequestKind, lines_without_values

_HARMLESS = re.compile(
    r"(?:PORT:\s*)?(?:PORT WRITE:\s*)?(?:ok|err(?:or)?)[.! ]*|IMEI:\s*[0-9]{14,17}|"
    r"SIGNAL LEVEL:[ 0-9()%dBm-]*|ENABLED:\s*[01]|"
    r"connecting to the server|the controller is rebooting|the controller settings have been reset|"
    r"update file (?:starts downloading|downloaded)|no update required|ftp-server error|downloading error|"
    r"a task with equal or higher priority|there is no server to connect",
    re.IGNORECASE,
)
_OK = re.compile(r"(?:[A-Z][\w -]*:\s*)*ok\W*", re.IGNORECASE)


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`, one command; DecodeError if its shape is another."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if request.kind is RequestKind.WRITE:
        return _written(request, lines, text)
    if len(lines) == 1 and is_err(lines[0]):
        return refusal(text)
    if request.kind is RequestKind.ACTION:
        return action_replies.decode(request.name, lines, text)
    return read_replies.decode(request.name, text)


def _written(request: Request, lines: list[str], text: str) -> Reply:
    """Return the result of a write: `Ok`, `OK`, `PORT: PORT WRITE: OK` (4.3.2, 4.3.9), one per command (B15).

    If each command has its own line, the refusal names the refused ones. Raises DecodeError for other texts.
    """
    refused = [is_err(line) for line in lines]
    if not lines or any(not no and not _OK.fullmatch(line) for no, line in zip(refused, lines, strict=True)):
        raise DecodeError("reply", "is not the Ok that answers a change")
    if not any(refused):
        return Answer((), text)
    commands = written_names(request.changes)
    if len(lines) == len(commands):
        message = refusal_message(commands, refused)
    else:
        which = "the change" if len(lines) == 1 else f"{sum(refused)} of {len(lines)} commands"
        message = refusal_message([which], [True])
    partial = len(commands) > 1 and not (all(refused) and len(lines) == len(commands))
    return Refusal(REJECTED, message, text, partial=partial)


def mask(text: str) -> str:
    """Return `text` with all lines masked except those that are the manual's own words."""
    return lines_without_values(text, _HARMLESS)
