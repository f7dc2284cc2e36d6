"""Unstructured supplementary service data: the balance and the like (3GPP TS 27.007 clause 7.15)."""

from __future__ import annotations

import re

from gsm_meter_bridge.at.params import integer, split_parameters
from gsm_meter_bridge.errors import DecodeError, InvalidValueError

_CODE = re.compile(r"[*#][*#\d]{1,30}")


def ussd_command(code: str) -> str:
    """Return the command that sends a code; InvalidValueError for what is none."""
    if _CODE.fullmatch(code) is None:
        raise InvalidValueError("code", code, "a code like *100#")
    return f'AT+CUSD=1,"{code}",15'


def parse_cusd(text: str) -> str:
    """Return what `+CUSD: <m>[,<str>,<dcs>]` says; DecodeError where the network says nothing or refuses."""
    parameters = split_parameters(text.partition(":")[2])
    state = integer(parameters, 0, "+CUSD")
    if len(parameters) < 2 or not parameters[1]:
        words = {2: "ended by the network", 4: "the network does not support it", 5: "no answer in time"}
        raise DecodeError("+CUSD", words.get(state, f"says nothing (state {state})"))
    said = parameters[1]
    dcs = int(parameters[2]) if len(parameters) > 2 and parameters[2].isdigit() else 0
    if _is_ucs2(dcs) and re.fullmatch(r"(?:[0-9A-Fa-f]{4})+", said):
        return bytes.fromhex(said).decode("utf-16-be", "replace")
    return said


def _is_ucs2(dcs: int) -> bool:
    """TS 23.038 clause 5: the coding groups of broadcast and USSD, not those of messages."""
    return dcs == 0x11 or (dcs & 0xC0 == 0x40 and dcs & 0x0C == 0x08)
