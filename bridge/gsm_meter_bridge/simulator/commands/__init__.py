"""The commands that the simulated modem supports: tables of patterns and of what each does."""

from __future__ import annotations

import re

from gsm_meter_bridge.simulator.commands.general import GENERAL
from gsm_meter_bridge.simulator.commands.messages import MESSAGES
from gsm_meter_bridge.simulator.commands.network import NETWORK
from gsm_meter_bridge.simulator.commands.table import Run
from gsm_meter_bridge.simulator.modem_state import AtError

__all__ = ["find", "split"]

_COMMANDS = tuple(
    (re.compile(pattern, re.IGNORECASE), run) for pattern, run in (*NETWORK, *MESSAGES, *GENERAL)
)
_QUOTED_OR_SPACE = re.compile(r'("[^"]*"?)|\s')
_ONE = re.compile(r'([+^$*#%](?:[^;"]|"[^"]*"?)*|D\+?\d+;?|S\d+(?:=\d*|\?)?|&?[A-Z]\d*|.+);?', re.IGNORECASE)


def split(body: str) -> list[str]:
    """Return the commands of a line without its AT (V.250 clause 5.2.1).

    Basic commands follow each other without a separator; a semicolon follows an extended one. Spaces are
    significant in quotes only.
    """
    return _ONE.findall(_QUOTED_OR_SPACE.sub(lambda m: m[1] or "", body))


def find(command: str) -> tuple[Run, re.Match[str]]:
    """Return what a command runs, and its match; AtError if the modem does not support it."""
    for pattern, run in _COMMANDS:
        match = pattern.fullmatch(command)
        if match is not None:
            return run, match
    raise AtError
