"""How much a bridge has done with its database, by which an older copy of the database is recognised.

Each database has a random lineage, which its copies share, and a number for each bridge: how many messages
were about to be sent, ever. The bridge keeps both at its broker too (`mqtt.generation`). If the broker has a
larger number of the same lineage, the database is an older copy.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import generations, modules

_LINEAGE_OCTETS = 8


@dataclass(frozen=True, slots=True)
class Generation:
    """How much one bridge has done with a database, as it is stored there.

    `restored`: it comes from a backup, so more may have been done. `older_at` is the Unix time when the
    bridge last found the database older than what was done, `doubted` how many jobs that left in doubt.
    """

    lineage: str
    number: int
    restored: bool = False
    older_at: float | None = None
    doubted: int = 0


async def known(tx: Transaction, bridge: str) -> Generation | None:
    """Return the generation of a bridge; None if it has never run with this database."""
    row = (await tx.execute(select(generations).where(generations.c.bridge == bridge))).mappings().first()
    if row is None:
        return None
    return Generation(row["lineage"], row["number"], row["restored"], row["older_at"], row["doubted"])


async def begun(tx: Transaction, bridge: str) -> Generation:
    """Return the generation of a bridge, a new one if it has never run with this database."""
    found = await known(tx, bridge)
    if found is not None:
        return found
    made = Generation(new_lineage(), 0)
    await tx.execute(insert(generations).values(bridge=bridge, lineage=made.lineage, number=made.number))
    return made


async def advance(tx: Transaction, bridge: str) -> int:
    """Count one more message that is about to be sent; return the number."""
    number = (await begun(tx, bridge)).number + 1
    await _set(tx, bridge, number=number)
    return number


async def note_older(tx: Transaction, bridge: str, found: Generation) -> None:
    """Store that a database was found older than what was done; `found` is what holds from now on."""
    values = {"lineage": found.lineage, "number": found.number, "restored": found.restored}
    await _set(tx, bridge, **values, older_at=found.older_at, doubted=found.doubted)


async def mark_restored(tx: Transaction) -> None:
    """Mark a copy of a database as one, for every bridge that has modules in it."""
    for bridge in (await tx.execute(select(modules.c.bridge).distinct())).scalars().all():
        await begun(tx, bridge)
    await tx.execute(update(generations).values(restored=True))


async def _set(tx: Transaction, bridge: str, **values: Any) -> None:
    await tx.execute(update(generations).where(generations.c.bridge == bridge).values(**values))


def new_lineage() -> str:
    """Return a new random lineage: 16 hexadecimal digits."""
    return secrets.token_hex(_LINEAGE_OCTETS)
