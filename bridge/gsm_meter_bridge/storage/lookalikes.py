"""Lookalikes: senders that are no module but resemble one, by a network's own number format or by fraud."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, select, update

from gsm_meter_bridge.model.facts import Lookalike
from gsm_meter_bridge.sms import TypeOfNumber
from gsm_meter_bridge.storage.database import Transaction, storable
from gsm_meter_bridge.storage.schema import lookalikes, modules

MOST = 5
"""Most lookalikes that are stored for each module; more give no further information."""


async def note(tx: Transaction, module: str, sender: str, kind: TypeOfNumber, now: float) -> bool:
    """Count a message of a sender that looks like `module`; return whether that sender is new."""
    row = lookalikes.c.module == module, lookalikes.c.sender == (storable(sender) or "")
    again = {"messages": lookalikes.c.messages + 1, "last_at": now, "type": kind}
    if (await tx.execute(update(lookalikes).where(*row).values(**again))).rowcount:
        return False
    known = select(func.count()).where(lookalikes.c.module == module)
    if ((await tx.execute(known)).scalar() or 0) >= MOST:
        return False
    values = {"module": module, "sender": storable(sender) or "", "type": kind, "messages": 1, "last_at": now}
    await tx.execute(lookalikes.insert().values(**values))
    return True


async def of(tx: Transaction, modules: Sequence[str]) -> dict[str, tuple[Lookalike, ...]]:
    """Return the lookalikes of each of `modules` that has any, the latest first."""
    query = select(lookalikes).where(lookalikes.c.module.in_(modules)).order_by(lookalikes.c.last_at.desc())
    found: dict[str, tuple[Lookalike, ...]] = {}
    for row in await tx.execute(query):
        one = Lookalike(row.sender, TypeOfNumber(row.type), row.messages, row.last_at)
        found[row.module] = (*found.get(row.module, ()), one)
    return found


async def keep_only(tx: Transaction, bridge: str, is_one: Callable[[str, str, TypeOfNumber], bool]) -> None:
    """Delete those of a bridge for which `is_one` (module, sender, type) is false."""
    ours = select(lookalikes).join(modules, modules.c.id == lookalikes.c.module)
    for row in (await tx.execute(ours.where(modules.c.bridge == bridge))).all():
        if not is_one(row.module, row.sender, TypeOfNumber(row.type)):
            this = lookalikes.c.module == row.module, lookalikes.c.sender == row.sender
            await tx.execute(delete(lookalikes).where(*this))
