"""Commands over a link: one at a time, a deadline on each, unsolicited lines handed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gsm_meter_bridge.at.dialogue import Dialogue, Exchange
from gsm_meter_bridge.at.framing import AtFramer
from gsm_meter_bridge.at.responses import parse_cmgs, parse_cmgw
from gsm_meter_bridge.at.urc import Urc
from gsm_meter_bridge.errors import (
    CommandFailedError,
    CommandTimeoutError,
    DecodeError,
    LinkLostError,
    ModemError,
    SendRefusedError,
    SendUncertainError,
)
from gsm_meter_bridge.link import Link
from gsm_meter_bridge.modem.outcome import CommandResult, result_of, send_error

_logger = logging.getLogger(__name__)

Write = Callable[[bytes], Awaitable[None]]

CTRL_Z = b"\x1a"
ESC = b"\x1b"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds.

    `command_s` for a command without one of its own; `write_s` for handing octets over; `prompt_s` for `>`
    after AT+CMGS; `send_s` for the network's answer to a PDU; `network_s` for commands that ask the network
    or the SIM; `resync_s` for one AT of a resynchronisation, `resync_tries` times, until the line was quiet
    for `quiet_s`. `guard_s` is the silence around `+++` (V.250 clause 6.2.9; the register S12 has 1 s).
    """

    command_s: float = 10.0
    write_s: float = 10.0
    prompt_s: float = 15.0
    send_s: float = 90.0
    network_s: float = 60.0
    resync_s: float = 2.0
    resync_tries: int = 5
    quiet_s: float = 0.3
    guard_s: float = 1.1


