"""Asks every module from time to time. The times are in the database: a restart asks nobody twice."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.jobs import observations
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.service.actions import POLL
from gsm_meter_bridge.service.commands import Commands, Terms

_TICK_S = 1.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PollPlan:
    """How often one module is asked; each time is spread by `jitter` (0 to 0.5 of the interval).

    Without `by_sms`, only what costs nothing is asked.
    """

    interval_s: float
    jitter: float = 0.1
    by_sms: bool = True


class Poller:
    """Turns due times into poll jobs."""

    def __init__(
        self,
        database: Database,
        bridge: str,
        commands: Commands,
        plans: Mapping[str, PollPlan],
        first_spread_s: float,
        now: Callable[[], float] = time.time,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._database = database
        self._bridge = bridge
        self._commands = commands
        self._plans = plans
        self._first_spread_s = first_spread_s
        self._now = now
        self._spread = spread

    async def run(self) -> None:
        """Poll until cancelled."""
        planned = False
        while True:
            planned = planned or await self._database.attempt(self.plan_new)
            if planned:
                await self._database.attempt(self.poll_due)
            await asyncio.sleep(_TICK_S)

    async def plan_new(self) -> None:
        """Give a first time to modules that have none; bring forward those with a shorter interval now."""
        now = self._now()
        async with self._database.transaction() as tx:
            await observations.forget_others(tx)
            planned = await observations.planned_polls(tx, self._bridge)
            times = {}
            for module, plan in self._plans.items():
                if module not in planned:
                    times[module] = now + self._spread(0.0, min(self._first_spread_s, plan.interval_s))
                elif planned[module] > (latest := self.next_after(module, now)):
                    times[module] = latest
            await observations.set_next_polls(tx, times)

    async def poll_due(self) -> None:
        """Queue a poll of every module whose time has come."""
        now = self._now()
        async with self._database.transaction() as tx:
            due = await observations.due_polls(tx, self._bridge, now)
            await observations.set_next_polls(tx, {m: self.next_after(m, now) for m in due})
            fresh = await observations.told_since(
                tx, {m: now - self._plans[m].interval_s for m in due}, without="sms"
            )
        for module in due:
            if module in fresh:
                _LOGGER.debug("%s is not polled: what it told another way is fresh", module)
                continue
            if not self._plans[module].by_sms:
                self._commands.visit(module)
                continue
            try:
                await self._commands.request_status(module, Terms(), action=POLL)
            except GuardError as error:  # the budget; it is asked again next time
                _LOGGER.info("%s is not polled: %s", module, error)

    def next_after(self, module: str, now: float) -> float:
        """Return when the module is asked next, an interval from `now` on, give or take the jitter."""
        plan = self._plans[module]
        return now + plan.interval_s * self._spread(1.0 - plan.jitter, 1.0 + plan.jitter)
