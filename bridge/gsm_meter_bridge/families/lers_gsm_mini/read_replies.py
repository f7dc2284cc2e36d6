"""Decode replies to reads, from one value to a list (4.3.1 to 4.3.16)."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.settings import RULE
from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_ENTRY
from gsm_meter_bridge.model import Answer, Reading
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.vocabulary import MASK, Scalar

_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z -]*?)\s*:\s*(.*?)\s*$")
_LEVEL = re.compile(r"(?<![0-9.-])(-?[0-9]{1,3})\s*dBm", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![0-9.])([0-9]{1,3})\s*%")
_ENTRY = re.compile(r"\s*([0-9])\s*:\s*(.*?)\s*$")
_INFO = MappingProxyType({"SN": "serial_number", "FW": "firmware", "IMEI": "imei"})
_MODEL = re.compile(r"LERS\b", re.IGNORECASE)
_WEAKEST = 150


def decode(name: str, text: str) -> Answer:
    """Return the readings of the reply `text` to the read `name`; DecodeError if its shape is another."""
    read = _READERS.get(generic(name))
    if read is None:
        raise DecodeError("request", f"{name} is not read")
    return read(text, *re.findall(r"\.([0-9])", name))


def _info(text: str) -> Answer:
    """Return the information block: model on its own line, then SN, firmware, IMEI, signal level (4.3.1).

    Missing or empty fields have no reading. Raises DecodeError if it is no such block.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    labels = {label: value for label, value in _labelled(text).items() if value}
    known = labels.keys() & {*_INFO, "SIGNAL LEVEL"}
    if len(known) <= len(labels.keys() - known) and not (len(lines) == 1 and _MODEL.match(lines[0])):
        raise DecodeError("reply", "is not the information block (model, SN, FW, IMEI, signal level)")
    model = next((line for line in lines if not _LABEL.match(line)), None)
    reported = [Reading("model", model)] if model else []
    reported += [Reading(name, labels[label]) for label, name in _INFO.items() if label in labels]
    return Answer((*reported, *signal(labels.get("SIGNAL LEVEL", ""))), text)


def signal(text: str) -> tuple[Reading, ...]:
    """Return the readings of `-71dBm (60%)` or `-83dBm 36%` (clauses 4.3.1 and 6); none for an empty text.

    A level in dBm is negative: without its minus it is unknown (None).
    """
    readings: list[Reading] = []
    if text:
        level = _LEVEL.search(text)
        known = level is not None and -_WEAKEST <= int(level[1]) < 0
        readings.append(Reading("signal_dbm", int(level[1]) if level is not None and known else None, text))
    percent = _PERCENT.search(text)
    if percent is not None and int(percent[1]) <= 100:
        readings.append(Reading("signal_percent", int(percent[1]), text))
    return tuple(readings)


def _apn(text: str) -> Answer:
    """Return the APN block (4.3.10).

    In automatic mode the missing fields are taken to be empty (the manual shows no such reply). Raises
    DecodeError if it is no such block.
    """
    labels = _labelled(text)
    if "APN" not in labels or not labels.keys() <= {"APN", "USR", "PSW"}:
        raise DecodeError("reply", "is not the APN block (APN, USR, PSW)")
    readings = (
        Reading("apn", labels["APN"]),
        Reading("apn_user", labels.get("USR", "")),
        Reading("apn_password", labels.get("PSW", "")),
    )
    return Answer(readings, "".join(map(_apn_shown, text.splitlines(keepends=True))))


def _apn_shown(line: str) -> str:
    """Return a line of the APN block, masked if it is the password or has no label."""
    label, end = _LABEL.match(line), line[len(line.rstrip("\r\n")) :]
    if label is None:
        return (MASK if line.strip() else "") + end
    return line if label[1].upper() != "PSW" else line[: label.start(2)] + (MASK if label[2] else "") + end


def _serial_port(text: str) -> Answer:
    """Return the serial settings (4.3.2); of six fields (quick start) the last two are dropped (B9)."""
    found = re.fullmatch(
        r"(?:PORT:)?([0-9]+,[0-9],[A-Z],[0-9])(?:,[0-9]+,[0-9]+)?", "".join(text.split()), re.IGNORECASE
    )
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
    """Return the servers (4.3.3): one line for each."""
    entries = _entries(text.splitlines())
    if entries is None:
        raise DecodeError("reply", "is not a list of servers")
    return Answer(tuple(Reading(f"server.{n}.address", address) for n, address in entries.items()), text)


def _server(text: str, n: str) -> Answer:
    """Return a server's address, permission, and numbers of rules and of list entries (4.3.3)."""
    labels = _labelled(text)
    if not {"SERVER", "ENABLED"} <= labels.keys():
        raise DecodeError("reply", "is not the block of a server (Server, Enabled, Rules, White-list)")
    reported = Reading(f"server.{n}.address", labels["SERVER"]), _enabled_reading(n, labels["ENABLED"])
    counts = (("RULES", f"server_{n}_rules"), ("WHITE-LIST", f"server_{n}_white_list"))
    return Answer(
        (*reported, *(_count(name, labels[label]) for label, name in counts if label in labels)), text
    )


def _count(name: str, text: str) -> Reading:
    value = int(text) if re.fullmatch("[0-9]{1,2}", text) else None
    return Reading(name, value, text if value is None else None)


def _address(text: str, n: str) -> Answer:
    if re.fullmatch(r"(?:[\w.-]+:[0-9]{1,5})?", text.strip()) is None:
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
    """Return a decoder of a list (4.3.6, 4.3.7, 4.3.15): a heading, then a line for each index, empty or not.

    An index without a line has no reading, nor has one for which `…` stands, as in the manual's samples: what
    those leave out may not be empty.
    """

    def read(text: str, *numbers: str) -> Answer:
        lines = [line for line in text.splitlines() if line.strip()]
        entries = _entries(lines[1:])
        if not lines or " ".join(lines[0].lower().split()).rstrip(" :") != heading or entries is None:
            raise DecodeError("reply", f"is not the list {heading!r}")
        prefix = name.replace("#", numbers[0]) if numbers else name
        reported = _reported_entries(lines[1:], entries)
        return Answer(
            tuple(Reading(f"{prefix}.{x}", _spaceless(reported[x])) for x in sorted(reported)), text
        )

    return read


def _reported_entries(lines: list[str], entries: dict[str, str]) -> dict[str, str]:
    """Return the entries that are certain: if the last line is not the list's end, it may be cut off."""
    if str(LAST_ENTRY) in entries or (lines and _ENTRY.match(lines[-1]) is None):
        return entries
    return {x: entries[x] for x in list(entries)[:-1]}


def _rule(text: str, n: str, x: str) -> Answer:
    if text.strip() and RULE.fullmatch(text.strip()) is None:
        raise DecodeError("reply", "is not HH:MM-HH:MM[,minutes]")
    return Answer((Reading(f"server.{n}.rule.{x}", text.strip()),), text)


def _entry(heading: str, name: str) -> Callable[..., Answer]:
    """Return a decoder of an entry (4.3.7, 4.3.15) that ignores the index, wrong in the manual (B17)."""
    pattern = re.compile(rf"{heading}\s+[0-9]\s*:\s*(\+?[0-9 ]*)", re.IGNORECASE)

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
    """Return values by index; None if a line is no entry (`…` stands for omitted ones in the manual)."""
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
        "reboot_period_min": _number("reboot_period_min", r"([0-9]{1,6})"),
        "csd_idle_timeout_s": _number("csd_idle_timeout_s", r"Timeout CSD:\s*([0-9]{1,4})\s*sec\.?"),
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
