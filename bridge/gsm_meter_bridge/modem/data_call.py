"""A data call (CSD) of a gateway modem as an asyncio transport (ITU-T V.250 clauses 6.2.9 and 6.3.1).

From CONNECT on bytes pass unchanged in both directions. `+++` between silences would make the modem take what
follows for commands, so `+++` is never the last thing written, whatever the caller writes. NO CARRIER shows
that the far end has hung up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from gsm_meter_bridge.at.results import Final, ResultKind, parse_final
from gsm_meter_bridge.errors import CommandFailedError, CommandTimeoutError, LinkLostError, ModemError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.modem.engine import AtEngine, Write

_LOGGER = logging.getLogger(__name__)

DIAL_TIMEOUT_S = 60.0
LONGEST_CALL_S = 3600.0
_WAIT_S = 120.0
"""Seconds to wait for a modem that is in another call."""
_RESULT_S = 5.0
_ESCAPES = 2
"""Delays (a port in a network, a busy machine) may break the silence around `+++`: it is sent up to twice."""
_HUNG_UP = b"\r\nNO CARRIER\r\n"
_PLUSES = b"++"
"""At most this many plus signs may be the last that was written."""
_LARGEST_BACKLOG = 4096
"""In bytes; at 9600 bit/s they take 4 s."""
_LARGEST_UNREAD = 64 * 1024


class OutgoingCall(asyncio.Transport):
    """One call to `number`; `connected` resolves to its connection, or fails with a ModemError."""

    def __init__(self, engine: AtEngine, number: str) -> None:
        super().__init__({"peername": (number, 0)})
        self._engine, self._number = engine, number
        self._link = TcpLink()
        self.connected: asyncio.Future[TcpLink] = asyncio.get_running_loop().create_future()
        self._take = self._listen
        self._listened = bytearray()
        self._final: Final | None = None
        self._to_send, self._unread = bytearray(), bytearray()
        self._written = self._received = b""
        self._talking = self._gone = self._full = self._paused = self._closing = False
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Make the call and serve it to its end; the modem has no other user meanwhile."""
        try:
            async with self._engine.lend(self._came, _WAIT_S) as write:
                try:
                    await self._dial(write)
                    await self._pass_on(write)
                finally:
                    self._end()
                    await self._hang_up(write)
        except ModemError as error:
            self._fail(error)
        finally:
            self._fail(LinkLostError("the call was given up"))

    # methods of asyncio.Transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue `data`, to be sent as fast as the call carries it."""
        if self.is_closing():
            return
        self._to_send += data
        if len(self._to_send) > _LARGEST_BACKLOG and not self._full:
            self._full = True
            self._link.pause_writing()
        self._arrived.set()

    def close(self) -> None:
        """Hang up once all queued data is sent."""
        self._closing = True
        self._arrived.set()

    def abort(self) -> None:
        """Hang up at once."""
        self._to_send.clear()
        self.close()

    def is_closing(self) -> bool:
        """Return whether the call is over or about to end."""
        return self._closing or self._gone

    def pause_reading(self) -> None:
        """Buffer received data instead of passing it to the protocol."""
        self._paused = True

    def resume_reading(self) -> None:
        """Pass buffered data to the protocol, then data as it arrives."""
        self._paused = False
        kept, self._unread = bytes(self._unread), bytearray()
        self._give(kept)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Ignore the request: a call is slow, so the transport keeps its own limit (4096 bytes)."""

    # the call

    async def _dial(self, write: Write) -> None:
        name = f"ATD{self._number}"
        await write(f"{name}\r".encode("ascii"))
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await self._until(lambda: self._final is not None or self.is_closing())
        except TimeoutError as error:
            raise CommandTimeoutError(f"{name}: no answer within {DIAL_TIMEOUT_S:g} s") from error
        final = self._final
        if final is not None and not final.ok:
            self._gone = True
            raise CommandFailedError(name, final.kind, final.number, _final_text(final))
        if self._talking and not self.connected.done():
            self.connected.set_result(self._link)

    async def _pass_on(self, write: Write) -> None:
        try:
            async with asyncio.timeout(LONGEST_CALL_S):
                while await self._has_something():
                    octets = self._next()
                    await write(octets)
                    self._make_room()
        except TimeoutError:
            _LOGGER.warning("the call to %s is hung up after %.0f s", self._number, LONGEST_CALL_S)

    async def _has_something(self) -> bool:
        """Wait for bytes to send; return False if the call is over or is to be ended."""
        await self._until(lambda: self._gone or self._closing or bool(self._sendable()))
        return not self._gone and bool(self._sendable())

    def _sendable(self) -> bytes:
        """Return what may be written now: nothing that would leave the connection idle after `+++`."""
        octets = bytes(self._to_send)
        if (self._written + octets).endswith(_PLUSES + b"+"):
            keeps = len(octets) - len(octets.rstrip(b"+"))
            spare = len(_PLUSES) if keeps < len(octets) else len(_PLUSES) - len(self._written)
            return octets[: len(octets) - keeps + spare]
        return octets

    def _next(self) -> bytes:
        octets = self._sendable()
        del self._to_send[: len(octets)]
        sent = self._written + octets
        self._written = sent[len(sent.rstrip(b"+")) :]
        return octets

    def _make_room(self) -> None:
        if self._full and len(self._to_send) < _LARGEST_BACKLOG:
            self._full = False
            self._link.resume_writing()

    async def _hang_up(self, write: Write) -> None:
        """Leave the modem without a call and in command mode."""
        self._take, self._final = self._listen, None
        self._listened.clear()
        if self._gone:
            return
        if self._talking:
            await self._escape(write)
        else:
            await self._ask(write, b"\r")  # any character ends dialling (V.250 clause 6.3.1)
        await self._ask(write, b"ATH\r")

    async def _escape(self, write: Write) -> None:
        """Switch the modem to command mode: it answers OK after enough silence before and after `+++`."""
        for _ in range(_ESCAPES):
            await asyncio.sleep(self._engine.timeouts.guard_s)
            await self._ask(write, b"+++")
            if self._final is not None or self._gone:
                return

    async def _ask(self, write: Write, octets: bytes) -> None:
        self._listened.clear()
        self._final = None
        await write(octets)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RESULT_S):
                await self._until(lambda: self._final is not None or self._gone)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._arrived.clear()
            await self._arrived.wait()

    # data from the modem

    def _came(self, octets: bytes) -> None:
        if octets:
            self._take(octets)
        else:
            self._gone = True
        self._arrived.set()

    def _listen(self, octets: bytes) -> None:
        """Read lines until a final result code; after CONNECT the far end's bytes begin."""
        self._listened += octets
        while b"\n" in self._listened and self._final is None:
            line, _, rest = self._listened.partition(b"\n")
            self._listened = rest
            self._final = parse_final(line.decode("latin-1"), dialling=True)
        if self._final is not None and self._final.kind is ResultKind.CONNECT:
            self._talking, self._take = True, self._pass
            self._link.connection_made(self)
            self._pass(bytes(self._listened))

    def _pass(self, octets: bytes) -> None:
        self._received = (self._received + octets)[-len(_HUNG_UP) :]
        if self._received == _HUNG_UP:
            octets = octets[: -len(_HUNG_UP)]
            self._gone = True
        if self._paused:
            self._unread += octets
        else:
            self._give(octets)
        if len(self._unread) > _LARGEST_UNREAD:
            self.abort()

    def _give(self, octets: bytes) -> None:
        while octets:
            room = self._link.get_buffer(len(octets))
            part, octets = octets[: len(room)], octets[len(room) :]
            room[: len(part)] = part
            self._link.buffer_updated(len(part))

    # the end

    def _end(self) -> None:
        self._closing = True
        if self._talking:
            self._link.connection_lost(None)

    def _fail(self, error: ModemError) -> None:
        if not self.connected.done():
            self.connected.set_exception(error)


def _final_text(final: Final) -> str:
    if final.kind in (ResultKind.ERROR, ResultKind.CME):
        return f"{final.meaning}; it may not be able to make data calls (CSD), or the SIM's tariff has none"
    if final.kind is ResultKind.NO_CARRIER:
        return "the data call is not answered: the number, its white list, or no data calls in the network"
    return final.meaning
