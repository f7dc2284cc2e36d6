"""SMS budgets by UTC day and month, of each gateway modem (its SIM pays) and of each module."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Integer, bindparam, case, cast, delete, func, select

from gsm_meter_bridge.model.facts import Budget, Spending
from gsm_meter_bridge.storage.database import Transaction, counting
from gsm_meter_bridge.storage.schema import sent, sent_by_day

DAY_S = 86_400
_THIS_MONTH = select(sent_by_day.c.day, sent_by_day.c.messages).where(
    sent_by_day.c.modem == bindparam("modem_id"), sent_by_day.c.day >= bindparam("first_day")
)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of modems and modules by their ids."""

    modems: Mapping[str, Budget] = field(default_factory=dict)
    modules: Mapping[str, Budget] = field(default_factory=dict)

    async def of_modem(self, tx: Transaction, modem: str, now: float) -> Spending:
        """Return the number of SMS that a modem has sent and may still send."""
        today, month = map(_day, _since(now))
        rows = (await tx.execute(_THIS_MONTH, {"modem_id": modem, "first_day": month})).all()
        of_today = sum(row.messages for row in rows if row.day >= today)
        return _of(self.modems.get(modem, Budget()), of_today, sum(row.messages for row in rows))

    def limits_modem(self, modem: str) -> bool:
        """Return whether a modem has a budget."""
        return self.modems.get(modem, Budget()).is_limit

    def limits_module(self, module: str) -> bool:
        """Return whether a module has a budget."""
        return self.modules.get(module, Budget()).is_limit

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


async def note_sent(tx: Transaction, modem: str, module: str, job_id: str, now: float) -> None:
    """Note that the gateway modem took an SMS."""
    await tx.execute(sent.insert(), [{"modem": modem, "module": module, "job_id": job_id, "at": now}])
    count = {"modem": modem, "day": _day(now), "messages": 1}
    await tx.execute(counting(tx.dialect.name, sent_by_day), [count])


async def count_again(tx: Transaction, modems: Collection[str]) -> None:
    """Count what `modems` sent from the rows of `sent`: their times have changed."""
    exact = sent.c.at / DAY_S
    day = func.floor(exact) if tx.dialect.name == "postgresql" else exact
    counted = select(sent.c.modem, cast(day, Integer), func.count()).where(sent.c.modem.in_(modems))
    await tx.execute(delete(sent_by_day).where(sent_by_day.c.modem.in_(modems)))
    rows = counted.group_by(sent.c.modem, cast(day, Integer))
    await tx.execute(sent_by_day.insert().from_select(["modem", "day", "messages"], rows))


def _day(at: float) -> int:
    return int(at // DAY_S)


def _since(now: float) -> tuple[float, float]:
    """Return the Unix times at which the present day and month began (UTC)."""
    moment = datetime.fromtimestamp(now, UTC)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return today.timestamp(), today.replace(day=1).timestamp()


def _of(budget: Budget, day: int, month: int) -> Spending:
    return Spending(day, month, _left(budget.day, day), _left(budget.month, month))


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
