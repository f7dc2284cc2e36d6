"""Sends the steps that are due and handles missing replies; all state is in the database.

The state `sending` is committed before the modem gets the message, so after a crash it is known which
messages may have been sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from gsm_meter_bridge.errors import DeliveryError, PasswordLostError, SendUncertainError
from gsm_meter_bridge.health import Door
from gsm_meter_bridge.jobs import broken, outcome
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.model import SMS, Module, RequestKind, timeout_s
from gsm_meter_bridge.model.job import Event, Job, Move, Purpose, State
from gsm_meter_bridge.sms import effective_validity
from gsm_meter_bridge.storage import ad_hoc, budgets, generations, observations, reports, store, timeline
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Transaction, is_unavailable
from gsm_meter_bridge.storage.leases import Leases
from gsm_meter_bridge.storage.store import ClaimScope, Urgency
from gsm_meter_bridge.tasks import run_group, wait_set
from gsm_meter_bridge.transports import Transport

_LOGGER = logging.getLogger(__name__)
_TICK_S = 1.0
_SHORTEST_VALIDITY_S = 300.0
"""The least that TP-VP can express (3GPP TS 23.040 clause 9.2.3.12.1)."""

_UNWRITTEN_S = (0.0, 30.0, 300.0, 3600.0)
"""Pause in seconds after 1, 2, 3, 4 or more sent messages in a row that could not be stored as sent."""

JobListener = Callable[[Job], None]


def _always() -> bool:
    return True


async def _nothing(_number: int, _writes: bool) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class SendGate:
    """Further conditions for sending.

    `polls_allowed` returns whether polls may be sent at this time of day, `clock_is_credible` whether the
    bridge's clock may be right, `database_is_known` whether it is known that the database is not older than
    what was done. `announce` is called before each message with the number of `generations.advance`, and
    whether the message changes its module.
    """

    polls_allowed: Callable[[], bool] = _always
    clock_is_credible: Callable[[], bool] = _always
    database_is_known: Callable[[], bool] = _always
    announce: Callable[[int, bool], Awaitable[None]] = _nothing


class Runner:
    """Claims and sends the jobs of one bridge, one message at a time through each gateway modem."""

    def __init__(
        self,
        context: BridgeContext,
        transports: Sequence[Transport],
        *,
        budgets: Budgets | None = None,
        leases: Leases | None = None,
        gate: SendGate | None = None,
    ) -> None:
        self._database, self._bridge, self._modules = context.database, context.bridge, context.modules
        self._policy, self._now, self._health = context.policy, context.now, context.health
        self._transports = tuple(transports)
        self._budgets = budgets or Budgets()
        self._leases = leases
        self._gate = gate or SendGate()
        self._listeners: list[JobListener] = []
        self._sending, self._unavailable = 0, False
        self._away_since: float | None = None
        self._unwritten, self._not_before = 0, float("-inf")
        self._wakes = [asyncio.Event() for _ in self._transports]

    def listen(self, listener: JobListener) -> None:
        """Call `listener` with every job that moved, after the commit."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """Look for work now rather than at the next tick."""
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Send and check timeouts until cancelled; call `recover` first."""
        works = {"tend": self._each_tick(asyncio.Event(), self._check_timeouts)}
        for transport, wake in zip(self._transports, self._wakes, strict=True):
            works[f"send through {transport.route}"] = self._serve(transport, wake)
        await run_group(works, self._database.idle)

    async def recover(self) -> None:
        """Move the jobs that were being sent when the bridge last stopped."""
        lost = await self._find(lambda tx: store.in_state(tx, self._bridge, State.SENDING))
        for job in lost:
            await self._move(job, outcome.on_restart)

    async def _check_timeouts(self) -> None:
        if self._away_since is not None:
            # no reply could be processed meanwhile: no job is late because of that
            async with self._database.transaction() as tx:
                await timeline.resume(tx, self._bridge, self._now() - self._away_since)
            self._away_since = None
        if not self._gate.database_is_known():
            return  # what seems to be late may have been done
        if self._unavailable and not self._sending:
            # jobs that were being sent when the database failed are in the same state as after a crash
            await self.recover()
            self._unavailable = False
        await self.time_out()

    async def time_out(self) -> None:
        """Move the jobs that got no reply in time, or could not be sent before their deadline."""
        late = await self._find(lambda tx: store.overdue(tx, self._bridge, self._now()))
        for job in late:
            if job.state is State.QUEUED and await self._waits_for_password(job):
                continue
            await self._move(
                job,
                lambda job, now: outcome.on_overdue(job, now, self._policy),
                missed=job.state in (State.SENT, State.DELIVERED) and job.unreadable is None,
            )

    async def _waits_for_password(self, job: Job) -> bool:
        """Extend the deadline of a job while the password of its module is being found out."""
        with self._health.guard(Door.CLOCK, f"{job.module}: {job.action}"):
            async with self._database.transaction() as tx:
                before_it = await store.open_job(tx, job.module)
                if before_it is not None and before_it.proves_password:
                    await store.postpone(tx, job, self._now() + self._policy.deadline_s)
                    return True
        return False

    async def _find(self, look: Callable[[Transaction], Awaitable[tuple[Job, ...]]]) -> tuple[Job, ...]:
        """Return the jobs that `look` finds; if one cannot be read, end it and look again."""
        with self._health.guard(Door.CLOCK, "looking for jobs"):
            async with self._database.reading() as tx:
                return await look(tx)
        if await broken.bury(self._database, self._bridge, self._health, self._now()):
            return await self._find(look)
        return ()

    async def _move(
        self, job: Job, decide: Callable[[Job, float], Sequence[Move]], *, missed: bool = False
    ) -> None:
        """Apply the moves that `decide` returns; if that fails, end the job or make it uncertain."""
        for moves in (decide, outcome.on_internal_error):
            with self._health.guard(Door.CLOCK, f"{job.module}: {job.action}"):
                async with self._database.transaction() as tx:
                    if await store.get(tx, job.id) != job:
                        return  # another task has moved it meanwhile
                    now = self._now()
                    moved = await store.apply(tx, job, now, *moves(job, now))
                    if missed:
                        await observations.count_missed(tx, job.module)
                    if moved.state is State.REFUSED and moved.touched:
                        unreported = moved.asked().keys() - moved.after.keys()
                        await observations.forget(tx, job.module, unreported, ())
                self._notify([moved])
                return

    async def _is_due(self, transport: Transport) -> bool:
        """Return whether a job can be sent now, without a transaction that writes."""
        if not self._can_send(transport):
            return False
        async with self._database.reading() as tx:
            now = self._now()
            return await store.is_due(tx, now, await self._claim_scope(tx, transport, now))

    def _can_send(self, transport: Transport) -> bool:
        usable = not self._database.damaged and self._gate.database_is_known()
        return transport.ready and usable and time.monotonic() >= self._not_before

    async def send_next(self, transport: Transport | None = None) -> bool:
        """Claim one due job and send its present step; return False if none is due or can be sent."""
        transport = transport or self._transports[0]
        if not self._can_send(transport):
            return False
        try:
            async with self._database.transaction() as tx:
                now = self._now()
                if self._leases is not None:
                    await self._leases.check(tx)
                job = await self._claim(tx, transport, now)
                number = 0 if job is None else await generations.advance(tx, self._bridge)
        except IntegrityError:
            return True  # another modem has just claimed a job of the same module: look again
        if job is None:
            return False
        self._notify([job])
        self._sending += 1
        try:
            await self._gate.announce(number, job.current.purpose is Purpose.WRITE)
            await self._send_guarded(job, transport)
        except Exception as error:
            if is_unavailable(error):
                self._wait_for_database()
            raise
        finally:
            self._sending -= 1
        self._unwritten = 0
        return True

    def _wait_for_database(self) -> None:
        """Send less and less often while sent messages cannot be stored: each may be sent again."""
        pause_s = _UNWRITTEN_S[min(self._unwritten, len(_UNWRITTEN_S) - 1)]
        self._unwritten, self._not_before = self._unwritten + 1, time.monotonic() + pause_s

    async def _send_guarded(self, job: Job, transport: Transport) -> None:
        """Send a claimed job; after an unexpected exception it may have left, so it is not sent again."""
        with self._health.guard(Door.CLOCK, f"{job.module}: sending") as guard:
            await self._send(job, transport)
        if guard.error is None:
            return
        unknown = SendUncertainError(f"{job.module}: an internal error of the bridge, see its log")
        with self._health.guard(Door.CLOCK, f"{job.module}: after sending") as guard:
            await self._failed(job, transport, unknown)
        if guard.error is not None:
            await self._move(job, outcome.on_internal_error)

    async def _serve(self, transport: Transport, wake: asyncio.Event) -> None:
        async def send_all() -> None:
            with self._health.guard(Door.CLOCK, "claiming a job") as guard:
                while await self._is_due(transport) and await self.send_next(transport):
                    pass
            if guard.error is not None:
                await broken.bury(self._database, self._bridge, self._health, self._now())

        await self._each_tick(wake, send_all)

    async def _each_tick(self, wake: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            wake.clear()
            if not await self._database.run_guarded(work):
                self._unavailable = True
                self._away_since = self._now() if self._away_since is None else self._away_since
            await wait_set(wake, _TICK_S)

    async def _claim_scope(self, tx: Transaction, transport: Transport, now: float) -> ClaimScope:
        left = None
        if self._budgets.limits_modem(transport.route):
            left = (await self._budgets.of_modem(tx, transport.route, now)).left
        if left is not None and left <= 0:
            urgency = Urgency.BEGUN
        elif not self._gate.polls_allowed() or (
            left is not None and left <= self._budgets.reserve(transport.route)
        ):
            urgency = Urgency.ASKED
        else:
            urgency = Urgency.ANY
        return ClaimScope(self._bridge, transport.serves, urgency)

    async def _claim(self, tx: Transaction, transport: Transport, now: float) -> Job | None:
        scope = await self._claim_scope(tx, transport, now)
        return await store.claim(tx, now, scope, lambda job: self._claimed(tx, job, transport, now))

    async def _claimed(
        self, tx: Transaction, job: Job, transport: Transport, now: float
    ) -> dict[str, object]:
        before = await reports.message_times(tx, transport.route)
        begin, end = reports.window(before, now, credible=self._gate.clock_is_credible())
        changes: dict[str, object] = {"sent_via": transport.route, "tp_mr": None, "unreadable": None}
        changes |= {"scts_from": begin, "scts_until": end}
        # a reply to an earlier attempt at the same step counts too
        changes["asked_at"] = now if job.asked_at is None else job.asked_at
        if job.current.purpose is not Purpose.WRITE:
            return changes
        validity = effective_validity(timedelta(seconds=self._validity_s(job)))
        return {**changes, "write_expires_at": now + validity.total_seconds()}

    def _validity_s(self, job: Job) -> float:
        if job.touched:
            return _SHORTEST_VALIDITY_S
        return max(_SHORTEST_VALIDITY_S, job.deadline_at - self._now())

    async def _send(self, job: Job, transport: Transport) -> None:
        try:
            module = self._module(job)
            tp_mr = await transport.send(module, job.current.request, self._validity_s(job))
        except DeliveryError as error:
            _LOGGER.warning("%s: %s not sent: %s", job.module, job.action, error)
            await self._failed(job, transport, error)
            return
        wait_s = timeout_s(module, job.current.request) or self._policy.reply_timeout_s
        async with self._database.transaction() as tx:
            now = self._now()
            sent = Move(Event.ACCEPTED, {"tp_mr": tp_mr, "reply_due_at": now + wait_s})
            await self._note_sent(tx, job, transport, now)
            moved = await store.apply(tx, job, now, sent)
        self._notify([moved])

    def _module(self, job: Job) -> Module:
        """Return the module of `job`, configured or ad hoc; PasswordLostError if its password is lost."""
        module = ad_hoc.module_of(job, self._database.key)
        if module is not None and not module.access.password.reveal():
            raise PasswordLostError("the installation's key that sealed its password is lost; ask again")
        return module or self._modules[job.module]

    async def _note_sent(self, tx: Transaction, job: Job, transport: Transport, now: float) -> None:
        if job.current.request.kind in (RequestKind.CALL, RequestKind.ARRIVAL) or transport.name != SMS:
            return  # an unanswered call and a connection cost no SMS
        await budgets.note_sent(tx, transport.route, job.module, job.id, now)
        if self._module(job).family.away_s(job.current.request):
            await observations.count_restart(tx, job.module)

    async def _failed(self, job: Job, transport: Transport, error: DeliveryError) -> None:
        async with self._database.transaction() as tx:
            now = self._now()
            if isinstance(error, SendUncertainError):
                await self._note_sent(tx, job, transport, now)
            moves = outcome.on_send_failure(job, error, now, self._policy)
            moved = await store.apply(tx, job, now, *moves)
        self._notify([moved])

    def _notify(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            _LOGGER.debug("job %s of %s: %s", job.id, job.module, job.state)
            for listener in self._listeners:
                with self._health.guard(Door.CLOCK, f"{job.module}: telling of a job"):
                    listener(job)
