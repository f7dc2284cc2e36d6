"""Messages that reached our modems: stored before they are deleted from the SIM, put together, kept apart."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, func, insert, select, update

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.family import SMS
from gsm_meter_bridge.jobs.database import Transaction, storable
from gsm_meter_bridge.jobs.schema import messages
from gsm_meter_bridge.sms import SmsDeliver, SmsStatusReport, decode_pdu, join_octets, join_parts

_LOGGER = logging.getLogger(__name__)


class Fate(StrEnum):
    """What became of a message."""

    NEW = "new"
    USED = "used"
    """It told us something; its text is kept with secrets masked."""
    UNMATCHED = "unmatched"
    """From a module, but no reply to anything that was asked."""
    STRANGER = "stranger"
    """From a number that belongs to no module; it never changes anything."""
    REPORT = "report"
    UNDECODABLE = "undecodable"
    ORPHANED = "orphaned"
    """Parts of a message whose others never came."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole message, from one or more stored parts, or a status report.

    `text` is hexadecimal where the message is no text; `octets` are its user data as they came. One that did
    not come by SMS has another `source`, and is not stored.
    """

    numbers: tuple[int, ...]
    received_at: float
    sender: str
    text: str
    octets: bytes = b""
    modem: str = ""
    report: SmsStatusReport | None = None
    source: str = SMS


async def store(tx: Transaction, bridge: str, modem: str, pdus: Sequence[str], now: float, run: str) -> None:
    """Store received PDUs, except those that an earlier run stored and died before they left the SIM.

    Within one `run` of the bridge the same PDU is another message: two equal replies in one second.
    """
    digests = {pdu: hashlib.sha256(f"{modem}\n{pdu}".encode()).digest() for pdu in pdus}
    before = select(messages.c.digest).where(messages.c.digest.in_(digests.values()), messages.c.run != run)
    known = set((await tx.execute(before)).scalars())
    common = {"run": run, "bridge": bridge, "modem": modem, "received_at": now, "fate": Fate.NEW}
    rows = [{**common, "digest": digests[p], "pdu": p} for p in pdus if digests[p] not in known]
    if rows:
        await tx.execute(insert(messages), rows)


@dataclass(frozen=True, slots=True)
class Apart:
    """Stored messages that tell nothing, and never will."""

    numbers: tuple[int, ...]
    fate: Fate
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What is new: whole messages, and what is to be set apart."""

    arrivals: tuple[Arrival, ...]
    apart: tuple[Apart, ...]


async def take(tx: Transaction, bridge: str, orphans_before: float = 0.0) -> Taken:
    """Return the whole messages that are new, and those that no codec can read.

    With the latter go parts that came before `orphans_before` and whose others have not come.
    """
    mine = messages.c.fate == Fate.NEW, messages.c.bridge.in_((bridge, ""))
    rows = (await tx.execute(select(messages).where(*mine).order_by(messages.c.number))).mappings()
    arrivals: list[Arrival] = []
    apart: list[Apart] = []
    parts: dict[tuple[object, ...], list[tuple[RowMapping, SmsDeliver]]] = {}
    for row in rows.all():
        try:
            sms = decode_pdu(row["pdu"])
        except DecodeError:
            apart.append(Apart((row["number"],), Fate.UNDECODABLE))
            continue
        if isinstance(sms, SmsStatusReport):
            arrivals.append(
                Arrival((row["number"],), row["received_at"], sms.tp_ra, "", modem=row["modem"], report=sms)
            )
        elif isinstance(sms, SmsDeliver):
            _collect(row, sms, parts, arrivals)
        else:
            apart.append(Apart((row["number"],), Fate.UNDECODABLE))
    for group in parts.values():
        try:
            arrivals.append(_arrival(group))
        except DecodeError:  # a part is still missing
            if max(row["received_at"] for row, _ in group) < orphans_before:
                _LOGGER.warning("%d parts of a message whose others never came are kept apart", len(group))
                numbers = tuple(row["number"] for row, _ in group)
                apart.append(Apart(numbers, Fate.ORPHANED, group[0][1].tp_oa))
    return Taken(tuple(arrivals), tuple(apart))


async def settle(
    tx: Transaction,
    numbers: Sequence[int],
    fate: Fate,
    *,
    sender: str | None = None,
    text: str | None = None,
    module: str | None = None,
    job_id: str | None = None,
) -> None:
    """Write down what became of stored messages; a used one keeps only its masked text."""
    columns = {
        "fate": fate,
        "sender": storable(sender),
        "text": storable(text),
        "module": module,
        "job_id": job_id,
    }
    if fate in (Fate.USED, Fate.REPORT):
        columns["pdu"] = None
    await tx.execute(update(messages).where(messages.c.number.in_(numbers)).values(**columns))


async def counts(tx: Transaction, modem: str) -> dict[str, int]:
    """Return how many stored messages of a modem met each fate."""
    query = select(messages.c.fate, func.count()).where(messages.c.modem == modem).group_by(messages.c.fate)
    return {row[0]: row[1] for row in await tx.execute(query)}


def _collect(
    row: RowMapping,
    sms: SmsDeliver,
    parts: dict[tuple[object, ...], list[tuple[RowMapping, SmsDeliver]]],
    arrivals: list[Arrival],
) -> None:
    link = sms.user_data.concatenation
    if link is None:
        arrivals.append(_arrival([(row, sms)]))
    else:
        key = (row["modem"], sms.tp_oa, link.reference, link.total, link.wide)
        parts.setdefault(key, []).append((row, sms))


def _arrival(group: Sequence[tuple[RowMapping, SmsDeliver]]) -> Arrival:
    """Return the message that all parts of it make; DecodeError where one is missing."""
    parts = [sms.user_data for _, sms in group]
    octets = join_octets(parts)
    text = octets.hex().upper() if any(p.text is None for p in parts) else join_parts(parts)
    last = max(row["received_at"] for row, _ in group)
    numbers, modem = tuple(row["number"] for row, _ in group), group[0][0]["modem"]
    return Arrival(numbers, last, group[0][1].tp_oa, text, octets, modem)
