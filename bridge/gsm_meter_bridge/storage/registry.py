"""Which bridge serves which module, through which of its gateway modems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, select

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import modules

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

    Raises ConfigError if a module or a number belongs to another bridge that is alive: both would send to it.
    Those of a bridge that is gone are taken over. `now` replaces the database's time.
    """
    rows = {
        b.module.id: {"id": b.module.id, "bridge": bridge, "msisdn": b.module.msisdn, "route": b.route}
        for b in bindings
    }
    taken = await _taken(tx, bridge, rows)
    problems = []
    for row in taken:
        if await leases.is_held(tx, leases.of_bridge(row.bridge), now):
            problems.append(
                f"modules: {row.id} ({row.msisdn}) is served by the bridge {row.bridge} in this database"
            )
    if problems:
        raise ConfigError(problems)
    for row in taken:
        await tx.execute(delete(modules).where(modules.c.id == row.id))
    configured = ~modules.c.id.startswith("+", autoescape=True)
    await tx.execute(delete(modules).where(modules.c.bridge == bridge, configured))
    if rows:
        await tx.execute(modules.insert(), list(rows.values()))


async def _taken(tx: Transaction, bridge: str, rows: dict[str, dict[str, str]]) -> list[Row[Any]]:
    numbers = {row["msisdn"] for row in rows.values()}
    others = (await tx.execute(select(modules).where(modules.c.bridge != bridge))).all()
    return [row for row in others if row.id in rows or row.msisdn in numbers]
