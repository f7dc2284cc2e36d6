"""The message memories of a modem, for an administrator: read, selected, written and emptied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from gsm_meter_bridge.at.messages import MessageStatus, StoredMessage, parse_cmgl
from gsm_meter_bridge.at.responses import MemoryUsage, parse_cpms_query, parse_cpms_test
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.link import open_link
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.memories import forms_to_use, forms_to_write, put, select
from gsm_meter_bridge.sms import EncodedPdu

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contents:
    """A memory and the messages in it."""

    memory: MemoryUsage
    messages: tuple[StoredMessage, ...] = field(repr=False)


class MessageStorage:
    """The memories of a modem in exclusive use; `may_go` returns whether a message may be deleted.

    All methods raise InvalidValueError for a memory (SM, ME, MT...) that the modem does not have, ModemError
    if the modem cannot be asked.
    """

    def __init__(
        self, engine: AtEngine, may_go: Callable[[str, StoredMessage], bool] = lambda *_: True
    ) -> None:
        self._engine, self._may_go = engine, may_go

    async def read(self, memory: str) -> Contents:
        """Return the contents of `memory`; unread messages count as read afterwards."""
        await self._engine.command("AT+CMGF=0")
        await self._must_have(memory)
        current = tuple(found.name for found in await self._memories())
        await select(self._engine, memory, current)
        known = (found for found in await self._memories() if found.name == memory)
        lines = (
            await self._engine.ask(
                f"AT+CMGL={MessageStatus.ALL:d}", timeout_s=self._engine.timeouts.network_s
            )
        ).lines
        return Contents(next(known, MemoryUsage(memory, 0, 0)), parse_cmgl(lines))

    async def choose(self, memory: str) -> tuple[MemoryUsage, ...]:
        """Make `memory` the one for reading, writing and receiving; return the three then in force.

        If the modem does not accept it for all three, it is used for reading only.
        """
        await self._must_have(memory)
        current = tuple(found.name for found in await self._memories())
        if any(name != memory for name in current or ("",)):
            await put(self._engine, forms_to_use(memory, current))
        return await self._memories()

    async def write(self, memory: str, pdus: Iterable[EncodedPdu], status: MessageStatus) -> tuple[int, ...]:
        """Write messages into `memory` without sending them, and return their indexes.

        Raises CommandFailedError if there is no room or the modem cannot write; messages written before that
        stay.
        """
        await self._engine.command("AT+CMGF=0")
        await self._must_have(memory)
        current = tuple(found.name for found in await self._memories())
        if current[:2] != (memory, memory):
            await put(self._engine, forms_to_write(memory, current))
        return tuple([await self._engine.store_pdu(pdu.tpdu_length, pdu.pdu, status) for pdu in pdus])

    async def delete(self, memory: str, wanted: Callable[[StoredMessage], bool] = lambda _: True) -> Contents:
        """Delete the (`wanted`) messages in `memory`; return the memory before that, and those deleted."""
        contents = await self.read(memory)
        found = tuple(m for m in contents.messages if wanted(m) and self._may_go(memory, m))
        for message in found:
            await self._engine.command(f"AT+CMGD={message.index}")
        return Contents(contents.memory, found)

    async def _must_have(self, memory: str) -> None:
        known = parse_cpms_test((await self._engine.command("AT+CPMS=?")).lines)
        if not known or memory not in known[0]:
            choices = ", ".join(known[0]) if known else "none: it has no choice"
            raise InvalidValueError("memory", memory, choices, shown=True)

    async def _memories(self) -> tuple[MemoryUsage, ...]:
        return parse_cpms_query((await self._engine.ask("AT+CPMS?")).lines)


Work = Callable[[MessageStorage], Awaitable[T]]
"""Work on a modem's memories."""


async def at_port(url: str, work: Work[T], *, baudrate: int = 115200) -> T:
    """Do `work` with the modem at a serial port that no bridge uses."""
    async with AtEngine(await open_link(url, baudrate=baudrate)) as engine:
        return await work(MessageStorage(engine))
