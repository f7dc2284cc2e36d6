"""What a configuration file may hold."""

from __future__ import annotations

import voluptuous as vol

from gsm_meter_bridge.config import sockets
from gsm_meter_bridge.config.values import (
    DayTime,
    Duration,
    Flag,
    Identifier,
    Port,
    Text,
    Topic,
    database,
    one_of,
    optional,
    path,
    secret,
)
from gsm_meter_bridge.delivery.numbers import e164
from gsm_meter_bridge.errors import UnknownNameError
from gsm_meter_bridge.families import families, family_of
from gsm_meter_bridge.family import OTHER_DELIVERIES, SMS, Family

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


def _number(value: object) -> str:
    number = e164(value) if isinstance(value, str) else None
    if number is None:
        raise vol.Invalid('allowed: an international number in quotes, like "+79991234567"')
    return number


def _family(value: object) -> Family:
    try:
        return family_of(str(value))
    except UnknownNameError:
        raise vol.Invalid(f"allowed: {', '.join(families())}") from None


_NAMES = vol.Schema([Text])


def _names(value: object) -> object:
    return _NAMES([value] if isinstance(value, str) else [] if value is None else value)


_Country = vol.Match(r"^[A-Z]{2}$", msg="allowed: a country of two capitals, like RU")

_TLS = vol.Schema(
    {
        vol.Optional("ca_file", default=None): optional(path),
        vol.Optional("cert_file", default=None): optional(path),
        vol.Optional("key_file", default=None): optional(path),
    }
)


def _tls(value: object) -> object:
    return _TLS({} if value is True else value)


_MQTT = vol.Schema(
    {
        vol.Required("host"): Text,
        vol.Optional("port", default=None): optional(Port),
        vol.Optional("username", default=None): optional(Text),
        vol.Optional("password", default=None): optional(secret),
        vol.Optional("tls", default=None): optional(_tls),
        vol.Optional("protocol", default="auto"): one_of("auto", "5", "3.1.1"),
        vol.Optional("base_topic", default="gsm_meter_modem"): Topic(),
        vol.Optional("discovery_prefix", default="homeassistant"): Topic(),
        vol.Optional("status_topic", default="homeassistant/status"): Topic(),
        vol.Optional("birth_delay", default=10): Duration(0, 600),
    }
)

_Count = vol.All(int, vol.Range(0, 1_000_000, msg="allowed: 0 to 1000000"))
_BUDGET = {
    vol.Optional("day", default=None): optional(_Count),
    vol.Optional("month", default=None): optional(_Count),
}
_MODEM_BUDGET = vol.Schema({**_BUDGET, vol.Optional("reserve", default=0): _Count})
_MODULE_BUDGET = vol.Schema(_BUDGET)

_MODEM = vol.Schema(
    {
        vol.Required("id"): Identifier,
        vol.Required("url"): Text,
        vol.Optional("name", default="GSM modem"): Text,
        vol.Optional("baudrate", default=115200): vol.All(
            int, vol.Range(1200, 4_000_000, msg="allowed: 1200 to 4000000")
        ),
        vol.Optional("pin", default=None): optional(secret),
        vol.Optional("sms_storage", default=None): optional(one_of("SM", "ME", "MT")),
        vol.Optional("number", default=None): optional(_number),
        vol.Optional("region", default=None): optional(_Country),
        vol.Optional("status_interval", default="60 s"): Duration(1, _DAY),
        vol.Optional("group", default=None): optional(Identifier),
        vol.Optional("budget", default=dict): _MODEM_BUDGET,
        vol.Optional("admin", default=False): Flag,
        vol.Optional("restart_after", default=None): optional(Duration(60, _DAY)),
    }
)

_MODULE = vol.Schema(
    {
        vol.Required("id"): Identifier,
        vol.Required("family"): _family,
        vol.Required("number"): _number,
        vol.Optional("name", default=None): optional(Text),
        vol.Optional("password", default=None): optional(secret),
        vol.Optional("profile", default=list): _names,
        vol.Optional("delivery", default=SMS): one_of(SMS, *OTHER_DELIVERIES),
        vol.Optional("modem", default=None): optional(Identifier),
        vol.Optional("group", default=None): optional(Identifier),
        vol.Optional("budget", default=dict): _MODULE_BUDGET,
        vol.Optional("poll_interval", default=None): optional(Duration(1, 366 * _DAY)),
        **sockets.OF_MODULE,
    }
)

_BRIDGE = vol.Schema(
    {
        vol.Optional("id", default="bridge"): Identifier,
        vol.Optional("name", default="GSM meter bridge"): Text,
        vol.Optional("database", default="gsm-meter-bridge.db"): database,
        vol.Optional("retention", default="90 d"): Duration(_DAY, 3660 * _DAY),
        vol.Optional("log_level", default="info"): one_of("debug", "info", "warning", "error"),
        vol.Optional("mask_identifiers", default=False): Flag,
    }
)

_SMS = vol.Schema(
    {
        vol.Optional("reply_timeout", default="3 min"): Duration(1, _DAY),
        vol.Optional("deadline", default="15 min"): Duration(1, 7 * _DAY),
        vol.Optional("late_window", default="24 h"): Duration(0, 30 * _DAY),
        vol.Optional("resend_delay", default="30 s"): Duration(0.1, _HOUR),
        vol.Optional("price", default=None): optional(
            vol.All(vol.Coerce(float), vol.Range(0, 1_000_000, msg="allowed: 0 to 1000000"))
        ),
        vol.Optional("currency", default=None): optional(Text),
    }
)

_POLL = vol.Schema(
    {
        vol.Optional("interval", default="24 h"): Duration(1, 366 * _DAY),
        vol.Optional("jitter", default=0.1): vol.All(
            vol.Coerce(float), vol.Range(0.0, 0.5, msg="allowed: 0 to 0.5 of the interval")
        ),
        vol.Optional("identity_interval", default="30 d"): Duration(1, 366 * _DAY),
        vol.Optional("first_spread", default="10 min"): Duration(0, 30 * _DAY),
        vol.Optional("quiet_hours", default=None): optional(DayTime()),
        vol.Optional("missed_polls", default=2): vol.All(int, vol.Range(1, 100, msg="allowed: 1 to 100")),
    }
)

CONFIG = vol.Schema(
    {
        vol.Optional("bridge", default=dict): _BRIDGE,
        vol.Required("mqtt"): _MQTT,
        vol.Optional("modems", default=list): vol.All(
            [_MODEM], vol.Length(0, 64, msg="allowed: up to 64 modems")
        ),
        vol.Optional("listeners", default=list): [sockets.LISTENER],
        vol.Optional("tcp", default=dict): sockets.CONNECTIONS,
        vol.Optional("sms", default=dict): _SMS,
        vol.Optional("poll", default=dict): _POLL,
        vol.Optional("latest_firmware", default=dict): {_family: Text},
        vol.Required("modules"): [_MODULE],
    }
)
"""Checks a whole document and fills in what it leaves out; durations come out in seconds."""
