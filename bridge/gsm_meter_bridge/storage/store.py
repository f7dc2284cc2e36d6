"""The jobs in the database: accepted once, claimed once, moved only by a row of `job.TRANSITIONS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, update

from gsm_meter_bridge.errors import ConflictError, TransitionError
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import RequestKind
from gsm_meter_bridge.model.job import NOT_DELIVERED, OPEN, Event, Job, Move, Priority, State, next_state
from gsm_meter_bridge.storage import registry, schema
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.rows import column_value, dump_steps, to_job, to_row

_jobs = schema.jobs

AD_HOC = "ad hoc access password"
"""Purpose for which the passwords of ad hoc jobs are sealed (`InstallationKey.seal`)."""


async def accept(tx: Transaction, job: Job, key: InstallationKey) -> tuple[Job, bool]:
    """Store `job` and return it with True, or the job that its transaction already has with False."""
    before = await known(tx, job, key)
    if before is not None:
        return before, False
    await tx.execute(_jobs.insert().values(**to_row(job), fingerprint=_fingerprint(job, key)))
    await tx.execute(schema.transitions.insert(), [_line(job, None, "accept", job.created_at)])
    return job, True


async def known(tx: Transaction, job: Job, key: InstallationKey) -> Job | None:
    """Return the job that the transaction of `job` already has; None if it has none.

    Raises ConflictError if the transaction belongs to a different request. That cannot be detected if the
    fingerprint of the stored job was made with another key than `key`, or before there was one.
    """
    if job.transaction is None:
        return None
    row = (await tx.execute(_select().where(_jobs.c.transaction_id == job.transaction))).mappings().first()
    if row is None:
        return None
    if key.made(row["fingerprint"]) and row["fingerprint"] != _fingerprint(job, key):
        raise ConflictError(f"transaction {job.transaction!r} was already used for something else")
    return to_job(row)


class Urgency(Enum):
    """The urgency that a job needs to be sent now."""

    ANY = "any"
    ASKED = "asked"
    """Requested by a user, or already begun."""
    BEGUN = "begun"
    """Already begun: the result of a change must become known."""


@dataclass(frozen=True, slots=True)
class ClaimScope:
    """The jobs that may be claimed: of the modules of `bridge`, bound to one of `routes`, by urgency."""

    bridge: str
    routes: tuple[str, ...]
    urgency: Urgency = Urgency.ANY


async def claim(
    tx: Transaction, now: float, scope: ClaimScope, changes: Callable[[Job], dict[str, Any]]
) -> Job | None:
    """Return the next due job within `scope`, moved to `sending`; None if there is none.

    Of a module with an open job, only that job may be claimed; of jobs that may have been done already, those
    that were announced as uncertain. `changes` returns the job fields that the
    claim changes besides the state.
    """
    other = _jobs.alias()
    lane_is_free = ~exists().where(and_(other.c.module == _jobs.c.module, other.c.state.in_(OPEN)))
    begun = _jobs.c.state.in_((State.REPLIED, State.UNCERTAIN))
    queued = and_(_jobs.c.state == State.QUEUED, lane_is_free)
    if scope.urgency is Urgency.ASKED:
        queued = and_(queued, _jobs.c.priority < Priority.POLL)
    reported = or_(_jobs.c.doubted_at.is_(None), _jobs.c.announced.is_not(None))
    ready = begun if scope.urgency is Urgency.BEGUN else or_(queued, begun)
    served = schema.modules
    query = (
        _select()
        .join(served, served.c.id == _jobs.c.module)
        .where(
            ready,
            reported,
            _jobs.c.due_at <= now,
            served.c.bridge == scope.bridge,
            served.c.route.in_(scope.routes),
        )
        .order_by(_jobs.c.priority, _jobs.c.created_at)
        .limit(1)
        .with_for_update(of=_jobs, skip_locked=True)
    )
    row = (await tx.execute(query)).mappings().first()
    if row is None:
        return None
    job = to_job(row)
    return await apply(tx, job, now, Move(Event.CLAIM, changes(job)))


async def apply(tx: Transaction, job: Job, now: float, *steps: Move) -> Job:
    """Apply `steps` to `job` one after the other, store it with its history, and return it.

    Raises TransitionError if the table has no row for an event, or if the stored job is no longer as given.
    """
    moved, lines = job, []
    columns: dict[str, object] = {}
    for step in steps:
        before, state = moved.state, next_state(moved.state, step.event)
        changes = step.changes
        if any(name in changes and changes[name] != getattr(moved, name) for name in ("step", "steps")):
            changes = {"asked_at": None, **changes}
        moved = replace(moved, state=state, **changes)
        columns |= {name: column_value(name, value) for name, value in changes.items()}
        lines.append(_line(moved, before, step.event, now, step.detail))
    if not lines:
        return job
    if moved.state.final:
        moved = replace(moved, ended_at=now, ad_hoc_password=None)
        steps_left = dump_steps(moved.steps, hide_secrets=True)
        columns |= {"ended_at": now, "ad_hoc_password": None, "steps": steps_left}
    query = update(_jobs).where(_jobs.c.id == job.id, _jobs.c.state == job.state)
    done = await tx.execute(query.values(state=moved.state, **columns))
    if done.rowcount != 1:
        raise TransitionError(f"job {job.id} is no longer {job.state}")
    await tx.execute(schema.transitions.insert(), lines)
    return moved


async def note_window(tx: Transaction, job: Job, begin: float | None, end: float | None) -> Job:
    """Store the TP-SCTS window of the message that `job` is about to send, and return it; see `reports`."""
    window = {"scts_from": begin, "scts_until": end}
    await tx.execute(update(_jobs).where(_jobs.c.id == job.id).values(**window))
    return replace(job, scts_from=begin, scts_until=end)


async def expedite(tx: Transaction, module: str, now: float) -> None:
    """Make the waiting jobs of `module` due now."""
    waiting = _jobs.c.module == module, _jobs.c.state == State.QUEUED, _jobs.c.due_at > now
    await tx.execute(update(_jobs).where(*waiting).values(due_at=now))


async def postpone(tx: Transaction, job: Job, deadline_at: float) -> None:
    """Set a later deadline (Unix time) for a waiting job."""
    await tx.execute(update(_jobs).where(_jobs.c.id == job.id).values(deadline_at=deadline_at))


async def mark_announced(tx: Transaction, job: Job) -> None:
    """Note that the job's present state has been announced."""
    await tx.execute(update(_jobs).where(_jobs.c.id == job.id).values(announced=job.state))


