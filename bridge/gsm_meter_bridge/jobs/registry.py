"""Which bridge serves which module, through which of its modems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, select

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.jobs import leases
from gsm_meter_bridge.jobs.database import Transaction
from gsm_meter_bridge.jobs.schema import modules

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


async def register(tx: Transaction, bridge: str, bindings: Iterable[Binding], now: float) -> None:
    """Write down that `bridge` serves these modules and no others.

    A module or a number of another bridge that is alive is a ConfigError: two bridges would talk to it at
    once. Those of a bridge that is gone are taken over.
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
    await tx.execute(delete(modules).where(modules.c.bridge == bridge))
    if rows:
        await tx.execute(modules.insert(), list(rows.values()))


async def _taken(tx: Transaction, bridge: str, rows: dict[str, dict[str, str]]) -> list[Row[Any]]:
    numbers = {row["msisdn"] for row in rows.values()}
    others = (await tx.execute(select(modules).where(modules.c.bridge != bridge))).all()
    return [row for row in others if row.id in rows or row.msisdn in numbers]
