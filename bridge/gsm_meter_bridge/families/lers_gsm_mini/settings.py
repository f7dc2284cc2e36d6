"""Settings of the LERS GSM Mini manual: Table 4.1 with the limits of the clauses 4.3.2 to 4.3.16."""

from __future__ import annotations

import re
from types import MappingProxyType

from gsm_meter_bridge.families.lers_gsm_mini import presets
from gsm_meter_bridge.families.lers_gsm_mini.tables import (
    BAUD_RATES,
    DATA_BITS,
    LAST_ENTRY,
    LAST_SERVER,
    PARITIES,
    STOP_BITS,
)
from gsm_meter_bridge.family import FIRST_KNOCK
from gsm_meter_bridge.setting import Setting, SettingKind

# Comma separates fields, `;` and `=` commands; spaces are not allowed (clause 4.2).
_FIELD = r"[!-+\--:<>-_a-~]*"
_FIELD_WORDS = "ASCII characters without space, comma, ;, = and `"

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
RULE = re.compile(rf"({_CLOCK})-({_CLOCK})(?:,(\d{{1,4}}))?")
"""Clause 4.3.6: start, end and, where given, the minutes to the next connection."""

_NUMBER = r"\+\d{11}"
_ADDRESS = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?:\d{1,5}"
_SERIAL = "|".join(BAUD_RATES), "".join(DATA_BITS), "".join(PARITIES), "".join(STOP_BITS)
_SERVER = MappingProxyType({"n": LAST_SERVER})
_ENTRY = MappingProxyType({"x": LAST_ENTRY})


def _is_rule(value: str) -> bool:
    found = RULE.fullmatch(value)
    return not value or (found is not None and found[1] < found[2] and int(found[3] or 0) < 24 * 60)


def _is_address(value: str) -> bool:
    return not value or 1 <= int(value.rpartition(":")[2]) <= 65535


SETTINGS = (
    Setting(
        "apn",
        "APN",
        "4.3.10",
        read_by="apn",
        maximum=63,
        pattern=_FIELD,
        allowed=f"0 to 63 {_FIELD_WORDS}; empty: chosen automatically",
        cuts_off=True,
    ),
    Setting(
        "apn_user",
        "APN user",
        "4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_WORDS}",
        cuts_off=True,
    ),
    Setting(
        "apn_password",
        "APN password",
        "4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_WORDS}",
        secret=True,
        cuts_off=True,
    ),
    Setting(
        "serial_port",
        "Serial port",
        "4.3.2",
        read_by="serial_port",
        pattern=f"(?:{_SERIAL[0]}),[{_SERIAL[1]}],[{_SERIAL[2]}],[{_SERIAL[3]}]",
        lookup=presets.settings_of,
        allowed="speed,data bits,parity,stop bits like 9600,8,N,1 (300 to 115200; 5 to 8; N, E, O; 1, 2), "
        "or a meter's name",
    ),
    Setting(
        "server.<n>.address",
        "Server address",
        "4.3.4",
        read_by="server.<n>",
        pattern=f"(?:{_ADDRESS})?",
        check=_is_address,
        allowed="host:port with a port of 1 to 65535; empty deletes the server",
        cuts_off=True,
        restarts=True,
        indexes=_SERVER,
    ),
    Setting(
        "server.<n>.enabled",
        "Server enabled",
        "4.3.5",
        read_by="server.<n>",
        kind=SettingKind.FLAG,
        allowed="true or false",
        cuts_off=True,
        restarts=True,
        indexes=_SERVER,
    ),
    Setting(
        "server.<n>.rule.<x>",
        "Connection rule",
        "4.3.6",
        read_by="server.<n>.rules",
        check=_is_rule,
        allowed="HH:MM-HH:MM[,minutes] within one day, minutes 0 to 1439; empty deletes the rule",
        restarts=True,
        indexes=MappingProxyType({**_SERVER, **_ENTRY}),
    ),
    Setting(
        "server.<n>.white_list.<x>",
        "Callers who make it connect",
        "4.3.7",
        read_by="server.<n>.white_list",
        pattern=f"(?:{_NUMBER})?",
        allowed="+ and 11 digits; empty deletes the number",
        restarts=True,
        indexes=MappingProxyType({**_SERVER, **_ENTRY}),
    ),
    Setting(
        "reboot_period_min",
        "Reboot period",
        "4.3.12",
        read_by="reboot_period_min",
        kind=SettingKind.INTEGER,
        minimum=5,
        maximum=600_000,
        also=(0,),
        unit="min",
        allowed="5 to 600000 minutes, or 0: off",
    ),
    Setting(
        "csd_idle_timeout_s",
        "CSD idle time-out",
        "4.3.16",
        read_by="csd_idle_timeout_s",
        kind=SettingKind.INTEGER,
        minimum=5,
        maximum=600,
        also=(0,),
        unit="s",
        allowed="5 to 600 seconds, or 0: off",
    ),
    Setting(
        "white_list.<x>",
        "Numbers it obeys",
        "4.3.15",
        read_by="white_list",
        pattern=f"(?:{_NUMBER})?",
        allowed="+ and 11 digits; empty deletes the number",
        cuts_off=True,
        indexes=_ENTRY,
    ),
    Setting(
        "access_password",
        "Access password",
        "4.3.11",
        read_by=FIRST_KNOCK,
        minimum=1,
        maximum=32,
        pattern=_FIELD,
        allowed=f"1 to 32 {_FIELD_WORDS}",
        secret=True,
        cuts_off=True,
    ),
)
