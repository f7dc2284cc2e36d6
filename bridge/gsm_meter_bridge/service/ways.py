"""Through which of our modems a module is reached, and whether they may still send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.jobs.budgets import Budgets, Spending
from gsm_meter_bridge.jobs.database import Transaction
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.service.plan import GUARDED

BUDGET_EXHAUSTED = "budget_exhausted"


@dataclass(frozen=True, slots=True)
class Way:
    """One of our modems, and its own number where that is configured (E.164)."""

    modem: str
    number: str | None = None


class Ways:
    """The ways to each module, and what they may still cost."""

    def __init__(
        self, of_module: Callable[[str], tuple[Way, ...]] = lambda _: (), budgets: Budgets | None = None
    ) -> None:
        self._of_module = of_module
        self._budgets = budgets or Budgets()

    def numbers(self, module: str) -> tuple[str, ...]:
        """Return the numbers that a module may hear us from, as far as they are configured."""
        return tuple(way.number for way in self._of_module(module) if way.number is not None)

    def check_call(self, module: str, known: ModuleFacts) -> None:
        """Raise GuardError where a module's lists of numbers to connect for are known, ours in none."""
        own = self.numbers(module)
        lists = [n for n in known.readings if n.startswith("server.") and ".white_list." in n]
        if own and lists and not {known.readings[n].value for n in lists}.intersection(own):
            words = (
                f"it connects only when rung from a number in a server's white list; ours is not: {own[0]}"
            )
            raise GuardError(GUARDED, (words,))

    async def check(self, tx: Transaction, module: str, messages: int, now: float) -> None:
        """Raise GuardError where so many messages are more than a module's budget or its modems' allow."""
        left = (await self._budgets.of_module(tx, module, now)).left
        if left is not None and left < messages:
            raise GuardError(BUDGET_EXHAUSTED, (_words(f"the budget of {module}", left, messages),))
        ways = self._of_module(module)
        spendings = [await self._budgets.of_modem(tx, way.modem, now) for way in ways]
        if spendings and all(_short(s, messages) for s in spendings):
            most = max(s.left or 0 for s in spendings)
            names = ", ".join(way.modem for way in ways)
            raise GuardError(BUDGET_EXHAUSTED, (_words(f"the budget of modem {names}", most, messages),))


def _short(spending: Spending, messages: int) -> bool:
    return spending.left is not None and spending.left < messages


def _words(whose: str, left: int, messages: int) -> str:
    return f"{whose} has {left} SMS left today or this month; this may take {messages}"
