"""Deletes old rows: ended jobs, their transitions, processed messages, lookalikes, counts of sent SMS."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, select

from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.storage.budgets import DAY_S
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import jobs, lookalikes, sent, sent_by_day, transitions

_BUDGETS_S = 32 * 86_400.0
"""Budgets count a month, however short the retention is."""


async def forget_before(tx: Transaction, at: float, now: float) -> int:
    """Delete jobs that ended, and processed messages that came, before `at`; return the number of jobs."""
    return await tx.run_sync(partial(_forget, at=at, now=now))


def _forget(connection: Connection, at: float, now: float) -> int:
    over = jobs.c.ended_at < at, jobs.c.announced == jobs.c.state
    connection.execute(delete(transitions).where(transitions.c.job_id.in_(select(jobs.c.id).where(*over))))
    gone = connection.execute(delete(jobs).where(*over))
    inbox.forget_before(connection, at)
    connection.execute(delete(lookalikes).where(lookalikes.c.last_at < at))
    day = int(min(at, now - _BUDGETS_S) // DAY_S)  # whole days, as they are counted
    connection.execute(delete(sent).where(sent.c.at < day * DAY_S))
    connection.execute(delete(sent_by_day).where(sent_by_day.c.day < day))
    return int(gone.rowcount)
