"""Forgets what is over since long: jobs, their transitions, messages, counts of what was sent."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, select

from gsm_meter_bridge.jobs.database import Transaction
from gsm_meter_bridge.jobs.inbox import Fate
from gsm_meter_bridge.jobs.schema import jobs, messages, sent, transitions

_BUDGETS_S = 32 * 86_400.0
"""Budgets count a month, however short the retention is."""


async def forget_before(tx: Transaction, at: float, now: float) -> int:
    """Delete jobs that ended before `at`, and messages as old that are dealt with; return how many jobs."""
    return await tx.run_sync(partial(_forget, at=at, now=now))


def _forget(connection: Connection, at: float, now: float) -> int:
    over = jobs.c.ended_at < at, jobs.c.announced == jobs.c.state
    connection.execute(delete(transitions).where(transitions.c.job_id.in_(select(jobs.c.id).where(*over))))
    gone = connection.execute(delete(jobs).where(*over))
    connection.execute(delete(messages).where(messages.c.received_at < at, messages.c.fate != Fate.NEW))
    connection.execute(delete(sent).where(sent.c.at < min(at, now - _BUDGETS_S)))
    return int(gone.rowcount)
