"""Final result codes (ITU-T V.250 clause 5.7.1, TS 27.007 clause 9.2, TS 27.005 clause 3.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gsm_meter_bridge.at.cme import CME_ERRORS, cme_meaning
from gsm_meter_bridge.at.cms import CMS_ERRORS, SendOutcome, cms_meaning, send_outcome


class ResultKind(StrEnum):
    """The kind of a final result code."""

    OK = "OK"
    ERROR = "ERROR"
    CME = "CME"
    CMS = "CMS"
    CONNECT = "CONNECT"
    NO_CARRIER = "NO CARRIER"
    BUSY = "BUSY"
    NO_ANSWER = "NO ANSWER"
    NO_DIALTONE = "NO DIALTONE"


@dataclass(frozen=True, slots=True)
class Final:
    """A final result code; `number` is None if the modem gave a text that is in no table."""

    kind: ResultKind
    number: int | None = None
    meaning: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.kind in (ResultKind.OK, ResultKind.CONNECT)

    @property
    def send_outcome(self) -> SendOutcome:
        """Return what an error at the end of AT+CMGS means for the message; a bare ERROR leaves it open."""
        if self.kind is ResultKind.CMS and self.number is not None:
            return send_outcome(self.number)
        if self.kind is ResultKind.CME and self.number is not None:
            return _CME_SEND.get(self.number, SendOutcome.UNCERTAIN)
        return SendOutcome.UNCERTAIN


_CME_SEND = MappingProxyType(
    dict.fromkeys((4, 5, 6, 7, 10, 11, 12, 13, 15, 16, 17, 18, 50), SendOutcome.REJECTED)
    | {14: SendOutcome.RETRY, 30: SendOutcome.RETRY}
)
"""TS 27.007 numbers that some modems give for AT+CMGS although TS 27.005 has its own for these causes."""

_FIXED = MappingProxyType(
    {
        "OK": Final(ResultKind.OK),
        "ERROR": Final(ResultKind.ERROR, None, "refused without a reason"),
        "COMMAND NOT SUPPORT": Final(ResultKind.ERROR, None, "command not supported"),
        "TOO MANY PARAMETERS": Final(ResultKind.ERROR, None, "too many parameters"),
    }
)

NUMERIC = MappingProxyType({"0": _FIXED["OK"], "4": _FIXED["ERROR"]})
"""Results of a modem that gives numeric results (V.250 clause 5.7.1, table 1)."""

_CALLS = MappingProxyType(
    {
        "NO CARRIER": Final(ResultKind.NO_CARRIER, None, "the call ended"),
        "BUSY": Final(ResultKind.BUSY, None, "the called party is busy"),
        "NO ANSWER": Final(ResultKind.NO_ANSWER, None, "the called party does not answer"),
        "NO DIALTONE": Final(ResultKind.NO_DIALTONE, None, "no dial tone"),
        "NO DIAL TONE": Final(ResultKind.NO_DIALTONE, None, "no dial tone"),
    }
)

_NUMBERED = re.compile(r"\+(CME|CMS) ERROR:?\s*(.*)")
_VERBOSE = MappingProxyType(
    {
        ResultKind.CME: {meaning.lower(): number for number, meaning in CME_ERRORS.items()},
        ResultKind.CMS: {row.meaning.lower(): number for number, row in CMS_ERRORS.items()},
    }
)


def parse_final(text: str, *, dialling: bool = False) -> Final | None:
    """Return the final result code in `text`, or None.

    NO CARRIER, BUSY, NO ANSWER, NO DIALTONE and CONNECT end a command only while `dialling`: otherwise they
    report on a call of another program.
    """
    line = text.strip()
    if line in _FIXED:
        return _FIXED[line]
    match = _NUMBERED.fullmatch(line)
    if match:
        return _numbered(ResultKind(match[1]), match[2].strip())
    return _call_result(line) if dialling else None


def is_call_result(text: str) -> bool:
    """Return whether `text` is the result of a call."""
    return _call_result(text.strip()) is not None


def _call_result(line: str) -> Final | None:
    if line == "CONNECT" or line.startswith("CONNECT "):
        return Final(ResultKind.CONNECT, None, line[8:])
    return _CALLS.get(line)


def _numbered(kind: ResultKind, text: str) -> Final:
    meaning_of = cme_meaning if kind is ResultKind.CME else cms_meaning
    number = int(text) if text.isascii() and text.isdigit() else _VERBOSE[kind].get(text.lower())
    return Final(kind, number, text if number is None else meaning_of(number))
