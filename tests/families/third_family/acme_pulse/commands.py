"""What the made-up module is asked, as `<password>#<command>`, and what it replies, as `NAME value;...`."""

from __future__ import annotations

import re
from types import MappingProxyType

from gsm_meter_bridge.families.acme_pulse.tables import ERRORS

from gsm_meter_bridge.errors import DecodeError, UnknownNameError
from gsm_meter_bridge.model import Answer, Reading, Refusal, Reply, Request, RequestKind, SmsText
from gsm_meter_bridge.vocabulary import MASK, Secret, is_secret

SETTINGS = MappingProxyType(
    {
        "apn": "APN",
        "report_period_min": "PERIOD",
        "led": "LED",
        "ftp_password": "FTP",
        "owner.0": "OWNER0",
        "owner.1": "OWNER1",
    }
)
READS = MappingProxyType({"status": "STATUS", "config": "CONFIG", "owners": "OWNERS"})
ACTIONS = MappingProxyType({"blink": "BLINK"})
_VALUES = MappingProxyType(
    {
        "status": ("signal_dbm RSSI", "battery_mv BATT", "tamper TAMPER"),
        "config": ("imei IMEI", "firmware FW", *(f"{n} {w}" for n, w in SETTINGS.items() if "." not in n)),
        "owners": ("owner.0 OWNER0", "owner.1 OWNER1"),
    }
)
_NUMBERS = ("signal_dbm", "battery_mv", "report_period_min")


def encode(request: Request, password: Secret) -> SmsText:
    """Return the SMS of `request`; UnknownNameError for one that the manual does not have."""
    commands = {**READS, **ACTIONS, **SETTINGS}
    if request.name not in commands:
        raise UnknownNameError("request", request.name, commands)
    word, value = commands[request.name], request.changes.get(request.name)
    plain = word if value is None else f"{word} {value}"
    shown = f"{word} {MASK}" if value is not None and is_secret(request.name) else plain
    return SmsText.single(f"{password.reveal()}#{plain}", f"{MASK}#{shown}")


def parse(text: str) -> Request:
    """Return the request that `text` is: `STATUS`, `LED off`."""
    word, has_value, value = text.partition(" ")
    names = {w: n for n, w in (*SETTINGS.items(), *READS.items(), *ACTIONS.items())}
    name = names.get(word.upper())
    if name is None or (name in SETTINGS) is not bool(has_value):
        raise UnknownNameError("command", word, names)
    if name in SETTINGS:
        return Request.write(name, {name: int(value) if name in _NUMBERS and value.isdigit() else value})
    return Request.read(name) if name in READS else Request.action(name)


def decode(request: Request, text: str) -> Reply:
    """Return what `text` answers to `request`; DecodeError where it does not have its form."""
    if (error := re.fullmatch("ERR ([0-9])", text)) is not None:
        return Refusal("refused", str(ERRORS.reading("error", error[1]).value), text)
    if request.kind is not RequestKind.READ:
        if text != "OK":
            raise DecodeError("reply", "is neither OK nor an error")
        return Answer((), text)
    return Answer(tuple(_readings(request.name, text)), text)


def _readings(name: str, text: str) -> list[Reading]:
    found, parts = [], text.split(";")
    expected = [entry.split(" ") for entry in _VALUES.get(name, ())]
    if not expected or len(parts) != len(expected):
        raise DecodeError("reply", "has another number of values")
    for (value_name, word), part in zip(expected, parts, strict=True):
        label, _, value = part.partition(" ")
        if label != word or (value_name in _NUMBERS and not re.fullmatch("-?[0-9]{1,9}", value)):
            raise DecodeError("reply", f"has no {word}")
        if value_name == "tamper":
            found.append(Reading(value_name, value == "1", value))
        else:
            found.append(Reading(value_name, int(value) if value_name in _NUMBERS else value))
    return found
