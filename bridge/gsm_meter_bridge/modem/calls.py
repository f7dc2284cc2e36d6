"""Calls that a gateway modem makes: voice calls that ring a module, and data calls (CSD)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gsm_meter_bridge.errors import ModemError, SendRefusedError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.modem.data_call import OutgoingCall
from gsm_meter_bridge.modem.engine import AtEngine

_LOGGER = logging.getLogger(__name__)

_COMMAND_S = 30.0
_RING_S = 15.0
"""How long a module is rung, in seconds: it rejects the call itself once it has seen the caller's number."""
_GOODBYE_S = 10.0


class Calls:
    """Makes calls; `on_over` is called when a data call has ended and the modem is free again."""

    def __init__(self, modem_id: str, on_over: Callable[[], None]) -> None:
        self._modem_id, self._on_over = modem_id, on_over
        self._ringing: asyncio.Task[None] | None = None
        self._by_data: dict[asyncio.Task[None], OutgoingCall] = {}

    @property
    def by_data(self) -> bool:
        """Whether a data call is in progress or being set up: the modem sends nothing else meanwhile."""
        return bool(self._by_data)

    async def ring(self, engine: AtEngine, number: str) -> None:
        """Ring `number` by voice for 15 s, then hang up; SendRefusedError if the modem cannot call."""
        try:
            await engine.command(f"ATD{number};", timeout_s=_COMMAND_S)
        except ModemError as error:
            raise SendRefusedError(f"modem {self._modem_id} cannot call: {error}") from error
        self._ringing = asyncio.create_task(self._stop_ringing(engine))

    async def dial(self, engine: AtEngine, number: str) -> TcpLink:
        """Return a connection with `number` by a data call; SendRefusedError with the reason if it fails."""
        call = OutgoingCall(engine, number)
        call.connected.add_done_callback(lambda f: f.cancelled() or f.exception())  # retrieved in any case
        task = asyncio.create_task(call.run(), name=f"call {number}")
        self._by_data[task] = call
        task.add_done_callback(self._over)
        try:
            return await asyncio.shield(call.connected)
        except ModemError as error:
            raise SendRefusedError(f"modem {self._modem_id} cannot call by data: {error}") from error
        except asyncio.CancelledError:
            call.abort()
            raise

    async def end(self) -> None:
        """Hang up all data calls and wait up to 10 s for them to end."""
        for call in self._by_data.values():
            call.abort()
        if self._by_data:
            await asyncio.wait(self._by_data, timeout=_GOODBYE_S)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._by_data[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("modem %s: a data call failed", self._modem_id, exc_info=error)
        self._on_over()

    async def _stop_ringing(self, engine: AtEngine) -> None:
        await asyncio.sleep(_RING_S)
        try:
            await engine.command("AT+CHUP")
        except ModemError as error:
            _LOGGER.info("modem %s: the call is not hung up: %s", self._modem_id, error)
