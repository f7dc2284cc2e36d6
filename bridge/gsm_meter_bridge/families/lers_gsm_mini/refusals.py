"""Refusals: `Err` (4.2), and how the message about refused commands reads. Used for all replies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gsm_meter_bridge.families.lers_gsm_mini.commands import written_names
from gsm_meter_bridge.model import Refusal, Reply, Request

REJECTED = "rejected_by_module"
# `Err` alone or after labels, as `OK` follows two in 4.3.2; the text after these three labels is free.
_ERR = re.compile(r"(?!(?:APN|USR|PSW)\b)(?:[A-Z][\w -]*:\s*)*err(?:or)?\W*", re.IGNORECASE)


def is_err(line: str) -> bool:
    """Return whether a line is the module's `Err`."""
    return _ERR.fullmatch(line) is not None


def refusal(text: str) -> Refusal:
    """Return that the module refused its only command with `text`."""
    return Refusal(REJECTED, "the modem cannot carry out the command (it answered Err)", text)


def refusals(part: Request, reply: Reply) -> Iterable[tuple[str, bool]]:
    """Yield the first setting of each command of `part`, and whether `reply` refuses the command."""
    lines = [line for line in reply.raw.splitlines() if line.strip()]
    names = written_names(part.changes) or (part.name,)
    for n, name in enumerate(names):
        one_each = len(lines) == len(names) and len(names) > 1
        yield name, is_err(lines[n].strip()) if one_each else isinstance(reply, Refusal)


def refusal_message(commands: Sequence[str], refused: Sequence[bool]) -> str:
    """Return the message about commands some of which the module refused.

    If it took only some numbers of the list of clause 4.3.15, the gateway modem's may be missing: the module
    then answers no more.
    """
    refused_names = [name for name, no in zip(commands, refused, strict=True) if no]
    taken = [name for name, no in zip(commands, refused, strict=True) if not no]
    message = f"the modem refused {', '.join(refused_names)} (it answered Err)"
    if taken:
        message = f"{message} and took {', '.join(taken)}"
    if any(map(_is_obeyed, refused_names)) and any(map(_is_obeyed, taken)):
        message = f"{message}; of the numbers that it obeys, only those that it took are certain"
    return message


def _is_obeyed(name: str) -> bool:
    return name.startswith("white_list.")
