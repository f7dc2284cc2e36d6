"""Observables of the LERS GSM Mini only: the sizes of its lists (clause 4.3.3), and its settings."""

from __future__ import annotations

from gsm_meter_bridge.families.lers_gsm_mini.tables import LAST_SERVER
from gsm_meter_bridge.vocabulary import Observable

OBSERVABLES = (
    *(
        Observable(f"server_{n}_{what}", f"{title} of server {n}", "integer", icon=icon)
        for n in range(LAST_SERVER + 1)
        for what, title, icon in (
            ("rules", "Rules", "mdi:calendar-clock"),
            ("white_list", "Listed callers", "mdi:phone-check"),
        )
    ),
    Observable("connect_reason", "Connection reason", icon="mdi:lan-pending"),
    Observable("serial_port", "Serial port", icon="mdi:serial-port"),
    Observable("reboot_period_min", "Reboot period", "integer", "min", icon="mdi:restart"),
    Observable("csd_idle_timeout_s", "CSD idle time-out", "integer", "s", icon="mdi:phone-hangup"),
)
