"""What can be asked of a module: its status, or a verified change of its settings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gsm_meter_bridge.errors import GuardError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.family import ACCESS_PASSWORD, Action, Module, Request, RequestKind
from gsm_meter_bridge.job import TRANSITIONS, Event, Job, Priority, Purpose, Step
from gsm_meter_bridge.jobs import observations, store
from gsm_meter_bridge.jobs.database import Database, Transaction
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.jobs.store import Move
from gsm_meter_bridge.service.actions import CALL, POLL, READ_SETTINGS, REQUEST_IDENTITY, REQUEST_STATUS, SET
from gsm_meter_bridge.service.plan import (
    CONFIRM_REQUIRED,
    HOW_TO_CONFIRM,
    Plan,
    check_changes,
    make_plan,
    which_password,
)
from gsm_meter_bridge.service.reads import UNSUPPORTED_ACTION, due_reads, identity_reads, steps_of
from gsm_meter_bridge.service.visits import Visit, no_visit
from gsm_meter_bridge.service.ways import Ways
from gsm_meter_bridge.vocabulary import Scalar, Secret

VISIT_S = 120.0
"""How long a wish for a status waits for the connection that costs nothing, before an SMS is sent."""
NOT_CANCELLABLE = "not_cancellable"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms something is asked.

    `transaction` names the asking (asked again, nothing is done twice), `deadline_at` is a Unix time,
    `redelivered` says that the broker may have brought the same wish before.
    """

    transaction: str | None = None
    deadline_at: float | None = None
    redelivered: bool = False


