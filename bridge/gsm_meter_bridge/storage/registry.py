"""Which bridge serves which module, through which of its gateway modems."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, null, or_, select, update

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import (
    IS_UNANNOUNCED,
    contacts,
    desired_settings,
    jobs,
    lookalikes,
    modules,
)

ANY = "any"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Binding:
    """A module and the route to it: ANY, `modem:<id>` or `group:<name>`."""

    module: Module
    route: str = ANY


def served_by(bridge: str) -> Select[tuple[str]]:
    """Return the query for the ids of the modules that a bridge serves."""
    return select(modules.c.id).where(modules.c.bridge == bridge)


async def register(
    tx: Transaction, bridge: str, bindings: Iterable[Binding], now: float | None = None
) -> None:
    """Store that `bridge` serves these modules and no others, except ad hoc modules.

    Poll times and desired settings of modules that it no longer serves are deleted; their readings are kept.

    Raises ConfigError if a module or a number belongs to another bridge that is alive: both would send to it.
    Those of a bridge that is gone are taken over. `now` replaces the database's time.
    """
    rows = {
        b.module.id: {"id": b.module.id, "bridge": bridge, "msisdn": b.module.msisdn, "route": b.route}
        for b in bindings
    }
    taken = await _taken(tx, bridge, rows)
    alive = {
        other: await leases.is_held(tx, leases.of_bridge(other), now) for other in {r.bridge for r in taken}
    }
    problems = [
        f"modules: {row.id} ({row.msisdn}) is served by the bridge {row.bridge} in this database"
        for row in taken
        if alive[row.bridge]
    ]
    if problems:
        raise ConfigError(problems)
    configured = modules.c.bridge == bridge, ~modules.c.id.startswith("+", autoescape=True)
    ours = (await tx.execute(select(modules).where(*configured))).mappings()
    before = {row["id"]: dict(row) for row in ours}
    gone = (before.keys() | {row.id for row in taken}) - rows.keys()
    changed = [row for name, row in rows.items() if before.get(name) != row]
    for some in _some({*(row.id for row in taken), *gone, *(row["id"] for row in changed)}):
        await tx.execute(delete(modules).where(modules.c.id.in_(some)))
    if changed:
        await tx.execute(modules.insert(), changed)
    await _hand_over(tx, gone, "")
    await _hand_over(tx, rows.keys() - before.keys(), bridge)
    for some in _some(gone):
        await tx.execute(delete(desired_settings).where(desired_settings.c.module.in_(some)))
        await tx.execute(delete(lookalikes).where(lookalikes.c.module.in_(some)))


async def _hand_over(tx: Transaction, ids: Collection[str], bridge: str) -> None:
    """Have `bridge`, or none, poll modules and continue their jobs."""
    next_poll_at = contacts.c.next_poll_at if bridge else null()
    going_on = or_(jobs.c.ended_at.is_(None), IS_UNANNOUNCED)
    for some in _some(ids):
        known = update(contacts).where(contacts.c.module.in_(some))
        await tx.execute(known.values(bridge=bridge, next_poll_at=next_poll_at))
        await tx.execute(update(jobs).where(jobs.c.module.in_(some), going_on).values(bridge=bridge))


async def _taken(tx: Transaction, bridge: str, rows: Mapping[str, Mapping[str, str]]) -> list[Row[Any]]:
    """Return the modules of other bridges with an id or a number of `rows`."""
    taken: dict[str, Row[Any]] = {}
    for column, values in ((modules.c.id, rows), (modules.c.msisdn, {r["msisdn"] for r in rows.values()})):
        for some in _some(values):
            query = select(modules).where(column.in_(some), modules.c.bridge != bridge)
            taken |= {row.id: row for row in await tx.execute(query)}
    return list(taken.values())


def _some(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield `values` in lists that a statement can have as parameters, always in the same order."""
    found = sorted(values)
    return (found[n : n + _AT_ONCE] for n in range(0, len(found), _AT_ONCE))
