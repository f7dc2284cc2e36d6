"""The jobs in the database: accepted once, claimed once, moved only by a row of `job.TRANSITIONS`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    union_all,
    update,
)

from gsm_meter_bridge.errors import ConflictError, TransitionError
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.model import RequestKind
from gsm_meter_bridge.model.job import NOT_DELIVERED, OPEN, Event, Job, Move, Priority, State, next_state
from gsm_meter_bridge.storage import schema
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.rows import column_value, dump_steps, to_job, to_row

_jobs = schema.jobs

# Statements of every second or every message are built once; those about one bridge have an index each.
_OF_BRIDGE = _jobs.c.bridge == bindparam("bridge_id")
_BY_ID = select(_jobs).where(_jobs.c.id == bindparam("job_id"))
_OF_MODULE = _jobs.c.module == bindparam("module_id")
_SERVING = select(schema.modules.c.bridge).where(schema.modules.c.id == bindparam("module_id"))
_ACCEPT = _jobs.insert().values(bridge=func.coalesce(_SERVING.scalar_subquery(), ""))
_OPEN = select(_jobs).where(_OF_MODULE, schema.IS_OPEN)
_BY_TRANSACTION = select(_jobs).where(_jobs.c.transaction_id == bindparam("transaction"))
_UNFINISHED = (
    select(_jobs).where(_OF_MODULE, _jobs.c.state.in_((State.QUEUED, *OPEN))).order_by(_jobs.c.created_at)
)
_MOVE = update(_jobs).where(_jobs.c.id == bindparam("job_id"), _jobs.c.state == bindparam("earlier_state"))
_UNDELIVERED = and_(_jobs.c.state == State.FAILED, _jobs.c.error_code == NOT_DELIVERED)
_EXPIRED = and_(or_(_jobs.c.state == State.EXPIRED, _UNDELIVERED), _jobs.c.ended_at >= bindparam("since"))
_OPEN_OR_EXPIRED = union_all(_OPEN, select(_jobs).where(_OF_MODULE, _EXPIRED))
_OVERDUE = union_all(
    select(_jobs).where(_OF_BRIDGE, schema.IS_ASKED, _jobs.c.reply_due_at <= bindparam("now")),
    select(_jobs).where(
        _OF_BRIDGE,
        schema.IS_WAITING,
        or_(
            _jobs.c.state == State.REPLIED,
            and_(_jobs.c.state == State.QUEUED, _jobs.c.doubted_at.is_(None)),
        ),
        _jobs.c.deadline_at <= bindparam("now"),
    ),
)
_TO_ANNOUNCE = union_all(
    select(_jobs).where(_OF_BRIDGE, schema.IS_OVER_UNANNOUNCED),
    select(_jobs).where(
        _OF_BRIDGE,
        schema.IS_WAITING,
        _jobs.c.state == State.UNCERTAIN,
        _jobs.c.announced.is_(None),
        _jobs.c.doubted_at.is_(None),
        _jobs.c.deadline_at <= bindparam("now"),
    ),
    select(_jobs).where(
        _OF_BRIDGE,
        schema.IS_DOUBTED,
        _jobs.c.state.in_((State.UNCERTAIN, State.QUEUED)),
        _jobs.c.announced.is_(None),
    ),
).order_by("created_at")

AD_HOC = "ad hoc access password"
"""Purpose for which the passwords of ad hoc jobs are sealed (`InstallationKey.seal`)."""


async def accept(tx: Transaction, job: Job, key: InstallationKey) -> None:
    """Store a job that is not `known`, as one of the bridge that serves its module."""
    row = {**to_row(job), "fingerprint": _fingerprint(job, key), "module_id": job.module}
    await tx.execute(_ACCEPT, row)
    await tx.execute(schema.transitions.insert(), [_line(job, None, "accept", job.created_at)])


async def known(tx: Transaction, job: Job, key: InstallationKey) -> Job | None:
    """Return the job that the transaction of `job` already has; None if it has none.

    Raises ConflictError if the transaction belongs to a different request. That cannot be detected if the
    fingerprint of the stored job was made with another key than `key`, or before there was one.
    """
    if job.transaction is None:
        return None
    row = (await tx.execute(_BY_TRANSACTION, {"transaction": job.transaction})).mappings().first()
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


def _claimable(urgency: Urgency) -> Select[Any]:
    """Return the query for the next due job.

    Of a module with an open job, only that job may be claimed; of jobs that may have been done already, those
    that were announced as uncertain.
    """
    other = _jobs.alias("other")
    others = other.c.module == _jobs.c.module, text(f"other.{schema.IS_OPEN.text}")
    begun = _jobs.c.state.in_((State.REPLIED, State.UNCERTAIN))
    queued = and_(_jobs.c.state == State.QUEUED, ~exists().where(*others))
    if urgency is Urgency.ASKED:
        queued = and_(queued, _jobs.c.priority < Priority.POLL)
    reported = or_(_jobs.c.doubted_at.is_(None), _jobs.c.announced.is_not(None))
    served = schema.modules
    return (
        select(_jobs)
        .join(served, served.c.id == _jobs.c.module)
        .where(
            _OF_BRIDGE,
            served.c.bridge == bindparam("bridge_id"),
            schema.IS_WAITING,
            begun if urgency is Urgency.BEGUN else or_(queued, begun),
            reported,
            _jobs.c.due_at <= bindparam("now"),
            served.c.route.in_(bindparam("routes", expanding=True)),
        )
        .order_by(_jobs.c.priority, _jobs.c.created_at)
        .limit(1)
    )


_DUE = {urgency: _claimable(urgency).with_only_columns(_jobs.c.id) for urgency in Urgency}
_CLAIMABLE = {urgency: _claimable(urgency).with_for_update(of=_jobs, skip_locked=True) for urgency in Urgency}


async def is_due(tx: Transaction, now: float, scope: ClaimScope) -> bool:
    """Return whether there is a job to be claimed within `scope`."""
    which = {"bridge_id": scope.bridge, "now": now, "routes": scope.routes}
    return (await tx.execute(_DUE[scope.urgency], which)).first() is not None


async def claim(
    tx: Transaction, now: float, scope: ClaimScope, changes: Callable[[Job], Awaitable[dict[str, Any]]]
) -> Job | None:
    """Return the next due job within `scope`, moved to `sending`; None if there is none.

    `changes` returns the job fields that the claim changes besides the state.
    """
    which = {"bridge_id": scope.bridge, "now": now, "routes": scope.routes}
    row = (await tx.execute(_CLAIMABLE[scope.urgency], which)).mappings().first()
    if row is None:
        return None
    job = to_job(row)
    return await apply(tx, job, now, Move(Event.CLAIM, await changes(job)))


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
    columns |= {"state": moved.state}
    done = await tx.execute(_MOVE, {**columns, "job_id": job.id, "earlier_state": job.state})
    if done.rowcount != 1:
        raise TransitionError(f"job {job.id} is no longer {job.state}")
    await tx.execute(schema.transitions.insert(), lines)
    return moved


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
    return await _one(tx, _BY_ID, {"job_id": job_id})


async def open_job(tx: Transaction, module: str) -> Job | None:
    """Return the open job of `module`, which blocks its other jobs; None if there is none."""
    return await _one(tx, _OPEN, {"module_id": module})


async def waiting(tx: Transaction, module: str) -> tuple[Job, ...]:
    """Return the jobs of `module` that are not final, the oldest first."""
    return await _all(tx, _UNFINISHED, {"module_id": module})


async def at_work(tx: Transaction, modules: Collection[str]) -> frozenset[str]:
    """Return those of `modules` that have jobs that are not final."""
    unfinished = _jobs.c.module.in_(modules), _jobs.c.state.in_((State.QUEUED, *OPEN))
    return frozenset((await tx.execute(select(_jobs.c.module).where(*unfinished))).scalars())


async def unfinished(tx: Transaction, bridge: str) -> tuple[Job, ...]:
    """Return all jobs of a bridge that are not final, the oldest first."""
    query = select(_jobs).where(_jobs.c.state.in_((State.QUEUED, *OPEN)), _OF_BRIDGE)
    return await _all(tx, query.order_by(_jobs.c.created_at), {"bridge_id": bridge})


async def in_state(tx: Transaction, bridge: str, state: State) -> tuple[Job, ...]:
    """Return the jobs of a bridge in an open `state`."""
    query = select(_jobs).where(schema.IS_OPEN, _jobs.c.state == state, _OF_BRIDGE)
    return await _all(tx, query, {"bridge_id": bridge})


async def overdue(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge with no reply in time, or not sent before their deadline.

    A waiting job that may have been done already has no deadline: it is still to be found out.
    """
    return await _all(tx, _OVERDUE, {"bridge_id": bridge, "now": now})


