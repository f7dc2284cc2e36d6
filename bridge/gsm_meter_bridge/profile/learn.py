"""A draft of a profile out of a captured dialogue: what is sent, the shape of what came back. Pure.

The log has `>` before what was sent and `<` before each line of what came back; `#` begins a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.profile.forms import PASSWORD
from gsm_meter_bridge.vocabulary import Secret

_LINE = re.compile(r"\s*(?:(>|TX:)|(<|RX:))\s?(.*)", re.IGNORECASE)
_LABELLED = re.compile(r"([A-Za-z][A-Za-z0-9 _-]*?)(\s*[:=]\s*)(.+)")

# How values look, the first that fits; each with the pattern that finds its like.
_SHAPES = (
    (re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"), r"\d{1,3}(?:\.\d{1,3}){3}", "ip"),
    (re.compile(r"-\d{2,3}(?=\s*dBm)"), r"-\d{2,3}", "signal_dbm"),
    (re.compile(r"\d{18,22}"), r"\d{18,22}", "iccid"),
    (re.compile(r"\d{15}"), r"\d{15}", "imei"),
)
_LABELS = MappingProxyType(
    {
        "imei": "imei",
        "iccid": "iccid",
        "ccid": "iccid",
        "ip": "ip",
        "sn": "serial_number",
        "fw": "firmware",
        "version": "firmware",
        "operator": "operator",
        "apn": "apn",
        "meter": "meter_serial",
    }
)


@dataclass(slots=True)
class _Exchange:
    sent: str
    came: list[str] = field(default_factory=list)


def draft_profile(log: str, name: str, family: str, password: Secret, *, is_hex: bool) -> str:
    """Return the YAML of a profile with a request for each exchange in `log`, to be finished by hand.

    What looks like a known value (IMEI, ICCID, address, dBm) becomes a field; the rest are named groups or,
    in octets, comments. DecodeError names the line that cannot be read.
    """
    exchanges = _exchanges(log)
    lines = [
        f"profile: {name}",
        f"family: {family}",
        "# Set to true once the bridge has read a real module's reply by it.",
        "verified: false",
        f'provenance: "Drafted from {len(exchanges)} captured exchanges; say of which module, and when."',
        "requests:",
    ]
    names: list[str] = []
    for exchange in exchanges:
        sent = _with_place_for_password(exchange.sent, password, is_hex=is_hex)
        names.append(_free_name(sent, names, is_hex=is_hex))
        lines.append(f"  {json.dumps(names[-1])}:")
        lines += _binary(sent, exchange) if is_hex else _text(sent, exchange)
    return "\n".join(lines) + "\n"


def _exchanges(log: str) -> list[_Exchange]:
    found: list[_Exchange] = []
    for number, line in enumerate(log.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise DecodeError("log", f"line {number} begins with neither > (sent) nor < (received)")
        if parts[1]:
            found.append(_Exchange(parts[3].strip()))
        elif not found:
            raise DecodeError("log", f"line {number} is received before anything is sent")
        else:
            found[-1].came.append(parts[3].strip())
    answered = [exchange for exchange in found if exchange.came]
    if not answered:
        raise DecodeError("log", "has no line > (sent) with a line < (received) after it")
    return answered


def _with_place_for_password(sent: str, password: Secret, *, is_hex: bool) -> str:
    if not is_hex:
        return sent.replace(password.reveal(), PASSWORD)
    octets, secret = _octets(sent), password.reveal().encode("ascii")
    before, found, after = octets.partition(secret)
    return f"{before.hex(' ')} {PASSWORD} {after.hex(' ')}".strip() if found else octets.hex(" ")


def _free_name(sent: str, taken: Iterable[str], *, is_hex: bool) -> str:
    words = re.findall(r"[a-z_][a-z0-9_]*", sent.replace(PASSWORD, "").lower())
    name = words[0] if words and not is_hex else "request"
    same = sum(other == name or other.startswith(f"{name}_") for other in taken)
    return f"{name}_{same + 1}" if same else name


def _text(sent: str, exchange: _Exchange) -> Iterator[str]:
    patterns: list[str] = []
    fields: list[str] = []
    for number, line in enumerate(exchange.came, 1):
        pattern, group, value = _line(line, number, alone=len(exchange.came) == 1)
        if f"<{group}>" in "".join(patterns):
            pattern, group = pattern.replace(f"<{group}>", f"<{group}_{number}>"), f"{group}_{number}"
        patterns.append(pattern)
        shown = f"{{group: {group}, value: {value or '...'}}}"
        fields.append(f"        {'' if value else '# '}- {shown}  # {line}")
    yield f"    send: {{text: {json.dumps(sent, ensure_ascii=False)}}}"
    yield "    reply:"
    yield "      pattern: |"
    yield from (f"        {pattern}" for pattern in "\\n\n".join(patterns).split("\n"))
    yield from _fields(fields)


def _line(line: str, number: int, *, alone: bool) -> tuple[str, str, str | None]:
    """Return a line's pattern, the name of the group in it, and the value it seems to be.

    Digits without a label, among other lines, may be anything (a meter's serial number has 15 too).
    """
    labelled = _LABELLED.fullmatch(line)
    label, colon, text = labelled.groups() if labelled else ("", "", line)
    group = re.sub(r"\W+", "_", label.lower()).strip("_") or f"line_{number}"
    known = _LABELS.get(group)
    head = f"{re.escape(label)}\\s*{colon.strip()}\\s*" if label else ""
    for shape, pattern, value in _SHAPES if label or alone else ():
        found = shape.match(text)
        if found is not None:
            tail = "[^\\n]*" if text[found.end() :] else ""
            return f"{head}(?P<{group}>{pattern}){tail}", group, known or value
    return f"{head}(?P<{group}>[^\\n]*)", group, known


def _binary(sent: str, exchange: _Exchange) -> Iterator[str]:
    octets = _octets(" ".join(exchange.came))
    fields = []
    for found in re.finditer(rb"\d{18,22}|\d{15}|[ -~]{4,}", octets):
        digits = found[0].isdigit() and len(found[0]) >= 15
        value = ("imei" if len(found[0]) == 15 else "iccid") if digits else None
        place = f"offset: {found.start()}, length: {len(found[0])}, type: ascii"
        line = f"- {{{place}, value: {value or '...'}}}  # {found[0].decode('ascii')}"
        fields.append(f"        {'' if value else '# '}{line}")
    yield f"    send: {{bytes: {json.dumps(sent)}}}"
    yield f"    # {octets.hex(' ')}"
    yield "    reply:"
    yield f"      starts: {json.dumps(octets[:2].hex(' '))}"
    yield f"      length: {len(octets)}"
    yield from _fields(fields)


def _fields(fields: list[str]) -> Iterator[str]:
    if any(not line.lstrip().startswith("#") for line in fields):
        yield "      fields:"
    else:
        yield "      fields: []"
    yield from fields


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise DecodeError("log", f"{text[:40]!r} is not hexadecimal") from error
