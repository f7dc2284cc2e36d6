"""SMS budgets by UTC day and month, of each gateway modem (its SIM pays) and of each module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import case, func, select

from gsm_meter_bridge.model.facts import Budget, Spending
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.schema import sent


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of modems and modules by their ids."""

    modems: Mapping[str, Budget] = field(default_factory=dict)
    modules: Mapping[str, Budget] = field(default_factory=dict)

    async def of_modem(self, tx: Transaction, modem: str, now: float) -> Spending:
        """Return the number of SMS that a modem has sent and may still send."""
        today, month = _since(now)
        recent = case((sent.c.at >= today, 1), else_=0)
        query = select(func.sum(recent), func.count()).where(sent.c.modem == modem, sent.c.at >= month)
        row = (await tx.execute(query)).one()
        return _of(self.modems.get(modem, Budget()), int(row[0] or 0), int(row[1]))

    async def of_module(self, tx: Transaction, module: str, now: float) -> Spending:
        """Return the number of SMS that were sent to a module and may still be sent."""
        return (await self.of_modules(tx, (module,), now))[module]

    async def of_modules(self, tx: Transaction, modules: Sequence[str], now: float) -> dict[str, Spending]:
        """Return the spending of each of `modules`."""
        today, month = _since(now)
        recent = case((sent.c.at >= today, 1), else_=0)
        query = select(sent.c.module, func.sum(recent), func.count()).group_by(sent.c.module)
        rows = await tx.execute(query.where(sent.c.module.in_(modules), sent.c.at >= month))
        counted = {row[0]: (int(row[1]), int(row[2])) for row in rows}
        return {m: _of(self.modules.get(m, Budget()), *counted.get(m, (0, 0))) for m in modules}

    def reserve(self, modem: str) -> int:
        """Return how many SMS of a modem's budget are reserved for other jobs than polls."""
        return self.modems.get(modem, Budget()).reserve


def _since(now: float) -> tuple[float, float]:
    """Return the Unix times at which the present day and month began (UTC)."""
    moment = datetime.fromtimestamp(now, UTC)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return today.timestamp(), today.replace(day=1).timestamp()


def _of(budget: Budget, day: int, month: int) -> Spending:
    return Spending(day, month, _left(budget.day, day), _left(budget.month, month))


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
