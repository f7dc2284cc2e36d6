"""Settings of the LERS GSM Mini manual: Table 4.1 with the limits of the clauses 4.3.2 to 4.3.16."""

from __future__ import annotations

import re
from collections.abc import Callable
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
from gsm_meter_bridge.model import FIRST_PROBE, PasswordRule
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import Secret

# Comma separates fields, `;` and `=` commands; spaces are not allowed (clause 4.2).
_FIELD = r"[!-+\--:<>-_a-~]*"
_FIELD_CHARACTERS = "ASCII characters without space, comma, ;, = and `"

# Clause 4.3.11: any characters that an SMS can carry, spaces are removed; clause 4.2: `;` ends it.
PASSWORD_RULE = PasswordRule(
    r"[^\s;\x00-\x1f\x7f-\x9f]+",
    ";I",
    "characters without space and ; in such a number that a command fits the same SMS: 1 to 158, of which "
    "[ ] { } \\ ^ ~ | and the euro sign count twice, or 68 where one is outside of the GSM alphabet",
)

_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
RULE = re.compile(rf"({_CLOCK})-({_CLOCK})(?:,([0-9]{{1,4}}))?", re.ASCII)
"""Clause 4.3.6: start, end and, if given, the minutes to the next connection."""

_NUMBER = r"\+[0-9]{11}"
_ADDRESS = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}"
_SERIAL = "|".join(BAUD_RATES), "".join(DATA_BITS), "".join(PARITIES), "".join(STOP_BITS)
_SERVER = MappingProxyType({"n": LAST_SERVER})
_ENTRY = MappingProxyType({"x": LAST_ENTRY})


_SPELLED_PORT = re.compile(
    r"([0-9]+)[,/ -]*([0-9])[,/ -]*([NEOneo\u0415\u041e\u0435\u043e])[,/ -]*([0-9])(?:,0,0)?"
)
_LATIN = str.maketrans("\u0415\u041e", "EO")


def _port(text: str) -> str:
    """Return `text` in the form of `P=`; the quick start also has `115200-8-N-2` and `9600,7,E,1,0,0`."""
    found = _SPELLED_PORT.fullmatch(text.strip())
    return ",".join(found.groups()).upper().translate(_LATIN) if found else text


def _without(signs: str) -> Callable[[str], str]:
    """Return a function that removes `signs`; a text of only these stays, because an empty one deletes."""
    return lambda text: re.sub(signs, "", text) or text


_spaceless = _without(r"\s")
_number = _without(r"[\s().\u2010-\u2015-]")  # the quick start writes +7-999-111-22-33


def _is_rule(value: str) -> bool:
    found = RULE.fullmatch(value)
    return not value or (found is not None and found[1] < found[2] and int(found[3] or 0) < 24 * 60)


def _is_address(value: str) -> bool:
    return not value or 1 <= int(value.rpartition(":")[2]) <= 65535


def _is_password(value: str) -> bool:
    return PASSWORD_RULE.allows(Secret(value))


SETTINGS = (
    Setting(
        "apn",
        "APN",
        "4.3.10",
        read_by="apn",
        maximum=63,
        pattern=_FIELD,
        allowed=f"0 to 63 {_FIELD_CHARACTERS}; empty: chosen automatically",
        cuts_off=True,
        enabled_by_default=True,
        factory="",
    ),
    Setting(
        "apn_user",
        "APN user",
        "4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_CHARACTERS}",
        cuts_off=True,
    ),
    Setting(
        "apn_password",
        "APN password",
        "4.3.10",
        read_by="apn",
        maximum=32,
        pattern=_FIELD,
        allowed=f"0 to 32 {_FIELD_CHARACTERS}",
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
        spelled=_port,
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
        spelled=_spaceless,
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
        pattern=rf"(?:{RULE.pattern})?",
        check=_is_rule,
        spelled=_spaceless,
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
        spelled=_number,
        allowed="+ and 11 digits; empty deletes the number",
        identifies=True,
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
        factory=0,
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
        factory=60,
    ),
    Setting(
        "white_list.<x>",
        "Numbers it obeys",
        "4.3.15",
        read_by="white_list",
        pattern=f"(?:{_NUMBER})?",
        spelled=_number,
        allowed="+ and 11 digits; empty deletes the number",
        identifies=True,
        cuts_off=True,
        indexes=_ENTRY,
    ),
    Setting(
        "access_password",
        "Access password",
        "4.3.11",
        read_by=FIRST_PROBE,
        minimum=1,
        maximum=32,
        pattern=r"[^\s;=,\x00-\x1f\x7f-\x9f]+",
        check=_is_password,
        allowed="1 to 32 characters without space, comma, ; and =; with one outside of the GSM alphabet, "
        "an SMS to the module has 70 characters instead of 160",
        secret=True,
        cuts_off=True,
    ),
)
