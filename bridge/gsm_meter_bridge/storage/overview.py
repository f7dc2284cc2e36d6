"""What is shown of modules: a few queries for hundreds of modules at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select

from gsm_meter_bridge.model.facts import ModuleFacts, Spending
from gsm_meter_bridge.model.job import OPEN, Job, State, Unfinished
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.rows import to_job
from gsm_meter_bridge.storage.schema import jobs, transitions


@dataclass(frozen=True, slots=True)
class Overview:
    """One module: its facts, the job that ended last, and its spending.

    `waiting` are its unfinished jobs, the oldest first, at most MOST_SHOWN.
    """

    facts: ModuleFacts
    last: Job | None
    spending: Spending
    waiting: tuple[Unfinished, ...] = ()


MOST_SHOWN = 20
"""Most unfinished jobs that are shown of one module."""


async def overviews(
    tx: Transaction, modules: Sequence[str], budgets: Budgets, now: float, *, without: str
) -> dict[str, Overview]:
    """Return the overview of each of `modules`; jobs of the action `without` do not count as the last."""
    facts = await observations.facts_of(tx, modules)
    last = await _last(tx, modules, without)
    spent = await budgets.of_modules(tx, modules, now)
    waiting = await _waiting(tx, modules)
    return {m: Overview(facts[m], last.get(m), spent[m], waiting.get(m, ())) for m in modules}


async def unfinished(tx: Transaction, modules: Collection[str], limit: int) -> tuple[Unfinished, ...]:
    """Return the unfinished jobs of `modules`, the oldest first, at most `limit`."""
    query = _since().where(*_not_over(modules)).order_by(jobs.c.created_at, jobs.c.id)
    rows = (await tx.execute(query.limit(limit))).mappings()
    return tuple(map(_unfinished, rows))


async def _waiting(tx: Transaction, modules: Sequence[str]) -> dict[str, tuple[Unfinished, ...]]:
    """Return the unfinished jobs of each of `modules`, the oldest first, at most MOST_SHOWN."""
    place = func.row_number().over(partition_by=jobs.c.module, order_by=(jobs.c.created_at, jobs.c.id))
    placed = select(jobs.c.id, place.label("place")).where(*_not_over(modules)).subquery()
    query = _since().join(placed, placed.c.id == jobs.c.id).where(placed.c.place <= MOST_SHOWN)
    found: dict[str, tuple[Unfinished, ...]] = {}
    for row in (await tx.execute(query.order_by(jobs.c.created_at, jobs.c.id))).mappings():
        found[row["module"]] = (*found.get(row["module"], ()), _unfinished(row))
    return found


def _not_over(modules: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.module.in_(modules), jobs.c.state.in_((State.QUEUED, *OPEN))


def _since() -> Select[Any]:
    """Return the query for jobs and the Unix time since which each is in its state."""
    last = select(func.max(transitions.c.at)).where(transitions.c.job_id == jobs.c.id).scalar_subquery()
    return select(jobs, last.label("since"))


def _unfinished(row: RowMapping) -> Unfinished:
    return Unfinished(to_job(row), row["since"] or row["created_at"])


async def _last(tx: Transaction, modules: Sequence[str], without: str) -> dict[str, Job]:
    place = func.row_number().over(partition_by=jobs.c.module, order_by=jobs.c.ended_at.desc())
    over = jobs.c.module.in_(modules), jobs.c.ended_at.is_not(None), jobs.c.action != without
    placed = select(jobs.c.id, place.label("place")).where(*over).subquery()
    query = select(jobs).join(placed, placed.c.id == jobs.c.id).where(placed.c.place == 1)
    return {row["module"]: to_job(row) for row in (await tx.execute(query)).mappings()}
