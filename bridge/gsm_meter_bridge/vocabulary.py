"""Words that all families, topics and settings share; where vendors clash, ours stand here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Scalar = str | int | float | bool
"""What a setting or an observed value can be."""

UNKNOWN = "unknown"
"""Published for a code that no table explains; the raw code stands beside it."""

MASK = "***"
"""Shown in place of a secret."""


class Secret:
    """A text that appears in no log, topic, URL or traceback; `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; call only where it is sent or compared."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class Registration(StrEnum):
    """Network registration, the states of 3GPP TS 27.007 clause 7.2 and `no_sim`."""

    NOT_REGISTERED = "not_registered"
    HOME = "home"
    SEARCHING = "searching"
    DENIED = "denied"
    ROAMING = "roaming"
    NO_SIM = "no_sim"
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


class GprsState(StrEnum):
    """How far a module's packet data link has come."""

    OFF = "off"
    CLIENT_CONNECTING = "client_connecting"
    CLIENT_CONNECTED = "client_connected"
    REGISTERED_AT_CENC = "registered_at_cenc"
    SERVER_STARTING = "server_starting"
    SERVER_LISTENING = "server_listening"
    NO_CONNECTION = "no_connection"
    UNKNOWN = UNKNOWN


class MeterLink(StrEnum):
    """State of the link between a module and its meter."""

    OK = "ok"
    NO_METER = "no_meter"
    READING_CLOCK = "reading_clock"
    UNKNOWN = UNKNOWN


class CencState(StrEnum):
    """Registration of a module at a CE Net-Connection server."""

    NONE = "none"
    REQUESTED = "requested"
    REGISTERED = "registered"
    REFUSED = "refused"
    UNKNOWN = UNKNOWN


class Mode(StrEnum):
    """What a module does with its data link."""

    SMS = "sms"
    CLIENT_CENC = "client_cenc"
    SERVER = "server"
    CLIENT = "client"
    UNKNOWN = UNKNOWN


class Radio(StrEnum):
    """How a module's packet data goes over the air (DLMS class 47, attribute 5)."""

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
    """How far an update of a module's firmware has come."""

    REQUESTED = "requested"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    FINISHED = "finished"
    """The module was heard of again after it; what it is now, its firmware tells."""
    UP_TO_DATE = "up_to_date"
    FAILED = "failed"
    UNKNOWN = UNKNOWN


@dataclass(frozen=True, slots=True)
class Observable:
    """One value that a module can tell.

    `kind` is text, integer, energy (a count that only grows), flag or enum; `unit` as Home Assistant
    writes it; `options` lists every value of an enum, `unknown` included; `secret` values are never shown.
    """

    name: str
    title: str
    kind: str = "text"
    unit: str | None = None
    options: tuple[str, ...] = ()
    secret: bool = False


_ENERGY = (
    ("energy_import_kwh", "Energy imported"),
    ("energy_import_t1_kwh", "Energy imported, tariff 1"),
    ("energy_import_t2_kwh", "Energy imported, tariff 2"),
    ("energy_import_t3_kwh", "Energy imported, tariff 3"),
    ("energy_import_t4_kwh", "Energy imported, tariff 4"),
    ("energy_export_kwh", "Energy exported"),
)

_OBSERVABLES = (
    Observable("signal_dbm", "Signal strength", "integer", "dBm"),
    Observable("signal_level", "Signal level", "integer"),
    Observable("signal_percent", "Signal", "integer", "%"),
    Observable("signal_sufficient", "Signal sufficient", "flag"),
    Observable("signal_threshold_dbm", "Signal threshold", "integer", "dBm"),
    Observable("registration", "Registration", "enum", options=tuple(Registration)),
    Observable("band", "Band", "enum", options=tuple(Band)),
    Observable("ip", "IP address"),
    Observable("imei", "IMEI"),
    Observable("iccid", "ICCID"),
    Observable("operator", "Operator"),
    Observable("gprs", "GPRS state", "enum", options=tuple(GprsState)),
    Observable("sim", "SIM detected", "flag"),
    Observable("internet", "Internet allowed by mode", "flag"),
    Observable("tcp", "TCP connection", "flag"),
    Observable("cenc", "CE Net-Connection registration", "enum", options=tuple(CencState)),
    Observable("meter_link", "Link to the meter", "enum", options=tuple(MeterLink)),
    Observable("firmware", "Firmware"),
    Observable("update_state", "Firmware update", "enum", options=tuple(UpdateState)),
    Observable("model", "Model"),
    Observable("core_version", "Core version"),
    Observable("platform", "Hardware platform"),
    Observable("module_type", "Module type"),
    Observable("serial_number", "Serial number"),
    Observable("hardware", "Hardware"),
    Observable("pin_state", "PIN of the SIM"),
    Observable("network_code", "Network code"),
    Observable("connect_reason", "Reason of the connection"),
    Observable("clock_difference_s", "Clock difference", "integer", "s"),
    Observable("radio", "Radio technology", "enum", options=tuple(Radio)),
    Observable("cell_id", "Cell", "integer"),
    Observable("location_area", "Location area", "integer"),
    Observable("meter_clock_difference_s", "Clock difference of the meter", "integer", "s"),
    *(Observable(name, title, "energy", "kWh") for name, title in _ENERGY),
    Observable("meter_type", "Meter type"),
    Observable("meter_serial", "Meter serial number"),
    Observable("mode", "Mode", "enum", options=tuple(Mode)),
    Observable("apn", "APN"),
    Observable("apn_user", "APN user"),
    Observable("apn_password", "APN password", secret=True),
    Observable("server_host", "Server address"),
    Observable("server_port", "Server port", "integer"),
    Observable("connect_period_s", "Connection period", "integer", "s"),
    Observable("idle_restart_period_h", "Restart when idle", "integer", "h"),
    Observable("serial_port", "Serial port"),
    Observable("reboot_period_min", "Reboot period", "integer", "min"),
    Observable("csd_idle_timeout_s", "CSD idle time-out", "integer", "s"),
    Observable("access_password", "Access password", secret=True),
)

OBSERVABLES = MappingProxyType({o.name: o for o in _OBSERVABLES})
"""Every value a module can tell, by name."""


def within_day(minute: int, span: tuple[int, int]) -> bool:
    """Return whether a minute of the day is in `span`, which may go over midnight."""
    begin, end = span
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def masked(values: Mapping[str, Scalar | None]) -> dict[str, Scalar | None]:
    """Return `values` with those of secret names replaced by a mask (empty ones stay empty)."""
    return {
        name: MASK if value and name in OBSERVABLES and OBSERVABLES[name].secret else value
        for name, value in values.items()
    }
