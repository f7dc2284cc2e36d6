"""Ends jobs whose rows cannot be read any more, so that they neither block other jobs nor fail each start."""

from __future__ import annotations

from sqlalchemy import select, update

from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.jobs.outcome import INTERNAL_ERROR
from gsm_meter_bridge.model.job import OPEN, State
from gsm_meter_bridge.storage import registry, store
from gsm_meter_bridge.storage.database import Database, Transaction
from gsm_meter_bridge.storage.schema import jobs

_MESSAGE = "what it asks for cannot be read any more; if it was being sent, look at the module"


async def bury(database: Database, bridge: str, health: Health, now: float) -> int:
    """End the unfinished jobs of `bridge` whose rows cannot be read; return their number."""
    unfinished = jobs.c.module.in_(registry.served_by(bridge)), jobs.c.state.in_((State.QUEUED, *OPEN))
    async with database.reading() as tx:
        ids = tuple((await tx.execute(select(jobs.c.id).where(*unfinished))).scalars())
    buried = 0
    for job_id in ids:
        with health.guard(Door.CLOCK, f"job {job_id}") as guard:
            async with database.reading() as tx:
                await store.get(tx, job_id)
        if guard.error is not None:
            buried += 1
            async with database.transaction() as tx:
                await _end(tx, job_id, now)
    return buried


async def _end(tx: Transaction, job_id: str, now: float) -> None:
    ended = {
        "state": State.FAILED,
        "ended_at": now,
        "announced": None,
        "error_code": INTERNAL_ERROR,
        "error_message": _MESSAGE,
        "steps": "[]",
        "step": 0,
        "before": "{}",
        "after": "{}",
    }
    await tx.execute(update(jobs).where(jobs.c.id == job_id).values(**ended))
