"""The schema of a configuration file."""

from __future__ import annotations

import re

import phonenumbers
import voluptuous as vol

from gsm_meter_bridge.config import connections
from gsm_meter_bridge.config.hosts import host
from gsm_meter_bridge.config.renamed import RENAMED
from gsm_meter_bridge.config.values import (
    DayTime,
    Duration,
    Flag,
    Identifier,
    PortNumber,
    Text,
    Topic,
    ascii_secret,
    database,
    path,
    pin,
    port_url,
    secret,
)
from gsm_meter_bridge.errors import UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.model import OTHER_TRANSPORTS, SMS, Family
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.translations import Language
from gsm_meter_bridge.yaml_file.checks import (
    decimal,
    named,
    one_of,
    optional,
    options,
    rows,
    scalar_of,
    text,
    whole,
)

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


# ASCII digits and the usual separators between them; no digits of other scripts
_FORM = re.compile(r"\+?[0-9 ()./-]{3,40}")


def _number(value: object) -> str:
    scalar = scalar_of(value)
    number = e164(scalar.text) if scalar is not None and _FORM.fullmatch(scalar.text) else None
    if number is None:
        raise vol.Invalid('allowed: an international number in quotes, like "+79991234567"')
    return number


def _family(value: object) -> Family:
    scalar = scalar_of(value)
    try:
        return family_of("" if scalar is None else scalar.text)
    except UnknownNameError:
        raise vol.Invalid(f"allowed: {', '.join(families())}") from None


_PROFILE = text(1, 1024)
_NAMES = rows(_PROFILE, 0, 20)


def _names(value: object) -> object:
    scalar = scalar_of(value)
    if scalar is None:
        return _NAMES(value)
    return [] if scalar.is_null else [_PROFILE(scalar)]


def _country(value: object) -> str:
    scalar = scalar_of(value)
    if scalar is None or scalar.text not in phonenumbers.SUPPORTED_REGIONS:
        raise vol.Invalid("allowed: a country of two capitals, like RU")
    return scalar.text


_TLS = options(
    {
        vol.Optional("ca_file", default=None): optional(path),
        vol.Optional("cert_file", default=None): optional(path),
        vol.Optional("key_file", default=None): optional(path),
    }
)


def _tls(value: object) -> object:
    scalar = scalar_of(value)
    flag = None if scalar is None else scalar.flag
    return None if flag is False else _TLS({} if flag else value)


_MQTT = options(
    {
        vol.Required("host"): host,
        vol.Optional("port", default=None): optional(PortNumber),
        vol.Optional("username", default=None): optional(Text),
        vol.Optional("password", default=None): optional(secret),
        vol.Optional("tls", default=None): optional(_tls),
        vol.Optional("protocol", default="auto"): one_of("auto", "5", "3.1.1"),
        vol.Optional("base_topic", default="gsm_meter_modem"): Topic(),
        vol.Optional("discovery_prefix", default="homeassistant"): Topic(),
        vol.Optional("status_topic", default="homeassistant/status"): Topic(),
        vol.Optional("birth_delay", default=10): Duration(0, 600),
        vol.Optional("discovery", default=None): optional(one_of("full", "essential", "none")),
    }
)

_Count = whole(0, 1_000_000)
_BUDGET = {
    vol.Optional("day", default=None): optional(_Count),
    vol.Optional("month", default=None): optional(_Count),
}
_MODEM_BUDGET = options({**_BUDGET, vol.Optional("reserve", default=0): _Count})
_MODULE_BUDGET = options(_BUDGET)

