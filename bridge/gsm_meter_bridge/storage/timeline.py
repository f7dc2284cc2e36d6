"""Shifts the times in the database when the wall clock is set, to keep them in the bridge's own time.

Times of other bridges in the same database are left alone: each has a clock of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import ColumnElement, Table, exists, func, or_, select, update

from gsm_meter_bridge.clock import LET_BE_S, PROGRAM_DATE, Clock, ClockStep, span, utc
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.model.job import OPEN, Priority, State
from gsm_meter_bridge.storage import registry
from gsm_meter_bridge.storage.budgets import count_again
from gsm_meter_bridge.storage.database import Database, Transaction
from gsm_meter_bridge.storage.schema import (
    IS_NEW,
    contacts,
    jobs,
    lookalikes,
    messages,
    readings,
    sent,
    transitions,
)

_LOGGER = logging.getLogger(__name__)
_LOOK_S = 1.0
_REPORTED_FROM_S = 60.0
_REPORTED_FOR_S = 3600.0
_SUBJECT = "clock"
_UNFINISHED = (State.QUEUED, *OPEN)


class Timekeeper:
    """Checks the wall clock every second; `on_change` is called when dates must be published again."""

    def __init__(
        self,
        database: Database,
        bridge: str,
        clock: Clock,
        health: Health | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._bridge, self._clock = database, bridge, clock
        self._health = health or Health()
        self._on_change = on_change
        self._steps = 0
        self._was_right = True

    async def begin(self) -> None:
        """Begin this run's time after all times that the bridge stored before, and resume its open jobs.

        The length of the downtime is by a clock that may be wrong, so open jobs keep the waiting time that
        they had left.
        """
        async with self._database.transaction() as tx:
            away_s = self._clock.begin(await newest(tx, self._bridge))
            await resume(tx, self._bridge, away_s)
        self._report()

    async def run(self) -> None:
        """Check the clock until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            with self._health.guard(Door.CLOCK, "looking at the clock"):
                await self._database.run_guarded(self.look)

    async def look(self) -> None:
        """Check the clock once, and shift the stored times if it was set."""
        step = self._clock.look()
        if step is not None:
            async with self._database.transaction() as tx:
                await shift(tx, self._bridge, step)
            self._clock.take(step)  # no await since the commit: no other task has used the old time
            self._on_change()
        self._report()

    def _report(self) -> None:
        clock = self._clock
        changed, self._was_right = clock.right != self._was_right, clock.right
        stepped, self._steps = clock.steps != self._steps, clock.steps
        set_by = f"set {'forward' if clock.last_step_s > 0 else 'back'} by {span(clock.last_step_s)}"
        if stepped:
            _LOGGER.info("the system's clock was %s", set_by)
        if changed:
            self._on_change()
        if not clock.right:
            if changed or stepped:
                message = cannot_be_right(clock.wall, clock.newest)
                self._health.report(BridgeProblemCode.CLOCK, _SUBJECT, message)
        elif stepped and abs(clock.last_step_s) >= _REPORTED_FROM_S:
            message = f"the system's clock was {set_by}; all that is under way goes on"
            self._health.report(BridgeProblemCode.CLOCK, _SUBJECT, message)
        elif changed or clock.set_s_ago > _REPORTED_FOR_S:
            self._health.clear(BridgeProblemCode.CLOCK, _SUBJECT)


def cannot_be_right(wall: float, newest: float | None) -> str:
    """Return the text that says why a clock that shows `wall` (Unix time) is wrong."""
    if wall < PROGRAM_DATE or newest is None:
        reason = "this program is younger"
    else:
        reason = f"the database has a time of {utc(newest)}"
    message = f"the system's clock says {utc(wall)}, which cannot be right"
    return f"{message}: {reason}; nothing is dated until it is set"


async def newest(tx: Transaction, bridge: str) -> float | None:
    """Return the latest Unix time that was stored for a bridge; None if there is none."""
    own = registry.served_by(bridge)
    unfinished = jobs.c.module.in_(own), jobs.c.state.in_(_UNFINISHED)
    queries = (
        select(func.max(contacts.c.last_seen_at)).where(contacts.c.module.in_(own)),
        select(func.max(sent.c.at)).where(sent.c.module.in_(own)),
        select(func.max(jobs.c.ended_at)).where(jobs.c.module.in_(own)),
        select(func.max(transitions.c.at)).join(jobs, jobs.c.id == transitions.c.job_id).where(*unfinished),
        select(messages.c.received_at)
        .where(messages.c.bridge == bridge)
        .order_by(messages.c.number.desc())
        .limit(1),
    )
    found = [(await tx.execute(query)).scalar() for query in queries]
    return max((at for at in found if at is not None), default=None)


async def resume(tx: Transaction, bridge: str, away_s: float) -> None:
    """Extend the times of open jobs by the `away_s` seconds that the bridge or database was stopped."""
    if away_s < LET_BE_S:
        return
    columns = (jobs.c.deadline_at, jobs.c.reply_due_at, jobs.c.write_expires_at)
    under_way = jobs.c.module.in_(registry.served_by(bridge)), jobs.c.state.in_(OPEN)
    await tx.execute(update(jobs).where(*under_way).values({c: c + away_s for c in columns}))


async def shift(tx: Transaction, bridge: str, step: ClockStep) -> None:
    """Shift the times that this run stored, and those of polls and unfinished jobs, by `step`."""
    own = registry.served_by(bridge)
    by_s, since = step.by_s, step.since
    ours = jobs.c.module.in_(own)
    # first, while the jobs still show which modules were polled since
    asked = exists().where(
        jobs.c.module == contacts.c.module, jobs.c.priority == Priority.POLL, jobs.c.created_at >= since
    )
    # a poll of a module that was last polled in an earlier run is never moved later
    known = contacts.c.module.in_(own) if by_s < 0 else contacts.c.module.in_(own) & asked
    await tx.execute(update(contacts).where(known).values(next_poll_at=contacts.c.next_poll_at + by_s))
    due = (jobs.c.deadline_at, jobs.c.due_at, jobs.c.reply_due_at, jobs.c.write_expires_at)
    waiting = ours, jobs.c.state.in_(_UNFINISHED)
    await tx.execute(update(jobs).where(*waiting).values({c: c + by_s for c in due}))
    of_ours = transitions.c.job_id.in_(select(jobs.c.id).where(ours))
    unread = (messages.c.bridge == bridge) & or_(IS_NEW, messages.c.received_at >= since)
    written: tuple[tuple[Table, str, ColumnElement[bool]], ...] = (
        (jobs, "ended_at", ours & (jobs.c.ended_at >= since)),
        (jobs, "created_at", ours & (jobs.c.created_at >= since)),
        (jobs, "asked_at", ours & (jobs.c.asked_at >= since)),
        (transitions, "at", of_ours & (transitions.c.at >= since)),
        (messages, "received_at", unread),
        (readings, "at", readings.c.module.in_(own) & (readings.c.at >= since)),
        (contacts, "last_seen_at", contacts.c.module.in_(own) & (contacts.c.last_seen_at >= since)),
        (lookalikes, "last_at", lookalikes.c.module.in_(own) & (lookalikes.c.last_at >= since)),
        (sent, "at", sent.c.module.in_(own) & (sent.c.at >= since)),
    )
    sending = select(sent.c.modem).where(sent.c.module.in_(own), sent.c.at >= since).distinct()
    modems = (await tx.execute(sending)).scalars().all()
    for table, name, which in written:
        await tx.execute(update(table).where(which).values({name: table.c[name] + by_s}))
    await count_again(tx, modems)
