"""Messages in: read, handed over, and deleted from the modem only once they are stored elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gsm_meter_bridge.at.messages import (
    MessageStatus,
    Place,
    StoredMessage,
    parse_cmgl,
    parse_cmgr,
)
from gsm_meter_bridge.at.responses import Memory, parse_cpms_query
from gsm_meter_bridge.errors import CommandFailedError, DecodeError
from gsm_meter_bridge.modem.engine import AtEngine

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedPdu:
    """A message or status report as the modem gave it; `index` is None where it came without being stored."""

    modem_id: str
    pdu_hex: str = field(repr=False)
    memory: str | None = None
    index: int | None = None


OnReceived = Callable[[Sequence[ReceivedPdu]], Awaitable[None]]
"""Returns once all that was received, in this order, is stored."""


class Inbox:
    """Takes messages out of a modem, one call of `on_received` after the other.

    Messages are deleted from the modem after `on_received` returned. Where that raises, they stay and come
    again with the next sweep. One that was handed over but could not be deleted is not handed over again
    while this object lives. Messages stored to be sent are never touched.
    """

    def __init__(self, modem_id: str, on_received: OnReceived) -> None:
        self._modem_id, self._on_received = modem_id, on_received
        self._handed_over: set[tuple[str | None, StoredMessage]] = set()
        self._kept: list[ReceivedPdu] = []
        self._engine: AtEngine | None = None
        self._memories: list[str | None] = []
        self._selected: str | None = None

    def attach(self, engine: AtEngine, memory: str | None) -> None:
        """Begin a session: `memory` is where received messages are, None where there is no choice."""
        self._engine, self._memories, self._selected = engine, [memory], None

    def detach(self) -> None:
        """End the session."""
        self._engine = None

    async def fetch(self, place: Place) -> None:
        """Take the message that +CMTI or +CDSI told of; an empty place is no error."""
        if self._engine is None:
            return
        try:
            await self._select(place.memory)
            self._remember(place.memory)
            result = await self._engine.command(f"AT+CMGR={place.index}")
            message = parse_cmgr(result.lines, place.index)
        except (CommandFailedError, DecodeError) as error:
            where = f"{place.memory} {place.index}"
            _logger.info("modem %s: message %s is left to the next sweep: %s", self._modem_id, where, error)
            return
        if message is not None and message.received:
            await self._take(self._engine, place.memory, (message,))

    async def fetch_all(self, memories: Iterable[str]) -> None:
        """Take all messages in memories where several have come."""
        for memory in dict.fromkeys(memories):
            if self._engine is None:
                return
            try:
                await self._sweep_memory(self._engine, memory)
            except (CommandFailedError, DecodeError) as error:
                words = "modem %s: messages in %s are left to the next sweep: %s"
                _logger.info(words, self._modem_id, memory, error)
            else:
                self._remember(memory)

    def _remember(self, memory: str) -> None:
        if memory not in self._memories and self._memories != [None]:
            self._memories.append(memory)

    async def take_routed(self, pdu: str) -> None:
        """Hand over a message that the modem did not store; kept here until that succeeds."""
        self._kept.append(ReceivedPdu(self._modem_id, pdu))
        await self._hand_over_kept()

    async def sweep(self) -> Memory | None:
        """Take all that is there; return how full the memory is afterwards, None where that is not told."""
        await self._hand_over_kept()
        if self._engine is None:
            return None
        for memory in reversed(self._memories):
            await self._sweep_memory(self._engine, memory)
        return await self._usage(self._engine)

    async def _sweep_memory(self, engine: AtEngine, memory: str | None) -> None:
        await self._select(memory)
        lines = (
            await engine.command(f"AT+CMGL={MessageStatus.ALL:d}", timeout_s=engine.timeouts.network_s)
        ).lines
        found = parse_cmgl(lines)
        indexes = {message.index for message in found}
        self._handed_over = {k for k in self._handed_over if k[0] != memory or k[1].index in indexes}
        await self._take(engine, memory, (message for message in found if message.received))

    async def _usage(self, engine: AtEngine) -> Memory | None:
        try:
            memories = parse_cpms_query((await engine.command("AT+CPMS?")).lines)
        except (CommandFailedError, DecodeError):
            return None
        return next((m for m in memories if m.name == self._memories[0]), None)

    async def _select(self, memory: str | None) -> None:
        if self._engine is None or memory is None or self._memories == [None] or memory == self._selected:
            return
        await self._engine.command(f'AT+CPMS="{memory}"')
        self._selected = memory

    async def _take(self, engine: AtEngine, memory: str | None, messages: Iterable[StoredMessage]) -> None:
        """Hand messages over, all at once, and delete those that are in safety."""
        found = {(memory, StoredMessage(m.index, MessageStatus.RECEIVED_READ, m.pdu)): m for m in messages}
        fresh = tuple(
            ReceivedPdu(self._modem_id, message.pdu, memory, message.index)
            for key, message in found.items()
            if key not in self._handed_over
        )
        safe = self._handed_over.intersection(found)
        if fresh and await self._hand_over(fresh):
            safe = set(found)
        self._handed_over |= safe
        for key in found:
            if key in safe:
                await self._delete(engine, key)

    async def _delete(self, engine: AtEngine, key: tuple[str | None, StoredMessage]) -> None:
        try:
            await engine.command(f"AT+CMGD={key[1].index}")
        except CommandFailedError as error:
            _logger.warning("modem %s: a message that is stored cannot be deleted: %s", self._modem_id, error)
        else:
            self._handed_over.discard(key)

    async def _hand_over_kept(self) -> None:
        for received in tuple(self._kept):
            if await self._hand_over((received,)):
                self._kept.remove(received)

    async def _hand_over(self, received: Sequence[ReceivedPdu]) -> bool:
        try:
            await self._on_received(received)
        except Exception:
            _logger.exception("modem %s: what came could not be stored; it is kept", self._modem_id)
            return False
        return True
