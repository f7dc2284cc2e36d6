"""Processes received messages: matches each to the request that it answers, or sets it aside."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from gsm_meter_bridge.connections.pool import INBOUND
from gsm_meter_bridge.errors import StorageError
from gsm_meter_bridge.health import Door
from gsm_meter_bridge.jobs import matching, outcome, stamps, verdicts
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.matching import Candidate
from gsm_meter_bridge.model import ACCESS_PASSWORD, Answer, Module, Reply, RequestKind, without_secrets
from gsm_meter_bridge.model.job import Event, Job, Move, Observation
from gsm_meter_bridge.model.phone_numbers import PhoneBook, Senders
from gsm_meter_bridge.sms import DeliveryOutcome
from gsm_meter_bridge.storage import ad_hoc, inbox, lookalikes, observations, store
from gsm_meter_bridge.storage.database import AGAIN_S, Transaction
from gsm_meter_bridge.storage.inbox import Arrival, Disposition, SetAside
from gsm_meter_bridge.storage.passwords import Passwords
from gsm_meter_bridge.storage.refusals import storing
from gsm_meter_bridge.tasks import wait_set
from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)
_DIALOGUE = logging.getLogger("gsm_meter_bridge.dialogue")

_ORPHANS_S = 600.0
"""Interval in seconds between checks for message parts whose other parts may never come."""

_CHANGED = "%s: its access password was changed through this bridge; write it into the configuration"

_LOOKALIKE = (
    "%s: a message came from a sender that is not its number and looks like it; it changes nothing. "
    "nearly_matching_senders of its document, and doctor, say which"
)

MessageListener = Callable[[str, Job | None], None]
"""Called with a module's id and its job, if the message moved one."""

Affected = Sequence[tuple[str, Job | None]]
"""Pairs of module id and job (or None) to notify the listeners of."""


