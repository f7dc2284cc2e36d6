"""Received messages: read, handed over, and deleted from the modem only once they are stored elsewhere."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.at.messages import MessagePlace, MessageStatus, StoredMessage, parse_cmgr
from gsm_meter_bridge.at.responses import MemoryUsage, parse_cpms_query
from gsm_meter_bridge.errors import CommandFailedError, DecodeError, StorageError, UnansweredError
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.modem.listing import Listing
from gsm_meter_bridge.modem.memories import Chosen, select
from gsm_meter_bridge.modem.questions import NOT_YET
from gsm_meter_bridge.modem.status import StepStatus
from gsm_meter_bridge.sms import SmsStatusReport, decode_pdu

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedPdu:
    """A message or status report as the modem gave it; `index` is None if the modem did not store it."""

    modem_id: str
    pdu_hex: str = field(repr=False)
    memory: str | None = None
    index: int | None = None


_REPORTS = "SR"
"""The memory for status reports (TS 27.005 clause 3.1)."""
_EVERYWHERE = "MT"
"""The memory that also lists the messages of the others (TS 27.005 clause 3.1)."""
_MOST_TAKEN = 200
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of a sweep: how full the receiving memory is, and why one cannot be read.

    `usage` is None if the modem does not report it.
    """

    usage: MemoryUsage | None = None
    problem: str | None = None


_Key = tuple[str | None, StoredMessage]
"""The key of a message in a memory."""

OnReceived = Callable[[Sequence[ReceivedPdu]], Awaitable[None]]
"""Returns once all received messages are stored, in this order; StorageError if that fails for now."""


def _is_report(message: StoredMessage) -> bool:
    try:
        return isinstance(decode_pdu(message.pdu), SmsStatusReport)
    except DecodeError:
        return False


def _is_no_answer(error: Exception) -> bool:
    """Return whether a failure says nothing about the messages in the modem: no answer, or not yet."""
    if isinstance(error, CommandFailedError):
        return error.number in NOT_YET
    return isinstance(error, UnansweredError)