_MODEM = options(
    {
        vol.Required("id"): Identifier,
        vol.Required("url"): port_url,
        vol.Optional("name", default=None): optional(Text),
        vol.Optional("baudrate", default=115200): whole(1200, 4_000_000),
        vol.Optional("pin", default=None): optional(pin),
        vol.Optional("sms_storage", default=None): optional(one_of("SM", "ME", "MT")),
        vol.Optional("number", default=None): optional(_number),
        vol.Optional("default_region", default=None): optional(_country),
        vol.Optional("status_interval", default="60 s"): Duration(1, _DAY),
        vol.Optional("group", default=None): optional(Identifier),
        vol.Optional("budget", default=dict): _MODEM_BUDGET,
        vol.Optional("allow_raw_commands", default=False): Flag,
        vol.Optional("restart_after_no_network", default=None): optional(Duration(60, _DAY)),
    },
    RENAMED["modems"],
)

_MODULE = options(
    {
        vol.Required("id"): Identifier,
        vol.Required("family"): _family,
        vol.Required("number"): _number,
        vol.Optional("name", default=None): optional(Text),
        vol.Optional("model", default=None): optional(Text),
        vol.Optional("password", default=None): optional(ascii_secret),
        vol.Optional("profile", default=list): _names,
        vol.Optional("transport", default=SMS): one_of(SMS, *OTHER_TRANSPORTS),
        vol.Optional("modem", default=None): optional(Identifier),
        vol.Optional("group", default=None): optional(Identifier),
        vol.Optional("budget", default=dict): _MODULE_BUDGET,
        vol.Optional("poll_interval", default=None): optional(Duration(1, 366 * _DAY)),
        **connections.OF_MODULE,
    },
    RENAMED["modules"],
)

_BRIDGE = options(
    {
        vol.Optional("id", default="bridge"): Identifier,
        vol.Optional("name", default=None): optional(Text),
        vol.Optional("database", default="gsm-meter-bridge.db"): database,
        vol.Optional("key_file", default=None): optional(path),
        vol.Optional("retention", default="90 d"): Duration(_DAY, 3660 * _DAY),
        vol.Optional("log_level", default="info"): one_of("debug", "info", "warning", "error"),
        vol.Optional("mask_identifiers", default=False): Flag,
        vol.Optional("language", default="en"): one_of(*Language),
    }
)

_SMS = options(
    {
        vol.Optional("reply_timeout", default="3 min"): Duration(1, _DAY),
        vol.Optional("deadline", default="15 min"): Duration(1, 7 * _DAY),
        vol.Optional("late_reply_window", default="24 h"): Duration(0, 30 * _DAY),
        vol.Optional("retry_delay", default="30 s"): Duration(0.1, _HOUR),
        vol.Optional("price", default=None): optional(decimal(0, 1_000_000)),
        vol.Optional("currency", default=None): optional(Text),
    },
    RENAMED["sms"],
)

_POLL = options(
    {
        vol.Optional("interval", default="24 h"): Duration(1, 366 * _DAY),
        vol.Optional("jitter", default=0.1): decimal(0.0, 0.5, "allowed: 0 to 0.5 of the interval"),
        vol.Optional("identity_interval", default="30 d"): Duration(1, 366 * _DAY),
        vol.Optional("initial_poll_spread", default="10 min"): Duration(0, 30 * _DAY),
        vol.Optional("quiet_hours", default=None): optional(DayTime()),
        vol.Optional("offline_after_missed_polls", default=2): whole(1, 100),
    },
    RENAMED["poll"],
)

CONFIG = options(
    {
        vol.Optional("bridge", default=dict): _BRIDGE,
        vol.Required("mqtt"): _MQTT,
        vol.Optional("modems", default=list): rows(_MODEM, 0, 64),
        vol.Optional("listeners", default=list): rows(connections.LISTENER, 0, 64),
        vol.Optional("tcp", default=dict): connections.CONNECTIONS,
        vol.Optional("sms", default=dict): _SMS,
        vol.Optional("poll", default=dict): _POLL,
        vol.Optional("latest_firmware", default=dict): named(_family, Text, 0, 64),
        vol.Required("modules"): rows(_MODULE),
    }
)
"""Checks a whole document and fills in defaults; durations are converted to seconds."""
