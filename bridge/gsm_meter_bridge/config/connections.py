"""The part of a configuration file about connections: listeners, and how each module is reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_network
from types import MappingProxyType
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.config.hosts import host
from gsm_meter_bridge.config.meters import METER, meter_of
from gsm_meter_bridge.config.renamed import RENAMED
from gsm_meter_bridge.config.values import (
    DayTime,
    Duration,
    Flag,
    Identifier,
    PortNumber,
    Text,
    ascii_secret,
    port_url,
)
from gsm_meter_bridge.connections.listener import ListenerConfig
from gsm_meter_bridge.model import (
    CENC,
    DIRECT_CHANNEL,
    SMS,
    TCP,
    Address,
    ClientIdentity,
    Connectivity,
    DataCall,
    DirectChannel,
    Family,
    IpNetwork,
    TunnelConfig,
)
from gsm_meter_bridge.yaml_file.checks import Validator, one_of, optional, options, rows, scalar_of, whole

_PRIVATE = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
_LOCAL = ["127.0.0.0/8", "::1/128"]
_DAY = 86_400.0


def _network(value: object) -> IpNetwork:
    scalar = scalar_of(value)
    try:
        return ip_network("" if scalar is None else scalar.text, strict=False)
    except ValueError:
        raise vol.Invalid('allowed: an address or a network, like "10.20.0.0/16"') from None


def _system_address(value: object) -> IPv4Address:
    scalar = scalar_of(value)
    text = "" if scalar is None else scalar.text
    try:
        return IPv4Address(int(text) if text.isdecimal() and text.isascii() else text)
    except ValueError:
        raise vol.Invalid("allowed: a number up to 4294967295, or four octets, like 0.0.0.94") from None


def _some(value: dict[str, Any]) -> dict[str, Any]:
    if not any(value.values()):
        raise vol.Invalid("allowed: at least one of imei, serial_number, meter_serial and networks")
    return value


_NETWORKS = rows(_network, 1, 1000)

LISTENER = options(
    {
        vol.Required("id"): Identifier,
        vol.Required("port"): PortNumber,
        vol.Optional("host", default="127.0.0.1"): host,
        vol.Optional("networks", default=lambda: _PRIVATE): _NETWORKS,
        vol.Optional("max_connections", default=12_000): whole(1, 100_000),
        vol.Optional("max_connections_per_address", default=4): whole(1, 100_000),
        vol.Optional("identification_timeout", default="30 s"): Duration(1, 600),
        vol.Optional("identify_by_meter", default=False): Flag,
    },
    RENAMED["listeners"],
)
CONNECTIONS = options(
    {
        vol.Optional("idle_timeout", default="10 min"): Duration(1, _DAY),
        vol.Optional("meter_poll_interval", default="1 h"): Duration(1, 366 * _DAY),
    },
    RENAMED["tcp"],
)
_IDENTIFY_BY = options(
    {
        vol.Optional("imei", default=None): optional(Text),
        vol.Optional("serial_number", default=None): optional(Text),
        vol.Optional("meter_serial", default=None): optional(Text),
        vol.Optional("networks", default=list): rows(_network, 0, 1000),
    }
)
_ADDRESS = options(
    {
        vol.Required("host"): host,
        vol.Required("port"): PortNumber,
        vol.Optional("via", default="tcp"): one_of("tcp", "cenc"),
        vol.Optional("quiet_hours", default=None): optional(DayTime()),
    }
)
_TUNNEL = options(
    {
        vol.Required("port"): PortNumber,
        vol.Optional("host", default="127.0.0.1"): host,
        vol.Optional("networks", default=lambda: _LOCAL): _NETWORKS,
    }
)
_DIRECT = options(
    {
        vol.Required("url"): port_url,
        vol.Required("password"): ascii_secret,
        vol.Optional("port", default="com1"): one_of("optical", "com1", "com2"),
        vol.Optional("address", default=None): optional(Text),
    }
)
OF_MODULE: Mapping[vol.Marker, Validator] = MappingProxyType(
    {
        vol.Optional("identify_by", default=None): optional(vol.All(_IDENTIFY_BY, _some)),
        vol.Optional("tcp", default=None): optional(_ADDRESS),
        vol.Optional("data_calls", default=False): Flag,
        vol.Optional("meter", default=None): optional(METER),
        vol.Optional("tunnel", default=None): optional(_TUNNEL),
        vol.Optional("direct_channel", default=None): optional(_DIRECT),
        vol.Optional("system_address", default=None): optional(_system_address),
        vol.Optional("poll_transports", default=lambda: ["tcp", "sms"]): rows(
            one_of("tcp", "csd", "sms"), 0, 3
        ),
    }
)
"""The options of a module that are about connections."""


def connectivity_of(checked: Mapping[str, Any]) -> Connectivity:
    """Return how a module is reached; one with `tcp` has a meter, configured or not.

    It has none, however, if `poll_transports` contains neither tcp nor csd: the meter is then not polled.
    """
    client, address, tunnel = checked["identify_by"], checked["tcp"], checked["tunnel"]
    meter = checked["meter"] or ({} if address is not None else None)
    if not {"tcp", "csd"}.intersection(checked["poll_transports"]):
        meter = None
    return Connectivity(
        identify_by=None
        if client is None
        else ClientIdentity(**{**client, "networks": tuple(client["networks"])}),
        address=None if address is None else _address(address),
        meter=None if meter is None else meter_of(meter),
        tunnel=None
        if tunnel is None
        else TunnelConfig(tunnel["host"], tunnel["port"], tuple(tunnel["networks"])),
        direct_channel=None
        if checked["direct_channel"] is None
        else DirectChannel(**checked["direct_channel"]),
        data_call=DataCall("csd" in checked["poll_transports"]) if checked["data_calls"] else None,
        system_address=checked["system_address"],
    )


def missing_in(checked: Mapping[str, Any]) -> Iterable[str]:
    """Yield the options that a module lacks for its transports, each as a sentence."""
    transport, meter = checked["transport"], checked["meter"]
    connects = checked["tcp"] is not None or checked["identify_by"] is not None or checked["data_calls"]
    if transport == TCP and checked["tcp"] is None and checked["identify_by"] is None:
        yield "transport: tcp needs tcp: {host: ..., port: ...}, or identify_by: ... if it connects"
    if transport == CENC and (checked["tcp"] or {}).get("via") != CENC:
        yield "transport: cenc needs tcp: {host: ..., port: ..., via: cenc}"
    if transport == DIRECT_CHANNEL and checked["direct_channel"] is None:
        yield "transport: direct_channel needs direct_channel: {url: ..., password: ...}"
    if meter is not None and meter["client"] not in (None, "public") and meter["password"] is None:
        yield f"meter: the client {meter['client']} needs a password"
    if meter is not None and not connects:
        yield "meter: it is read over a connection; give tcp: ..., identify_by: ..., or data_calls: true"
    if checked["tunnel"] is not None and not connects:
        yield "tunnel: it leads to a connection; give tcp: ..., identify_by: ..., or data_calls: true"
    if "csd" in checked["poll_transports"] and (meter is None or not checked["data_calls"]):
        yield "poll_transports: csd needs data_calls: true, and meter: {protocol: ...}"
    if checked["data_calls"]:
        yield from _against_data_calls(checked)


def _against_data_calls(checked: Mapping[str, Any]) -> Iterable[str]:
    family: Family = checked["family"]
    if not family.data_calls:
        yield f"data_calls: the manual of {family.title} knows no data calls"
    if checked["tcp"] is not None:
        yield "data_calls: a module is dialled by tcp: ... or by a data call; give one of them"
    if checked["transport"] != SMS:
        transport = checked["transport"]
        yield f"data_calls: the modem that sends its SMS makes the calls; not with transport: {transport}"


def listener_of(checked: Mapping[str, Any]) -> ListenerConfig:
    """Return the configuration of a listener for modules that connect to the bridge."""
    rest = {k: v for k, v in checked.items() if k not in ("networks", "identification_timeout")}
    return ListenerConfig(
        **rest,
        networks=tuple(checked["networks"]),
        identification_timeout_s=checked["identification_timeout"],
    )


def _address(checked: Mapping[str, Any]) -> Address:
    return Address(checked["host"], checked["port"], checked["via"], checked["quiet_hours"])
