"""Polls every module at intervals. The times are in the database: a restart polls no module twice."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.health import Door
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.storage import observations

_TICK_S = 1.0
_PLAN_AGAIN_S = 60.0
"""How often the bridge checks that no module is due later than one interval from now."""
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollPlan:
    """How often one module is polled; each time varies by `jitter` (0 to 0.5 of the interval).

    Without `by_sms`, only its meter is polled over a connection, which costs nothing.
    """

    interval_s: float
    jitter: float = 0.1
    by_sms: bool = True


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """When modules are polled; the first poll of each is within `initial_spread_s` seconds."""

    plans: Mapping[str, PollPlan]
    initial_spread_s: float


class Poller:
    """Turns due times into poll jobs; a module for which this fails is polled again after its interval.

    `spread` draws a number between two; `on_queued` is called with the id of each module with a queued poll.
    """

    def __init__(
        self,
        context: BridgeContext,
        commands: Commands,
        schedule: PollSchedule,
        spread: Callable[[float, float], float] = random.uniform,
        on_queued: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database, self._bridge = context.database, context.bridge
        self._now, self._health = context.now, context.health
        self._commands, self._spread, self._on_queued = commands, spread, on_queued
        self._plans, self._initial_spread_s = schedule.plans, schedule.initial_spread_s
        self._unasked: dict[str, None] = {}

    async def run(self) -> None:
        """Poll until cancelled."""
        plan_at = float("-inf")
        while True:
            with self._health.guard(Door.CLOCK, "planning polls"):
                if time.monotonic() >= plan_at and await self._database.run_guarded(self.plan_new):
                    plan_at = time.monotonic() + _PLAN_AGAIN_S
            with self._health.guard(Door.CLOCK, "polling"):
                if plan_at > float("-inf"):
                    await self._database.run_guarded(self.poll_due)
            await asyncio.sleep(_TICK_S)

    async def plan_new(self) -> None:
        """Set a first poll time for modules without one; bring forward those later than an interval from now.

        The latter happens if their interval was shortened, or the clock was set.
        """
        async with self._database.transaction() as tx:
            now = self._now()
            planned = await observations.planned_polls(tx, self._bridge)
            times = {}
            for module, plan in self._plans.items():
                if module not in planned:
                    times[module] = now + self._spread(0.0, min(self._initial_spread_s, plan.interval_s))
                elif planned[module] > now + plan.interval_s * (1.0 + plan.jitter):
                    times[module] = self.next_after(module, now)
            await observations.set_next_polls(tx, self._bridge, times)

    async def poll_due(self) -> None:
        """Queue a poll of every module that is due."""
        due: list[str] = []
        async with self._database.reading() as tx:
            is_due = await observations.due_polls(tx, self._bridge, self._now())
        if is_due:  # rarely: a transaction that writes each second would cost more than all else
            async with self._database.transaction() as tx:
                now = self._now()
                found = await observations.due_polls(tx, self._bridge, now)
                due = [module for module in found if module in self._plans]
                times = {m: self.next_after(m, now) for m in due}
                await observations.set_next_polls(tx, self._bridge, times)
        # modules that a database error left unpolled are polled once it is over
        self._unasked |= dict.fromkeys(due)
        for module in tuple(self._unasked):
            with self._health.guard(Door.CLOCK, f"polling {module}"):
                await self._poll(module)
            del self._unasked[module]

    async def _poll(self, module: str) -> None:
        plan = self._plans[module]
        if not plan.by_sms:
            self._commands.poll_meter(module)
            return
        try:
            if await self._commands.poll(module, plan.interval_s) is not None:
                self._on_queued(module)
        except GuardError as error:  # the budget; it is polled again next time
            _LOGGER.info("%s is not polled: %s", module, error)

    def next_after(self, module: str, now: float) -> float:
        """Return the Unix time of the module's next poll: `now` plus its interval, varied by the jitter."""
        plan = self._plans[module]
        return now + plan.interval_s * self._spread(1.0 - plan.jitter, 1.0 + plan.jitter)
