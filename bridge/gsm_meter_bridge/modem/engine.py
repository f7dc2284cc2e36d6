"""AT commands over a link: one at a time, each with a deadline; unsolicited lines go to a callback."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gsm_meter_bridge.at.dialogue import AtDialogue, Exchange
from gsm_meter_bridge.at.framing import AtFramer, FramingEvent
from gsm_meter_bridge.at.responses import parse_cmgs, parse_cmgw
from gsm_meter_bridge.at.urc import Stray, Urc
from gsm_meter_bridge.errors import (
    CommandFailedError,
    CommandTimeoutError,
    DecodeError,
    LinkLostError,
    ModemError,
    SendRefusedError,
    SendUncertainError,
    UnansweredError,
)
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.link import Link
from gsm_meter_bridge.modem.outcome import CommandResult, result_of, send_error

_logger = logging.getLogger(__name__)

Write = Callable[[bytes], Awaitable[None]]

CTRL_Z = b"\x1a"
ESC = b"\x1b"

PDU_MODE = "AT+CMGF=0"
"""PDU mode (TS 27.005 clause 3.2.3)."""
_PDU_MODE_HOLDS_S = 5.0
"""For this many seconds after a message the next is sent without it: no modem restarts faster."""
_SPEAK = "ATQ0V1"
"""V.250 clauses 6.2.5 and 6.2.6: results are given, and as text."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds.

    `command_s` for a command without one of its own; `write_s` for writing bytes to the link; `prompt_s` for
    `>` after AT+CMGS; `send_s` for the network's answer to a PDU; `network_s` for commands that ask the
    network or the SIM; `idle_s` for the next line of an answer that is known to end without OK; `resync_s`
    for one AT of a resynchronisation, `resync_tries` times, until the link was quiet for `quiet_s`. `guard_s`
    is the silence around `+++` (V.250 clause 6.2.9; the register S12 has 1 s).
    """

    command_s: float = 10.0
    write_s: float = 10.0
    prompt_s: float = 15.0
    send_s: float = 90.0
    network_s: float = 60.0
    idle_s: float = 3.0
    resync_s: float = 2.0
    resync_tries: int = 5
    quiet_s: float = 0.3
    guard_s: float = 1.1


class AtEngine:
    """AT commands over a link that the engine owns while entered (`async with`).

    `on_urc` is called with every unsolicited line and must not wait or issue commands; `on_lost` is called
    once, when the link is lost. An unexpected exception while a line is handled drops that line and is
    recorded by `health`. The first command, and the first after an unanswered one, is preceded by a
    resynchronisation: ESC leaves a prompt that may be open, AT is repeated until OK, and a modem that gives
    numeric results, or none, is switched to text (ATQ0V1).
    """

    def __init__(
        self,
        link: Link,
        *,
        on_urc: Callable[[Urc], None] = lambda _: None,
        on_lost: Callable[[LinkLostError], None] = lambda _: None,
        timeouts: Timeouts | None = None,
        health: Health | None = None,
    ) -> None:
        self._link, self._on_urc, self._on_lost = link, on_urc, on_lost
        self.health = health or Health()
        self.timeouts = timeouts or Timeouts()
        self._framer, self._dialogue = AtFramer(), AtDialogue()
        self._lock, self._arrived = asyncio.Lock(), asyncio.Event()
        self._lost: LinkLostError | None = None
        self._in_step = False
        self._pdu_mode_s = 0.0
        self.echoes = 0
        """How many commands other than AT came back as an echo."""
        self._answers = 0
        self._endless: set[str] = set()
        self._borrower: Callable[[bytes], None] | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start reading."""
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
        self,
        text: str,
        *,
        timeout_s: float | None = None,
        idle_s: float | None = None,
        shown: str | None = None,
    ) -> CommandResult:
        """Send a command line and return its information lines.

        `shown` replaces `text` in errors if `text` holds a secret. Raises CommandFailedError with the text of
        the error table, CommandTimeoutError after `timeout_s` seconds or after `idle_s` seconds without a
        line, LinkLostError.
        """
        name = shown or text
        async with self._lock:
            await self._get_in_step()
            exchange = await self._start(text)
            await self._until_done(exchange, timeout_s or self.timeouts.command_s, name, idle_s)
            self._in_step = True
        self.echoes += exchange.echoed and text != "AT"
        if exchange.dropped:
            message = "%s: %s: the answer is too long; its last %d lines are dropped"
            _logger.warning(message, self._link.url, name, exchange.dropped)
        return result_of(exchange, name)

    async def ask(
        self, text: str, *, timeout_s: float | None = None, idle_s: float | None = None
    ) -> CommandResult:
        """Return what `command` returns; if only OK is missing and the modem answers AT, return the lines.

        The missing OK costs `timeout_s` once; after that `idle_s` applies, unless `timeout_s` is given, until
        the modem sends OK again. UnansweredError if no line came but AT is answered; CommandTimeoutError if
        the modem does not answer AT either.
        """
        name = re.split(r"=(?!\?)", text, maxsplit=1)[0]
        if name in self._endless and timeout_s is None:
            idle_s = self.timeouts.idle_s
        self._endless.discard(name)
        try:
            return await self.command(text, timeout_s=timeout_s, idle_s=idle_s)
        except CommandTimeoutError as error:
            await self.command("AT")
            if error.lines:
                self._endless.add(name)
                return CommandResult(error.lines, finished=False)
            raise UnansweredError(str(error)) from error

    async def send_pdu(self, tpdu_length: int, pdu: str) -> int:
        """Send a PDU with AT+CMGS (TS 27.005 clause 4.3) and return tp_mr, 0 to 255.

        `pdu` is hex and begins with the service centre's address, `tpdu_length` is its bytes without that
        address. SendRefusedError: the message was certainly not sent. SendUncertainError: it may have been
        sent. If the task is cancelled in this call, the message may have been sent, too.
        """
        async with self._lock:
            name = f"AT+CMGS={tpdu_length}"
            try:
                await self._get_in_step()
                await self._be_in_pdu_mode()
                exchange = await self._reach_prompt(name)
                exchange.body, exchange.numeric = pdu, True
                await self._write(pdu.encode("ascii"))
            except ModemError as error:
                raise SendRefusedError(f"the modem did not take the message: {error}") from error
            return await self._submit(exchange, name)

    async def store_pdu(self, tpdu_length: int, pdu: str, status: int) -> int:
        """Write a PDU into the second memory with AT+CMGW (TS 27.005 clause 4.4) and return its index.

        `pdu` as in `send_pdu`, `status` is a MessageStatus. Nothing is sent. Raises CommandFailedError (the
        memory is full, or the modem lacks the command), CommandTimeoutError, LinkLostError.
        """
        async with self._lock:
            name = f"AT+CMGW={tpdu_length},{status:d}"
            await self._get_in_step()
            await self._be_in_pdu_mode()
            exchange = await self._reach_prompt(name)
            exchange.body = pdu
            await self._write(pdu.encode("ascii") + CTRL_Z)
            await self._until_done(exchange, self.timeouts.network_s, name)
            index = parse_cmgw(result_of(exchange, name).lines)
            self._in_step = True
        return index

    @asynccontextmanager
    async def lend(self, take: Callable[[bytes], None], wait_s: float) -> AsyncIterator[Write]:
        """Give one caller exclusive use of the link: yields a write function; `take` gets all received data.

        `take` gets b"" once the link is lost. CommandTimeoutError if others use the modem for longer than
        `wait_s` seconds, or if it does not answer; LinkLostError.
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
            self._borrower, self._framer, self._dialogue = None, AtFramer(), AtDialogue()
            self._lock.release()

    async def _be_in_pdu_mode(self) -> None:
        """Leave the text mode that a restart may have set, in which a length would be taken for a number."""
        if asyncio.get_running_loop().time() < self._pdu_mode_s:
            return
        exchange = await self._start(PDU_MODE)
        await self._until_done(exchange, self.timeouts.command_s, PDU_MODE)
        result_of(exchange, PDU_MODE)

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
            reference = _reported_reference(exchange)
            if reference is None:
                raise SendUncertainError(f"the message may have left: {error}") from error
            tp_mr = reference
        self._in_step = exchange.done and not exchange.was_numeric
        now_s = asyncio.get_running_loop().time()
        self._pdu_mode_s = now_s + _PDU_MODE_HOLDS_S if self._in_step else 0.0
        return tp_mr

    async def _start(self, text: str, *, numeric: bool = False) -> Exchange:
        """Write a command; until it is answered the engine counts as out of step."""
        self._in_step = False
        exchange = self._dialogue.begin(text, numeric=numeric)
        await self._write(text.encode("latin-1") + b"\r")
        return exchange

    async def _get_in_step(self) -> None:
        if self._in_step:
            return
        await self._write(ESC)
        command = "AT"
        for attempt in range(self.timeouts.resync_tries):
            exchange = await self._start(command, numeric=True)
            try:
                await self._until_done(exchange, self.timeouts.resync_s, "AT")
                await self._until_quiet()
            except CommandTimeoutError:
                command = _SPEAK if attempt % 2 else "AT"
                continue
            if exchange.final is not None and exchange.final.ok and not exchange.was_numeric:
                self._in_step = True
                return
            command = _SPEAK if exchange.was_numeric and command == "AT" else "AT"
        await self._leave_call()
        raise CommandTimeoutError(f"{self._link.url}: the modem does not answer AT")

    async def _leave_call(self) -> None:
        """End a data call that was left open; the link has been silent for `resync_s` by now."""
        await self._write(b"+++")
        await asyncio.sleep(self.timeouts.guard_s)
        await self._write(b"ATH\r")

    async def _until_quiet(self) -> None:
        """Wait until only unsolicited lines came for `quiet_s`: late answers have passed by then."""
        try:
            async with asyncio.timeout(self.timeouts.resync_s):
                while await self._receives_answers():
                    self._raise_if_lost()
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self._link.url}: the modem does not become quiet") from error

    async def _receives_answers(self) -> bool:
        before = self._answers
        await asyncio.sleep(self.timeouts.quiet_s)
        return self._answers != before or self._framer.is_within_line

    async def _write(self, data: bytes) -> None:
        self._raise_if_lost()
        try:
            async with asyncio.timeout(self.timeouts.write_s):
                await self._link.write(data)
        except TimeoutError as error:
            raise CommandTimeoutError(f"{self._link.url} takes no data") from error

    async def _until_done(
        self, exchange: Exchange, timeout_s: float, name: str, idle_s: float | None = None
    ) -> None:
        """Wait for a result, at most `idle_s` seconds for each line before it."""
        time = asyncio.get_running_loop().time
        due = time() + timeout_s
        while idle_s is not None and not exchange.done and time() + idle_s < due:
            count = len(exchange.lines)
            await self._until(lambda count=count: exchange.done or len(exchange.lines) > count, idle_s, name)  # type: ignore[misc]
        await self._until(lambda: exchange.done, due - time(), name)

    async def _until(self, reached: Callable[[], bool], timeout_s: float, name: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._raise_if_lost()
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError as error:
            answer = self._dialogue.end()
            raise CommandTimeoutError(f"{name}: no answer within {timeout_s:g} s", answer) from error

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise LinkLostError(str(self._lost)) from self._lost

    async def _read(self) -> None:
        while True:
            self._take(await self._link.read())
            self._arrived.set()
            await asyncio.sleep(0)  # a modem that never stops sending must not starve other tasks

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, LinkLostError):
            lost = error
        else:
            if isinstance(error, Exception):
                self.health.note(Door.AT, f"reading {self._link.url}", error)
            lost = LinkLostError(f"{self._link.url}: reading failed ({type(error).__name__})")
        self._lose(lost)
        self._on_lost(lost)

    def _lose(self, lost: LinkLostError) -> None:
        self._lost = lost
        self._arrived.set()
        if self._borrower is not None:
            self._borrower(b"")

    def _take(self, data: bytes) -> None:
        if self._borrower is not None:
            with self.health.guard(Door.AT, f"bytes of a call from {self._link.url}", passing=False):
                self._borrower(data)
            return
        for event in self._framer.feed(data):
            with self.health.guard(Door.AT, f"a line from {self._link.url}", passing=False):
                self._take_event(event)

    def _take_event(self, event: FramingEvent) -> None:
        events = self._dialogue.feed(event)
        self._answers += not events or any(isinstance(item, Stray) for item in events)
        for item in events:
            if isinstance(item, Urc):
                self._on_urc(item)
            else:
                _logger.debug("%s: %d characters that answer nothing", self._link.url, len(item.text))


def _reported_reference(exchange: Exchange) -> int | None:
    """Return tp_mr if only the result after it is missing: +CMGS proves that the message was sent (4.3)."""
    try:
        return parse_cmgs(exchange.lines)
    except DecodeError:
        return None