class Inbox:
    """Takes messages out of a modem; calls of `on_received` never overlap.

    Messages are deleted from the modem after `on_received` returned. If that raises, they stay and are handed
    over again by the next sweep. A message that was handed over but could not be deleted is not handed over
    again while this object lives; `on_deleted` is called with those that were deleted. Messages stored to be
    sent are never touched. If `acknowledges` is set, each message that the modem routed is acknowledged once
    it is stored.
    """

    def __init__(
        self,
        modem_id: str,
        on_received: OnReceived,
        health: Health | None = None,
        on_deleted: OnReceived | None = None,
    ) -> None:
        self._health, self._troubled = health or Health(), False
        self._modem_id, self._on_received, self._on_deleted = modem_id, on_received, on_deleted
        self._handed_over: set[_Key] = set()
        self._short: dict[_Key, None] = {}
        self._kept: list[ReceivedPdu] = []
        self._engine: AtEngine | None = None
        self._session: AtEngine | None = None
        self._memories: list[str | None] = []
        self._current: tuple[str, ...] = ()
        self._listing = Listing()
        self._reports_taken: dict[tuple[str | None, int], None] = {}
        self.acknowledges = False

    def attach(self, engine: AtEngine, chosen: Chosen | None) -> None:
        """Take messages out of a modem's memories from now on; None: the modem has no choice of memories.

        Memories in which messages were found earlier in the same session stay among them.
        """
        known = self._memories if engine is self._session and chosen is not None else []
        if engine is not self._session:
            self._listing = Listing()
        self._engine = self._session = engine
        others = [memory for memory in known if memory is not None]
        self._memories = list(dict.fromkeys([*chosen.to_sweep, *others])) if chosen else [None]
        self._current = chosen.current if chosen else ()

    @property
    def status(self) -> tuple[StepStatus, ...]:
        """The state of the list of messages, as a step of set-up."""
        return self._listing.status if self.attached else ()

    @property
    def attached(self) -> bool:
        """Whether messages are taken from the modem now."""
        return self._engine is not None

    def detach(self) -> None:
        """Take no messages until the next `attach`."""
        self._engine = None

    async def fetch(self, place: MessagePlace) -> None:
        """Fetch the message that +CMTI reported; an empty place is no error."""
        if self._engine is None:
            return
        try:
            if place.memory != _REPORTS:  # also a memory that cannot be read: the next sweep reports that
                self._remember(place.memory)
            await self._fetch(place)
        except (CommandFailedError, UnansweredError, DecodeError) as error:
            where = f"{place.memory} {place.index}"
            _logger.info("modem %s: message %s is left to the next sweep: %s", self._modem_id, where, error)

    async def fetch_report(self, place: MessagePlace) -> bool:
        """Fetch the status report that +CDSI reported; return False if neither its place nor SR holds one.

        Other messages found there are taken as well. Return True if the answer is not known yet.
        """
        if self._reports_taken.pop((place.memory, place.index), _MISSING) is None:
            return True  # a sweep has taken it already
        if await self._holds_report(place):
            return True
        if self._memories == [None]:  # the modem has no choice of memories
            return False
        in_reports = replace(place, memory=_REPORTS)
        if in_reports != place and await self._holds_report(in_reports):
            return True
        return await self._sweep_reports()

    async def _holds_report(self, place: MessagePlace) -> bool:
        try:
            message = await self._fetch(place)
        except (CommandFailedError, UnansweredError, DecodeError) as error:
            return _is_no_answer(error)
        return self._engine is None or (message is not None and (message.is_short or _is_report(message)))

    async def _sweep_reports(self) -> bool:
        """Take all messages in SR; return whether a status report was among them."""
        if self._engine is None:
            return True
        self._reports_taken.clear()
        try:
            await self._sweep_memory(self._engine, _REPORTS)
        except (CommandFailedError, UnansweredError, DecodeError) as error:
            return _is_no_answer(error)
        return bool(self._reports_taken)

    async def _fetch(self, place: MessagePlace) -> StoredMessage | None:
        if self._engine is None:
            return None
        await self._select(place.memory)
        result = await self._engine.ask(f"AT+CMGR={place.index}")
        message = parse_cmgr(result.lines, place.index)
        if message is not None and message.received:
            self._remember(place.memory)
            await self._take(self._engine, place.memory, (message,))
        return message

    async def fetch_all(self, memories: Iterable[str]) -> None:
        """Take all messages in memories for which several were reported."""
        for memory in dict.fromkeys(memories):
            if self._engine is None:
                return
            try:
                await self._sweep_memory(self._engine, memory)
            except (CommandFailedError, UnansweredError, DecodeError) as error:
                message = "modem %s: messages in %s are left to the next sweep: %s"
                _logger.info(message, self._modem_id, memory, error)
            else:
                self._remember(memory)

    def _remember(self, memory: str) -> None:
        if memory not in self._memories and self._memories != [None]:
            self._memories.append(memory)

    def may_go(self, memory: str, message: StoredMessage) -> bool:
        """Return whether a message may be deleted: not if it was received and is not stored yet."""
        key = (memory, StoredMessage(message.index, MessageStatus.RECEIVED_READ, message.pdu))
        return not message.received or key in self._handed_over

    async def see_memories(self) -> None:
        """Ask which memories are in force, because other code has selected some."""
        if self._engine is not None:
            await self._usage(self._engine)

    def keep(self, pdu: str) -> None:
        """Keep a message that the modem did not store until it is handed over, even after this session."""
        self._kept.append(ReceivedPdu(self._modem_id, pdu))

    async def sweep(self) -> Swept:
        """Take all messages from each memory that can be read."""
        await self.hand_over_kept()
        if self._engine is None:
            return Swept()
        found = {memory: await self._look(self._engine, memory) for memory in reversed(self._memories)}
        usage = await self._usage(self._engine)
        problems = [w for m, w in found.items() if w and not self._listing.is_gone(m, self._current)]
        return Swept(usage, problems[0] if problems else None)

    async def _look(self, engine: AtEngine, memory: str | None) -> str | None:
        """Return why a memory cannot be read, or None; the next poll may succeed."""
        message = await self._listing.look(memory, lambda: self._sweep_memory(engine, memory))
        if message is not None:
            _logger.info("modem %s: %s", self._modem_id, message)
        return message

    async def _sweep_memory(self, engine: AtEngine, memory: str | None) -> None:
        await self._select(memory)
        found, all_came = await self._listing.messages(engine, memory)
        if all_came:
            indexes = {message.index for message in found}
            self._handed_over = {k for k in self._handed_over if k[0] != memory or k[1].index in indexes}
        reports = [(memory, message.index) for message in found if message.received and _is_report(message)]
        self._reports_taken = dict(
            [*self._reports_taken.items(), *dict.fromkeys(reports).items()][-_MOST_TAKEN:]
        )
        await self._take(engine, memory, (message for message in found if message.received))

    async def _usage(self, engine: AtEngine) -> MemoryUsage | None:
        """Return how full the receiving memory is, and note which memories are in force."""
        if self._memories == [None]:
            return None
        try:
            memories = parse_cpms_query((await engine.ask("AT+CPMS?")).lines)
        except (CommandFailedError, UnansweredError, DecodeError):
            return None
        self._current = tuple(memory.name for memory in memories)
        if memories and memories[-1].name != self._memories[0]:  # the receiving memory has changed
            receiving = memories[-1].name
            self._memories = [receiving, *(memory for memory in self._memories if memory != receiving)]
        return next((m for m in memories if m.name == self._memories[0]), None)

    async def _select(self, memory: str | None) -> None:
        if self._engine is None or memory is None or self._memories == [None]:
            return
        self._current = await select(self._engine, memory, self._current)

    async def _take(self, engine: AtEngine, memory: str | None, messages: Iterable[StoredMessage]) -> None:
        """Hand messages over, all at once, and delete those that are stored."""
        found = {(memory, StoredMessage(m.index, MessageStatus.RECEIVED_READ, m.pdu)): m for m in messages}
        self._leave_short(found)
        self._handed_over |= self._shown_here_too(memory, found)
        fresh = tuple(
            ReceivedPdu(self._modem_id, message.pdu, memory, message.index)
            for key, message in found.items()
            if key not in self._handed_over
        )
        safe = self._handed_over.intersection(found)
        if fresh and await self._hand_over(fresh):
            safe = set(found)
        self._handed_over |= safe
        deleted = [key for key in found if key in safe and await self._delete(engine, key)]
        if deleted and self._on_deleted is not None:
            with self._health.guard(Door.SMS, f"modem {self._modem_id}: noting what was deleted"):
                gone = (ReceivedPdu(self._modem_id, key[1].pdu, key[0], key[1].index) for key in deleted)
                await self._on_deleted(tuple(gone))

    def _leave_short(self, found: dict[_Key, StoredMessage]) -> None:
        """Skip PDUs that lost bytes on their way from the modem, unless a second read gives the same."""
        for key in [key for key, message in found.items() if message.is_short]:
            if key not in self._short:
                del found[key]
                self._short[key] = None
        while len(self._short) > _MOST_TAKEN:
            del self._short[next(iter(self._short))]

    def _shown_here_too(self, memory: str | None, found: Iterable[_Key]) -> set[_Key]:
        """Return which of `found` were handed over out of another memory and are still listed there."""
        known = self._handed_over
        left = Counter(k[1].pdu for k in known if k[0] != memory and _EVERYWHERE in (k[0], memory))
        left -= Counter(k[1].pdu for k in known if k[0] == memory)
        again = set()
        for key in found:
            if key not in known and left[key[1].pdu] > 0:
                left[key[1].pdu] -= 1
                again.add(key)
        return again

    async def _delete(self, engine: AtEngine, key: _Key) -> bool:
        """Delete a message that is stored elsewhere; return whether the modem deleted it."""
        try:
            await engine.ask(f"AT+CMGD={key[1].index}")
        except (CommandFailedError, UnansweredError) as error:
            _logger.warning("modem %s: a message that is stored cannot be deleted: %s", self._modem_id, error)
            return False
        self._handed_over.discard(key)
        elsewhere = (k for k in self._handed_over if k[1].pdu == key[1].pdu and _EVERYWHERE in (k[0], key[0]))
        self._handed_over.discard(next(elsewhere, key))
        return True

    async def hand_over_kept(self) -> None:
        """Hand over routed messages; those that fail are handed over again by the next sweep."""
        for received in tuple(self._kept):
            if await self._hand_over((received,)):
                self._kept.remove(received)
                await self._acknowledge()

    async def _acknowledge(self) -> None:
        """Acknowledge a routed message that is stored, if the modem expects it (TS 27.005 clause 3.4.4)."""
        if self._engine is None or not self.acknowledges:
            return
        for command in ("AT+CNMA", "AT+CNMA=0"):
            try:
                await self._engine.ask(command)
            except CommandFailedError as error:
                if error.number is not None:  # the modem no longer waits for an acknowledgement
                    return
            except UnansweredError:
                return
            else:
                return

    async def _hand_over(self, received: Sequence[ReceivedPdu]) -> bool:
        with self._health.guard(Door.SMS, f"modem {self._modem_id}: storing what came"):
            try:
                await self._on_received(received)
            except (StorageError, OSError) as error:
                self._report_not_stored(error)
                return False
            self._report_not_stored(None)
            return True
        return False

    def _report_not_stored(self, error: Exception | None) -> None:
        """Log once that messages cannot be stored, and once that they can be again."""
        if error is not None and not self._troubled:
            message = "modem %s: received SMS could not be stored and stay in the modem until they can: %s"
            _logger.warning(message, self._modem_id, error)
        if error is None and self._troubled:
            _logger.info("modem %s: what comes can be stored again", self._modem_id)
        self._troubled = error is not None
