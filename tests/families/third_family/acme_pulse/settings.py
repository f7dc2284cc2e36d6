"""Settings and values of the made-up manual."""

from __future__ import annotations

from types import MappingProxyType

from gsm_meter_bridge.model import PasswordRule
from gsm_meter_bridge.model.setting import Setting, SettingKind
from gsm_meter_bridge.vocabulary import Observable

PASSWORD_RULE = PasswordRule("[0-9]{4}", "#STATUS", "4 digits")
_WORD = "[a-z0-9.]*"

SETTINGS = (
    Setting("apn", "APN", "2.4", "config", maximum=30, pattern=_WORD, allowed="a-z, 0-9, .", cuts_off=True),
    Setting(
        "report_period_min",
        "Report period",
        "2.5",
        "config",
        kind=SettingKind.INTEGER,
        minimum=5,
        maximum=1440,
        unit="min",
        allowed="5 to 1440 minutes",
    ),
    Setting(
        "led", "LED", "2.6", "config", kind=SettingKind.ENUM, options=("auto", "off"), allowed="auto or off"
    ),
    Setting(
        "ftp_password", "FTP password", "2.7", "config", maximum=10, pattern=_WORD, allowed="a-z", secret=True
    ),
    Setting(
        "owner.<x>",
        "Owner",
        "2.8",
        "owners",
        pattern=r"(?:\+[0-9]{11})?",
        allowed="+ and 11 digits, or empty",
        identifies=True,
        indexes=MappingProxyType({"x": 1}),
    ),
)

OBSERVABLES = (
    Observable("battery_mv", "Battery", "integer", "mV", device_class="voltage", volatile=True),
    Observable("battery_low", "Battery low", "flag", device_class="battery", follows_from="battery_mv"),
    Observable("tamper", "Tamper", "flag", device_class="tamper"),
    Observable("tampered", "Was tampered with", "flag", device_class="problem"),
    Observable("report_period_min", "Report period", "integer", "min", icon="mdi:timer"),
    Observable("led", "LED", "enum", options=("auto", "off", "unknown"), icon="mdi:led-on"),
    Observable("ftp_password", "FTP password"),
)
