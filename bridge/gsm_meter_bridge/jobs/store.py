"""The jobs in the database: accepted once, claimed once, moved only as the table of `job` allows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, update

from gsm_meter_bridge.errors import ConflictError, TransitionError
from gsm_meter_bridge.family import RequestKind
from gsm_meter_bridge.job import OPEN, Event, Job, Priority, State, next_state
from gsm_meter_bridge.jobs import registry, schema
from gsm_meter_bridge.jobs.database import Transaction
from gsm_meter_bridge.jobs.rows import column_value, dump_steps, to_job, to_row

_jobs = schema.jobs


@dataclass(frozen=True, slots=True)
class Move:
    """One event of a job, what it changes besides the state, and words for the history."""

    event: Event
    changes: dict[str, Any] = field(default_factory=dict)
    detail: str | None = None


async def accept(tx: Transaction, job: Job) -> tuple[Job, bool]:
    """Store `job` and return it with True, or the job that its transaction already has with False.

    Raises ConflictError where the transaction belongs to a different request.
    """
    fingerprint = _fingerprint(job)
    if job.transaction is not None:
        known = (
            (await tx.execute(_select().where(_jobs.c.transaction_id == job.transaction))).mappings().first()
        )
        if known is not None:
            if known["fingerprint"] != fingerprint:
                raise ConflictError(f"transaction {job.transaction!r} was already used for something else")
            return to_job(known), False
    await tx.execute(_jobs.insert().values(**to_row(job), fingerprint=fingerprint))
    await tx.execute(schema.transitions.insert(), [_line(job, None, "accept", job.created_at)])
    return job, True


class Urgency(Enum):
    """How much a job must matter to be sent now."""

    ANY = "any"
    ASKED = "asked"
    """Asked for by a person, or begun."""
    BEGUN = "begun"
    """Begun: it must be known what became of a change."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a claim may take: jobs of the modules of `bridge` over one of `routes`, if they matter enough."""

    bridge: str
    routes: tuple[str, ...]
    urgency: Urgency = Urgency.ANY


async def claim(
    tx: Transaction, now: float, reach: Reach, changes: Callable[[Job], dict[str, Any]]
) -> Job | None:
    """Return the next due job within `reach`, moved to `sending`; None where there is none.

    A module with an open job is left alone, except that its open job itself may go on. `changes` gives
    what the claim changes in the job besides its state.
    """
    other = _jobs.alias()
    lane_is_free = ~exists().where(and_(other.c.module == _jobs.c.module, other.c.state.in_(OPEN)))
    begun = _jobs.c.state.in_((State.REPLIED, State.UNCERTAIN))
    queued = and_(_jobs.c.state == State.QUEUED, lane_is_free)
    if reach.urgency is Urgency.ASKED:
        queued = and_(queued, _jobs.c.priority < Priority.POLL)
    ready = begun if reach.urgency is Urgency.BEGUN else or_(queued, begun)
    served = schema.modules
    query = (
        _select()
        .join(served, served.c.id == _jobs.c.module)
        .where(
            ready, _jobs.c.due_at <= now, served.c.bridge == reach.bridge, served.c.route.in_(reach.routes)
        )
        .order_by(_jobs.c.priority, _jobs.c.created_at)
        .limit(1)
        .with_for_update(of=_jobs, skip_locked=True)
    )
    row = (await tx.execute(query)).mappings().first()
    if row is None:
        return None
    job = to_job(row)
    return await move(tx, job, now, Move(Event.CLAIM, changes(job)))


async def move(tx: Transaction, job: Job, now: float, *steps: Move) -> Job:
    """Return `job` after `steps`, one after the other, stored with their lines of history.

    Raises TransitionError where the table has no such row or the job is no longer as given.
    """
    moved, lines = job, []
    columns: dict[str, object] = {}
    for step in steps:
        before, state = moved.state, next_state(moved.state, step.event)
        moved = replace(moved, state=state, **step.changes)
        columns |= {name: column_value(name, value) for name, value in step.changes.items()}
        lines.append(_line(moved, before, step.event, now, step.detail))
    if not lines:
        return job
    if moved.state.final:
        moved = replace(moved, ended_at=now)
        columns |= {"ended_at": now, "steps": dump_steps(job.steps, hide_secrets=True)}
    query = update(_jobs).where(_jobs.c.id == job.id, _jobs.c.state == job.state)
    done = await tx.execute(query.values(state=moved.state, **columns))
    if done.rowcount != 1:
        raise TransitionError(f"job {job.id} is no longer {job.state}")
    await tx.execute(schema.transitions.insert(), lines)
    return moved


async def hurry(tx: Transaction, module: str, now: float) -> None:
    """Let the jobs of `module` that wait for their time go now."""
    waiting = _jobs.c.module == module, _jobs.c.state == State.QUEUED, _jobs.c.due_at > now
    await tx.execute(update(_jobs).where(*waiting).values(due_at=now))