async def get(tx: Transaction, job_id: str) -> Job | None:
    """Return the job `job_id`; None if there is none."""
    return await _one(tx, _select().where(_jobs.c.id == job_id))


async def open_job(tx: Transaction, module: str) -> Job | None:
    """Return the open job of `module`, which blocks its other jobs; None if there is none."""
    return await _one(tx, _select().where(_jobs.c.module == module, _jobs.c.state.in_(OPEN)))


async def waiting(tx: Transaction, module: str) -> tuple[Job, ...]:
    """Return the jobs of `module` that are not final, the oldest first."""
    unfinished = _jobs.c.state.in_((State.QUEUED, *OPEN))
    return await _all(tx, _select().where(_jobs.c.module == module, unfinished).order_by(_jobs.c.created_at))


async def at_work(tx: Transaction, modules: Collection[str]) -> frozenset[str]:
    """Return those of `modules` that have jobs that are not final."""
    unfinished = _jobs.c.module.in_(modules), _jobs.c.state.in_((State.QUEUED, *OPEN))
    return frozenset((await tx.execute(select(_jobs.c.module).where(*unfinished))).scalars())


async def unfinished(tx: Transaction, bridge: str) -> tuple[Job, ...]:
    """Return all jobs of a bridge that are not final, the oldest first."""
    which = _jobs.c.state.in_((State.QUEUED, *OPEN)), _served(bridge)
    return await _all(tx, _select().where(*which).order_by(_jobs.c.created_at))


async def in_state(tx: Transaction, bridge: str, state: State) -> tuple[Job, ...]:
    """Return all jobs of a bridge in `state`."""
    return await _all(tx, _select().where(_jobs.c.state == state, _served(bridge)))


