"""Messages that reached the gateway modems: stored before deletion from the SIM, joined, or set aside."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    String,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import SMS
from gsm_meter_bridge.sms import (
    SmsDeliver,
    SmsStatusReport,
    TypeOfNumber,
    decode_pdu,
    join_octets,
    join_parts,
)
from gsm_meter_bridge.storage.database import Transaction, counting, storable
from gsm_meter_bridge.storage.parts import Part, group, is_whole
from gsm_meter_bridge.storage.schema import IS_NEW, messages, messages_by_disposition

_LOGGER = logging.getLogger(__name__)
_LONGEST_TEXT = 1000
_AT_ONCE = 5000
_AT_THE_MODEM = (
    messages.c.digest.in_(bindparam("digests", expanding=True)),
    messages.c.gone.is_(False),
)
_LEFT = (
    select(messages.c.digest, messages.c.number)
    .where(*_AT_THE_MODEM, messages.c.run != bindparam("this_run"))
    .order_by(messages.c.number)
)
_OLDEST = (
    select(func.min(messages.c.number))
    .where(*_AT_THE_MODEM, messages.c.run == bindparam("this_run"))
    .group_by(messages.c.digest)
)
_NOTE_GONE = update(messages).where(messages.c.number.in_(_OLDEST)).values(gone=True)
_NEW = (
    select(messages)
    .where(IS_NEW, messages.c.bridge.in_(bindparam("bridges", expanding=True)))
    .order_by(messages.c.number)
)
_COUNTS = select(messages_by_disposition.c.disposition, messages_by_disposition.c.messages).where(
    messages_by_disposition.c.modem == bindparam("modem_id")
)


class Disposition(StrEnum):
    """The disposition of a message: what it was used for."""

    NEW = "new"
    USED = "used"
    """It answered a request; its text is kept with secrets masked."""
    UNMATCHED = "unmatched"
    """From a module, but it answers no request."""
    UNKNOWN_SENDER = "unknown_sender"
    """From a number that belongs to no module; it changes nothing, and its text is not kept."""
    REPORT = "report"
    UNDECODABLE = "undecodable"
    ORPHANED = "orphaned"
    """Parts of a message whose other parts never came."""
    FAILED = "failed"
    """An unexpected error of the bridge: the message is skipped and not processed again."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole message, from one or more stored parts, or a status report.

    `text` is hexadecimal if the message is not text; `octets` are its user data as received, `scts` is when
    the service centre had it, by its own clock (Unix time). A message that came over another transport has
    that as its `source`, and is not stored.
    """

    numbers: tuple[int, ...]
    received_at: float
    sender: str
    text: str
    octets: bytes = b""
    modem: str = ""
    report: SmsStatusReport | None = None
    source: str = SMS
    sender_type: TypeOfNumber = TypeOfNumber.INTERNATIONAL
    scts: float | None = None


async def store(
    tx: Transaction, bridge: str, modem: str, pdus: Sequence[str], now: float, run: str, key: InstallationKey
) -> None:
    """Store received PDUs, except those that an earlier run stored but did not delete at the modem.

    Each PDU that an earlier run left there matches one equal PDU that comes now. Any other equal one is
    another message: two equal replies in one second, or from a service centre whose clock stands still.
    """
    digests = _digests(modem, pdus, key)
    left = await _left_by_others(tx, digests.values(), run)
    common = {
        "run": run,
        "bridge": bridge,
        "modem": modem,
        "received_at": now,
        "disposition": Disposition.NEW,
    }
    rows, again = [], []
    for pdu in pdus:
        if left[digests[pdu]]:
            again.append(left[digests[pdu]].pop(0))
        else:
            rows.append({**common, "digest": digests[pdu], "pdu": storable(pdu)})
    if again:
        await tx.execute(update(messages).where(messages.c.number.in_(again)).values(run=run))
    if rows:
        await tx.execute(insert(messages), rows)


async def note_gone(tx: Transaction, modem: str, pdus: Sequence[str], run: str, key: InstallationKey) -> None:
    """Note that PDUs, which this `run` stored or found stored, were deleted at the modem."""
    digests = _digests(modem, pdus, key)
    left = Counter(digests[pdu] for pdu in pdus)
    while left:  # once, unless some are equal
        await tx.execute(_NOTE_GONE, {"digests": list(left), "this_run": run})
        left -= Counter(left.keys())


def _digests(modem: str, pdus: Sequence[str], key: InstallationKey) -> dict[str, bytes]:
    return {pdu: bytes.fromhex(key.digest("message", modem, pdu)) for pdu in pdus}


async def _left_by_others(tx: Transaction, digests: Collection[bytes], run: str) -> dict[bytes, list[int]]:
    """Return the numbers of messages that other runs left at a modem by digest, the oldest first."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for digest, number in await tx.execute(_LEFT, {"digests": list(digests), "this_run": run}):
        found[bytes(digest)].append(number)
    return found


