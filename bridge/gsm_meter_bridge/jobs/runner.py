"""Sends what is due and notices what does not come; the database is the only memory.

The `sending` mark is committed before the modem is told, so a crash leaves no doubt about what may have
been sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from gsm_meter_bridge.delivery import Delivery
from gsm_meter_bridge.errors import DeliveryError, SendUncertainError
from gsm_meter_bridge.family import SMS, Module, RequestKind, timeout_s
from gsm_meter_bridge.job import Event, Job, Purpose, State
from gsm_meter_bridge.jobs import observations, outcome, store
from gsm_meter_bridge.jobs.budgets import Budgets
from gsm_meter_bridge.jobs.database import Database, Transaction
from gsm_meter_bridge.jobs.leases import Leases
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.store import Move, Reach, Urgency
from gsm_meter_bridge.sms import effective_validity
from gsm_meter_bridge.waiting import run_together, wait_set

_LOGGER = logging.getLogger(__name__)
_TICK_S = 1.0
_SHORTEST_VALIDITY_S = 300.0
"""The least that TP-VP can express (3GPP TS 23.040 clause 9.2.3.12.1)."""

Listener = Callable[[Job], None]


class Runner:
    """Moves the jobs of one bridge on: claims and sends them, one at a time through each modem.

    `polls_allowed` says whether it is the time of day for polls.
    """

    def __init__(
        self,
        database: Database,
        bridge: str,
        modules: Mapping[str, Module],
        deliveries: Sequence[Delivery],
        policy: Policy,
        *,
        budgets: Budgets | None = None,
        leases: Leases | None = None,
        polls_allowed: Callable[[], bool] = lambda: True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bridge = bridge
        self._modules = modules
        self._deliveries = tuple(deliveries)
        self._policy = policy
        self._budgets = budgets or Budgets()
        self._leases = leases
        self._polls_allowed = polls_allowed
        self._now = now
        self._listeners: list[Listener] = []
        self._sending, self._troubled = 0, False
        self._wakes = [asyncio.Event() for _ in self._deliveries]

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every job that moved, after the commit."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Look for work now rather than at the next tick."""
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Work until cancelled; `recover` comes first."""
        works = {"tend": self._each_tick(asyncio.Event(), self._tend)}
        for delivery, wake in zip(self._deliveries, self._wakes, strict=True):
            works[f"send through {delivery.route}"] = self._serve(delivery, wake)
        await run_together(works, self._database.calm)

    async def recover(self) -> None:
        """Decide about the jobs that were being sent when the bridge last stopped."""
        async with self._database.transaction() as tx:
            lost = await store.in_state(tx, self._bridge, State.SENDING)
            moved = [await self._apply(tx, job, outcome.on_restart(job, self._now())) for job in lost]
        self._tell(moved)

    async def _tend(self) -> None:
        if self._troubled and not self._sending:
            # what was being sent when the database failed is in the state that a crash leaves
            await self.recover()
            self._troubled = False
        await self.time_out()

    async def time_out(self) -> None:
        """Move on the jobs whose reply or turn did not come in time."""
        now = self._now()
        async with self._database.transaction() as tx:
            late = await store.overdue(tx, self._bridge, now)
            moved = [await self._apply(tx, job, outcome.on_overdue(job, now, self._policy)) for job in late]
            for job in late:
                if job.state in (State.SENT, State.DELIVERED):
                    await observations.count_missed(tx, job.module)
        self._tell(moved)

    async def send_next(self, delivery: Delivery | None = None) -> bool:
        """Claim one due job and send its present step; False where nothing is due or nothing can be sent."""
        delivery = delivery or self._deliveries[0]
        if not delivery.ready:
            return False
        now = self._now()
        try:
            async with self._database.transaction() as tx:
                if self._leases is not None:
                    await self._leases.check(tx)
                reach = await self._reach(tx, delivery, now)
                job = await store.claim(tx, now, reach, lambda job: self._claimed(job, delivery, now))
        except IntegrityError:
            return True  # another modem has just begun to talk to that very module: look again
        if job is None:
            return False
        self._tell([job])
        self._sending += 1
        try:
            await self._send(job, delivery)
        finally:
            self._sending -= 1
        return True

    async def _serve(self, delivery: Delivery, wake: asyncio.Event) -> None:
        async def send_all() -> None:
            while await self.send_next(delivery):
                pass

        await self._each_tick(wake, send_all)

    async def _each_tick(self, wake: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            wake.clear()
            if not await self._database.attempt(work):
                self._troubled = True
            await wait_set(wake, _TICK_S)

    async def _reach(self, tx: Transaction, delivery: Delivery, now: float) -> Reach:
        left = (await self._budgets.of_modem(tx, delivery.route, now)).left
        if left is not None and left <= 0:
            urgency = Urgency.BEGUN
        elif not self._polls_allowed() or (
            left is not None and left <= self._budgets.reserve(delivery.route)
        ):
            urgency = Urgency.ASKED
        else:
            urgency = Urgency.ANY
        return Reach(self._bridge, delivery.serves, urgency)

    def _claimed(self, job: Job, delivery: Delivery, now: float) -> dict[str, object]:
        route: dict[str, object] = {"route": delivery.route}
        if job.current.purpose is not Purpose.WRITE:
            return route
        validity = effective_validity(timedelta(seconds=self._validity_s(job)))
        return {**route, "write_expires_at": now + validity.total_seconds()}

    def _validity_s(self, job: Job) -> float:
        if job.touched:
            return _SHORTEST_VALIDITY_S
        return max(_SHORTEST_VALIDITY_S, job.deadline_at - self._now())

    async def _send(self, job: Job, delivery: Delivery) -> None:
        module = self._modules[job.module]
        try:
            tp_mr = await delivery.send(module, job.current.request, self._validity_s(job))
        except DeliveryError as error:
            _LOGGER.warning("%s: %s not sent: %s", job.module, job.action, error)
            await self._failed(job, delivery, error)
            return
        now = self._now()
        reply_due_at = now + (timeout_s(module, job.current.request) or self._policy.reply_timeout_s)
        sent = Move(Event.ACCEPTED, {"tp_mr": tp_mr, "reply_due_at": reply_due_at})
        async with self._database.transaction() as tx:
            await self._note_sent(tx, job, delivery, now)
            moved = await store.move(tx, job, now, sent)
        self._tell([moved])

    async def _note_sent(self, tx: Transaction, job: Job, delivery: Delivery, now: float) -> None:
        if job.current.request.kind is RequestKind.CALL or delivery.name != SMS:
            return  # nobody picks up a call: it costs nothing, as little as a connection
        await observations.note_sent(tx, delivery.route, job.module, job.id, now)
        if self._modules[job.module].family.away_s(job.current.request):
            await observations.count_restart(tx, job.module)

    async def _failed(self, job: Job, delivery: Delivery, error: DeliveryError) -> None:
        now = self._now()
        async with self._database.transaction() as tx:
            if isinstance(error, SendUncertainError):
                await self._note_sent(tx, job, delivery, now)
            moved = await self._apply(tx, job, outcome.on_send_failure(job, error, now, self._policy))
        self._tell([moved])

    async def _apply(self, tx: Transaction, job: Job, moves: Sequence[Move]) -> Job:
        return await store.move(tx, job, self._now(), *moves)

    def _tell(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            _LOGGER.debug("job %s of %s: %s", job.id, job.module, job.state)
            for listener in self._listeners:
                listener(job)
