"""A USSD code and the network's answer to it (3GPP TS 27.007 clause 7.15)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gsm_meter_bridge.at.ussd import END_SESSION, UssdAnswer, packed_ussd_command, parse_cusd, ussd_command
from gsm_meter_bridge.errors import CommandFailedError, CommandTimeoutError, ModemError
from gsm_meter_bridge.modem.engine import AtEngine

_PATIENCE_S = 30.0
"""How long in seconds the modem may take for the command, and the network for its answer."""
_MOMENT_S = 2.0
"""How long in seconds the text of an answer may follow the report that a session ended."""


class Ussd:
    """Sends codes to the network, one at a time, and waits for each answer."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._lines: asyncio.Queue[str] | None = None

    def take(self, line: str) -> None:
        """Handle a `+CUSD` line; lines without a request are ignored."""
        if self._lines is not None:
            self._lines.put_nowait(line)

    async def ask(self, engine: AtEngine, code: str) -> str:
        """Return the network's answer to `code`.

        InvalidValueError if it is no USSD code; CommandFailedError if the modem accepts it neither as text
        nor packed; DecodeError if the network's answer is empty or a refusal; CommandTimeoutError;
        LinkLostError.
        """
        ussd_command(code)
        async with self._lock:
            self._lines = asyncio.Queue()
            try:
                patience_s = await _send(engine, code)
                answer = await self._answer(self._lines, patience_s)
            finally:
                self._lines = None
            if answer.is_open:  # else the next code would answer this menu
                with suppress(ModemError):
                    await engine.command(END_SESSION)
        return answer.decoded()

    async def _answer(self, lines: asyncio.Queue[str], patience_s: float) -> UssdAnswer:
        """Return the answer; if it is not final, wait 2 s for a better one and return the best."""
        try:
            async with asyncio.timeout(patience_s):
                best = parse_cusd(await lines.get())
        except TimeoutError as error:
            message = f"the network did not answer the code within {_PATIENCE_S:g} s"
            raise CommandTimeoutError(message) from error
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT_S):
                while not best.is_final:
                    came = parse_cusd(await lines.get())
                    best = best if came.text is None and best.text is not None else came
        return best


async def _send(engine: AtEngine, code: str) -> float:
    """Send a code and return how many seconds to wait for an answer, which may come even without OK."""
    try:
        await engine.command(ussd_command(code), timeout_s=_PATIENCE_S)
    except CommandFailedError as refused:
        try:
            await engine.command(packed_ussd_command(code), timeout_s=_PATIENCE_S)
        except CommandFailedError:
            raise refused from None
    except CommandTimeoutError:
        return _MOMENT_S
    return _PATIENCE_S