async def overdue(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge with no reply in time, or not sent before their deadline.

    A waiting job that may have been done already has no deadline: it is still to be found out.
    """
    queued = and_(_jobs.c.state == State.QUEUED, _jobs.c.doubted_at.is_(None))
    return await _all(
        tx,
        _select().where(
            _served(bridge),
            or_(
                and_(_jobs.c.state.in_((State.SENT, State.DELIVERED)), _jobs.c.reply_due_at <= now),
                and_(or_(queued, _jobs.c.state == State.REPLIED), _jobs.c.deadline_at <= now),
            ),
        ),
    )


async def expired_since(tx: Transaction, module: str, since: float) -> tuple[Job, ...]:
    """Return the jobs of `module` that ended since `since` without a reply, the latest first.

    They include those that the network reported as not delivered: it may have been wrong.
    """
    undelivered = and_(_jobs.c.state == State.FAILED, _jobs.c.error_code == NOT_DELIVERED)
    unanswered = or_(_jobs.c.state == State.EXPIRED, undelivered)
    query = _select().where(_jobs.c.module == module, unanswered, _jobs.c.ended_at >= since)
    return await _all(tx, query.order_by(_jobs.c.ended_at.desc()))


async def to_announce(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge whose outcome is to be announced, in the state that is shown.

    They are final, or uncertain past the deadline, or may have been done before the database was restored.
    """
    unannounced = _jobs.c.announced.is_distinct_from(_jobs.c.state)  # few: they have their own index
    late = and_(_jobs.c.state == State.UNCERTAIN, _jobs.c.deadline_at <= now)
    doubted = and_(_jobs.c.state.in_((State.UNCERTAIN, State.QUEUED)), _jobs.c.doubted_at.is_not(None))
    unknown = and_(or_(late, doubted), _jobs.c.announced.is_(None))
    modules = schema.modules
    ours = exists().where(modules.c.id == _jobs.c.module, modules.c.bridge == bridge)
    due = unannounced, or_(_jobs.c.ended_at.is_not(None), unknown), ours
    found = await _all(tx, _select().where(*due).order_by(_jobs.c.created_at))
    return tuple(replace(job, state=job.shown_state) for job in found)


async def latest(tx: Transaction, count: int, module: str | None = None) -> tuple[Job, ...]:
    """Return the `count` jobs that ended last, of `module` or of all."""
    query = _select().where(_jobs.c.ended_at.is_not(None)).order_by(_jobs.c.ended_at.desc()).limit(count)
    return await _all(tx, query if module is None else query.where(_jobs.c.module == module))


async def alike(tx: Transaction, job: Job, key: InstallationKey, since: float) -> Job | None:
    """Return the newest job with the same request as `job` that is unfinished or ended after `since`."""
    same = _jobs.c.module == job.module, _jobs.c.fingerprint == _fingerprint(job, key)
    lately = or_(_jobs.c.ended_at.is_(None), _jobs.c.ended_at >= since)
    return await _one(tx, _select().where(*same, lately).order_by(_jobs.c.created_at.desc()))


async def by_message_reference(
    tx: Transaction, module: str, modem: str, tp_mr: int, scts: float
) -> Job | None:
    """Return the sent job of `module` whose message has the reference `tp_mr` of `modem`, None if none.

    `scts` is the Unix time when the service centre had that message, by its own clock.
    """
    ours = _jobs.c.module == module, _jobs.c.sent_via == modem, _jobs.c.tp_mr == tp_mr
    early_enough = or_(_jobs.c.scts_until.is_(None), _jobs.c.scts_until >= scts)
    in_time = _jobs.c.scts_from <= scts, early_enough
    return await _one(tx, _select().where(*ours, *in_time, _jobs.c.state == State.SENT))


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


def _fingerprint(job: Job, key: InstallationKey) -> str:
    commands = (command for step in job.steps for command in step.request.each)
    done = [command.name for command in commands if command.kind is RequestKind.ACTION]
    asked: list[object] = [job.module, job.action, job.asked(), done]
    if job.ad_hoc_family is not None:
        asked += [job.ad_hoc_family, key.unseal(AD_HOC, job.ad_hoc_password or "")]
    return key.digest("request", json.dumps(asked, sort_keys=True))