async def open_and_expired(tx: Transaction, module: str, since: float) -> tuple[Job | None, tuple[Job, ...]]:
    """Return the open job of `module`, and those that ended since `since` without a reply, the latest first.

    The latter include those that the network reported as not delivered: it may have been wrong.
    """
    found = await _all(tx, _OPEN_OR_EXPIRED, {"module_id": module, "since": since})
    expired = sorted((j for j in found if j.ended_at is not None), key=lambda j: -(j.ended_at or 0.0))
    return next((j for j in found if j.ended_at is None), None), tuple(expired)


async def to_announce(tx: Transaction, bridge: str, now: float) -> tuple[Job, ...]:
    """Return the jobs of a bridge whose outcome is to be announced, in the state that is shown.

    They are final, or uncertain past the deadline, or may have been done before the database was restored.
    """
    found = await _all(tx, _TO_ANNOUNCE, {"bridge_id": bridge, "now": now})
    return tuple(replace(job, state=job.shown_state) for job in found)


async def latest(tx: Transaction, count: int, module: str | None = None) -> tuple[Job, ...]:
    """Return the `count` jobs that ended last, of `module` or of all."""
    query = select(_jobs).where(_jobs.c.ended_at.is_not(None)).order_by(_jobs.c.ended_at.desc()).limit(count)
    return await _all(tx, query if module is None else query.where(_jobs.c.module == module))


