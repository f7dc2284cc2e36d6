"""Elements of the tables of commands: a pattern of the command without AT, and what it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gsm_meter_bridge.simulator.modem_state import AtError, ModemState

Run = Callable[[ModemState, "re.Match[str]"], Sequence[str]]
"""Returns the lines of the command's answer."""
Table = tuple[tuple[str, Run], ...]

_NO_SIM, _PIN_REQUIRED, _PUK_REQUIRED = 10, 11, 12
_CMS_NO_SIM, _CMS_PIN_REQUIRED, _CMS_PUK_REQUIRED = 310, 311, 316


def nothing(_modem: ModemState, _m: re.Match[str]) -> Sequence[str]:
    """Do nothing; the answer is OK."""
    return ()


def replying(*lines: str) -> Run:
    """Return a command that always gives the same answer."""
    return lambda _modem, _m: lines


def of_sim(run: Run) -> Run:
    """Return the command with a check that the SIM is ready."""
    return _guarded(run, "CME", _NO_SIM, _PIN_REQUIRED, _PUK_REQUIRED)


def of_messages(run: Run) -> Run:
    """Return the message command with a check that the SIM is ready; it fails with a CMS error."""
    return _guarded(run, "CMS", _CMS_NO_SIM, _CMS_PIN_REQUIRED, _CMS_PUK_REQUIRED)


def _guarded(run: Run, kind: str, no_sim: int, pin_required: int, puk_required: int) -> Run:
    def guarded(modem: ModemState, m: re.Match[str]) -> Sequence[str]:
        if modem.faults.no_sim:
            raise AtError(kind, no_sim)
        if modem.faults.pin is not None:
            raise AtError(kind, puk_required if modem.faults.blocked else pin_required)
        return run(modem, m)

    return guarded
