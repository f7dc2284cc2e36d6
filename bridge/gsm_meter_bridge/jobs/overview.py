"""What there is to show of modules, many at a time: a few queries for hundreds of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from gsm_meter_bridge.job import Job
from gsm_meter_bridge.jobs import observations
from gsm_meter_bridge.jobs.budgets import Budgets, Spending
from gsm_meter_bridge.jobs.database import Transaction
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.jobs.rows import to_job
from gsm_meter_bridge.jobs.schema import jobs


@dataclass(frozen=True, slots=True)
class Overview:
    """One module: what it told, the last thing that somebody asked for, what was spent on it."""

    facts: ModuleFacts
    last: Job | None
    spending: Spending


async def overviews(
    tx: Transaction, modules: Sequence[str], budgets: Budgets, now: float, *, without: str
) -> dict[str, Overview]:
    """Return the overview of each of `modules`; jobs of the action `without` are no last result."""
    facts = await observations.facts_of(tx, modules)
    last = await _last(tx, modules, without)
    spent = await budgets.of_modules(tx, modules, now)
    return {m: Overview(facts[m], last.get(m), spent[m]) for m in modules}


async def _last(tx: Transaction, modules: Sequence[str], without: str) -> dict[str, Job]:
    place = func.row_number().over(partition_by=jobs.c.module, order_by=jobs.c.ended_at.desc())
    over = jobs.c.module.in_(modules), jobs.c.ended_at.is_not(None), jobs.c.action != without
    placed = select(jobs.c.id, place.label("place")).where(*over).subquery()
    query = select(jobs).join(placed, placed.c.id == jobs.c.id).where(placed.c.place == 1)
    return {row["module"]: to_job(row) for row in (await tx.execute(query)).mappings()}
