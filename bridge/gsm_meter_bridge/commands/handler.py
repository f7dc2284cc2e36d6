"""Requests to a module: its status, a verified change of its settings, actions, calls, cancellation."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gsm_meter_bridge.commands.action_steps import action_of, action_steps
from gsm_meter_bridge.commands.actions import CALL, POLL, READ_SETTINGS, REQUEST_IDENTITY, REQUEST_STATUS, SET
from gsm_meter_bridge.commands.admission import Admission, CommandOptions
from gsm_meter_bridge.commands.asking import Moment, what_to_ask
from gsm_meter_bridge.commands.gateways import Gateways
from gsm_meter_bridge.commands.plan import (
    CONFIRM_REQUIRED,
    HOW_TO_CONFIRM,
    Plan,
    check_changes,
    make_plan,
)
from gsm_meter_bridge.commands.reads import UNSUPPORTED_ACTION, all_reads, identity_reads, steps_of
from gsm_meter_bridge.commands.repeats import has_changed
from gsm_meter_bridge.connections.meter_polling import PollMeter, poll_no_meter
from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.model import Family, Module, Request, RequestKind
from gsm_meter_bridge.model.facts import ModuleFacts
from gsm_meter_bridge.model.job import (
    TRANSITIONS,
    Event,
    Job,
    Move,
    Purpose,
    State,
    Step,
    Unfinished,
)
from gsm_meter_bridge.model.phone_numbers import e164
from gsm_meter_bridge.storage import ad_hoc, observations, overview, store
from gsm_meter_bridge.storage.database import Shared, Transactions
from gsm_meter_bridge.vocabulary import Scalar, Secret

METER_POLL_S = 120.0
"""How long (s) a status request waits for a poll over a connection before an SMS is sent."""
NOT_CANCELLABLE = "not_cancellable"
MOST_JOBS = 1000
"""The largest number of jobs in a list."""


@dataclass(frozen=True, slots=True)
class CommandEnvironment:
    """What commands need from the rest of the bridge.

    `identity_interval_s` is how long an identity (IMEI, ICCID) counts as known, in seconds; `gateways` has
    the modems through which a module is reached; `has_valid_clock` returns whether the system's clock is
    right; `is_connected` returns whether a module, by its id, has a connection.
    """

    identity_interval_s: float = 86_400.0
    gateways: Gateways = field(default_factory=Gateways)
    poll_meter: PollMeter = poll_no_meter
    has_valid_clock: Callable[[], bool] = lambda: True
    is_connected: Callable[[str], bool] = lambda _: False


class Commands:
    """Checks requests and stores them as jobs; `wake` is called after each request that is accepted."""

    def __init__(
        self,
        context: BridgeContext,
        environment: CommandEnvironment,
        wake: Callable[[], None],
        database: Transactions | None = None,
        ad_hoc_module: Module | None = None,
    ) -> None:
        self._context, self._environment, self._ad_hoc = context, environment, ad_hoc_module
        self._database: Transactions = database or context.database
        self._modules, self._now = context.modules, context.now
        self._wake = wake
        self._identity_interval_s, self._gateways = environment.identity_interval_s, environment.gateways
        self._admission = Admission(context, self._gateways, self._database.key, ad_hoc_module)
        self._poll, self._has_valid_clock = environment.poll_meter, environment.has_valid_clock
        self._is_connected = environment.is_connected
        self._within: Callable[[Shared], Commands] = lambda shared: Commands(
            context, environment, lambda: None, shared
        )

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Commands]:
        """Yield commands that share one transaction; a failing one is rolled back alone."""
        async with self._database.together() as shared:
            yield self._within(shared)
        self._wake()

    def poll_meter(self, module_id: str, *, wanted: bool = False) -> bool:
        """Poll a module over a connection; False if it has none. A poll that has a cost needs `wanted`."""
        return self._poll(module_id, wanted=wanted)

    def for_number(self, number: str, family: Family, password: Secret) -> tuple[Commands, str]:
        """Return commands for a module that is not configured, and its id: its number in E.164.

        Its family and password are kept with its jobs until they end; nothing else is kept for longer. Raises
        InvalidValueError if `number` is not in international form, or is a configured module's or a gateway
        modem's.
        """
        found = e164(number)
        if found is None:
            allowed = "a telephone number in international form, like +79991234567"
            raise InvalidValueError("number", number, allowed, shown=True)
        taken = next((m.id for m in self._modules.values() if m.msisdn == found), None)
        if taken is not None:
            allowed = f"a number of no configured module; it is that of {taken}: ask for module {taken}"
            raise InvalidValueError("number", found, allowed)
        if found in self._gateways.numbers(found):
            raise InvalidValueError("number", found, "another number than our own modem's")
        family.password_rule.check(password)
        module = ad_hoc.with_number(found, family, password)
        context = replace(self._context, modules={found: module})
        return Commands(context, self._environment, self._wake, self._database, module), found

    def knows(self, module_id: str) -> bool:
        """Return whether a module is configured."""
        return module_id in self._modules

    async def read_settings(self, module_id: str, options: CommandOptions) -> Job:
        """Request everything that the module can report, including settings that are read only on demand."""
        module = self._module(module_id)
        steps = all_reads(module)
        async with self._database.transaction() as tx:
            candidate = self._admission.job(module, READ_SETTINGS, steps, options)
            job = await self._admission.accept(
                tx, candidate, options, lambda job: job.action == READ_SETTINGS
            )
        self._wake()
        return job

    async def request_identity(self, module_id: str, options: CommandOptions) -> Job:
        """Request a module's IMEI, ICCID and IP address; GuardError if no documented request yields any."""
        module = self._module(module_id)
        steps = steps_of(identity_reads(module))
        async with self._database.transaction() as tx:
            candidate = self._admission.job(module, REQUEST_IDENTITY, steps, options)
            job = await self._admission.accept(
                tx, candidate, options, lambda job: job.action == REQUEST_IDENTITY
            )
        self._wake()
        return job

    async def request_status(
        self, module_id: str, options: CommandOptions, action: str = REQUEST_STATUS
    ) -> Job:
        """Request the volatile values, and the others (IMEI, APN) if unknown or old.

        If the module is polled over a connection, the SMS wait METER_POLL_S for it and omit what it reports.
        Without a transaction, a queued job with the same purpose is returned instead of a second one. Raises
        GuardError if no request for a status is documented for the module's transport.
        """
        module = self._module(module_id)
        job = await self._status(module, options, action, fresh_since=math.inf)
        if job is None:
            message = f"{module_id}: nothing documents how to ask for a status by {module.access.delivery}"
            raise GuardError(UNSUPPORTED_ACTION, (f"{message}, and no profile in use does",))
        return job

    async def poll(self, module_id: str, interval_s: float) -> Job | None:
        """Queue a scheduled status poll; None if nothing needs a request by the module's transport.

        Volatile values that another transport reported in the last `interval_s` seconds are not requested.
        """
        fresh_since = self._now() - interval_s
        return await self._status(self._module(module_id), CommandOptions(), POLL, fresh_since)

    async def _status(
        self, module: Module, options: CommandOptions, action: str, fresh_since: float
    ) -> Job | None:
        async with self._database.transaction() as tx:
            known = await observations.readings_of(tx, module.id)
            now = self._now()
            asking = what_to_ask(module, known, Moment(now, fresh_since, now - self._identity_interval_s))
            if not asking.reads:
                return None
            candidate = self._admission.job(module, action, steps_of(asking.reads), options)
            known_job = await store.known(tx, candidate, self._database.key)
            if known_job is not None:  # a repeated request starts no second poll of the meter either
                return known_job
            if self._ad_hoc is None and self.poll_meter(module.id, wanted=action != POLL):
                candidate = replace(
                    candidate, due_at=min(candidate.due_at + METER_POLL_S, candidate.deadline_at)
                )
            alike = (POLL, action)
            if candidate.transaction is None:
                job = await self._admission.accept(
                    tx, candidate, options, lambda job: job.action in alike and not job.touched
                )
            else:  # looked for above
                job = await self._admission.store(tx, candidate, len(candidate.steps))
        self._wake()
        return job

    async def preview(self, module_id: str, changes: Mapping[str, object]) -> Plan:
        """Return what changing the settings would do; nothing is stored or sent.

        Raises UnknownNameError, InvalidValueError and GuardError as `make_plan` and `check_changes`.
        """
        module = self._module(module_id)
        checked = check_changes(module.family, changes)
        async with self._database.reading() as tx:
            known = await observations.facts(tx, module.id)
        return self._plan(module, checked, known)

    async def apply(
        self,
        module_id: str,
        changes: Mapping[str, object],
        options: CommandOptions,
        *,
        confirmed: bool = False,
        action: str = SET,
    ) -> Job:
        """Change settings: write them, read them back, and succeed only if they match the request.

        Raises UnknownNameError, InvalidValueError and GuardError before anything is stored.
        """
        module = self._module(module_id)
        checked = check_changes(module.family, changes)
        async with self._database.transaction() as tx:
            known = await observations.facts(tx, module.id)
            plan = self._plan(module, checked, known)
            candidate = replace(self._admission.job(module, action, plan.steps, options), before=plan.before)
            same = await self._admission.same(tx, candidate, options, lambda job: job.asked() == checked)
            asked_before = options.redelivered or candidate.transaction is not None
            if same is not None and (asked_before or not has_changed(same, checked, known)):
                return same
            plan.check(confirmed=confirmed)
            job = await self._admission.store(tx, candidate, len(plan.steps))
        self._wake()
        return job

    async def act(
        self, module_id: str, name: str, options: CommandOptions, *, confirmed: bool = False
    ) -> Job:
        """Run a family's action (a restart, for example) and verify that the module answers afterwards.

        Raises UnknownNameError for an action that the family does not have, GuardError if it needs to be
        confirmed. Without a transaction, an unfinished job with the same action is returned.
        """
        module = self._module(module_id)
        action = action_of(module, name)
        if action.confirm is not None and not confirmed:
            raise GuardError(CONFIRM_REQUIRED, (f"{name}: {action.confirm}", HOW_TO_CONFIRM))
        steps = action_steps(module, action)
        request = steps[0].request
        async with self._database.transaction() as tx:
            candidate = self._admission.job(module, name.partition(".")[0], steps, options)
            job = await self._admission.accept(
                tx, candidate, options, lambda job: request in (s.request for s in job.steps)
            )
        self._wake()
        return job

    async def call(self, module_id: str, options: CommandOptions) -> Job:
        """Ring a module so that it connects; the job succeeds when its connection arrives.

        Raises GuardError if modules of its family do not react to calls, or if the numbers that it connects
        for are known and include none of ours.
        """
        module = self._module(module_id)
        if module.family.call is None:
            raise GuardError(UNSUPPORTED_ACTION, (f"{module.family.title}: its modules do not answer calls",))
        async with self._database.transaction() as tx:
            steps = (Step(Purpose.READ, Request(RequestKind.CALL, CALL)),)
            candidate = self._admission.job(module, CALL, steps, options)
            job = await self._admission.same(tx, candidate, options, lambda job: job.action == CALL)
            if job is None:
                self._gateways.check_call(module, await observations.facts(tx, module.id))
                job = await self._admission.store(tx, candidate, messages=0)
                if self._is_connected(module.id):
                    job = await store.apply(
                        tx, job, self._now(), Move(Event.SUPERSEDED, {}, "it is connected already")
                    )
        self._wake()
        return job

    async def server_of(self, module_id: str) -> int:
        """Return the number of a module's only enabled server; InvalidValueError unless one is known."""
        module = self._module(module_id)
        async with self._database.reading() as tx:
            known = await observations.facts(tx, module.id)
        found = module.family.enabled_servers(
            {name: reported.value for name, reported in known.readings.items()}
        )
        if len(found) != 1:
            why = "known to be enabled: " + (", ".join(map(str, found)) or "none")
            raise InvalidValueError("server", None, f"the number of a server, like 0 ({why})", shown=True)
        return found[0]

    async def meter_poll_failed(self, module_id: str) -> None:
        """Send the SMS now that waited for a connection to deliver the status: that connection failed."""
        async with self._database.transaction() as tx:
            await store.expedite(tx, module_id, self._now())
        self._wake()

    async def accept_drift(self, module_id: str) -> tuple[str, ...]:
        """Make a module's reported settings the desired ones; return the names of those that had drifted."""
        async with self._database.transaction() as tx:
            return await observations.accept_drift(tx, self._module(module_id).id)

    async def cancel(self, job_id: str, *, redelivered: bool = False) -> Job:
        """Cancel a job that waits, or one of unknown outcome; its module's queue can then continue.

        If the request is `redelivered`, a job that is cancelled already is returned. Raises UnknownNameError
        if there is no such job, GuardError if it has ended or is under way: a sent SMS cannot be taken back.
        """
        async with self._database.transaction() as tx:
            job = await store.get(tx, job_id)
            if job is None or (job.module not in self._modules and job.ad_hoc_family is None):
                raise UnknownNameError("job", job_id, (), code="unknown_job")
            if redelivered and job.state is State.CANCELLED:
                return job
            if (job.state, Event.CANCEL) not in TRANSITIONS:
                state = "over" if job.state.final else "under way, and what was sent cannot be taken back"
                raise GuardError(NOT_CANCELLABLE, (f"job {job_id} is {state} ({job.state})",))
            cancelled = await store.apply(tx, job, self._now(), Move(Event.CANCEL, {}, "by a person"))
        self._wake()
        return cancelled

    async def unfinished(self, module_id: str | None = None) -> tuple[Unfinished, ...]:
        """Return the jobs that wait or are under way, of one module or of all, at most MOST_JOBS."""
        one = None if module_id is None else self._module(module_id).id
        async with self._database.reading() as tx:
            others = await ad_hoc.unfinished(tx, self._context.bridge)
            modules = [*self._modules, *others] if one is None else [one]
            return await overview.unfinished(tx, modules, MOST_JOBS)

    def _plan(self, module: Module, changes: Mapping[str, Scalar], known: ModuleFacts) -> Plan:
        values = {name: reading.value for name, reading in known.readings.items()}
        return make_plan(module, changes, values, self._gateways.numbers(module.id))

    def _module(self, module_id: str) -> Module:
        try:
            return self._modules[module_id]
        except KeyError:
            raise UnknownNameError("module", module_id, self._modules, code="unknown_module") from None
