"""Sends what is due and takes in what comes back; the database is the only memory.

The `sending` mark is committed before the modem is told, so a crash leaves no doubt about what may have
been sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from gsm_meter_bridge.delivery import Delivery
from gsm_meter_bridge.errors import DeliveryError, SendUncertainError
from gsm_meter_bridge.family import Module, timeout_s
from gsm_meter_bridge.job import Event, Job, Purpose, State
from gsm_meter_bridge.jobs import observations, outcome, store
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.store import Move
from gsm_meter_bridge.sms import effective_validity

_LOGGER = logging.getLogger(__name__)
_TICK_S = 1.0
_SHORTEST_VALIDITY_S = 300.0
"""The least that TP-VP can express (3GPP TS 23.040 clause 9.2.3.12.1)."""

Listener = Callable[[Job], None]


class Runner:
    """Moves jobs on: claims and sends them, and notices when a reply does not come."""

    def __init__(
        self,
        database: Database,
        modules: Mapping[str, Module],
        delivery: Delivery,
        policy: Policy,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._modules = modules
        self._delivery = delivery
        self._policy = policy
        self._now = now
        self._listeners: list[Listener] = []
        self._wake = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every job that moved, after the commit."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Look for work now rather than at the next tick."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; `recover` comes first."""
        while True:
            self._wake.clear()
            await self.time_out()
            while await self.send_next():
                pass
            await self._pause()

    async def recover(self) -> None:
        """Decide about the jobs that were being sent when the bridge last stopped."""
        async with self._database.transaction() as tx:
            lost = await store.in_state(tx, State.SENDING)
            moved = [await self._apply(tx, job, outcome.on_restart(job, self._now())) for job in lost]
        self._tell(moved)

    async def time_out(self) -> None:
        """Move on the jobs whose reply or turn did not come in time."""
        now = self._now()
        async with self._database.transaction() as tx:
            late = await store.overdue(tx, now)
            moved = [await self._apply(tx, job, outcome.on_overdue(job, now, self._policy)) for job in late]
            for job in late:
                if job.state in (State.SENT, State.DELIVERED):
                    await observations.count_missed(tx, job.module)
        self._tell(moved)

    async def send_next(self) -> bool:
        """Claim one due job and send its present step; False where nothing is due or nothing can be sent."""
        if not self._delivery.ready:
            return False
        now = self._now()
        async with self._database.transaction() as tx:
            job = await store.claim(tx, now, self._modules.keys(), lambda job: self._claimed(job, now))
        if job is None:
            return False
        self._tell([job])
        await self._send(job)
        return True

    def _claimed(self, job: Job, now: float) -> dict[str, object]:
        if job.current.purpose is not Purpose.WRITE:
            return {}
        validity = effective_validity(timedelta(seconds=self._validity_s(job)))
        return {"write_expires_at": now + validity.total_seconds()}

    def _validity_s(self, job: Job) -> float:
        if job.touched:
            return _SHORTEST_VALIDITY_S
        return max(_SHORTEST_VALIDITY_S, job.deadline_at - self._now())

    async def _send(self, job: Job) -> None:
        module = self._modules[job.module]
        try:
            tp_mr = await self._delivery.send(module, job.current.request, self._validity_s(job))
        except DeliveryError as error:
            _LOGGER.warning("%s: %s not sent: %s", job.module, job.action, error)
            await self._failed(job, error)
            return
        now = self._now()
        reply_due_at = now + (timeout_s(module, job.current.request) or self._policy.reply_timeout_s)
        sent = Move(Event.ACCEPTED, {"tp_mr": tp_mr, "reply_due_at": reply_due_at})
        async with self._database.transaction() as tx:
            await observations.note_sent(tx, self._delivery.route, job.module, job.id, now)
            moved = await store.move(tx, job, sent, now)
        self._tell([moved])

    async def _failed(self, job: Job, error: DeliveryError) -> None:
        now = self._now()
        async with self._database.transaction() as tx:
            if isinstance(error, SendUncertainError):
                await observations.note_sent(tx, self._delivery.route, job.module, job.id, now)
            moved = await self._apply(tx, job, outcome.on_send_failure(job, error, now, self._policy))
        self._tell([moved])

    async def _apply(self, tx: AsyncConnection, job: Job, moves: Sequence[Move]) -> Job:
        for step in moves:
            job = await store.move(tx, job, step, self._now())
        return job

    def _tell(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            _LOGGER.debug("job %s of %s: %s", job.id, job.module, job.state)
            for listener in self._listeners:
                listener(job)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), _TICK_S)
        except TimeoutError:
            return
