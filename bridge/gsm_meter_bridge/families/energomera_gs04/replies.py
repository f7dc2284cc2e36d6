"""Replies to the text commands: meter type, meter serial number, then the command's block (clause 9).

The manual does not describe the reply to a change or to a mistake: the bridge expects the same block with
the new value, and reads the setting back to verify it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.energomera_gs04.commands import command_of
from gsm_meter_bridge.families.energomera_gs04.tables import ERRORS, MODE
from gsm_meter_bridge.model import Answer, Reading, Refusal, Reply, Request, lines_without_values
from gsm_meter_bridge.vocabulary import MASK

_HARMLESS = re.compile(
    r"(?:ERROR|ERR|ОШИБКА)[: ]*(?:0x)?[0-9A-F]{0,2}|MODE:\s*[0-9]|(?:TIMEOUT|RESET):\s*[0-9]{1,9}",
    re.IGNORECASE,
)
_ERROR = re.compile(r"(?:ERROR|ERR|ОШИБКА)\W*(?:0x)?([0-9A-F]{1,2})?", re.IGNORECASE)


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`; DecodeError if its shape is another.

    The answer's raw text keeps its first three lines; those after them, user name and password, are masked.
    """
    lines = _lines(text)
    refusal = _refusal(lines, text)
    if refusal is not None:
        return refusal
    label = command_of(request.name).block
    if len(lines) < 3:
        raise DecodeError("reply", "has less than the three lines type, serial number and value")
    found = re.match(rf"{label}:\s*(.*)$", lines[2], re.IGNORECASE)
    if found is None:
        raise DecodeError("reply", f"its third line does not start with {label}:")
    identity = (Reading("meter_type", lines[0]), Reading("meter_serial", lines[1]))
    readings = _BLOCKS[label](found[1].strip(), lines[3:])
    return Answer(identity + readings, "\n".join([*lines[:3], *(MASK if line else "" for line in lines[3:])]))


def mask(text: str) -> str:
    """Return `text` with all lines masked except errors and the numbers of clauses 9.2, 9.8 and 9.9."""
    return lines_without_values(text, _HARMLESS)


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _refusal(lines: list[str], text: str) -> Refusal | None:
    # lines after the third may be a user name or a password, which can look like anything
    found = _ERROR.fullmatch(lines[-1]) if 1 <= len(lines) <= 3 else None
    if found is None:
        return None
    code = (found[1] or "").zfill(2)
    message = ERRORS.rows.get(code.upper())
    return Refusal("rejected_by_module", str(message or f"the module answered {lines[-1]!r}"), text)


_Readings = tuple[Reading, ...]


def _mode(value: str, _rest: list[str]) -> _Readings:
    return (MODE.reading("mode", value),)


def _apn(value: str, rest: list[str]) -> _Readings:
    user, password = [*rest, "", ""][:2]
    return Reading("apn", value), Reading("apn_user", user), Reading("apn_password", password)


def _server(value: str, _rest: list[str]) -> _Readings:
    host, colon, port = value.rpartition(":")
    if not colon:
        raise DecodeError("reply", f"DNS: {value!r} has no colon between address and port")
    return Reading("server_host", host.strip()), _integer("server_port", port.strip())


def _integer(name: str, text: str) -> Reading:
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
    return Reading(name, number, None if number is not None else text)


_BLOCKS: MappingProxyType[str, Callable[[str, list[str]], _Readings]] = MappingProxyType(
    {
        "APN": _apn,
        "DNS": _server,
        "TIMEOUT": lambda value, _: (_integer("connect_period_s", value),),
        "RESET": lambda value, _: (_integer("idle_restart_period_h", value),),
        "MODE": _mode,
    }
)
