"""The part of a world file that is about TCP: how a module is joined to it, and the meter behind it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.dlms import ENERGIES
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.simulator.tcp import TcpPlan
from gsm_meter_bridge.vocabulary import Scalar, Secret

_TEXT = vol.All(str, vol.Length(1, 64))


def _loopback(value: object) -> str:
    try:
        if isinstance(value, str) and ip_address(value).is_loopback:
            return value
    except ValueError:
        pass
    raise vol.Invalid('expected an address of this machine, like "127.0.0.1"')


def _ipv4(value: object) -> str:
    try:
        return str(IPv4Address(value if isinstance(value, str) else ""))
    except ValueError:
        raise vol.Invalid('expected an address, like "10.20.30.41"') from None


def _number(least: float, most: float) -> vol.All:
    words = f"expected a number from {least:g} to {most:g}"
    return vol.All(vol.Any(int, float, msg=words), vol.Range(least, most, msg=words))


TCP = vol.Schema(
    {
        vol.Optional("host"): _loopback,
        vol.Optional("port"): vol.All(int, _number(0, 65535)),
        vol.Optional("source"): _loopback,
        vol.Optional("octet_s"): vol.All(_number(0, 60), vol.Coerce(float)),
        vol.Optional("drop_after"): vol.All(int, _number(0, 1_000_000)),
        vol.Optional("silent"): bool,
    }
)
METER = vol.Schema(
    {
        vol.Optional("serial_number"): _TEXT,
        vol.Optional("password"): _TEXT,
        vol.Optional("energies_kwh"): {vol.In(ENERGIES): _number(0, 1e9)},
        vol.Optional("operator"): _TEXT,
        vol.Optional("signal_csq"): vol.All(int, _number(0, 31)),
        vol.Optional("ip"): _ipv4,
    }
)


def tcp_of(checked: Mapping[str, Any] | None) -> TcpPlan | None:
    """Return how a module is joined to TCP; None where it is not."""
    return None if checked is None else TcpPlan(**checked)


def meter_of(checked: Mapping[str, Any] | None, values: Mapping[str, Scalar]) -> MeterPlan | None:
    """Return the meter behind a module, with the number that is among the module's `values`."""
    if checked is None:
        return None
    known = {"serial_number": str(values["meter_serial"])} if "meter_serial" in values else {}
    password = checked.get("password")
    secret = {"password": Secret(password)} if password is not None else {}
    return MeterPlan(**{**known, **checked, **secret})
