"""Replies to the setup SMS. A change is answered by a bare `Ok`, so decoding needs the request."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.family import Answer, Reading, Refusal, Reply, Request, RequestKind
from gsm_meter_bridge.vocabulary import MASK

_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z ]*?)\s*:\s*(.*?)\s*$")
_SIGNAL = re.compile(r"(-?\d+)\s*dBm(?:\s*\(?(\d+)\s*%\)?)?")


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`; DecodeError where it does not have that shape."""
    if text.strip().lower() == "err":
        return Refusal("module_refused", "the modem cannot carry out the command (it answered Err)", text)
    if request.kind is RequestKind.WRITE:
        return _acknowledgement(text)
    return _READERS[request.name](text)


def _acknowledgement(text: str) -> Answer:
    # `Ok`, `OK` and `PORT: PORT WRITE: OK` all occur (clauses 4.3.2, 4.3.9)
    if re.search(r"(?:^|:\s*)ok\W*$", text.strip(), re.IGNORECASE) is None:
        raise DecodeError("reply", "is not the Ok that answers a change")
    return Answer((), text)


def _info(text: str) -> Answer:
    """Clause 4.3.1: the model on a line of its own, then serial number, firmware, IMEI, signal level."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    labels = _labelled(text)
    if not lines or _LABEL.match(lines[0]) or not {"SN", "FW", "IMEI"} <= labels.keys():
        raise DecodeError("reply", "is not the information block (model, SN, FW, IMEI, signal level)")
    readings = [
        Reading("model", lines[0]),
        Reading("serial_number", labels["SN"]),
        Reading("firmware", labels["FW"]),
        Reading("imei", labels["IMEI"]),
    ]
    return Answer((*readings, *_signal(labels.get("SIGNAL LEVEL", ""))), text)


def _signal(text: str) -> tuple[Reading, ...]:
    found = _SIGNAL.search(text)
    if found is None:
        return (Reading("signal_dbm", None, text),) if text else ()
    readings: tuple[Reading, ...] = (Reading("signal_dbm", int(found[1]), text),)
    if found[2]:
        readings += (Reading("signal_percent", int(found[2]), text),)
    return readings


def _apn(text: str) -> Answer:
    """Clause 4.3.10; in automatic mode the fields are taken to be empty (the manual shows no such reply)."""
    labels = _labelled(text)
    if "APN" not in labels or not labels.keys() <= {"APN", "USR", "PSW"}:
        raise DecodeError("reply", "is not the APN block (APN, USR, PSW)")
    readings = (
        Reading("apn", labels["APN"]),
        Reading("apn_user", labels.get("USR", "")),
        Reading("apn_password", labels.get("PSW", "")),
    )
    return Answer(readings, re.sub(r"(?i)(PSW:[ \t]*)[^\r\n]+", rf"\g<1>{MASK}", text))


def _labelled(text: str) -> dict[str, str]:
    found = (_LABEL.match(line) for line in text.splitlines())
    return {m[1].upper(): m[2] for m in found if m}


_READERS: MappingProxyType[str, Callable[[str], Answer]] = MappingProxyType({"info": _info, "apn": _apn})
