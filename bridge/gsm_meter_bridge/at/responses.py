"""Response lines to values: state of SIM, network and storage (TS 27.007, TS 27.005)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from gsm_meter_bridge.at.params import (
    after_prefix,
    integer,
    split_groups,
    split_parameters,
    split_raw,
    unquote,
    value_of,
)
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.vocabulary import Registration

REGISTRATION = MappingProxyType(
    {
        0: Registration.NOT_REGISTERED,
        1: Registration.HOME,
        2: Registration.SEARCHING,
        3: Registration.DENIED,
        4: Registration.UNKNOWN,
        5: Registration.ROAMING,
        6: Registration.HOME,  # for SMS only
        7: Registration.ROAMING,  # for SMS only
        8: Registration.NOT_REGISTERED,  # emergency bearer services only
        9: Registration.HOME,  # CSFB not preferred
        10: Registration.ROAMING,  # CSFB not preferred
        11: Registration.NOT_REGISTERED,  # emergency bearer services only
    }
)
"""<stat> of +CREG, +CGREG and +CEREG (TS 27.007 clauses 7.2, 10.1.20, 10.1.22)."""


class SimState(StrEnum):
    """The state of the SIM that +CPIN? reports (TS 27.007 clause 8.3)."""

    READY = "ready"
    PIN_REQUIRED = "pin_required"
    PUK_REQUIRED = "puk_required"
    MISSING = "missing"
    UNKNOWN = "unknown"


_SIM_CODES = MappingProxyType(
    {
        "READY": SimState.READY,
        "SIM PIN": SimState.PIN_REQUIRED,
        "SIM PUK": SimState.PUK_REQUIRED,
        "SIM PIN2": SimState.READY,  # only the fixed dialling list is locked
        "SIM PUK2": SimState.READY,
        "NOT INSERTED": SimState.MISSING,
        "NOT READY": SimState.UNKNOWN,
    }
)

SIM_ERRORS = MappingProxyType(
    {
        10: SimState.MISSING,
        11: SimState.PIN_REQUIRED,
        12: SimState.PUK_REQUIRED,
        310: SimState.MISSING,
        311: SimState.PIN_REQUIRED,
        316: SimState.PUK_REQUIRED,
    }
)
"""+CME and +CMS ERROR numbers that report the state of the SIM."""


def parse_cpin(lines: Iterable[str]) -> SimState:
    """Return the state of the SIM; a code that is in no table (`PH-SIM PIN`) is UNKNOWN.

    Of several lines the last counts: the SIM may become ready during the command.
    """
    return _SIM_CODES.get(unquote(value_of(tuple(lines)[::-1], "+CPIN")).upper(), SimState.UNKNOWN)


def parse_cpinr(lines: Iterable[str]) -> tuple[int, int | None]:
    """Return how many tries of the SIM PIN are left and how many a fresh SIM has (+CPINR, 27.007 8.65)."""
    for line in lines:
        parameters = split_parameters(after_prefix(line, "+CPINR") or "")
        if parameters[0] == "SIM PIN":
            usual = integer(parameters, 2, "+CPINR") if len(parameters) > 2 else None
            return integer(parameters, 1, "+CPINR"), usual
    raise DecodeError("+CPINR", "no line for SIM PIN")


def parse_csq(lines: Iterable[str]) -> int | None:
    """Return the signal in dBm, -113 to -51; None if the modem does not know it (TS 27.007 clause 8.5)."""
    rssi = integer(split_parameters(value_of(lines, "+CSQ")), 0, "+CSQ")
    return -113 + 2 * rssi if 0 <= rssi <= 31 else None


def is_registration_answer(value: str) -> bool:
    """Return whether the parameters of +CREG, +CGREG or +CEREG answer a query: `<n>,<stat>...`.

    An unsolicited line has `<stat>` alone or `<stat>,<lac>...`, in which the area code is quoted or four
    digits.
    """
    raw = split_raw(value)
    return len(raw) > 1 and re.fullmatch(r"[0-9]{1,2}", raw[1]) is not None


def parse_registration(value: str) -> Registration:
    """Return the registration from the parameters of +CREG, +CGREG or +CEREG, answer or unsolicited."""
    place = 1 if is_registration_answer(value) else 0
    stat = integer(split_parameters(value), place, "+CREG")
    return REGISTRATION.get(stat, Registration.UNKNOWN)


def parse_cops(lines: Iterable[str]) -> str | None:
    """Return the operator's name or number; None if none is selected (TS 27.007 clause 7.3)."""
    parameters = split_parameters(value_of(lines, "+COPS"))
    name = parameters[2] if len(parameters) > 2 else ""
    return _utf8(name) or None


