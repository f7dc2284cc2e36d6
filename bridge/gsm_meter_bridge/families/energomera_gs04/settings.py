"""Settings of the GS04/GB04 manual: Table 2, clauses 6.2 and 6.3, with the limits of clause 9."""

from __future__ import annotations

import ipaddress
import re

from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.model import PasswordRule
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import Secret

# Space and comma separate the words of a command, so no value can contain them (9.1); a lone `-` means
# empty. The grave accent is not in the GSM alphabet.
_WORD = r"[!-+.-_a-~]|[!-+\--_a-~]{2,}"
_ALLOWED = "ASCII characters without space, comma and `; not - alone"
PASSWORD_RULE = PasswordRule(
    f"(?:{_WORD})",
    " MODE",
    f"1 to 155 {_ALLOWED} (9.1), of which [ ] {{ }} \\ ^ ~ | count twice: a command has to fit the same SMS",
)
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_UNDOCUMENTED = "6.3; no text command"


def _is_host(value: str) -> bool:
    """Return whether the value is an IPv4 address whose first octet is 1 to 255, or a name (clause 6.2.1)."""
    if not re.fullmatch(r"[0-9.]+", value):
        return ".." not in value
    try:
        return ipaddress.IPv4Address(value).packed[0] > 0
    except ValueError:
        return False


def _is_password(value: str) -> bool:
    return PASSWORD_RULE.allows(Secret(value))


SETTINGS = (
    Setting(
        "mode",
        "Mode",
        "9.2",
        read_by="mode",
        kind=SettingKind.ENUM,
        options=tuple(str(mode) for mode in tables.MODE.rows.values()),
        allowed="sms, client_cenc, server or client",
        cuts_off=True,
        restarts=True,
        factory="sms",
    ),
    Setting(
        "apn",
        "APN",
        "9.3",
        read_by="apn",
        minimum=1,
        maximum=50,
        pattern=_WORD,
        allowed=f"1 to 50 {_ALLOWED}",
        cuts_off=True,
        enabled_by_default=True,
        factory="internet",
    ),
    Setting(
        "apn_user",
        "APN user",
        "9.4",
        read_by="apn",
        maximum=32,
        pattern=f"(?:{_WORD})?",
        allowed=f"0 to 32 {_ALLOWED}",
        cuts_off=True,
        factory="",
    ),
    Setting(
        "apn_password",
        "APN password",
        "9.5",
        read_by="apn",
        maximum=32,
        pattern=f"(?:{_WORD})?",
        allowed=f"0 to 32 {_ALLOWED}",
        secret=True,
        cuts_off=True,
        factory="",
    ),
    Setting(
        "server_host",
        "Server address",
        "9.6",
        read_by="server_host",
        minimum=1,
        maximum=50,
        pattern=_HOST,
        check=_is_host,
        allowed="an IPv4 address or a name of 1 to 50 characters",
        cuts_off=True,
        factory="",
    ),
    Setting(
        "server_port",
        "Server port",
        "9.7",
        read_by="server_host",
        kind=SettingKind.INTEGER,
        minimum=1,
        maximum=65535,
        allowed="1 to 65535",
        cuts_off=True,
        factory=8000,
    ),
    Setting(
        "connect_period_s",
        "Connection period",
        "9.8",
        read_by="connect_period_s",
        kind=SettingKind.INTEGER,
        minimum=60,
        maximum=65535,
        unit="s",
        allowed="60 to 65535 seconds, the period of establishing and controlling the TCP connection",
        factory=300,
    ),
    Setting(
        "idle_restart_period_h",
        "Restart when idle",
        "9.9",
        read_by="idle_restart_period_h",
        kind=SettingKind.INTEGER,
        minimum=1,
        maximum=24,
        unit="h",
        allowed="1 to 24 hours without activity on the external interfaces",
        factory=24,
    ),
    Setting(
        "apn_authentication",
        "APN authentication",
        _UNDOCUMENTED,
        read_by="",
        kind=SettingKind.ENUM,
        options=("none", "pap", "chap"),
        allowed="none, pap or chap",
        cuts_off=True,
        documented=False,
        factory="none",
    ),
    Setting(
        "network_mode",
        "Network mode",
        _UNDOCUMENTED,
        read_by="",
        kind=SettingKind.ENUM,
        options=("auto", "gsm_only", "lte_only"),
        allowed="auto, gsm_only or lte_only",
        cuts_off=True,
        documented=False,
        factory="auto",
    ),
    Setting(
        "bands",
        "Bands",
        _UNDOCUMENTED,
        read_by="",
        pattern=r"all|(?:(?:gsm_900|gsm_1800|lte_(?:1|3|5|7|8|20))(?:\+(?!$)|$))+",
        allowed="all, or bands joined by +: gsm_900, gsm_1800, lte_1, lte_3, lte_5, lte_7, lte_8, lte_20",
        cuts_off=True,
        documented=False,
    ),
    Setting(
        "access_password",
        "Access password",
        "6.2.3; no text command",
        read_by="",
        minimum=1,
        maximum=155,
        pattern=_WORD,
        check=_is_password,
        allowed=f"1 to 155 {_ALLOWED}",
        secret=True,
        cuts_off=True,
        documented=False,
    ),
)
