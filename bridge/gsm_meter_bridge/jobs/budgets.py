"""What may still be sent: SMS a day and a month, by modem (its SIM pays) and by module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gsm_meter_bridge.jobs.schema import sent


@dataclass(frozen=True, slots=True)
class Budget:
    """How many SMS a calendar day and month (UTC) may cost; None is without limit.

    The last `reserve` of a day or month are not for polls, but for what a person asks for.
    """

    day: int | None = None
    month: int | None = None
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Spending:
    """What has been sent today and this month, and what is left of the budget; None without one."""

    day: int
    month: int
    left_day: int | None = None
    left_month: int | None = None

    @property
    def left(self) -> int | None:
        """How many more may be sent now."""
        known = [n for n in (self.left_day, self.left_month) if n is not None]
        return min(known) if known else None


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of modems and modules by their ids."""

    modems: Mapping[str, Budget] = field(default_factory=dict)
    modules: Mapping[str, Budget] = field(default_factory=dict)

    async def of_modem(self, tx: AsyncConnection, modem: str, now: float) -> Spending:
        """Return what a modem has sent and may still send."""
        return await _spending(tx, sent.c.modem == modem, self.modems.get(modem, Budget()), now)

    async def of_module(self, tx: AsyncConnection, module: str, now: float) -> Spending:
        """Return what was sent to a module and may still be sent."""
        return await _spending(tx, sent.c.module == module, self.modules.get(module, Budget()), now)

    def reserve(self, modem: str) -> int:
        """Return how many SMS of a modem's budget polls must leave."""
        return self.modems.get(modem, Budget()).reserve


async def _spending(tx: AsyncConnection, whose: ColumnElement[bool], budget: Budget, now: float) -> Spending:
    moment = datetime.fromtimestamp(now, UTC)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    day = await _count(tx, whose, today)
    month = await _count(tx, whose, today.replace(day=1))
    return Spending(day, month, _left(budget.day, day), _left(budget.month, month))


async def _count(tx: AsyncConnection, whose: ColumnElement[bool], since: datetime) -> int:
    query = select(func.count()).select_from(sent).where(whose, sent.c.at >= since.timestamp())
    return int((await tx.execute(query)).scalar_one())


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
