"""Names and values shared by all families, topics and settings, with one term where vendors differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Any

Scalar = str | int | float | bool
"""The type of a setting or an observed value."""

Document = dict[str, Any]
"""A JSON object: a payload of MQTT, or a part of one."""

UNKNOWN = "unknown"
"""Published for a code that no table explains, next to the raw code."""

MASK = "***"
"""Shown in place of a secret."""


class Secret:
    """A text that appears in no log, topic, URL or traceback; `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; call only to send or compare it."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class Registration(StrEnum):
    """Network registration: the states of 3GPP TS 27.007 clause 7.2, and others that modules report.

    `unknown_error`, `no_sim_or_pin_required` and `no_sim` have no code in that clause.
    """

    NOT_REGISTERED = "not_registered"
    HOME = "home"
    SEARCHING = "searching"
    DENIED = "denied"
    ROAMING = "roaming"
    NO_SIM = "no_sim"
    NO_SIM_OR_PIN_REQUIRED = "no_sim_or_pin_required"
    UNKNOWN_ERROR = "unknown_error"
    UNKNOWN = UNKNOWN


class Band(StrEnum):
    """Radio bands that modules report."""

    UNDETERMINED = "undetermined"
    GSM_900 = "gsm_900"
    GSM_1800 = "gsm_1800"
    WCDMA_900 = "wcdma_900"
    WCDMA_2100 = "wcdma_2100"
    LTE_1 = "lte_1"
    LTE_3 = "lte_3"
    LTE_5 = "lte_5"
    LTE_7 = "lte_7"
    LTE_8 = "lte_8"
    LTE_20 = "lte_20"
    LTE_31 = "lte_31"
    LTE_38 = "lte_38"
    UNKNOWN = UNKNOWN


class MeterLink(StrEnum):
    """State of the link between a module and its meter."""

    OK = "ok"
    UNKNOWN_METER_OR_NO_LINK = "unknown_meter_or_no_link"
    READING_CLOCK = "reading_clock"
    UNKNOWN = UNKNOWN


class Radio(StrEnum):
    """Radio technology of a module's packet data (DLMS class 47, attribute 5)."""

    INACTIVE = "inactive"
    GPRS = "gprs"
    EDGE = "edge"
    UMTS = "umts"
    HSDPA = "hsdpa"
    LTE = "lte"
    CDMA = "cdma"
    LTE_CAT_M1 = "lte_cat_m1"
    LTE_CAT_NB1 = "lte_cat_nb1"
    LTE_CAT_NB2 = "lte_cat_nb2"
    UNKNOWN = UNKNOWN


class UpdateState(StrEnum):
    """Progress of a module's firmware update."""

    REQUESTED = "requested"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    FINISHED = "finished"
    """The module has reported again since the update; `firmware` shows the version it runs."""
    UP_TO_DATE = "up_to_date"
    FAILED = "failed"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True, slots=True)
class Observable:
    """One value that a module can report.

    `kind` is text, integer, energy (a count that only grows), flag or enum; `unit`, `device_class` and `icon`
    as Home Assistant writes them; `options` lists every value of an enum, `unknown` included. A `volatile`
    value changes by itself, and is read at every poll. `follows_from` names the value it is derived from. A
    `constant` comes from a manual.
    """

    name: str
    title: str
    kind: str = "text"
    unit: str | None = None
    options: tuple[str, ...] = ()
    device_class: str | None = None
    icon: str | None = None
    volatile: bool = False
    follows_from: str | None = None
    constant: bool = False

    @property
    def measured(self) -> bool:
        """Whether it is a quantity for which statistics make sense: no identifier, ordinal or constant."""
        return self.kind == "integer" and self.unit is not None and not self.constant

    def takes(self, value: object) -> bool:
        """Return whether `value` has the type of `kind`; for an enum, whether it is one of `options`."""
        match self.kind:
            case "enum":
                return value in self.options
            case "flag":
                return isinstance(value, bool)
            case "integer":
                return isinstance(value, int) and not isinstance(value, bool)
            case "energy":
                return isinstance(value, float) and impossible_energy(value) is None
        return isinstance(value, str)


_ENERGY = (
    ("energy_import_kwh", "Energy imported"),
    ("energy_import_t1_kwh", "Energy, tariff 1"),
    ("energy_import_t2_kwh", "Energy, tariff 2"),
    ("energy_import_t3_kwh", "Energy, tariff 3"),
    ("energy_import_t4_kwh", "Energy, tariff 4"),
    ("energy_export_kwh", "Energy exported"),
)

_OBSERVABLES = (
    Observable(
        "signal_dbm", "Signal strength", "integer", "dBm", device_class="signal_strength", volatile=True
    ),
    Observable("signal_level", "Signal level", "integer", volatile=True),
    Observable("signal_percent", "Signal", "integer", "%"),
    Observable("registration", "Registration", "enum", options=tuple(Registration), volatile=True),
    Observable("band", "Band", "enum", options=tuple(Band), volatile=True),
    Observable("ip", "IP address", volatile=True),
    Observable("imei", "IMEI"),
    Observable("iccid", "ICCID"),
    Observable("operator", "Operator"),
    Observable("firmware", "Firmware version"),
    Observable("update_state", "Update progress", "enum", options=tuple(UpdateState)),
    Observable("model", "Model"),
    Observable("serial_number", "Serial number"),
    Observable("hardware", "Hardware"),
    Observable("pin_state", "PIN of the SIM"),
    Observable("network_code", "Network code"),
    Observable("balance", "Balance"),
    Observable("module_clock", "Clock", device_class="timestamp"),
    Observable("clock_difference_s", "Clock difference", "integer", "s"),
    Observable(
        "meter_link",
        "Link to the meter",
        "enum",
        options=tuple(MeterLink),
        icon="mdi:meter-electric",
        volatile=True,
    ),
    Observable(
        "meter_link_problem",
        "Problem of the link to the meter",
        "flag",
        device_class="problem",
        icon="mdi:alert-circle-outline",
    ),
    Observable("radio", "Radio technology", "enum", options=tuple(Radio)),
    Observable("cell_id", "Cell", "integer"),
    Observable("location_area", "Location area", "integer"),
    Observable("meter_clock_difference_s", "Clock difference of the meter", "integer", "s"),
    *(Observable(name, title, "energy", "kWh") for name, title in _ENERGY),
    Observable("meter_type", "Meter type"),
    Observable("meter_serial", "Meter number"),
    Observable("apn", "APN"),
    Observable("apn_user", "APN user"),
    Observable("apn_password", "APN password"),
    Observable("access_password", "Access password"),
)

OBSERVABLES = MappingProxyType({o.name: o for o in _OBSERVABLES})
"""The values that modules of any family, and meters, can report, by name; families add their own."""

_SECRET = re.compile(r"(?:.*[._])?(?:password|pin|puk|key|secret)")


def is_secret(name: str) -> bool:
    """Return whether the value or setting `name` is secret and never shown, by the last part of its name."""
    return _SECRET.fullmatch(name) is not None


MOST_KWH = 10**8
"""Upper bound of meter counts, which have eight digits before the decimal point."""

_NO_COUNT = frozenset(Decimal((1 << bits) - 1).scaleb(-n) for bits in (31, 32) for n in range(10))
"""The kWh values of registers of all ones (31 or 32 bits, 0 to 9 decimals), which mean no count."""


def impossible_energy(kwh: Decimal | float) -> str | None:
    """Return the reason why a meter cannot have counted `kwh`, as text; None if it can."""
    if not isfinite(kwh):
        return "is no number"
    if kwh < 0:
        return "is less than nothing"
    if Decimal(str(kwh)) in _NO_COUNT:
        return "is a register of all ones"
    return f"is more than {MOST_KWH} kWh" if kwh >= MOST_KWH else None


def within_day(minute: int, span: tuple[int, int]) -> bool:
    """Return whether a minute of the day is in `span` (begin, end; end excluded); it may cross midnight."""
    begin, end = span
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def masked(values: Mapping[str, Scalar | None]) -> dict[str, Scalar | None]:
    """Return `values` with those of secret names replaced by a mask (empty ones stay empty)."""
    return {name: MASK if value and is_secret(name) else value for name, value in values.items()}


def printable(text: str, longest: int) -> str:
    """Return `text` fit to store and publish: cut to `longest` characters, unprintable ones replaced.

    Control characters, NUL, lone surrogates and bidirectional formatting marks become U+FFFD.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:longest])
