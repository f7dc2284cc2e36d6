"""What the owner of an entry can choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import voluptuous as vol
from homeassistant.helpers import selector

from .const import (
    CONF_BRIDGE_AWAY_MIN,
    CONF_ISSUES,
    CONF_MISSED_POLLS,
    CONF_SIGNAL_LOW_H,
    CONF_SIGNAL_THRESHOLD_DBM,
)

ISSUES: Final = (
    "bridge_away",
    "contract_unsupported",
    "modem_away",
    "modem_port_held",
    "modem_sim_missing",
    "modem_sim_locked",
    "modem_store_full",
    "modem_budget_exhausted",
    "module_budget_exhausted",
    "module_unreachable",
    "module_never_seen",
    "signal_low",
    "meter_changed",
    "settings_drifted",
    "profile_unverified",
)
"""The repairs that there are; `conditions.py` says when."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which repairs are shown, and from what on.

    `signal_threshold_dbm` counts where the module's manual has no threshold; None: no such module is judged.
    """

    issues: frozenset[str] = frozenset(ISSUES)
    bridge_away: timedelta = timedelta(minutes=30)
    missed_polls: int = 3
    signal_low: timedelta = timedelta(hours=24)
    signal_threshold_dbm: int | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return the options of an entry; what was never chosen has its default."""
        threshold = stored.get(CONF_SIGNAL_THRESHOLD_DBM)
        default = cls()
        return cls(
            issues=frozenset(stored.get(CONF_ISSUES, ISSUES)),
            bridge_away=_timedelta(stored, CONF_BRIDGE_AWAY_MIN, "minutes", default.bridge_away),
            missed_polls=int(stored.get(CONF_MISSED_POLLS, default.missed_polls)),
            signal_low=_timedelta(stored, CONF_SIGNAL_LOW_H, "hours", default.signal_low),
            signal_threshold_dbm=None if threshold is None else int(threshold),
        )


def schema() -> vol.Schema:
    """Return the form of the options."""
    listed = selector.SelectSelectorConfig(options=list(ISSUES), multiple=True, translation_key=CONF_ISSUES)
    default = Options()
    minutes, hours = default.bridge_away.seconds // 60, default.signal_low // timedelta(hours=1)
    return vol.Schema(
        {
            vol.Required(CONF_ISSUES, default=list(ISSUES)): selector.SelectSelector(listed),
            vol.Required(CONF_BRIDGE_AWAY_MIN, default=minutes): _number(1, 1440, "min"),
            vol.Required(CONF_MISSED_POLLS, default=default.missed_polls): _number(1, 100, None),
            vol.Required(CONF_SIGNAL_LOW_H, default=hours): _number(0, 720, "h"),
            vol.Optional(CONF_SIGNAL_THRESHOLD_DBM): _number(-120, -50, "dBm"),
        }
    )


def _number(minimum: int, maximum: int, unit: str | None) -> selector.NumberSelector:
    config = selector.NumberSelectorConfig(min=minimum, max=maximum, mode=selector.NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return selector.NumberSelector(config)


def _timedelta(stored: Mapping[str, Any], key: str, unit: str, default: timedelta) -> timedelta:
    return timedelta(**{unit: stored[key]}) if key in stored else default
