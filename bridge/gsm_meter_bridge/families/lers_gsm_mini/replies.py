"""Decode replies to the setup SMS. Many are bare (`Ok`, `1440`), so decoding needs the request (B12)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families.lers_gsm_mini.commands import written_names
from gsm_meter_bridge.families.lers_gsm_mini.settings import RULE
from gsm_meter_bridge.families.lers_gsm_mini.tables import (
    LAST_ENTRY,
    RESTART_S,
    UPDATE_DOWNLOAD_S,
    UPDATE_INSTALL_S,
)
from gsm_meter_bridge.model import (
    Answer,
    Reading,
    Refusal,
    Reply,
    Request,
    RequestKind,
    lines_without_values,
)
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.vocabulary import MASK, Scalar, UpdateState

_LABEL = re.compile(r"\s*([A-Za-z][A-Za-z -]*?)\s*:\s*(.*?)\s*$")
_LEVEL = re.compile(r"(?<![0-9.-])(-?[0-9]{1,3})\s*dBm", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![0-9.])([0-9]{1,3})\s*%")
_ENTRY = re.compile(r"\s*([0-9])\s*:\s*(.*?)\s*$")
_HARMLESS = re.compile(
    r"(?:PORT:\s*)?(?:PORT WRITE:\s*)?(?:ok|err(?:or)?)[.! ]*|IMEI:\s*[0-9]{14,17}|"
    r"SIGNAL LEVEL:[ 0-9()%dBm-]*|ENABLED:\s*[01]|"
    r"connecting to the server|the controller is rebooting|the controller settings have been reset|"
    r"update file (?:starts downloading|downloaded)|no update required|ftp-server error|downloading error|"
    r"a task with equal or higher priority|there is no server to connect",
    re.IGNORECASE,
)
_OK = re.compile(r"(?:[A-Z][\w -]*:\s*)*ok\W*", re.IGNORECASE)
# `Err` alone or after labels, as `OK` follows two in 4.3.2; the text after these three labels is free.
_ERR = re.compile(r"(?!(?:APN|USR|PSW)\b)(?:[A-Z][\w -]*:\s*)*err(?:or)?\W*", re.IGNORECASE)
_REFUSED = "rejected_by_module"


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`, one command; DecodeError if its shape is another."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if request.kind is RequestKind.WRITE:
        return _written(request, lines, text)
    if len(lines) == 1 and _ERR.fullmatch(lines[0]):
        return _cannot(text)
    if request.kind is RequestKind.ACTION:
        return _done(request.name, lines, text)
    name, numbers = _generic(request.name)
    if name not in _READERS:
        raise DecodeError("request", f"{request.name} is not read")
    return _READERS[name](text, *numbers)


def _generic(name: str) -> tuple[str, list[str]]:
    """Return the name of a request with its indexes replaced, and the indexes."""
    return generic(name), re.findall(r"\.([0-9])", name)


def _written(request: Request, lines: list[str], text: str) -> Reply:
    """Return the result of a write: `Ok`, `OK`, `PORT: PORT WRITE: OK` (4.3.2, 4.3.9), one per command (B15).

    If each command has its own line, the refusal names the refused ones. Raises DecodeError for other texts.
    """
    refused = [bool(_ERR.fullmatch(line)) for line in lines]
    if not lines or any(not no and not _OK.fullmatch(line) for no, line in zip(refused, lines, strict=True)):
        raise DecodeError("reply", "is not the Ok that answers a change")
    if not any(refused):
        return Answer((), text)
    commands = written_names(request.changes)
    if len(lines) == len(commands):
        words = refusal_words(commands, refused)
    else:
        which = "the change" if len(lines) == 1 else f"{sum(refused)} of {len(lines)} commands"
        words = refusal_words([which], [True])
    partial = len(commands) > 1 and not (all(refused) and len(lines) == len(commands))
    return Refusal(_REFUSED, words, text, partial=partial)


def refusals(part: Request, reply: Reply) -> Iterable[tuple[str, bool]]:
    """Yield the first setting of each command of `part`, and whether `reply` refuses the command."""
    lines = [line for line in reply.raw.splitlines() if line.strip()]
    names = written_names(part.changes) or (part.name,)
    for n, name in enumerate(names):
        one_each = len(lines) == len(names) and len(names) > 1
        yield name, bool(_ERR.fullmatch(lines[n].strip())) if one_each else isinstance(reply, Refusal)


def refusal_words(commands: Sequence[str], refused: Sequence[bool]) -> str:
    """Return the message about commands some of which the module refused.

    If it took only some numbers of the list of clause 4.3.15, the gateway modem's may be missing: the module
    then answers no more.
    """
    said_no = [name for name, no in zip(commands, refused, strict=True) if no]
    taken = [name for name, no in zip(commands, refused, strict=True) if not no]
    words = f"the modem refused {', '.join(said_no)} (it answered Err)"
    if taken:
        words = f"{words} and took {', '.join(taken)}"
    if any(map(_is_obeyed, said_no)) and any(map(_is_obeyed, taken)):
        words = f"{words}; of whom it obeys, only the numbers that it took are certain"
    return words


def _is_obeyed(name: str) -> bool:
    return name.startswith("white_list.")


# Clauses 4.3.8, 4.3.9, 4.3.13, 4.3.14 and 4.3.17: sentences of the reply, white space collapsed (B13).
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

# Clause 5.5: the module's messages during an update, and how many seconds it is away after each.
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
    last = _last_sentence(said, (words for words, *_ in (*_UPDATE, *_UPDATE_FAILED)))
    for words, state, away_s in _UPDATE:
        if words == last:
            return Answer((Reading("update_state", state),), text, away_s)
    for words, meaning in _UPDATE_FAILED:
        if words == last:
            return Refusal("update_failed", meaning, text, (Reading("update_state", UpdateState.FAILED),))
    raise DecodeError("reply", "says nothing of an update")


def _done(name: str, lines: list[str], text: str) -> Reply:
    said = " ".join(lines)
    if name == "update":
        return _updating(said, text)
    expected = _DONE[_generic(name)[0]]
    last = _last_sentence(said, (expected, *(words for words, _ in _NOT_DONE)))
    if last is None:
        raise DecodeError("reply", f"does not begin with {expected!r}")
    if lines and _ERR.fullmatch(lines[-1]):
        return _cannot(text)
    for words, meaning in _NOT_DONE:
        if words == last:
            return Refusal(_REFUSED, meaning, text)
    return Answer((), text, note=_ONLY_TRIED if name.startswith("connect") else None)


_ONLY_TRIED = "the modem obeyed: it tries to connect; whether it reached the server is not known"


def _cannot(text: str) -> Refusal:
    return Refusal(_REFUSED, "the modem cannot carry out the command (it answered Err)", text)


def _last_sentence(said: str, known: Iterable[str]) -> str | None:
    """Return which of the sentences `known` comes last: one SMS may contain several.

    None if `said` begins with none of them.
    """
    places = {
        sentence: [m.start() for m in re.finditer(rf"(?<![\w-]){re.escape(sentence)}\b", said, re.IGNORECASE)]
        for sentence in known
    }
    found = {place: sentence for sentence, all_places in places.items() for place in all_places}
    return found[max(found)] if 0 in found else None


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
    told = [Reading("model", model)] if model else []
    told += [Reading(name, labels[label]) for label, name in _INFO.items() if label in labels]
    return Answer((*told, *signal(labels.get("SIGNAL LEVEL", ""))), text)


_INFO = MappingProxyType({"SN": "serial_number", "FW": "firmware", "IMEI": "imei"})
_MODEL = re.compile(r"LERS\b", re.IGNORECASE)


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


_WEAKEST = 150


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


def mask(text: str) -> str:
    """Return `text` with all lines masked except those that are the manual's own words."""
    return lines_without_values(text, _HARMLESS)


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
    told = Reading(f"server.{n}.address", labels["SERVER"]), _enabled_reading(n, labels["ENABLED"])
    counts = (("RULES", f"server_{n}_rules"), ("WHITE-LIST", f"server_{n}_white_list"))
    return Answer((*told, *(_count(name, labels[label]) for label, name in counts if label in labels)), text)


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
        told = _told_entries(lines[1:], entries)
        return Answer(tuple(Reading(f"{prefix}.{x}", _spaceless(told[x])) for x in sorted(told)), text)

    return read


def _told_entries(lines: list[str], entries: dict[str, str]) -> dict[str, str]:
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
