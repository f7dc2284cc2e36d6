"""The part of a configuration file that is about the meter behind a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from gsm_meter_bridge.config.values import Text, ascii_secret
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.yaml_file.checks import matching, one_of, optional, options, scalar_of, whole
from gsm_meter_bridge.yaml_file.document import YamlScalar

_IEC, _DLMS, _PUBLIC, _AUTO = "iec", "dlms", "public", "auto"
_iec_address = matching(r"[0-9A-Za-z]{1,32}", "allowed: 1 to 32 letters or digits, sent as they are written")
_PHYSICAL, _LOGICAL = 16, 1
_MOST = {1: 0x7F, 2: 0x7F, 4: 0x3FFF}
"""The largest number in an HDLC address, by its length in octets (IEC 62056-46, 6.4.2.3)."""
_EVEN = {"auto": None, "even": True, "none": False}
_ONLY_DLMS = ("client", "password", "logical_device", "address_octets")


def _as_written(value: object) -> YamlScalar:
    """Return an address as it is written: which ones are allowed depends on the protocol."""
    scalar = scalar_of(value)
    if scalar is None:
        raise vol.Invalid("allowed: an address")
    return scalar


_OPTIONS = options(
    {
        vol.Optional("protocol", default=_DLMS): one_of(_DLMS, _IEC),
        vol.Optional("client", default=None): optional(one_of(_PUBLIC, "reader", "configurator")),
        vol.Optional("password", default=None): optional(ascii_secret),
        vol.Optional("address", default=None): optional(_as_written),
        vol.Optional("logical_device", default=None): optional(whole(0, _MOST[4])),
        vol.Optional("address_octets", default=None): optional(whole(1, 4)),
        vol.Optional("parity", default=None): optional(one_of(*_EVEN)),
        vol.Optional("current_limit_a", default=100): whole(1, 100_000),
        vol.Optional("exchanged", default=None): optional(Text),
    }
)


def _fitting(checked: dict[str, Any]) -> dict[str, Any]:
    """Reject options that the protocol does not use, and addresses that it does not allow."""
    is_iec, address = checked["protocol"] == _IEC, checked["address"]
    (_check_iec if is_iec else _check_dlms)(checked)
    if address is None:
        return checked
    check = _iec_address if is_iec else whole(0, _MOST[checked["address_octets"] or 4])
    try:
        return {**checked, "address": check(address)}
    except vol.Invalid as error:
        error.prepend(["address"])
        raise


def _check_iec(checked: Mapping[str, Any]) -> None:
    for name in _ONLY_DLMS:
        if checked[name] is not None:
            raise vol.Invalid("is not used with protocol: iec; leave it out", [name])


def _check_dlms(checked: Mapping[str, Any]) -> None:
    if checked["parity"] is not None:
        raise vol.Invalid("is not used with protocol: dlms, which needs 8 bits; leave it out", ["parity"])
    if checked["password"] is not None and checked["client"] in (None, _PUBLIC):
        raise vol.Invalid("is not used by the public client; write client: reader", ["password"])
    octets = checked["address_octets"]
    if octets not in (None, *_MOST):
        raise vol.Invalid("allowed: 1, 2 or 4", ["address_octets"])
    if octets == 1 and checked["address"] is not None:
        raise vol.Invalid("is not used in one octet, which has the logical device alone", ["address"])
    most = _MOST[octets or 4]
    if (checked["logical_device"] or 0) > most:
        raise vol.Invalid(f"allowed: 0 to {most} in {octets} octets", ["logical_device"])


METER = vol.All(_OPTIONS, _fitting)


def meter_of(checked: Mapping[str, Any]) -> Meter:
    """Return the meter of a checked part; an empty part is a meter with the defaults of SPODES meters."""
    address, is_iec = checked.get("address"), checked.get("protocol") == _IEC
    logical = checked.get("logical_device")
    return Meter(
        checked.get("protocol", _DLMS),
        checked.get("client") or _PUBLIC,
        checked.get("password"),
        _PHYSICAL if is_iec or address is None else address,
        _LOGICAL if logical is None else logical,
        checked.get("address_octets"),
        address if is_iec else None,
        _EVEN[checked.get("parity") or _AUTO],
        checked.get("current_limit_a", 100),
        checked.get("exchanged"),
    )
