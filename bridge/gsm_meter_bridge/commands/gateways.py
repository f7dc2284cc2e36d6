"""The gateway modems through which a module is reached, and whether their budgets allow sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gsm_meter_bridge.commands.plan import GUARDED
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.facts import ModuleFacts, Spending
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Transaction

BUDGET_EXHAUSTED = "budget_exhausted"


@dataclass(frozen=True, slots=True)
class GatewayModem:
    """A gateway modem's id, and its own number if configured (E.164)."""

    modem: str
    number: str | None = None


class Gateways:
    """The gateway modems of each module, and their remaining budgets."""

    def __init__(
        self,
        of_module: Callable[[str], tuple[GatewayModem, ...]] = lambda _: (),
        budgets: Budgets | None = None,
    ) -> None:
        self._of_module = of_module
        self._budgets = budgets or Budgets()

    def numbers(self, module: str) -> tuple[str, ...]:
        """Return the configured numbers (E.164) of the gateway modems that may send to a module."""
        return tuple(gateway.number for gateway in self._of_module(module) if gateway.number is not None)

    def check_call(self, module: Module, known: ModuleFacts) -> None:
        """Raise GuardError if the numbers that a module connects for are known and include none of ours."""
        own = self.numbers(module.id)
        listed = module.family.connects_for(
            {name: reported.value for name, reported in known.readings.items()}
        )
        if own and listed is not None and not listed.intersection(own):
            message = (
                f"it connects only when rung from a number in an enabled server's white list; {own[0]} is not"
            )
            raise GuardError(GUARDED, (message,))

    async def check(self, tx: Transaction, module: str, messages: int, now: float) -> None:
        """Raise GuardError if `messages` SMS exceed the module's budget, or that of each of its modems."""
        if self._budgets.limits_module(module):
            left = (await self._budgets.of_module(tx, module, now)).left
            if left is not None and left < messages:
                raise GuardError(BUDGET_EXHAUSTED, (_exhausted(f"the budget of {module}", left, messages),))
        gateways = self._of_module(module)
        if not all(self._budgets.limits_modem(gateway.modem) for gateway in gateways):
            return
        spendings = [await self._budgets.of_modem(tx, gateway.modem, now) for gateway in gateways]
        if spendings and all(_short(s, messages) for s in spendings):
            most = max(s.left or 0 for s in spendings)
            names = ", ".join(gateway.modem for gateway in gateways)
            raise GuardError(BUDGET_EXHAUSTED, (_exhausted(f"the budget of modem {names}", most, messages),))


def _short(spending: Spending, messages: int) -> bool:
    return spending.left is not None and spending.left < messages


def _exhausted(whose: str, left: int, messages: int) -> str:
    return f"{whose} has {left} SMS left today or this month; this may take {messages}"
