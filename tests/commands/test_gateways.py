"""What a module's gateway modems allow: SMS within the budgets, and calls that it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from gsm_meter_bridge.commands.gateways import GatewayModem, Gateways
from gsm_meter_bridge.errors import GuardError
from gsm_meter_bridge.model.facts import Budget, Known, ModuleFacts, Spending
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.storage.database import Transaction
from tests.support.in_memory_bridge import OWN, modules

PUMP = modules()["pump"]
NO_TRANSACTION = cast("Transaction", None)
NOW = 1_790_000_000.0
OTHER = "+79990000009"


class _Budgets(Budgets):
    """Budgets of which nothing is spent; None has no limit."""

    def __init__(self, module: int | None, modems: dict[str, int | None]) -> None:
        super().__init__({modem: Budget(left) for modem, left in modems.items()}, {"pump": Budget(module)})

    def limits_module(self, module: str) -> bool:
        return True

    def limits_modem(self, modem: str) -> bool:
        return True

    async def of_module(self, tx: Transaction, module: str, now: float) -> Spending:
        assert now == NOW
        return Spending(0, 0, self.modules[module].day, None)

    async def of_modem(self, tx: Transaction, modem: str, now: float) -> Spending:
        assert now == NOW
        return Spending(0, 0, self.modems[modem].day, None)


def _gateways(module: int | None, **modems: int | None) -> Gateways:
    transports = tuple(GatewayModem(modem) for modem in modems)
    return Gateways(lambda _: transports, _Budgets(module, modems))


@pytest.mark.parametrize(
    ("gateways", "messages", "refusal"),
    [
        (_gateways(None), 99, None),
        (_gateways(None, a=None), 99, None),
        (_gateways(3, a=None), 3, None),
        (_gateways(3, a=None), 4, "the budget of pump has 3 SMS left today or this month; this may take 4"),
        (_gateways(0), 1, "the budget of pump has 0 SMS left"),
        (_gateways(0), 0, None),  # a call costs no SMS
        (_gateways(None, a=3), 3, None),
        (
            _gateways(None, a=3),
            4,
            "the budget of modem a has 3 SMS left today or this month; this may take 4",
        ),
        (_gateways(None, a=0), 1, "the budget of modem a has 0 SMS left"),
        # one modem suffices
        (_gateways(None, a=3, b=4), 4, None),
        (_gateways(None, a=None, b=0), 9, None),
        (_gateways(None, a=3, b=4), 5, "the budget of modem a, b has 4 SMS left"),
        (_gateways(1, a=3, b=4), 5, "the budget of pump has 1 SMS left"),
    ],
)
async def test_budget_refuses_what_neither_module_nor_any_modem_has_left(
    gateways: Gateways, messages: int, refusal: str | None
) -> None:
    if refusal is None:
        await gateways.check(NO_TRANSACTION, "pump", messages, NOW)
        return
    with pytest.raises(GuardError) as error:
        await gateways.check(NO_TRANSACTION, "pump", messages, NOW)
    assert error.value.code == "budget_exhausted"
    assert refusal in str(error.value)


class _Listening:
    """A family whose modules connect for the numbers in the setting `white_list`."""

    def connects_for(self, settings: dict[str, str | None]) -> frozenset[str] | None:
        listed = settings.get("white_list")
        return None if listed is None else frozenset(listed.split())


@pytest.mark.parametrize(
    ("ours", "listed", "is_refused"),
    [
        ((OWN,), OWN, False),
        ((OWN,), f"{OTHER} {OWN}", False),
        ((OWN,), OTHER, True),
        ((OWN,), "", True),
        ((OWN,), None, False),  # it is not known
        ((), OTHER, False),  # ours is not known
        ((None,), OTHER, False),
        ((OTHER, OWN), OWN, False),
        ((None, OWN), OTHER, True),
        ((OWN, "+79990000008"), OTHER, True),  # the first of ours is named
    ],
)
def test_call_is_refused_if_module_is_known_to_connect_for_other_numbers_only(
    ours: tuple[str | None, ...], listed: str | None, *, is_refused: bool
) -> None:
    module = replace(PUMP, family=cast("Any", _Listening()))
    gateways = Gateways(lambda _: tuple(GatewayModem(f"m{n}", number) for n, number in enumerate(ours)))
    facts = ModuleFacts({"white_list": Known(listed, None, "sms", NOW)})
    assert gateways.numbers("pump") == tuple(number for number in ours if number is not None)
    if not is_refused:
        gateways.check_call(module, facts)
        return
    with pytest.raises(GuardError, match="white list") as error:
        gateways.check_call(module, facts)
    assert error.value.code == "unsafe_change"
    assert OWN in str(error.value)


async def test_gateways_that_are_not_configured_refuse_nothing() -> None:
    assert Gateways().numbers("pump") == ()
    await Gateways(budgets=_Budgets(None, {})).check(NO_TRANSACTION, "pump", 99, NOW)
    Gateways().check_call(PUMP, ModuleFacts())