class Receiver:
    """Processes everything that comes from the network.

    `regions` has the country (ISO 3166) of each gateway modem for which it is configured, to read national
    numbers. An error while processing a message affects that message only, and is counted in `health`.
    """

    def __init__(
        self, context: BridgeContext, regions: Mapping[str, str | None] = MappingProxyType({})
    ) -> None:
        self._database, self._bridge, self._modules = context.database, context.bridge, context.modules
        self._policy, self._now, self._health = context.policy, context.now, context.health
        self._passwords = Passwords(self._modules, self._database.key)
        self._senders = Senders(PhoneBook({m.id: m.msisdn for m in self._modules.values()}), regions)
        self._run = secrets.token_hex(8)
        self._listeners: list[MessageListener] = []
        self._arrived = asyncio.Event()

    def listen(self, listener: MessageListener) -> None:
        """Call `listener` for every message of a module, after the commit."""
        self._listeners.append(listener)

    async def store(self, modem: str, *pdus: str) -> None:
        """Store PDUs from a SIM; on return they may be deleted there, StorageError if they may not."""
        async with storing(self._database) as tx:
            key = self._database.key
            await inbox.store(tx, self._bridge, modem, pdus, self._now(), self._run, key)
        self._arrived.set()

    async def forget(self, modem: str, *pdus: str) -> None:
        """Note that PDUs are no longer at a modem, so that equal ones are other messages.

        If that cannot be stored now, the next equal PDU after a restart is taken for the same message.
        """
        with suppress(StorageError):
            async with storing(self._database) as tx:
                await inbox.note_gone(tx, modem, pdus, self._run, self._database.key)

    async def record(self, observations: Sequence[Observation], *, status: bool) -> None:
        """Store readings that came other than by SMS; a `status` also answers jobs that wait to read one."""
        with self._health.guard(Door.TCP, "observations of modules") as guard:
            async with self._database.transaction() as tx:
                moved = await self._observed(tx, observations, status=status)
            self._notify(Door.TCP, moved)
        if guard.error is not None and len(observations) > 1:
            for one in observations:
                await self.record((one,), status=status)

    async def handle_reply(self, module_id: str, data: bytes, source: str) -> bool | None:
        """Process a module's reply over a connection; return whether it answers a request.

        None if the request is not stored as sent yet: the caller must pass the reply again.
        """
        with self._health.guard(Door.TCP, f"{module_id}: what it answered over a connection"):
            return await self._match_reply(self._modules[module_id], data, source)
        return False

    async def _observed(
        self, tx: Transaction, observations: Sequence[Observation], *, status: bool
    ) -> Affected:
        # the clock may have been set back since the module reported it
        observations = [replace(one, at=min(one.at, self._now())) for one in observations]
        moved: list[tuple[str, Job | None]] = [(one.module, None) for one in observations]
        await verdicts.record(tx, self._modules, *observations)
        waited_for = await store.at_work(tx, {one.module for one in observations})
        for one in observations:
            if one.module not in waited_for:
                continue
            if status:
                moved += [(one.module, job) for job in await self._fulfil(tx, one)]
            if one.source == INBOUND:
                moved += [(one.module, job) for job in await self._called(tx, one)]
        return moved

    async def _match_reply(self, module: Module, data: bytes, source: str) -> bool | None:
        text = data.decode("ascii", "replace")
        async with self._database.transaction() as tx:
            arrival = Arrival((), self._now(), module.msisdn, text, data, source=source)
            waiting = await self._candidates(tx, module)
            found = matching.match(module, text, data, waiting)
            if found is None:
                text = without_secrets(module.family.mask(text), matching.secrets_of(module, waiting))
                await self._word(tx, module, text)
                return False
            if found[0].too_early:
                return None
            job = await self._use(tx, module, arrival, waiting, *found)
        self._notify(Door.TCP, [(module.id, job)])
        return True

    async def _called(self, tx: Transaction, observation: Observation) -> list[Job]:
        """Move the open job that called the module, or had it connect: the module has connected."""
        job = await store.open_job(tx, observation.module)
        moves = () if job is None else outcome.on_arrival(job)
        return [await store.apply(tx, job, observation.at, *moves)] if job is not None and moves else []

    async def _fulfil(self, tx: Transaction, observation: Observation) -> list[Job]:
        """Reduce the jobs that wait to read a status to the values not reported yet."""
        module = self._modules[observation.module]
        waiting = [j for j in await store.waiting(tx, observation.module) if outcome.wants_status(j, module)]
        if not waiting:
            return []
        known = await observations.readings_of(tx, observation.module)
        moves = [
            (j, outcome.on_superseded(j, module, known, self._now(), observation.source)) for j in waiting
        ]
        return [await store.apply(tx, job, observation.at, move) for job, move in moves]

    async def recover(self) -> None:
        """Load the access passwords that were changed since the configuration was written.

        Forget lookalikes that are a module by now, or do not resemble one any more.
        """
        async with self._database.transaction() as tx:
            await self._passwords.load(tx, self._bridge)
            await lookalikes.keep_only(tx, self._bridge, self._senders.is_lookalike)
        for module in self._passwords.changed():
            _LOGGER.warning(_CHANGED, module)

    def wake(self) -> None:
        """Process again the messages that could not be matched yet."""
        self._arrived.set()

    async def run(self) -> None:
        """Process stored messages until cancelled, those of an earlier run first."""
        while True:
            done = await self._database.run_guarded(self.process_inbox)
            await wait_set(self._arrived, _ORPHANS_S if done else AGAIN_S)
            self._arrived.clear()

    async def process_inbox(self) -> None:
        """Process every new message that is complete."""
        orphans_before = self._now() - self._policy.late_reply_window_s
        async with self._database.reading() as tx:
            new = await inbox.new(tx, self._bridge)
            if not new:
                return
            senders = self._senders.and_of(await ad_hoc.unfinished(tx, self._bridge))
        found = inbox.take(new, self._health, senders.is_module, orphans_before)
        for apart in found.apart:
            await self._guarded(apart.numbers, lambda tx, apart=apart: self._apart(tx, apart))  # type: ignore[misc]
        for arrival in found.arrivals:
            await self._guarded(arrival.numbers, lambda tx, one=arrival: self._one(tx, one, senders))  # type: ignore[misc]

    async def _guarded(
        self, numbers: Sequence[int], work: Callable[[Transaction], Awaitable[Affected]]
    ) -> None:
        """Do `work` on a message and notify the listeners; if it fails, mark the message as failed."""
        with self._health.guard(Door.SMS, "a message") as guard:
            async with self._database.transaction() as tx:
                affected = await work(tx)
        if guard.error is None:
            self._notify(Door.SMS, affected)
            return
        with self._health.guard(Door.SMS, "a message that failed"):
            async with self._database.transaction() as tx:
                await inbox.mark_processed(tx, numbers, Disposition.FAILED)

    def _notify(self, door: Door, affected: Affected) -> None:
        for module, job in affected:
            for listener in self._listeners:
                with self._health.guard(door, f"{module}: notifying of the outcome of a message"):
                    listener(module, job)

    async def _apart(self, tx: Transaction, apart: SetAside) -> Affected:
        await inbox.mark_processed(tx, apart.numbers, apart.disposition, inbox.Kept(apart.sender, apart.why))
        return ()

    async def _module(self, tx: Transaction, module_id: str) -> Module | None:
        """Return the module with an id; None for an ad hoc module whose jobs are over by now."""
        if module_id in self._modules:
            return self._modules[module_id]
        jobs = (await ad_hoc.unfinished(tx, self._bridge)).get(module_id, ())
        return ad_hoc.module_of(jobs[0], self._database.key) if jobs else None

    async def _one(self, tx: Transaction, arrival: Arrival, senders: Senders) -> Affected:
        whose = senders.whose(arrival.sender, arrival.sender_type, arrival.modem)
        module = None if whose.module is None else await self._module(tx, whose.module)
        if module is None:
            return await self._unknown_sender(tx, arrival, whose.nearly)
        if arrival.report is not None:
            return [(module.id, await self._report(tx, module, arrival))]
        waiting = await self._candidates(tx, module)
        possible = await stamps.possible(tx, module.id, arrival, waiting, self._run)
        found = matching.match(module, arrival.text, arrival.octets, possible)
        if found is None:
            _LOGGER.warning("%s: a message answers nothing that was asked; it is kept apart", module.id)
            text = without_secrets(module.family.mask(arrival.text), matching.secrets_of(module, waiting))
            await self._settle(tx, arrival, module, Disposition.UNMATCHED, text)
            await observations.record(tx, Observation(module.id, (), arrival.source, arrival.received_at))
            is_now = possible[:1] == waiting[:1]
            return [(module.id, await self._word(tx, module, text if is_now else None))]
        if found[0].too_early:
            return ()  # processed again after `wake`
        job = await self._use(tx, module, arrival, waiting, *found)
        is_open = found[0].job.state.open  # if so, no other job of the module is
        moved = await self._apply_word(tx, job if is_open else await store.open_job(tx, module.id))
        used = module.id, job
        return [used] if moved is None else [used, (module.id, moved)]

    async def _word(self, tx: Transaction, module: Module, unreadable: str | None = None) -> Job | None:
        """Return the open job of `module`, moved because a message of it came; None if it did not move."""
        return await self._apply_word(tx, await store.open_job(tx, module.id), unreadable)

    async def _apply_word(
        self, tx: Transaction, job: Job | None, unreadable: str | None = None
    ) -> Job | None:
        now = self._now()
        moves = () if job is None or not job.state.open else outcome.on_word(job, now, unreadable)
        return await store.apply(tx, job, now, *moves) if job is not None and moves else None

    async def _unknown_sender(self, tx: Transaction, arrival: Arrival, nearly: Sequence[str]) -> Affected:
        _LOGGER.info("an SMS from an unknown number is kept, and changes nothing")
        await inbox.mark_processed(
            tx, arrival.numbers, Disposition.UNKNOWN_SENDER, inbox.Kept(arrival.sender)
        )
        for module in nearly:
            if await lookalikes.note(tx, module, arrival.sender, arrival.sender_type, self._now()):
                _LOGGER.warning(_LOOKALIKE, module)
        return [(module, None) for module in nearly]

    async def _candidates(self, tx: Transaction, module: Module) -> tuple[Candidate, ...]:
        return await matching.candidates(tx, module.id, self._now() - self._policy.late_reply_window_s)

    async def _use(
        self,
        tx: Transaction,
        module: Module,
        arrival: Arrival,
        waiting: Sequence[Candidate],
        candidate: Candidate,
        reply: Reply,
    ) -> Job:
        now, job = self._now(), candidate.job
        observation = Observation(module.id, reply.readings, arrival.source, arrival.received_at)
        await verdicts.record(tx, {module.id: module}, observation)
        proved = reply.values().get(ACCESS_PASSWORD) if isinstance(reply, Answer) else None
        if proved is not None and proved != module.access.password.reveal():
            if module.id in self._modules:
                await self._passwords.keep(tx, module.id, Secret(str(proved)))
                _LOGGER.warning(_CHANGED, module.id)
            else:
                await ad_hoc.keep_password(tx, module.id, Secret(str(proved)), self._database.key)
        job = await store.apply(tx, job, now, *matching.moves(module, candidate, reply, now))
        forgotten, unwanted = matching.reset_by(module, candidate, reply, job)
        await observations.forget(tx, module.id, forgotten, unwanted)
        if job.state.final and job.asked():
            await observations.want(tx, module.id, matching.open_values(module, job), job.id)
        asked = candidate.step.request
        text = reply.raw if asked.kind is RequestKind.READ else module.family.mask(reply.raw)
        shown = without_secrets(text, matching.secrets_of(module, waiting))
        await self._settle(tx, arrival, module, Disposition.USED, shown, job.id)
        return job

    async def _report(self, tx: Transaction, module: Module, arrival: Arrival) -> Job | None:
        report, now = arrival.report, self._now()
        await self._settle(tx, arrival, module, Disposition.REPORT, "")
        if report is None or arrival.scts is None:
            return None
        job = await store.by_message_reference(tx, module.id, arrival.modem, report.tp_mr, arrival.scts)
        if job is None:
            return None
        if report.outcome is DeliveryOutcome.DELIVERED:
            asked_at = None if job.asked_at is None else stamps.delivered_at(job.asked_at, report, now)
            return await store.apply(tx, job, now, Move(Event.REPORTED, {"asked_at": asked_at}))
        if report.outcome is DeliveryOutcome.FAILED:
            return await store.apply(tx, job, now, *outcome.on_undelivered(job, report.status_meaning, now))
        return job

    async def _settle(
        self,
        tx: Transaction,
        arrival: Arrival,
        module: Module,
        disposition: Disposition,
        text: str,
        job_id: str | None = None,
    ) -> None:
        """Store the disposition of a module's message; `text` is what may be kept of it."""
        if text:
            _DIALOGUE.debug("%s < %s", module.id, json.dumps(text, ensure_ascii=False))
        kept = inbox.Kept(arrival.sender, text, module.id, job_id, arrival.scts)
        await inbox.mark_processed(tx, arrival.numbers, disposition, kept)
