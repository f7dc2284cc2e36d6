"""Replies to the setup SMS. Many are bare (`Ok`, `1440`), so decoding needs the request (B12)."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.settings import RULE
from gsm_meter_bridge.families.lers_gsm_mini.tables import (
    LAST_ENTRY,
    RESTART_S,
    UPDATE_DOWNLOAD_S,
    UPDATE_INSTALL_S,
)
from gsm_meter_bridge.family import Answer, Reading, Refusal, Reply, Request, RequestKind
from gsm_meter_bridge.vocabulary import MASK, Scalar, UpdateState

_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z -]*?)\s*:\s*(.*?)\s*$")
_SIGNAL = re.compile(r"(?<![\d-])(-?\d{1,3})\s*dBm(?:\s*\(?(\d{1,3})\s*%\)?)?")
_ENTRY = re.compile(r"\s*(\d)\s*:\s*(.*?)\s*$")
_OK = re.compile(r"(?:^|:\s*)ok\W*$", re.IGNORECASE)
_REFUSED = "module_refused"


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`; DecodeError where it does not have that shape."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if request.kind is RequestKind.WRITE:
        return _written(request, lines, text)
    if [line.lower() for line in lines] == ["err"]:
        return Refusal(_REFUSED, "the modem cannot carry out the command (it answered Err)", text)
    if request.kind is RequestKind.ACTION:
        return _done(request.name, " ".join(lines), text)
    name, numbers = _generic(request.name)
    if name not in _READERS:
        raise DecodeError("request", f"{request.name} is not read")
    return _READERS[name](text, *numbers)


def _generic(name: str) -> tuple[str, list[str]]:
    """Return the name of a request with its indexes replaced, and the indexes."""
    return re.sub(r"\.\d", ".#", name), re.findall(r"\.(\d)", name)


def _written(request: Request, lines: list[str], text: str) -> Reply:
    """`Ok`, `OK` and `PORT: PORT WRITE: OK` all occur (4.3.2, 4.3.9); one for each command (B15)."""
    refused = sum(line.lower() == "err" for line in lines)
    if not lines or any(not _OK.search(line) for line in lines if line.lower() != "err"):
        raise DecodeError("reply", "is not the Ok that answers a change")
    if refused:
        what = "the change" if len(lines) == 1 else f"{refused} of {len(lines)} commands"
        return Refusal(_REFUSED, f"the modem refused {what} (it answered Err)", text)
    return Answer((), text)


# Clauses 4.3.8, 4.3.9, 4.3.13, 4.3.14 and 4.3.17: the beginning of the reply, white space collapsed (B13).
_DONE = MappingProxyType(
    {
        "connect.#": "connecting to the server",
        "disconnect": "ok",
        "reboot": "the controller is rebooting",
        "restore": "the controller settings have been reset",
    }
)
_NOT_DONE = (
    ("a task with equal or higher priority", "it is busy with a task of equal or higher priority"),
    ("there is no server to connect", "it knows no such server"),
)


# Clause 5.5: what the modem says while it updates itself, and how long it is away after each.
_UPDATE = (
    ("ok", UpdateState.REQUESTED, None),
    ("update file starts downloading", UpdateState.DOWNLOADING, UPDATE_DOWNLOAD_S + UPDATE_INSTALL_S),
    ("update file downloaded", UpdateState.INSTALLING, UPDATE_INSTALL_S + RESTART_S),
    ("no update required", UpdateState.UP_TO_DATE, 0.0),
)
_UPDATE_FAILED = (
    ("ftp-server error", "it could not reach the maker's server"),
    ("downloading error", "the download failed"),
)


def _updating(said: str, text: str) -> Reply:
    for beginning, state, away_s in _UPDATE:
        if said.lower().startswith(beginning):
            return Answer((Reading("update_state", state),), text, away_s)
    for beginning, words in _UPDATE_FAILED:
        if said.lower().startswith(beginning):
            return Refusal("update_failed", words, text, (Reading("update_state", UpdateState.FAILED),))
    raise DecodeError("reply", "says nothing of an update")


def _done(name: str, said: str, text: str) -> Reply:
    if name == "update":
        return _updating(said, text)
    for beginning, words in _NOT_DONE:
        if said.lower().startswith(beginning):
            return Refusal(_REFUSED, words, text)
    expected = _DONE[_generic(name)[0]]
    if not said.lower().startswith(expected):
        raise DecodeError("reply", f"does not begin with {expected!r}")
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
    return Answer((*readings, *signal(labels.get("SIGNAL LEVEL", ""))), text)


def signal(text: str) -> tuple[Reading, ...]:
    """Return what `-71dBm (60%)` or `-83dBm 36%` says (clauses 4.3.1 and 6); nothing for an empty text."""
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


def _serial_port(text: str) -> Answer:
    """Clause 4.3.2; six fields (the quick start has them) lose their last two (B9)."""
    found = re.fullmatch(r"PORT:\s*(\d+,\d,[A-Z],\d)(?:,\d+,\d+)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise DecodeError("reply", "is not PORT: speed,data bits,parity,stop bits")
    return Answer((Reading("serial_port", found[1].upper()),), text)


def _number(name: str, pattern: str) -> Callable[[str], Answer]:
    def read(text: str) -> Answer:
        found = re.fullmatch(pattern, text.strip(), re.IGNORECASE)
        if found is None:
            raise DecodeError("reply", f"is not the number that {name} asks for")
        return Answer((Reading(name, int(found[1])),), text)

    return read


def _servers(text: str) -> Answer:
    """Clause 4.3.3: one line for each server."""
    entries = _entries(text.splitlines())
    if entries is None:
        raise DecodeError("reply", "is not a list of servers")
    return Answer(tuple(Reading(f"server.{n}.address", address) for n, address in entries.items()), text)


def _server(text: str, n: str) -> Answer:
    """Clause 4.3.3: address, permission, and how many rules and numbers there are."""
    labels = _labelled(text)
    if not {"SERVER", "ENABLED"} <= labels.keys():
        raise DecodeError("reply", "is not the block of a server (Server, Enabled, Rules, White-list)")
    enabled = _enabled_reading(n, labels["ENABLED"])
    return Answer((Reading(f"server.{n}.address", labels["SERVER"]), enabled), text)


def _address(text: str, n: str) -> Answer:
    if re.fullmatch(r"(?:[\w.-]+:\d{1,5})?", text.strip()) is None:
        raise DecodeError("reply", "is not host:port")
    return Answer((Reading(f"server.{n}.address", text.strip()),), text)


def _enabled(text: str, n: str) -> Answer:
    labels = _labelled(text)
    if labels.keys() != {"ENABLED"}:
        raise DecodeError("reply", "is not Enabled: 0 or 1")
    return Answer((_enabled_reading(n, labels["ENABLED"]),), text)


def _enabled_reading(n: str, text: str) -> Reading:
    value = {"0": False, "1": True}.get(text)
    return Reading(f"server.{n}.enabled", value, text if value is None else None)


def _list(heading: str, name: str) -> Callable[..., Answer]:
    """Clauses 4.3.6, 4.3.7, 4.3.15: a heading, then a line for each index, empty ones included."""

    def read(text: str, *numbers: str) -> Answer:
        lines = [line for line in text.splitlines() if line.strip()]
        entries = _entries(lines[1:])
        if not lines or " ".join(lines[0].lower().split()).rstrip(" :") != heading or entries is None:
            raise DecodeError("reply", f"is not the list {heading!r}")
        prefix = name.replace("#", numbers[0]) if numbers else name
        everything = {str(x): entries.get(str(x), "") for x in range(LAST_ENTRY + 1)}
        return Answer(tuple(Reading(f"{prefix}.{x}", _spaceless(v)) for x, v in everything.items()), text)

    return read


def _rule(text: str, n: str, x: str) -> Answer:
    if text.strip() and RULE.fullmatch(text.strip()) is None:
        raise DecodeError("reply", "is not HH:MM-HH:MM[,minutes]")
    return Answer((Reading(f"server.{n}.rule.{x}", text.strip()),), text)


def _entry(heading: str, name: str) -> Callable[..., Answer]:
    """Clauses 4.3.7 and 4.3.15. The index in the reply is ignored: the manual shows it wrong (B17)."""
    pattern = re.compile(rf"{heading}\s+\d\s*:\s*(\+?[\d ]*)", re.IGNORECASE)

    def read(text: str, *numbers: str) -> Answer:
        found = pattern.fullmatch(" ".join(text.split()))
        if found is None:
            raise DecodeError("reply", f"is not an entry of {heading!r}")
        full = name
        for number in numbers:
            full = full.replace("#", number, 1)
        return Answer((Reading(full, _spaceless(found[1])),), text)

    return read


def _entries(lines: list[str]) -> dict[str, str] | None:
    """Return index to value; None where a line is no entry (`…` stands for left out ones in the manual)."""
    found: dict[str, str] = {}
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is not None:
            found[entry[1]] = entry[2]
        elif line.strip(" .…"):
            return None
    return found


def _spaceless(value: str) -> Scalar:
    return value.replace(" ", "")


def _labelled(text: str) -> dict[str, str]:
    found = (_LABEL.match(line) for line in text.splitlines())
    return {m[1].upper(): m[2] for m in found if m}


_READERS: MappingProxyType[str, Callable[..., Answer]] = MappingProxyType(
    {
        "info": _info,
        "apn": _apn,
        "serial_port": _serial_port,
        "reboot_period_min": _number("reboot_period_min", r"(\d{1,6})"),
        "csd_idle_timeout_s": _number("csd_idle_timeout_s", r"Timeout CSD:\s*(\d{1,4})\s*sec\.?"),
        "servers": _servers,
        "server.#": _server,
        "server.#.address": _address,
        "server.#.enabled": _enabled,
        "server.#.rules": _list("rules", "server.#.rule"),
        "server.#.rule.#": _rule,
        "server.#.white_list": _list("white list", "server.#.white_list"),
        "server.#.white_list.#": _entry("White list", "server.#.white_list.#"),
        "white_list": _list("sms and csd white list", "white_list"),
        "white_list.#": _entry("SMS white list", "white_list.#"),
    }
)