@dataclass(frozen=True, slots=True)
class SetAside:
    """Stored messages without use, now or later; `why` is the reason if `disposition` does not say it."""

    numbers: tuple[int, ...]
    disposition: Disposition
    sender: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """New whole messages, in the order of their first parts, and messages to set aside."""

    arrivals: tuple[Arrival, ...]
    apart: tuple[SetAside, ...]


IsModule = Callable[[str, TypeOfNumber, str], bool]
"""Returns whether a sender, with its type of number, is a module for a gateway modem."""


async def new(tx: Transaction, bridge: str) -> Sequence[RowMapping]:
    """Return the rows of the messages of a bridge that are not processed yet, in the order of arrival."""
    return (await tx.execute(_NEW, {"bridges": (bridge, "")})).mappings().all()


def take(
    rows: Iterable[RowMapping], health: Health, is_module: IsModule, orphans_before: float = 0.0
) -> Taken:
    """Return the whole messages in `rows`, and those to set aside because they cannot be decoded.

    Incomplete messages are set aside if their parts came before `orphans_before` (Unix time). The bridge does
    not wait for further parts from an unknown sender: each part is a message with an empty text.
    """
    sorter = _Sorter(is_module)
    for row in rows:
        with health.guard(Door.SMS, "a stored message") as guard:
            sorter.put(row)
        if guard.error is not None:
            sorter.apart.append(SetAside((row["number"],), Disposition.FAILED))
    with health.guard(Door.SMS, "parts of messages") as guard:
        sorter.messages = group(sorter.parts)
    if guard.error is not None:
        sorter.apart += [SetAside((part.number,), Disposition.FAILED) for part in sorter.parts]
    for parts in sorter.messages:
        with health.guard(Door.SMS, "the parts of a message") as guard:
            sorter.join(parts, orphans_before)
        if guard.error is not None:
            sorter.apart.append(SetAside(tuple(p.number for p in parts), Disposition.FAILED))
    sorter.arrivals.sort(key=lambda arrival: min(arrival.numbers))
    return Taken(tuple(sorter.arrivals), tuple(sorter.apart))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a processed message: `text` is masked by the caller, `scts` a Unix time."""

    sender: str | None = None
    text: str | None = None
    module: str | None = None
    job_id: str | None = None
    scts: float | None = None


async def mark_processed(
    tx: Transaction, numbers: Sequence[int], disposition: Disposition, kept: Kept | None = None
) -> None:
    """Store the disposition of stored messages and what is kept of them, and blank their PDUs.

    The text is cut to a readable length.
    """
    if not numbers:
        return  # it did not come as an SMS
    kept = kept or Kept()
    columns = {
        "disposition": disposition,
        "sender": storable(kept.sender),
        "text": storable(kept.text and kept.text[:_LONGEST_TEXT]),
        "module": kept.module,
        "job_id": kept.job_id,
        "scts": kept.scts,
        "pdu": None,
    }
    which = {"numbers": list(numbers)}
    await tx.execute(_count_processed(tx.dialect.name), {**which, "becomes": disposition})
    await tx.execute(_MARK_PROCESSED, {**which, **columns})


_MARK_PROCESSED = update(messages).where(messages.c.number.in_(bindparam("numbers", expanding=True)))


@lru_cache(maxsize=2)
def _count_processed(dialect: str) -> Any:
    """Return the statement that counts new messages, by number, as what they are about to become."""
    counted = messages_by_disposition.c
    these = messages.c.number.in_(bindparam("numbers", expanding=True)), IS_NEW
    rows = select(messages.c.modem, bindparam("becomes", type_=String), func.count()).where(*these)
    names = [counted.modem, counted.disposition, counted.messages]
    return counting(dialect, messages_by_disposition).from_select(names, rows.group_by(messages.c.modem))


async def counts(tx: Transaction, modem: str) -> dict[str, int]:
    """Return the number of processed messages that are kept of a modem, by disposition."""
    return {row[0]: row[1] for row in await tx.execute(_COUNTS, {"modem_id": modem}) if row[1]}


def forget_before(connection: Connection, at: float) -> None:
    """Delete the processed messages that came before `at` (Unix time), some at a time."""
    old = select(messages.c.number, messages.c.modem, messages.c.disposition)
    old = old.where(messages.c.received_at < at, messages.c.disposition != Disposition.NEW).limit(_AT_ONCE)
    while rows := connection.execute(old).all():
        connection.execute(delete(messages).where(messages.c.number.in_([row.number for row in rows])))
        of_modem = messages_by_disposition.c.modem, messages_by_disposition.c.disposition
        for key, count in Counter((row.modem, row.disposition) for row in rows).items():
            same = [column == value for column, value in zip(of_modem, key, strict=True)]
            left = messages_by_disposition.c.messages - count
            connection.execute(update(messages_by_disposition).where(*same).values(messages=left))


@dataclass
class _Sorter:
    """Sorts stored messages into whole ones, parts, and those to set aside."""

    is_module: IsModule
    arrivals: list[Arrival] = field(default_factory=list)
    apart: list[SetAside] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    messages: list[list[Part]] = field(default_factory=list)

    def put(self, row: RowMapping) -> None:
        """Add one stored message."""
        number, modem, received_at = row["number"], row["modem"], row["received_at"]
        try:
            sms = decode_pdu(row["pdu"])
        except DecodeError as error:
            self.apart.append(SetAside((number,), Disposition.UNDECODABLE, why=str(error)))
            return
        if isinstance(sms, SmsStatusReport):
            self.arrivals.append(_report(row, sms))
        elif isinstance(sms, SmsDeliver):
            self._put(Part(number, modem, received_at, sms))
        else:
            self.apart.append(SetAside((number,), Disposition.UNDECODABLE, why="a message to be sent"))

    def _put(self, part: Part) -> None:
        sms = part.sms
        if sms.user_data.concatenation is None:
            self.arrivals.append(_arrival([part]))
        elif self.is_module(sms.tp_oa, sms.tp_oa_type, part.modem):
            self.parts.append(part)
        else:
            arrival = Arrival((part.number,), part.received_at, sms.tp_oa, "", modem=part.modem)
            self.arrivals.append(replace(arrival, sender_type=sms.tp_oa_type))

    def join(self, parts: Sequence[Part], orphans_before: float) -> None:
        """Add the parts of one message, complete or not."""
        if is_whole(parts):
            self.arrivals.append(_arrival(parts))
        elif max(p.received_at for p in parts) < orphans_before:
            _LOGGER.warning("%d parts of a message whose others never came are kept apart", len(parts))
            self.apart.append(
                SetAside(tuple(p.number for p in parts), Disposition.ORPHANED, parts[0].sms.tp_oa)
            )


def _report(row: RowMapping, sms: SmsStatusReport) -> Arrival:
    return Arrival(
        (row["number"],),
        row["received_at"],
        sms.tp_ra,
        "",
        modem=row["modem"],
        report=sms,
        sender_type=sms.tp_ra_type,
        scts=None if sms.tp_scts is None else sms.tp_scts.timestamp(),
    )


def _arrival(message: Sequence[Part]) -> Arrival:
    parts = [part.sms.user_data for part in message]
    octets = join_octets(parts)
    text = octets.hex().upper() if any(p.text is None for p in parts) else join_parts(parts)
    first, last = message[0], max(message, key=lambda p: p.received_at)
    timed = [p.at for p in message if p.sms.tp_scts is not None]
    return Arrival(
        tuple(p.number for p in message),
        last.received_at,
        first.sms.tp_oa,
        text,
        octets,
        first.modem,
        sender_type=first.sms.tp_oa_type,
        scts=max(timed, default=None),
    )
