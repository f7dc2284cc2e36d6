"""Which sent message a status report is on: references (TP-MR) repeat after 256 messages, or sooner.

A report gives the time when the service centre had the message, by the service centre's own clock (TP-SCTS,
3GPP TS 23.040 clause 9.2.2.3). It is compared with the latest known time of that clock before the message
was sent, and with our clock only while the two agree. If it cannot be decided, the report is ignored, and
the reply is waited for as if there were no reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import messages

_LATEST, _LATEST_OF_MODULE = 20, 5
_AGREE_S = 300.0
"""Two clocks that differ by at most this many seconds agree; messages take some time to reach the bridge."""
_SENDING_S = 600.0
"""The service centre has a message within this many seconds of its being sent."""
_CENTRES_S = 120.0
"""The clocks of the service centres of different networks may differ by this many seconds."""


_WITNESSES = 2
_FAR_S = 3600.0
"""Messages are rarely later than this many seconds."""


@dataclass(frozen=True, slots=True)
class Reception:
    """The Unix times of a received message: by the service centre's clock, and by ours on arrival."""

    scts: float
    received_at: float

    @property
    def agrees(self) -> bool:
        """Whether the two clocks differed by at most _AGREE_S."""
        return abs(self.received_at - self.scts) <= _AGREE_S


_LATEST_STAMPS = (
    select(messages.c.scts, messages.c.received_at)
    .where(messages.c.scts.is_not(None))
    .order_by(messages.c.number.desc())
)
_AT_MODEM = _LATEST_STAMPS.where(messages.c.modem == bindparam("modem_id")).limit(_LATEST)
_OF_MODULE = _LATEST_STAMPS.where(
    messages.c.module == bindparam("module_id"),
    messages.c.run == bindparam("this_run"),
    messages.c.disposition.in_(("used", "unmatched")),  # see inbox.Disposition
    messages.c.number.not_in(bindparam("but_for", expanding=True)),
).limit(_LATEST_OF_MODULE)


async def message_times(tx: Transaction, modem: str) -> tuple[Reception, ...]:
    """Return the times of the latest messages of modules, and reports, at a modem, the latest first."""
    rows = await tx.execute(_AT_MODEM, {"modem_id": modem})
    return tuple(Reception(row.scts, row.received_at) for row in rows)


async def times_of_module(
    tx: Transaction, module: str, but_for: Sequence[int], run: str
) -> tuple[Reception, ...]:
    """Return the times of the latest messages of `module` in this `run`, without the numbers `but_for`.

    Between two runs our clock may have been set, so the times of an earlier run say nothing about now.
    """
    rows = await tx.execute(_OF_MODULE, {"module_id": module, "this_run": run, "but_for": but_for})
    return tuple(Reception(row.scts, row.received_at) for row in rows)


async def first_received(tx: Transaction, numbers: Sequence[int]) -> float | None:
    """Return the Unix time of an earlier message equal to that of `numbers` in all parts; None if none."""
    query = select(messages.c.digest, messages.c.received_at)
    parts = (await tx.execute(query.where(messages.c.number.in_(numbers)))).all()
    equal = messages.c.digest.in_([part.digest for part in parts]), messages.c.number < min(numbers)
    came = {row.digest: row.received_at for row in await tx.execute(query.where(*equal))}
    return max(came.values()) if came.keys() == {part.digest for part in parts} else None


def window(
    before: Sequence[Reception], now: float, *, credible: bool = True
) -> tuple[float | None, float | None]:
    """Return the earliest and latest TP-SCTS of a message that is sent `now`, as Unix times.

    `before` are earlier messages, the latest first; `credible`: our clock may be right. Without a beginning
    (None) it is unknown; without an end, any later time fits.
    """
    newest = max(_believed(before, credible=credible), default=None)
    first = None if newest is None else newest - _CENTRES_S
    if before:
        credible = credible and before[0].agrees
    if not credible or (newest is not None and now < newest - _AGREE_S):
        return first, None
    begin = now - _SENDING_S
    return begin if first is None else max(begin, first), now + _SENDING_S


def _believed(before: Sequence[Reception], *, credible: bool) -> list[float]:
    """Return the stamps in `before` that the service centre's clock may really have shown.

    One message with a stamp far in the future must not make all reports seem older. It is ignored if other
    messages agree with our clock, or if most later messages contradict it.
    """
    agree = credible and any(h.agrees for h in before)
    return [
        h.scts
        for n, h in enumerate(before)
        if not (agree and h.scts > h.received_at + _AGREE_S) and not _is_contradicted(h, before[:n])
    ]


def _is_contradicted(one: Reception, later: Sequence[Reception]) -> bool:
    earlier_stamps = sum(h.scts < one.scts - _FAR_S for h in later)
    return earlier_stamps >= _WITNESSES and 2 * earlier_stamps > len(later)
