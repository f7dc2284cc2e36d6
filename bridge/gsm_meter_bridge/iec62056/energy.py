"""Requests for the energy that a meter has counted, and its answers.

`ET0PE` is of the older meters (CE102M, CE301, CE303: their manuals). CE207, CE208, CE307 and CE308 answer
ERR12 to it and have archives instead, whose entry 0.0 is today's: by a mask of the tariffs, or by number and
count (Energomera's IEC protocol of CE208 and CE308, 2a and 2b). Their first value has a date before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.iec62056.messages import IecIdentification
from gsm_meter_bridge.vocabulary import impossible_energy

TOTALS, BY_MASK, BY_COUNT = "ET0PE", "EMD01(0.0,F)", "END01(0.0,1,5)"
"""Requests for the total and the tariffs 1 to 4: that of older meters, and the two of the archives."""

NAMES = (
    "energy_import_kwh",
    "energy_import_t1_kwh",
    "energy_import_t2_kwh",
    "energy_import_t3_kwh",
    "energy_import_t4_kwh",
)
"""The names of an answer's values, in order; there may be more values."""

_SHOWN_AT_MOST = 40
_NUMBER = re.compile(
    r"\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?)\s*(?:\*\s*([A-Za-z]{1,6}))?\s*", re.ASCII
)
_KWH_IN = MappingProxyType(
    {"kwh": Decimal(1), "wh": Decimal("0.001"), "mwh": Decimal(1000), "gwh": Decimal(1_000_000)}
)
_DATED = re.compile(
    r"\s*\d{1,2}\.\d{1,2}\.(?:\d{4}|\d\d)(?:[\s,;]+\d{1,2}:\d\d(?::\d\d)?)?(?:[\s,;]+(.*)|\s*)",
    re.ASCII | re.DOTALL,
)
_ARCHIVES = re.compile(r"CE(?:20[78]|30[78])|CE[23]0\d\d\.", re.ASCII)
"""Models with archives: their types, or their platforms 20xx and 30xx."""


@dataclass(frozen=True, slots=True)
class Energies:
    """The values of an answer: `kwh` by NAMES, and the problems with the others as text."""

    kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()


def energy_requests(identity: IecIdentification, proved: str | None = None) -> tuple[str, ...]:
    """Return the requests for energy, the likeliest first; `proved`: the one answered last time."""
    archives = identity.has_dlms or _ARCHIVES.match(identity.model) is not None
    likely = (BY_MASK, BY_COUNT, TOTALS) if archives else (TOTALS, BY_MASK, BY_COUNT)
    return tuple(sorted(likely, key=lambda request: request != proved))


def energies(request: str, values: Sequence[str]) -> Energies:
    """Return the energies in the answer to `request`; invalid values are left out and listed as problems."""
    found: dict[str, float] = {}
    problems: list[str] = []
    reported = _undated(values)
    if any(_is_date(value) for value in reported):
        message = f"a date stands alone beside {len(values) - 1} values: which they are cannot be said"
        return Energies(problems=(f"{request[:5]}: {message}",))
    for name, value in zip(NAMES, reported, strict=False):
        try:
            found[name] = float(kwh_of(value))
        except DecodeError as error:
            problems.append(f"{name}: {error}")
    if not values:
        problems.append(f"{request[:5]}: the answer holds no value")
    return Energies(MappingProxyType(found), tuple(problems))


def _undated(values: Sequence[str]) -> Sequence[str]:
    """Return values without their dates, and without a separate date before as many values as NAMES."""
    reported = values[1:] if len(values) > len(NAMES) and _is_date(values[0]) else values
    dates = [_DATED.fullmatch(value) for value in reported]
    return [
        value if dated is None else dated[1] or value for value, dated in zip(reported, dates, strict=True)
    ]


def _is_date(value: str) -> bool:
    """Return whether a value is a date and nothing else."""
    dated = _DATED.fullmatch(value)
    return dated is not None and not dated[1]


def kwh_of(text: str) -> Decimal:
    """Return an energy in kWh, exact: any decimals, a point or a comma, a unit after `*`.

    DecodeError if it is no number, has another unit, or is impossible as an energy.
    """
    shown = ascii(text[:_SHOWN_AT_MOST])
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise DecodeError("value", f"{shown} is no number")
    factor = _KWH_IN.get((found[2] or "kWh").lower())
    if factor is None:
        raise DecodeError("value", f"{shown} is no active energy")
    kwh = Decimal(found[1].replace(",", ".")) * factor
    if (fault := impossible_energy(kwh)) is not None:
        raise DecodeError("value", f"{shown} {fault}")
    return abs(kwh)
