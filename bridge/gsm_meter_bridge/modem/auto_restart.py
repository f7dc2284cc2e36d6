"""When to restart a modem: a last resort, only if configured."""

from __future__ import annotations

import asyncio
import logging

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.errors import CommandFailedError
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.status import ModemStatus

_LOGGER = logging.getLogger(__name__)
RESTART = "AT+CFUN=1,1"
"""TS 27.007 clause 8.2: full functionality, after a reset."""


class AutoRestart:
    """Restarts a modem that has had no network for `after_s` seconds; None: never.

    Not if the SIM is missing or locked: a restart does not help there, and may cost a try of the PIN.
    """

    def __init__(self, modem_id: str, after_s: float | None) -> None:
        self._modem_id, self._after_s = modem_id, after_s
        self._since_s: float | None = None

    async def check(self, engine: AtEngine, status: ModemStatus) -> None:
        """Restart the modem if that is due; the session handles it like a restart of the modem's own."""
        now_s = asyncio.get_running_loop().time()
        if self._after_s is None or status.ready or status.sim is not SimState.READY:
            self._since_s = None
            return
        self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - self._since_s < self._after_s:
            return
        self._since_s = now_s
        message = "modem %s has had no network for %.0f s: it is restarted (restart_after_no_network)"
        _LOGGER.warning(message, self._modem_id, self._after_s)
        try:
            await engine.command(RESTART, timeout_s=engine.timeouts.network_s)
        except CommandFailedError as error:
            _LOGGER.warning("modem %s does not restart: %s", self._modem_id, error)