class Commands:
    """Checks a wish and stores it as a job."""

    def __init__(
        self,
        database: Database,
        modules: Mapping[str, Module],
        policy: Policy,
        wake: Callable[[], None],
        identity_interval_s: float,
        ways: Ways | None = None,
        now: Callable[[], float] = time.time,
        visit: Visit = no_visit,
    ) -> None:
        self._database = database
        self._modules = modules
        self._policy = policy
        self._wake = wake
        self._identity_interval_s = identity_interval_s
        self._ways = ways or Ways()
        self._now = now
        self._visit = visit

    def visit(self, module_id: str, *, wanted: bool = False) -> bool:
        """Ask a module over a connection; False where it has none. What costs something must be `wanted`."""
        return self._visit(module_id, wanted=wanted)

    def knows(self, module_id: str) -> bool:
        """Return whether a module is configured."""
        return module_id in self._modules

    async def read_settings(self, module_id: str, terms: Terms) -> Job:
        """Ask for all that the module can be asked for, settings that are read only on demand included."""
        module = self._module(module_id)
        steps = steps_of(module.family.reads(module.access))
        async with self._database.transaction() as tx:
            wish = self._job(module, READ_SETTINGS, steps, terms)
            job = await self._accept(tx, wish, lambda job: job.action == READ_SETTINGS)
        self._wake()
        return job

    async def request_identity(self, module_id: str, terms: Terms) -> Job:
        """Ask who a module is: IMEI, ICCID, IP address; GuardError where nothing documented tells."""
        module = self._module(module_id)
        steps = steps_of(identity_reads(module))
        async with self._database.transaction() as tx:
            wish = self._job(module, REQUEST_IDENTITY, steps, terms)
            job = await self._accept(tx, wish, lambda job: job.action == REQUEST_IDENTITY)
        self._wake()
        return job

    async def request_status(self, module_id: str, terms: Terms, action: str = REQUEST_STATUS) -> Job:
        """Ask for what changes by itself, and for the rest (IMEI, APN) where it is not known or old.

        Without a transaction, a queued job that asks the same is returned instead of a second one.
        """
        module = self._module(module_id)
        async with self._database.transaction() as tx:
            known = await observations.facts(tx, module.id)
            reads = due_reads(module, known, self._now() - self._identity_interval_s)
            wish = self._job(module, action, steps_of(reads), terms)
            if self.visit(module.id, wanted=action != POLL):
                wish = replace(wish, due_at=min(wish.due_at + VISIT_S, wish.deadline_at))
            job = await self._accept(tx, wish, lambda job: job.action in (POLL, action) and not job.touched)
        self._wake()
        return job

    async def preview(self, module_id: str, changes: Mapping[str, object]) -> Plan:
        """Return what changing settings would do; nothing is stored and nothing is sent."""
        module = self._module(module_id)
        checked = check_changes(module.family, changes)
        async with self._database.transaction() as tx:
            known = await observations.facts(tx, module.id)
        return self._plan(module, checked, known)

    async def apply(
        self,
        module_id: str,
        changes: Mapping[str, object],
        terms: Terms,
        *,
        confirmed: bool = False,
        action: str = SET,
    ) -> Job:
        """Change settings: write them, read them back, and call it done only when they are as asked.

        Raises UnknownNameError, InvalidValueError and GuardError before anything is stored.
        """
        module = self._module(module_id)
        checked = check_changes(module.family, changes)
        async with self._database.transaction() as tx:
            if terms.transaction is None and (same := await _same_wish(tx, module, checked, terms)):
                return same
            plan = self._plan(module, checked, await observations.facts(tx, module.id))
            plan.check(confirmed=confirmed)
            wish = self._job(module, action, plan.steps, terms)
            await self._ways.check(tx, module.id, len(plan.steps), self._now())
            job, _ = await store.accept(tx, replace(wish, before=plan.before))
        self._wake()
        return job

    async def act(self, module_id: str, name: str, terms: Terms, *, confirmed: bool = False) -> Job:
        """Have something done that changes no setting, and make sure that the module answers afterwards.

        Raises UnknownNameError for an action that the family does not have, GuardError where it wants to be
        confirmed. Without a transaction, an unfinished job that does the same is returned.
        """
        module = self._module(module_id)
        action = _action(module, name)
        if action.confirm is not None and not confirmed:
            raise GuardError(CONFIRM_REQUIRED, (f"{name}: {action.confirm}", HOW_TO_CONFIRM))
        request = Request.action(name)
        proofs: tuple[Step, ...] = ()
        factory = Secret(module.family.default_password)
        if action.resets_password and factory != module.access.password:
            request = replace(request, changes={ACCESS_PASSWORD: factory.reveal()})
            proofs = which_password(module, factory)
        if not proofs:
            sign_of_life = next(r for r in module.family.reads(module.access) if r.volatile)
            proofs = (Step(Purpose.READ_BACK, Request.read(sign_of_life.name)),)
        steps = (Step(Purpose.WRITE, request, module.family.away_s(request)), *proofs)
        async with self._database.transaction() as tx:
            wish = self._job(module, name.partition(".")[0], steps, terms)
            job = await self._accept(tx, wish, lambda job: request in (s.request for s in job.steps))
        self._wake()
        return job

    async def call(self, module_id: str, terms: Terms) -> Job:
        """Ring a module, so that it connects; done when its connection arrives.

        Raises GuardError where its modules do nothing when rung, or where the lists of numbers that it
        connects for are known and ours is not in them.
        """
        module = self._module(module_id)
        if module.family.call is None:
            raise GuardError(UNSUPPORTED_ACTION, (f"{module.family.title}: its modules do not answer calls",))
        async with self._database.transaction() as tx:
            known = await observations.facts(tx, module.id)
            self._ways.check_call(module.id, known)
            steps = (Step(Purpose.READ, Request(RequestKind.CALL, CALL)),)
            wish = self._job(module, CALL, steps, terms)
            job = await self._accept(tx, wish, lambda job: job.action == CALL, messages=0)
        self._wake()
        return job

    async def no_visit(self, module_id: str) -> None:
        """Let an SMS go where a status was hoped for from a connection that failed."""
        async with self._database.transaction() as tx:
            await store.hurry(tx, module_id, self._now())
        self._wake()

    async def accept_drift(self, module_id: str) -> tuple[str, ...]:
        """Take a module's settings as they are for those that are wanted; return those that had drifted."""
        async with self._database.transaction() as tx:
            return await observations.accept_drift(tx, self._module(module_id).id)

    async def cancel(self, job_id: str) -> Job:
        """Give up a job that waits, or one that nobody knows what became of; its module's lane is free then.

        Raises UnknownNameError where there is none, GuardError where it is over or under way: what was sent
        cannot be taken back.
        """
        async with self._database.transaction() as tx:
            job = await store.get(tx, job_id)
            if job is None or job.module not in self._modules:
                raise UnknownNameError("job", job_id, (), code="unknown_job")
            if (job.state, Event.CANCEL) not in TRANSITIONS:
                words = "over" if job.state.final else "under way, and what was sent cannot be taken back"
                raise GuardError(NOT_CANCELLABLE, (f"job {job_id} is {words} ({job.state})",))
            cancelled = await store.move(tx, job, self._now(), Move(Event.CANCEL, {}, "by a person"))
        self._wake()
        return cancelled

    async def _accept(
        self, tx: Transaction, wish: Job, is_same: Callable[[Job], bool], messages: int | None = None
    ) -> Job:
        """Store `wish`; without a transaction, an unfinished job that is the same is returned instead.

        `messages` is how many SMS it costs where that is not one for each step.
        """
        if wish.transaction is None:
            waiting = await store.waiting(tx, wish.module)
            same = next((job for job in waiting if is_same(job)), None)
            if same is not None:
                return same
        await self._ways.check(
            tx, wish.module, len(wish.steps) if messages is None else messages, self._now()
        )
        job, _ = await store.accept(tx, wish)
        return job

    def _plan(self, module: Module, changes: Mapping[str, Scalar], known: ModuleFacts) -> Plan:
        values = {name: reading.value for name, reading in known.readings.items()}
        return make_plan(module, changes, values, self._ways.numbers(module.id))

    def _module(self, module_id: str) -> Module:
        try:
            return self._modules[module_id]
        except KeyError:
            raise UnknownNameError("module", module_id, self._modules, code="unknown_module") from None

    def _job(self, module: Module, action: str, steps: tuple[Step, ...], terms: Terms) -> Job:
        now = self._now()
        allowed_s = sum(self._policy.deadline_s + step.pause_s for step in steps)
        deadline_at = terms.deadline_at or now + allowed_s
        if deadline_at <= now:
            raise InvalidValueError("deadline", deadline_at, "a time in the future")
        return Job(
            id=f"{int(now * 1000):012x}{secrets.token_hex(4)}",
            module=module.id,
            action=action,
            steps=steps,
            created_at=now,
            deadline_at=deadline_at,
            due_at=now,
            priority=Priority.POLL if action == POLL else Priority.USER,
            transaction=terms.transaction,
        )


def _action(module: Module, name: str) -> Action:
    found = next((a for a in module.family.actions if a.name == name), None)
    if found is None:
        known = (a.name for a in module.family.actions)
        raise UnknownNameError(f"action of {module.family.title}", name, known, code="unknown_action")
    return found


async def _same_wish(
    tx: Transaction, module: Module, changes: Mapping[str, Scalar], terms: Terms
) -> Job | None:
    """Return a job that already does `changes`: one that is not over, or any recent one if redelivered."""
    jobs = await store.waiting(tx, module.id)
    if terms.redelivered:
        jobs += await store.latest(tx, 20, module.id)
    return next((j for j in jobs if j.asked() == changes), None)