async def alike(tx: Transaction, job: Job, key: InstallationKey, since: float) -> Job | None:
    """Return the newest job with the same request as `job` that is unfinished or ended after `since`."""
    same = _jobs.c.module == job.module, _jobs.c.fingerprint == _fingerprint(job, key)
    lately = or_(_jobs.c.ended_at.is_(None), _jobs.c.ended_at >= since)
    return await _one(tx, select(_jobs).where(*same, lately).order_by(_jobs.c.created_at.desc()))


async def by_message_reference(
    tx: Transaction, module: str, modem: str, tp_mr: int, scts: float
) -> Job | None:
    """Return the sent job of `module` whose message has the reference `tp_mr` of `modem`, None if none.

    `scts` is the Unix time when the service centre had that message, by its own clock.
    """
    ours = _jobs.c.module == module, _jobs.c.sent_via == modem, _jobs.c.tp_mr == tp_mr
    early_enough = or_(_jobs.c.scts_until.is_(None), _jobs.c.scts_until >= scts)
    in_time = _jobs.c.scts_from <= scts, early_enough
    return await _one(tx, select(_jobs).where(*ours, *in_time, _jobs.c.state == State.SENT))


async def _one(tx: Transaction, query: Select[Any], which: Mapping[str, Any] | None = None) -> Job | None:
    row = (await tx.execute(query.limit(1) if which is None else query, which)).mappings().first()
    return None if row is None else to_job(row)


async def _all(
    tx: Transaction, query: Select[Any] | CompoundSelect[Any], which: Mapping[str, Any] | None = None
) -> tuple[Job, ...]:
    return tuple(to_job(row) for row in (await tx.execute(query, which)).mappings())


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
