"""How a request becomes a stored job: one job for the same request, within its deadline and the budgets."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.commands.actions import POLL
from gsm_meter_bridge.commands.gateways import Gateways
from gsm_meter_bridge.commands.repeats import Repeats
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.job import Job, Priority, Step
from gsm_meter_bridge.storage import ad_hoc, store
from gsm_meter_bridge.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """Options of a request.

    `transaction` identifies the request (one sent again is not carried out twice), `deadline_at` is a Unix
    time, `redelivered` means that the broker may have delivered the same request before.
    """

    transaction: str | None = None
    deadline_at: float | None = None
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """Makes jobs of requests and stores them; `ad_hoc_module` is the module, if it is not configured."""

    context: BridgeContext
    gateways: Gateways
    key: InstallationKey
    ad_hoc_module: Module | None = None

    def job(self, module: Module, action: str, steps: tuple[Step, ...], options: CommandOptions) -> Job:
        """Return a new job, not stored; without a deadline of its own it has the policy's for each step."""
        now = self.context.now()
        allowed_s = sum(self.context.policy.deadline_s + step.pause_s for step in steps)
        deadline_at = now + allowed_s if options.deadline_at is None else options.deadline_at
        job = Job(
            id=f"{int(now * 1000):012x}{secrets.token_hex(4)}",
            module=module.id,
            action=action,
            steps=steps,
            created_at=now,
            deadline_at=deadline_at,
            due_at=now,
            priority=Priority.POLL if action == POLL else Priority.USER,
            transaction=options.transaction,
        )
        return job if self.ad_hoc_module is None else ad_hoc.of(job, self.ad_hoc_module, self.key)

    async def accept(
        self, tx: Transaction, candidate: Job, options: CommandOptions, is_same: Callable[[Job], bool]
    ) -> Job:
        """Store `candidate`, or return an existing job for the same request."""
        same = await self.same(tx, candidate, options, is_same)
        return await self.store(tx, candidate, len(candidate.steps)) if same is None else same

    async def store(self, tx: Transaction, candidate: Job, messages: int) -> Job:
        """Store a new job if its deadline and the budgets allow it; it costs at most `messages` SMS."""
        if candidate.deadline_at <= candidate.created_at:
            raise InvalidValueError("deadline", candidate.deadline_at, "a time in the future", shown=True)
        await self.gateways.check(tx, candidate.module, messages, self.context.now())
        if self.ad_hoc_module is not None:
            await ad_hoc.admit(tx, candidate, self.context.bridge, self.key)
        await store.accept(tx, candidate, self.key)
        return candidate

    async def same(
        self, tx: Transaction, candidate: Job, options: CommandOptions, is_same: Callable[[Job], bool]
    ) -> Job | None:
        """Return the job that exists for the same request; `is_same` decides if there is no transaction."""
        if candidate.transaction is not None:  # a repeated request gets the same answer, whatever has changed
            return await store.known(tx, candidate, self.key)
        repeats = Repeats(tx, self.key, self.context.now())
        return await repeats.of(candidate, is_same, redelivered=options.redelivered)