class AtEngine:
    """Speaks AT over a link that it owns while entered (`async with`).

    `on_urc` is called with every unsolicited line and must not wait or issue commands; `on_lost` once, when
    the link is gone. The first command, and the first after one that was left unanswered, is preceded by a
    resynchronisation: ESC leaves a prompt that may be open, AT is repeated until OK.
    """

    def __init__(
        self,
        link: Link,
        *,
        on_urc: Callable[[Urc], None] = lambda _: None,
        on_lost: Callable[[LinkLostError], None] = lambda _: None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._link, self._on_urc, self._on_lost = link, on_urc, on_lost
        self.timeouts = timeouts or Timeouts()
        self._framer, self._dialogue = AtFramer(), Dialogue()
        self._lock, self._news = asyncio.Lock(), asyncio.Event()
        self._lost: LinkLostError | None = None
        self._in_step = False
        self._borrower: Callable[[bytes], None] | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start to read."""
        self._reader = asyncio.create_task(self._read(), name=f"read {self._link.url}")
        self._reader.add_done_callback(self._reading_ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading and close the link."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._lose(self._lost or LinkLostError(f"{self._link.url} was closed"))
        await self._link.close()

    async def command(
        self, text: str, *, timeout_s: float | None = None, shown: str | None = None
    ) -> CommandResult:
        """Send a command line and return its information lines.

        `shown` stands for `text` in errors where that holds a secret. Raises CommandFailedError with the
        table's words, CommandTimeoutError after `timeout_s` seconds, LinkLostError.
        """
        name = shown or text
        async with self._lock:
            await self._get_in_step()
            exchange = await self._start(text)
            await self._until_done(exchange, timeout_s or self.timeouts.command_s, name)
            self._in_step = True
        return result_of(exchange, name)

    async def send_pdu(self, tpdu_length: int, pdu: str) -> int:
        """Send a PDU with AT+CMGS (TS 27.005 clause 4.3) and return tp_mr, 0 to 255.

        `pdu` is hex with the service centre's address first, `tpdu_length` its octets without that address.
        SendRefusedError: it certainly did not leave. SendUncertainError: it may have left. A task that is
        cancelled in here leaves that open too.
        """
        async with self._lock:
            name = f"AT+CMGS={tpdu_length}"
            try:
                await self._get_in_step()
                exchange = await self._reach_prompt(name)
                exchange.body = pdu
                await self._write(pdu.encode("ascii"))
            except ModemError as error:
                raise SendRefusedError(f"the modem did not take the message: {error}") from error
            return await self._submit(exchange, name)

    async def store_pdu(self, tpdu_length: int, pdu: str, status: int) -> int:
        """Write a PDU into the second memory with AT+CMGW (TS 27.005 clause 4.4) and return its index.

        `pdu` as in `send_pdu`, `status` is a MessageStatus. Nothing is sent. Raises CommandFailedError (the
        memory is full, the modem cannot), CommandTimeoutError, LinkLostError.
        """
        async with self._lock:
            name = f"AT+CMGW={tpdu_length},{status:d}"
            await self._get_in_step()
            exchange = await self._reach_prompt(name)
            exchange.body = pdu
            await self._write(pdu.encode("ascii") + CTRL_Z)
            await self._until_done(exchange, self.timeouts.network_s, name)
            index = parse_cmgw(result_of(exchange, name).lines)
            self._in_step = True
        return index

    @asynccontextmanager
    async def lend(self, take: Callable[[bytes], None], wait_s: float) -> AsyncIterator[Write]:
        """Give the line to one user alone: yields what writes to it; all that comes goes to `take`.

        Nothing (b"") comes once the link is gone. CommandTimeoutError where others use the modem for longer
        than `wait_s` seconds, or it does not answer; LinkLostError.
        """
        try:
            async with asyncio.timeout(wait_s):
                await self._lock.acquire()
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self._link.url} is in use") from error
        try:
            await self._get_in_step()
            self._in_step, self._borrower = False, take
            yield self._write
        finally:
            self._borrower, self._framer, self._dialogue = None, AtFramer(), Dialogue()
            self._lock.release()

    async def _reach_prompt(self, name: str) -> Exchange:
        exchange = await self._start(name)
        try:
            await self._until(lambda: exchange.prompted or exchange.done, self.timeouts.prompt_s, name)
        except CommandTimeoutError:
            await self._write(ESC)
            raise
        if exchange.done:
            result_of(exchange, name)
            raise CommandFailedError(name, "OK", None, "it ended without asking for the message")
        return exchange

    async def _submit(self, exchange: Exchange, name: str) -> int:
        try:
            await self._write(CTRL_Z)
            await self._until_done(exchange, self.timeouts.send_s, name)
            tp_mr = parse_cmgs(result_of(exchange, name).lines)
        except CommandFailedError as error:
            raise send_error(exchange, error) from error
        except (ModemError, DecodeError) as error:
            raise SendUncertainError(f"the message may have left: {error}") from error
        self._in_step = True
        return tp_mr

    async def _start(self, text: str) -> Exchange:
        """Write a command; until its answer came the engine counts as out of step."""
        self._in_step = False
        exchange = self._dialogue.begin(text)
        await self._write(text.encode("latin-1") + b"\r")
        return exchange

    async def _get_in_step(self) -> None:
        if self._in_step:
            return
        await self._write(ESC)
        for _ in range(self.timeouts.resync_tries):
            exchange = await self._start("AT")
            try:
                await self._until_done(exchange, self.timeouts.resync_s, "AT")
                await self._until_quiet()
            except CommandTimeoutError:
                continue
            if exchange.final is not None and exchange.final.ok:
                self._in_step = True
                return
        await self._leave_call()
        raise CommandTimeoutError(f"{self._link.url}: the modem does not answer AT")

    async def _leave_call(self) -> None:
        """End the data call that somebody may have left: nothing was written for `resync_s` by now."""
        await self._write(b"+++")
        await asyncio.sleep(self.timeouts.guard_s)
        await self._write(b"ATH\r")

    async def _until_quiet(self) -> None:
        """Wait until nothing came for `quiet_s`: late answers to an earlier command have passed by then."""
        try:
            async with asyncio.timeout(self.timeouts.resync_s):
                while await self._hears_something():
                    self._raise_if_lost()
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self._link.url}: the modem does not become quiet") from error

    async def _hears_something(self) -> bool:
        self._news.clear()
        try:
            async with asyncio.timeout(self.timeouts.quiet_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, data: bytes) -> None:
        self._raise_if_lost()
        try:
            async with asyncio.timeout(self.timeouts.write_s):
                await self._link.write(data)
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self._link.url} takes no octets") from error

    async def _until_done(self, exchange: Exchange, timeout_s: float, name: str) -> None:
        await self._until(lambda: exchange.done, timeout_s, name)

    async def _until(self, reached: Callable[[], bool], timeout_s: float, name: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._raise_if_lost()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            self._dialogue.end()
            raise CommandTimeoutError(f"{name}: no answer within {timeout_s:g} s") from error

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise LinkLostError(str(self._lost)) from self._lost

    async def _read(self) -> None:
        while True:
            self._take(await self._link.read())
            self._news.set()

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, LinkLostError):
            lost = error
        else:
            _logger.error("%s: reading failed", self._link.url, exc_info=error)
            lost = LinkLostError(f"{self._link.url}: reading failed: {error!r}")
        self._lose(lost)
        self._on_lost(lost)

    def _lose(self, lost: LinkLostError) -> None:
        self._lost = lost
        self._news.set()
        if self._borrower is not None:
            self._borrower(b"")

    def _take(self, data: bytes) -> None:
        if self._borrower is not None:
            self._borrower(data)
            return
        for event in self._framer.feed(data):
            for news in self._dialogue.feed(event):
                if isinstance(news, Urc):
                    self._on_urc(news)
                else:
                    _logger.debug("%s: %d characters that answer nothing", self._link.url, len(news.text))
