"""The TCP part of a world file: a module's connections, and the meter behind it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.dlms import ENERGIES
from gsm_meter_bridge.simulator.meter.plan import MeterPlan
from gsm_meter_bridge.simulator.tcp import TcpPlan
from gsm_meter_bridge.vocabulary import Scalar, Secret
from gsm_meter_bridge.yaml_file.checks import (
    Validator,
    decimal,
    flag,
    matching,
    named,
    one_of,
    options,
    scalar_of,
    text,
    whole,
)

_TEXT = text(1, 64)


def _loopback(value: object) -> str:
    scalar = scalar_of(value)
    try:
        if scalar is not None and ip_address(scalar.text[:64]).is_loopback:
            return scalar.text
    except ValueError:
        pass
    raise vol.Invalid('expected an address of this machine, like "127.0.0.1"')


def _ipv4(value: object) -> str:
    scalar = scalar_of(value)
    try:
        return str(IPv4Address("" if scalar is None else scalar.text[:64]))
    except ValueError:
        raise vol.Invalid('expected an address, like "10.20.30.41"') from None


def _whole(least: int, most: int) -> Validator:
    return whole(least, most, f"expected a number from {least} to {most}")


TCP = options(
    {
        vol.Optional("host"): _loopback,
        vol.Optional("port"): _whole(0, 65535),
        vol.Optional("source"): _loopback,
        vol.Optional("octet_s"): decimal(0, 60),
        vol.Optional("drop_after"): _whole(0, 1_000_000),
        vol.Optional("silent"): flag,
    }
)
METER = options(
    {
        vol.Optional("serial_number"): _TEXT,
        vol.Optional("password"): _TEXT,
        vol.Optional("energies_kwh"): named(one_of(*ENERGIES), decimal(0, 1e9)),
        vol.Optional("operator"): _TEXT,
        vol.Optional("signal_csq"): _whole(0, 31),
        vol.Optional("ip"): _ipv4,
        vol.Optional("logical_device"): _whole(0, 0x3FFF),
        vol.Optional("address"): _whole(0, 0x3FFF),
        vol.Optional("iec_address"): _TEXT,
        vol.Optional("iec_identity"): matching(
            r"/[A-Za-z]{3}[0-9][ -~]{0,60}", "expected an identification, like /EMR5CE301v11.8"
        ),
        vol.Optional("decimals"): _whole(0, 9),
        vol.Optional("parity"): one_of("none", "even"),
        vol.Optional("object_list"): flag,
        vol.Optional("answers"): _whole(0, 1_000_000),
    }
)


def tcp_of(checked: Mapping[str, Any] | None) -> TcpPlan | None:
    """Return a module's TCP plan; None if it has none."""
    return None if checked is None else TcpPlan(**checked)


def meter_of(checked: Mapping[str, Any] | None, values: Mapping[str, Scalar]) -> MeterPlan | None:
    """Return the meter behind a module, with the serial number that is in the module's `values`, if any."""
    if checked is None:
        return None
    known = {"serial_number": str(values["meter_serial"])} if "meter_serial" in values else {}
    password = checked.get("password")
    secret = {"password": Secret(password)} if password is not None else {}
    return MeterPlan(**{**known, **checked, **secret})
