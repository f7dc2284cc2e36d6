"""The part of a configuration file that is about connections: listeners, and how each module is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.config.values import (
    DayTime,
    Duration,
    Flag,
    Identifier,
    Port,
    Text,
    one_of,
    optional,
    secret,
)
from gsm_meter_bridge.delivery.inbound import ListenerPlan
from gsm_meter_bridge.family import (
    CENC,
    DIRECT_CHANNEL,
    SMS,
    TCP,
    Address,
    Caller,
    DataCall,
    DirectChannel,
    Family,
    Meter,
    Network,
    Reach,
    TunnelPlan,
)

_PRIVATE = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
_LOCAL = ["127.0.0.0/8", "::1/128"]
_DAY = 86_400.0


def _network(value: object) -> Network:
    try:
        return ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise vol.Invalid('allowed: an address or a network, like "10.20.0.0/16"') from None


def _some(value: dict[str, Any]) -> dict[str, Any]:
    if not any(value.values()):
        raise vol.Invalid("allowed: at least one of imei, serial_number, meter_serial and networks")
    return value


def _number(least: int, most: int) -> vol.All:
    return vol.All(int, vol.Range(least, most, msg=f"allowed: {least} to {most}"))


LISTENER = vol.Schema(
    {
        vol.Required("id"): Identifier,
        vol.Required("port"): Port,
        vol.Optional("host", default="127.0.0.1"): Text,
        vol.Optional("networks", default=lambda: _PRIVATE): [_network],
        vol.Optional("connections", default=12_000): _number(1, 100_000),
        vol.Optional("per_address", default=4): _number(1, 100_000),
        vol.Optional("greeting_timeout", default="30 s"): Duration(1, 600),
        vol.Optional("ask_meters", default=False): Flag,
    }
)
CONNECTIONS = vol.Schema(
    {
        vol.Optional("idle_timeout", default="10 min"): Duration(1, _DAY),
        vol.Optional("interval", default="1 h"): Duration(1, 366 * _DAY),
    }
)
_CALLER = vol.Schema(
    {
        vol.Optional("imei", default=None): optional(Text),
        vol.Optional("serial_number", default=None): optional(Text),
        vol.Optional("meter_serial", default=None): optional(Text),
        vol.Optional("networks", default=list): [_network],
    }
)
_ADDRESS = vol.Schema(
    {
        vol.Required("host"): Text,
        vol.Required("port"): Port,
        vol.Optional("via", default="tcp"): one_of("tcp", "cenc"),
        vol.Optional("quiet_hours", default=None): optional(DayTime()),
    }
)
_METER = vol.Schema(
    {
        vol.Optional("protocol", default="dlms"): one_of("dlms", "iec"),
        vol.Optional("client", default="public"): one_of("public", "reader", "configurator"),
        vol.Optional("password", default=None): optional(secret),
        vol.Optional("address", default=16): _number(0, 0x3FFF),
    }
)
_TUNNEL = vol.Schema(
    {
        vol.Required("port"): Port,
        vol.Optional("host", default="127.0.0.1"): Text,
        vol.Optional("networks", default=lambda: _LOCAL): [_network],
    }
)
_DIRECT = vol.Schema(
    {
        vol.Required("url"): Text,
        vol.Required("password"): secret,
        vol.Optional("port", default="com1"): one_of("optical", "com1", "com2"),
        vol.Optional("address", default=None): optional(Text),
    }
)
OF_MODULE: Mapping[vol.Marker, object] = MappingProxyType(
    {
        vol.Optional("caller", default=None): optional(vol.All(_CALLER, _some)),
        vol.Optional("tcp", default=None): optional(_ADDRESS),
        vol.Optional("csd", default=False): Flag,
        vol.Optional("meter", default=None): optional(_METER),
        vol.Optional("tunnel", default=None): optional(_TUNNEL),
        vol.Optional("direct", default=None): optional(_DIRECT),
        vol.Optional("poll_by", default=lambda: ["tcp", "sms"]): [one_of("tcp", "csd", "sms")],
    }
)
"""What a module's part has on it."""


def reach_of(checked: Mapping[str, Any]) -> Reach:
    """Return how a module is reached; one that is dialled has a meter, named or not.

    Nothing is asked of the meter where `poll_by` does not say so.
    """
    caller, address, tunnel = checked["caller"], checked["tcp"], checked["tunnel"]
    meter = checked["meter"] or ({} if address is not None else None)
    if not {"tcp", "csd"}.intersection(checked["poll_by"]):
        meter = None
    return Reach(
        caller=None if caller is None else Caller(**{**caller, "networks": tuple(caller["networks"])}),
        address=None if address is None else _address(address),
        meter=None if meter is None else Meter(**meter),
        tunnel=None
        if tunnel is None
        else TunnelPlan(tunnel["host"], tunnel["port"], tuple(tunnel["networks"])),
        direct=None if checked["direct"] is None else DirectChannel(**checked["direct"]),
        data_call=DataCall("csd" in checked["poll_by"]) if checked["csd"] else None,
    )


def missing_in(checked: Mapping[str, Any]) -> Iterable[str]:
    """Yield what a module's part lacks for the way that it is to be reached."""
    delivery, meter = checked["delivery"], checked["meter"]
    connects = checked["tcp"] is not None or checked["caller"] is not None or checked["csd"]
    if delivery == TCP and checked["tcp"] is None and checked["caller"] is None:
        yield "delivery: tcp needs tcp: {host: ..., port: ...}, or caller: ... where it dials us"
    if delivery == CENC and (checked["tcp"] or {}).get("via") != CENC:
        yield "delivery: cenc needs tcp: {host: ..., port: ..., via: cenc}"
    if delivery == DIRECT_CHANNEL and checked["direct"] is None:
        yield "delivery: direct_channel needs direct: {url: ..., password: ...}"
    if meter is not None and meter["client"] != "public" and meter["password"] is None:
        yield f"meter: the client {meter['client']} needs a password"
    if meter is not None and not connects:
        yield "meter: it can be read over a connection only; give tcp: ..., caller: ..., or csd: true"
    if checked["tunnel"] is not None and not connects:
        yield "tunnel: it leads to a connection; give tcp: ..., caller: ..., or csd: true"
    if "csd" in checked["poll_by"] and (meter is None or not checked["csd"]):
        yield "poll_by: csd needs csd: true, and meter: {protocol: ...}"
    if checked["csd"]:
        yield from _against_data_calls(checked)


def _against_data_calls(checked: Mapping[str, Any]) -> Iterable[str]:
    family: Family = checked["family"]
    if not family.data_calls:
        yield f"csd: the manual of {family.title} knows no data calls"
    if checked["tcp"] is not None:
        yield "csd: a module is dialled by tcp: ... or by a data call; give one of them"
    if checked["delivery"] != SMS:
        yield f"csd: the modem that sends its SMS makes the calls; not with delivery: {checked['delivery']}"


def listener_of(checked: Mapping[str, Any]) -> ListenerPlan:
    """Return where modules that dial us are awaited."""
    rest = {k: v for k, v in checked.items() if k not in ("networks", "greeting_timeout")}
    return ListenerPlan(
        **rest, networks=tuple(checked["networks"]), greeting_timeout_s=checked["greeting_timeout"]
    )


def _address(checked: Mapping[str, Any]) -> Address:
    return Address(checked["host"], checked["port"], checked["via"], checked["quiet_hours"])
