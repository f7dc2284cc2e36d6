"""Takes in received messages: finds what each one answers, or keeps it apart."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.delivery.numbers import e164
from gsm_meter_bridge.delivery.switchboard import INBOUND
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.family import ACCESS_PASSWORD, Answer, Module, Refusal, Reply, RequestKind
from gsm_meter_bridge.job import Event, Job, Observation, Purpose, State, Step
from gsm_meter_bridge.jobs import inbox, observations, outcome, store
from gsm_meter_bridge.jobs.database import Database, Transaction
from gsm_meter_bridge.jobs.inbox import Arrival, Fate
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.passwords import Passwords
from gsm_meter_bridge.jobs.store import Move
from gsm_meter_bridge.sms import DeliveryOutcome
from gsm_meter_bridge.vocabulary import Secret
from gsm_meter_bridge.waiting import wait_set

_LOGGER = logging.getLogger(__name__)

_ORPHANS_S = 600.0
"""How often parts of messages are looked at whose others may never come."""

_CHANGED = "%s: its access password was changed through this bridge; write it into the configuration"

Listener = Callable[[str, Job | None], None]
"""Called with a module's id and, where the message moved one, its job."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that a message of its module may answer; `late` where its job no longer waits for it."""

    job: Job
    step: Step
    late: bool