def _utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """One message storage: `SM` SIM, `ME` modem, `SR` status reports ...; counts are messages."""

    name: str
    used: int
    total: int


def parse_cpms_query(lines: Iterable[str]) -> tuple[MemoryUsage, ...]:
    """Return mem1, mem2 and mem3 from AT+CPMS? (TS 27.005 clause 3.2.2)."""
    parameters = split_parameters(value_of(lines, "+CPMS"))
    return tuple(
        MemoryUsage(
            parameters[at], integer(parameters, at + 1, "+CPMS"), integer(parameters, at + 2, "+CPMS")
        )
        for at in range(0, len(parameters) - 2, 3)
    )


def parse_cpms_set(lines: Iterable[str], name: str) -> MemoryUsage:
    """Return how full mem1 is from the answer to AT+CPMS="..." (TS 27.005 clause 3.2.2)."""
    parameters = split_parameters(value_of(lines, "+CPMS"))
    return MemoryUsage(name, integer(parameters, 0, "+CPMS"), integer(parameters, 1, "+CPMS"))


def parse_cpms_test(lines: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the memories that can be mem1, mem2 and mem3 from AT+CPMS=?; also in doubled parentheses."""
    groups = split_groups(value_of(lines, "+CPMS"))
    return tuple(tuple(name for name in split_parameters(group.strip("()")) if name) for group in groups)


def parse_csca(lines: Iterable[str]) -> str | None:
    """Return the number of the service centre; None if none is set (TS 27.005 clause 3.3.1)."""
    return split_parameters(value_of(lines, "+CSCA"))[0] or None


def parse_cmgs(lines: Iterable[str]) -> int:
    """Return tp_mr, 0 to 255, of the message just sent (TS 27.005 clause 4.3)."""
    return integer(split_parameters(value_of(lines, "+CMGS")), 0, "+CMGS")


def parse_cmgw(lines: Iterable[str]) -> int:
    """Return the index of the message just stored (TS 27.005 clause 4.4)."""
    return integer(split_parameters(value_of(lines, "+CMGW")), 0, "+CMGW")


_LABEL = re.compile(r"(?:revision|manufacturer|model|imei|imsi)\s*:\s*", re.IGNORECASE)
_NAMED = re.compile(r"(?:[^\w\s\"']|_)\s?\w[\w .-]*:")
"""Symbol, name, colon: the prefix of a response line."""
_SERIAL = re.compile(r"(?<![\w.])[0-9]{14,17}(?![\w.])")


def parse_identity(lines: Iterable[str], prefix: str) -> str | None:
    """Return the answer of +CGMI, +CGMM or +CGMR, with or without its prefix (`+CGMI:`, `+GMI:`).

    None if no line is an answer: a line with another prefix, or without a letter or digit, is not.
    """
    for text in _own(lines, prefix):
        if text.isprintable() and re.search(r"[0-9A-Za-z]", text):
            return text
    return None


def parse_serial(lines: Iterable[str], prefix: str) -> str | None:
    """Return the 14 to 17 digits of IMEI (+CGSN) or IMSI (+CIMI), whatever surrounds them, or None."""
    for text in _own(lines, prefix):
        match = _SERIAL.search(text)
        if match:
            return match[0]
    return None


def _own(lines: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the text of the lines that have `prefix` or none."""
    names = (prefix, prefix.replace("+C", "+", 1))
    for line in lines:
        text = next((t for name in names if (t := after_prefix(line, name)) is not None), None)
        if text is None and not _NAMED.match(line.strip()):
            text = _LABEL.sub("", line.strip(), count=1) if _LABEL.match(line.strip()) else line.strip()
        if text is not None:
            yield unquote(text)


def parse_iccid(lines: Iterable[str]) -> str | None:
    """Return the 18 to 20 digits of the ICCID (ITU-T E.118), whatever the prefix; None if missing."""
    for line in lines:
        match = re.search(r"(?<![0-9A-Fa-f])(89[0-9]{16,18})[Ff]?(?![0-9A-Fa-f])", line)
        if match:
            return match[1]
    return None


def parse_crsm_iccid(lines: Iterable[str]) -> str | None:
    """Return the ICCID from EF-ICCID read by +CRSM: nibbles swapped, padded with F (TS 31.102 4.2.19)."""
    parameters = split_parameters(value_of(lines, "+CRSM"))
    octets = parameters[2] if len(parameters) > 2 else ""
    swapped = "".join(octets[at + 1] + octets[at] for at in range(0, len(octets) - 1, 2))
    return parse_iccid((swapped,))