async def mark_announced(tx: Transaction, job: Job) -> None:
    """Note that whoever wanted to know has been told the job's present state."""
    await tx.execute(update(_jobs).where(_jobs.c.id == job.id).values(announced=job.state))


async def get(tx: Transaction, job_id: str) -> Job | None:
    """Return the job `job_id`."""
    return await _one(tx, _select().where(_jobs.c.id == job_id))


async def open_job(tx: Transaction, module: str) -> Job | None:
    """Return the job that holds the lane of `module`."""
    return await _one(tx, _select().where(_jobs.c.module == module, _jobs.c.state.in_(OPEN)))


async def waiting(tx: Transaction, module: str) -> tuple[Job, ...]:
    """Return the jobs of `module` that are not final, the oldest first."""
    unfinished = _jobs.c.state.in_((State.QUEUED, *OPEN))
    return await _all(tx, _select().where(_jobs.c.module == module, unfinished).order_by(_jobs.c.created_at))


async def at_work(tx: Transaction, modules: Collection[str]) -> frozenset[str]:
    """Return those of `modules` that have jobs which are not final."""
    unfinished = _jobs.c.module.in_(modules), _jobs.c.state.in_((State.QUEUED, *OPEN))
    return frozenset((await tx.execute(select(_jobs.c.module).where(*unfinished))).scalars())


async def in_state(tx: Transaction, bridge: str, state: State) -> tuple[Job, ...]:
    """Return all jobs of a bridge in `state`."""
    return await _all(tx, _select().where(_jobs.c.state == state, _served(bridge)))


async def overdue(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge whose reply, or whose turn to be sent, did not come in time."""
    return await _all(
        tx,
        _select().where(
            _served(bridge),
            or_(
                and_(_jobs.c.state.in_((State.SENT, State.DELIVERED)), _jobs.c.reply_due_at <= now),
                and_(_jobs.c.state.in_((State.QUEUED, State.REPLIED)), _jobs.c.deadline_at <= now),
            ),
        ),
    )


async def expired_since(tx: Transaction, module: str, since: float) -> tuple[Job, ...]:
    """Return the jobs of `module` that got no reply since `since`, the latest first."""
    query = _select().where(
        _jobs.c.module == module, _jobs.c.state == State.EXPIRED, _jobs.c.ended_at >= since
    )
    return await _all(tx, query.order_by(_jobs.c.ended_at.desc()))


async def to_announce(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge whose outcome is to be told: final, or uncertain past the deadline."""
    untold = _jobs.c.announced.is_distinct_from(_jobs.c.state)  # few: an index of their own
    late = and_(_jobs.c.state == State.UNCERTAIN, _jobs.c.deadline_at <= now, _jobs.c.announced.is_(None))
    modules = schema.modules
    ours = exists().where(modules.c.id == _jobs.c.module, modules.c.bridge == bridge)
    due = untold, or_(_jobs.c.ended_at.is_not(None), late), ours
    return await _all(tx, _select().where(*due).order_by(_jobs.c.created_at))


async def latest(tx: Transaction, count: int, module: str | None = None) -> tuple[Job, ...]:
    """Return the `count` jobs that ended last, of `module` or of all."""
    query = _select().where(_jobs.c.ended_at.is_not(None)).order_by(_jobs.c.ended_at.desc()).limit(count)
    return await _all(tx, query if module is None else query.where(_jobs.c.module == module))


async def by_message_reference(tx: Transaction, module: str, modem: str, tp_mr: int) -> Job | None:
    """Return the job of `module` whose message, `tp_mr` of `modem`, is on its way."""
    ours = _jobs.c.module == module, _jobs.c.route == modem, _jobs.c.tp_mr == tp_mr
    return await _one(tx, _select().where(*ours, _jobs.c.state == State.SENT))


def _select() -> Select[Any]:
    return select(_jobs)


def _served(bridge: str) -> ColumnElement[bool]:
    return _jobs.c.module.in_(registry.served_by(bridge))


async def _one(tx: Transaction, query: Select[Any]) -> Job | None:
    row = (await tx.execute(query.limit(1))).mappings().first()
    return None if row is None else to_job(row)


async def _all(tx: Transaction, query: Select[Any]) -> tuple[Job, ...]:
    return tuple(to_job(row) for row in (await tx.execute(query)).mappings())


def _line(
    job: Job, before: State | None, event: str, now: float, detail: str | None = None
) -> dict[str, object]:
    return {
        "job_id": job.id,
        "at": now,
        "from_state": before,
        "event": event,
        "to_state": job.state,
        "step": job.step,
        "detail": detail,
    }


def _fingerprint(job: Job) -> str:
    done = [s.request.name for s in job.steps if s.request.kind is RequestKind.ACTION]
    what = json.dumps([job.module, job.action, job.asked(), done], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()
