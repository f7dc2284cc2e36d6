"""The expected cost of polls, compared with the budgets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.commands.asking import Forecast
from gsm_meter_bridge.model.facts import Budget, BudgetLimits

_DAYS_OF_A_MONTH = 30.0


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A budget that is too small: its `kind` (module or modem), its `name`, and the reason in `message`."""

    kind: str
    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.message}"


def shortfalls(
    forecasts: Mapping[str, Forecast], modems_of: Mapping[str, Sequence[str]], budgets: BudgetLimits
) -> Iterable[Shortfall]:
    """Yield each budget that is too small for the polls.

    `forecasts` are by module; `modems_of` has the modems that may send to each. A modem is charged with the
    SMS that no other modem may send; modems that serve the same modules are compared together.
    """
    for module, planned in forecasts.items():
        for short in _short(planned.daily, budgets.modules.get(module, Budget()), at_most=planned.at_most):
            yield Shortfall("module", module, short)
    for modems in dict.fromkeys(tuple(sorted(m)) for m in modems_of.values() if m):
        theirs = [f for m, f in forecasts.items() if modems_of.get(m) and set(modems_of[m]) <= set(modems)]
        daily = sum(f.daily for f in theirs)
        together = _sum([budgets.modems.get(modem, Budget()) for modem in modems])
        for short in _short(daily, together, at_most=any(f.at_most for f in theirs)):
            yield Shortfall("modem", " and ".join(modems), short)


def _sum(budgets: Sequence[Budget]) -> Budget:
    """Return the joint budget of several modems; unlimited if one of theirs is."""
    days, months = [b.day for b in budgets], [b.month for b in budgets]
    reserve = sum(b.reserve for b in budgets)
    return Budget(_total(days), _total(months), reserve)


def _total(limits: Sequence[int | None]) -> int | None:
    known = [n for n in limits if n is not None]
    return sum(known) if len(known) == len(limits) else None


def _short(daily: float, budget: Budget, *, at_most: bool) -> Iterable[str]:
    """Yield why `budget`, less the SMS reserved for people, is too small for `daily` SMS a day."""
    up_to = "up to " if at_most else ""
    kept = f", {budget.reserve} of them kept for people" if budget.reserve else ""
    for span, planned, limit in (
        ("day", daily, budget.day),
        ("month", daily * _DAYS_OF_A_MONTH, budget.month),
    ):
        if limit is not None and planned > max(0, limit - budget.reserve):
            message = (
                f"polls take {up_to}{planned:.2f} SMS a {span}, and its budget is {limit} a {span}{kept}"
            )
            yield f"{message}: it does not suffice; ask less often (poll_interval), or raise the budget"
