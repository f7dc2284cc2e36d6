"""Names and limits of the integration."""

from __future__ import annotations

import logging
from typing import Final

DOMAIN: Final = "gsm_meter_modem"
LOGGER: Final = logging.getLogger(__package__)

CONF_BASE_TOPIC: Final = "base_topic"
CONF_BRIDGE: Final = "bridge"
CONF_ISSUES: Final = "issues"
CONF_BRIDGE_AWAY_MIN: Final = "bridge_away_min"
CONF_MISSED_POLLS: Final = "missed_polls"
CONF_SIGNAL_LOW_H: Final = "signal_low_h"
CONF_SIGNAL_THRESHOLD_DBM: Final = "signal_threshold_dbm"

DEFAULT_BASE_TOPIC: Final = "gsm_meter_modem"
DEFAULT_BRIDGE: Final = "home"

FIRST_INFO_S: Final = 10.0
"""How long the broker may take to bring a bridge's retained documents."""
ANSWER_S: Final = 10.0
"""How long a bridge may take to store a request and say so."""
ASKS: Final = 3
"""How often a request is published under the same transaction before we give up; the bridge does it once."""
MODEM_ANSWER_S: Final = 120.0
"""How long a modem may take for a raw command, a USSD code or a restart."""
GRACE_S: Final = 30.0
"""How much later than its deadline the outcome of a job may arrive; clocks differ."""