class Receiver:
    """The door through which everything from the network comes in."""

    def __init__(
        self,
        database: Database,
        bridge: str,
        modules: MutableMapping[str, Module],
        policy: Policy,
        region: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bridge = bridge
        self._modules = modules
        self._passwords = Passwords(modules)
        self._by_number = {m.msisdn: m.id for m in modules.values()}
        self._policy = policy
        self._region = region
        self._now = now
        self._run = secrets.token_hex(8)
        self._listeners: list[Listener] = []
        self._news = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        """Call `listener` for every message of a module, after the commit."""
        self._listeners.append(listener)

    async def store(self, modem: str, *pdus: str) -> None:
        """Store PDUs from a SIM; when this returns, they may be deleted there."""
        async with self._database.transaction() as tx:
            await inbox.store(tx, self._bridge, modem, pdus, self._now(), self._run)
        self._news.set()

    async def observe(self, told: Sequence[Observation], *, status: bool) -> None:
        """Take in what modules told other than by SMS; a `status` answers whoever waits to ask for one."""
        moved: list[tuple[str, Job | None]] = [(one.module, None) for one in told]
        async with self._database.transaction() as tx:
            await observations.record(tx, *told)
            waited_for = await store.at_work(tx, {one.module for one in told})
            for one in told:
                if one.module not in waited_for:
                    continue
                if status:
                    moved += [(one.module, job) for job in await self._fulfil(tx, one)]
                if one.source == INBOUND:
                    moved += [(one.module, job) for job in await self._called(tx, one)]
        for module, job in moved:
            for listener in self._listeners:
                listener(module, job)

    async def hear(self, module_id: str, octets: bytes, source: str) -> bool | None:
        """Take in what a module answered over a connection: whether it answers what was asked.

        None where the request is not noted as sent yet: it must be heard again.
        """
        module, now = self._modules[module_id], self._now()
        text = octets.decode("ascii", "replace")
        arrival = Arrival((), now, module.msisdn, text, octets, source=source)
        async with self._database.transaction() as tx:
            found = match(module, arrival, await self._candidates(tx, module))
            if found is not None and not found[0].late and found[0].job.state is State.SENDING:
                return None
            if found is None:
                return False
            job = await self._use(tx, module, arrival, *found)
        for listener in self._listeners:
            listener(module_id, job)
        return True

    async def _called(self, tx: Transaction, told: Observation) -> list[Job]:
        """End the job that has rung the module: it has connected."""
        job = await store.open_job(tx, told.module)
        if job is None or job.state is not State.SENT or job.current.request.kind is not RequestKind.CALL:
            return []
        moves = Move(Event.ANSWERED, {}, "it has connected"), Move(Event.CONFIRMED)
        return [await store.move(tx, job, told.at, *moves)]

    async def _fulfil(self, tx: Transaction, told: Observation) -> list[Job]:
        """End the jobs that wait to ask for what was told already."""
        module, move = self._modules[told.module], Move(Event.TOLD, {}, f"it came another way: {told.source}")
        waiting = await store.waiting(tx, told.module)
        return [await store.move(tx, j, told.at, move) for j in waiting if outcome.wants_status(j, module)]

    async def recover(self) -> None:
        """Take up the access passwords that were changed since the configuration was written."""
        async with self._database.transaction() as tx:
            await self._passwords.load(tx)
        for module in self._passwords.changed():
            _LOGGER.warning(_CHANGED, module)

    def wake(self) -> None:
        """Look again at messages that could not be placed yet."""
        self._news.set()

    async def run(self) -> None:
        """Take in stored messages until cancelled, those left from last time first."""
        while True:
            await self._database.attempt(self.take_in)
            await wait_set(self._news, _ORPHANS_S)
            self._news.clear()

    async def take_in(self) -> None:
        """Deal with every whole message that is new."""
        async with self._database.reading() as tx:
            found = await inbox.take(tx, self._bridge, self._now() - self._policy.late_window_s)
        if found.apart:
            async with self._database.transaction() as tx:
                for apart in found.apart:
                    await inbox.settle(tx, apart.numbers, apart.fate, sender=apart.sender)
        for arrival in found.arrivals:
            async with self._database.transaction() as tx:
                told = await self._one(tx, arrival)
            if told is not None:
                for listener in self._listeners:
                    listener(*told)

    async def _one(self, tx: Transaction, arrival: Arrival) -> tuple[str, Job | None] | None:
        module = self._modules.get(self._by_number.get(e164(arrival.sender, self._region) or "", ""))
        if module is None:
            _LOGGER.info("a message from a stranger is kept apart")
            await inbox.settle(tx, arrival.numbers, Fate.STRANGER, sender=arrival.sender, text=arrival.text)
            return None
        if arrival.report is not None:
            return module.id, await self._report(tx, module, arrival)
        found = match(module, arrival, await self._candidates(tx, module))
        if found is not None and not found[0].late and found[0].job.state is State.SENDING:
            return None  # the reply overtook the modem's own result; `wake` brings us back to it
        if found is None:
            _LOGGER.warning("%s: a message answers nothing that was asked; it is kept apart", module.id)
            await self._settle(tx, arrival, module, Fate.UNMATCHED, arrival.text)
            return module.id, None
        return module.id, await self._use(tx, module, arrival, *found)

    async def _candidates(self, tx: Transaction, module: Module) -> list[Candidate]:
        """Return what a message of `module` may answer, the likeliest first."""
        found: list[Candidate] = []
        job = await store.open_job(tx, module.id)
        if job is not None and job.state in (State.SENDING, State.SENT, State.DELIVERED):
            found.append(Candidate(job, job.current, late=False))
        if job is not None and job.touched:
            found.extend(Candidate(job, s, late=True) for s in job.steps if s.purpose is Purpose.WRITE)
        since = self._now() - self._policy.late_window_s
        expired = await store.expired_since(tx, module.id, since)
        return found + [Candidate(old, old.current, late=True) for old in expired]

    async def _use(
        self, tx: Transaction, module: Module, arrival: Arrival, candidate: Candidate, reply: Reply
    ) -> Job:
        now, job = self._now(), candidate.job
        await observations.record(
            tx, Observation(module.id, reply.readings, arrival.source, arrival.received_at)
        )
        proved = reply.values().get(ACCESS_PASSWORD) if isinstance(reply, Answer) else None
        if proved is not None and proved != module.access.password.reveal():
            await self._passwords.keep(tx, module.id, Secret(str(proved)))
            _LOGGER.warning(_CHANGED, module.id)
        job = await store.move(tx, job, now, *self._moves(candidate, reply, now))
        if job.state is State.VERIFIED and job.asked():
            await observations.want(tx, module.id, _open_values(module, job), job.id)
        await self._settle(tx, arrival, module, Fate.USED, reply.raw, job.id)
        return job

    def _moves(self, candidate: Candidate, reply: Reply, now: float) -> tuple[Move, ...]:
        job = candidate.job
        if not candidate.late:
            if isinstance(reply, Refusal):
                return outcome.on_refusal(job, reply, now)
            return outcome.on_answer(job, reply, now)
        if job.state is State.REPLIED:
            return outcome.on_news(job, reply, now)
        if job.state is not State.UNCERTAIN:
            return ()
        if isinstance(reply, Refusal):
            return outcome.on_refusal(job, reply, now)
        return outcome.on_late_write_answer(now)

    async def _report(self, tx: Transaction, module: Module, arrival: Arrival) -> Job | None:
        report = arrival.report
        await self._settle(tx, arrival, module, Fate.REPORT, "")
        job = None
        if report is not None:
            job = await store.by_message_reference(tx, module.id, arrival.modem, report.tp_mr)
        if report is None or job is None:
            return None
        now = self._now()
        if report.outcome is DeliveryOutcome.DELIVERED:
            return await store.move(tx, job, now, Move(Event.REPORTED))
        if report.outcome is DeliveryOutcome.FAILED:
            return await store.move(tx, job, now, *outcome.on_undelivered(job, report.status_meaning, now))
        return job

    async def _settle(
        self,
        tx: Transaction,
        arrival: Arrival,
        module: Module,
        fate: Fate,
        text: str,
        job_id: str | None = None,
    ) -> None:
        await inbox.settle(
            tx, arrival.numbers, fate, sender=arrival.sender, text=text, module=module.id, job_id=job_id
        )


def match(
    module: Module, arrival: Arrival, candidates: Iterable[Candidate]
) -> tuple[Candidate, Reply] | None:
    """Return the first candidate whose expected shape a message has, with what it says."""
    decode, text, octets = module.family.decode, arrival.text, arrival.octets
    for candidate in candidates:
        try:
            return candidate, decode(candidate.step.request, text, module.access, octets)
        except DecodeError:
            continue
    return None


def _open_values(module: Module, job: Job) -> dict[str, str | int | float | bool]:
    secret = {s.name for s in module.family.settings if s.secret}
    return {name: value for name, value in job.asked().items() if name not in secret}
