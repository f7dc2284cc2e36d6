"""What a module is asked now, by what transport, and why: one function for all who ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.asking import Moment, forecast, what_to_ask
from gsm_meter_bridge.commands.planned import shortfalls
from gsm_meter_bridge.model import Access, Address, Connectivity, DataCall, Meter, Module
from gsm_meter_bridge.model.facts import Budget, Known
from gsm_meter_bridge.storage.budgets import Budgets
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import modules

NOW, HOUR_S, DAY_S = 1_790_000_000.0, 3600.0, 86_400.0
MOMENT = Moment(NOW, NOW - HOUR_S, NOW - 30 * DAY_S)
DIALLED = Connectivity(address=Address("10.0.0.7", 8000), meter=Meter())
ENERGY = ("energy_import_kwh", "meter_link", "meter_serial", "meter_type")
STATUS = (
    *("meter_type", "meter_serial", "sim", "internet", "tcp", "cenc", "gprs"),
    *("meter_link", "registration", "band", "signal_level", "signal_dbm", "firmware"),
)
OFTEN, RARELY = ["extended_status", "ip"], ["imei", "iccid", "mode", "apn"]
IDENTITY = ("imei", "iccid", "mode", "apn", "apn_user", "apn_password", "meter_type", "meter_serial")
INFO = ("model", "serial_number", "firmware", "imei", "signal_dbm", "signal_percent")
APN = ("apn", "apn_user", "apn_password")


def _known(names: tuple[str, ...] | list[str], source: str, age_s: float = 60.0) -> dict[str, Known]:
    return {name: Known("x", None, source, NOW - age_s) for name in names}


def _hut(connectivity: Connectivity = DIALLED, *, profile: bool = True) -> Module:
    hut = replace(modules()["hut"], connectivity=connectivity)
    return hut if profile else replace(hut, access=Access(Secret("12345678")))


def _pump() -> Module:
    return modules()["pump"]


_CLASS_47 = ("signal_dbm", "registration", "operator")
CASES: dict[str, tuple[Module, Mapping[str, Known], list[str]]] = {
    "nothing is known": (_hut(), {}, OFTEN + RARELY),
    "energy by TCP says nothing of the signal": (_hut(), _known(ENERGY, "tcp"), OFTEN + RARELY),
    "the rest is known": (_hut(), _known(IDENTITY, "sms", DAY_S) | _known(ENERGY, "tcp"), OFTEN),
    "the rest is old": (_hut(), _known(IDENTITY, "sms", 31 * DAY_S) | _known(ENERGY, "tcp"), OFTEN + RARELY),
    "class 47 tells no band": (_hut(), _known(IDENTITY, "sms") | _known(_CLASS_47, "tcp"), OFTEN),
    "the address is dialled": (_hut(), _known(IDENTITY, "sms") | _known(("ip",), "dialled"), OFTEN[:1]),
    "all came by TCP": (_hut(), _known(IDENTITY, "sms") | _known([*STATUS, "ip"], "tcp"), []),
    "but long ago": (_hut(), _known(IDENTITY, "sms") | _known([*STATUS, "ip"], "tcp", 2 * HOUR_S), OFTEN),
    "but later than now": (_hut(), _known(IDENTITY, "sms") | _known([*STATUS, "ip"], "tcp", -9.0), OFTEN),
    "by SMS, it is asked again": (_hut(), _known([*IDENTITY, *STATUS, "ip"], "sms"), OFTEN),
    "no profile, alive by TCP": (
        _hut(profile=False),
        _known(IDENTITY, "sms", DAY_S) | _known(ENERGY, "tcp"),
        [],
    ),
    "no profile, silent": (_hut(profile=False), _known(IDENTITY, "sms", DAY_S), ["mode"]),
    "no profile, mode unknown": (_hut(profile=False), _known(ENERGY, "tcp"), ["mode", "apn"]),
    "LERS has said who it is": (_pump(), _known(INFO, "inbound") | _known(APN, "sms"), []),
    "LERS without its signal": (_pump(), _known(INFO[:-1], "inbound") | _known(APN, "sms"), ["info"]),
    "LERS, APN unknown": (_pump(), _known(INFO, "inbound"), ["apn"]),
}


@pytest.mark.parametrize("case", CASES)
def test_freshness_is_decided_by_what_each_request_yields(case: str) -> None:
    module, known, asked = CASES[case]
    asking = what_to_ask(module, known, MOMENT)
    assert [read.name for read in asking.reads] == asked
    assert all(question.why for question in (*asking.questions, *asking.spared))
    assert {q.transport for q in asking.questions if q.read is not None} <= {"sms"}


def test_value_is_requested_again_if_it_was_reported_as_none() -> None:
    known = _known(IDENTITY, "sms") | _known([*STATUS, "ip"], "tcp")
    known["band"] = replace(known["band"], value=None)
    asking = what_to_ask(_hut(), known, MOMENT)
    assert [read.name for read in asking.reads] == ["extended_status"]
    assert next(q.why for q in asking.questions if q.read is not None).endswith(": band")


@pytest.mark.parametrize(
    ("connectivity", "transports"),
    [
        (Connectivity(), []),
        (DIALLED, ["connection"]),
        (Connectivity(meter=Meter(), data_call=DataCall()), ["csd"]),
        (replace(DIALLED, meter=None), []),
    ],
)
def test_meter_is_read_over_the_configured_connection(
    connectivity: Connectivity, transports: list[str]
) -> None:
    asking = what_to_ask(_hut(connectivity), {}, MOMENT, by_delivery=False)
    assert [q.transport for q in asking.questions] == transports
    assert asking.polls_meter == bool(transports)
    assert asking.reads == ()


def test_forecast_lists_and_counts_the_reads_of_polls() -> None:
    planned = forecast(_hut(), 12 * HOUR_S, 30 * DAY_S, by_sms=True)
    assert (list(planned.often), list(planned.rarely)) == (OFTEN, RARELY)
    assert planned.daily == pytest.approx(4 + 4 / 30)
    assert planned.at_most
    assert not forecast(_hut(Connectivity()), DAY_S, DAY_S, by_sms=True).at_most
    assert forecast(_hut(), HOUR_S, DAY_S, by_sms=False).daily == 0


_TWO_A_DAY = {"pump": forecast(_pump(), DAY_S / 2, 3650 * DAY_S, by_sms=True)}


@pytest.mark.parametrize(
    ("budgets", "short"),
    [
        (Budgets(), []),
        (Budgets({"stick": Budget(day=3, month=90)}), []),
        (
            Budgets({"stick": Budget(day=1)}),
            ["modem stick: polls take 2.00 SMS a day, and its budget is 1 a day"],
        ),
        (Budgets({"stick": Budget(month=59)}), ["modem stick: polls take 60.01 SMS a month"]),
        (Budgets({"stick": Budget(day=3, reserve=2)}), ["modem stick: polls take 2.00 SMS a day"]),
        (Budgets({}, {"pump": Budget(day=1)}), ["module pump: polls take 2.00 SMS a day"]),
        (Budgets({"stick": Budget(day=0)}, {"pump": Budget(day=0)}), ["module pump", "modem stick"]),
    ],
)
def test_shortfalls_name_the_modem_or_module_whose_budget_is_too_small(
    budgets: Budgets, short: list[str]
) -> None:
    found = [str(one) for one in shortfalls(_TWO_A_DAY, {"pump": ("stick",)}, budgets)]
    assert len(found) == len(short)
    assert all(reported.startswith(message) for reported, message in zip(found, short, strict=True))
    assert all("does not suffice" in reported for reported in found)


def test_shortfalls_add_up_the_budgets_of_modems_of_the_same_module() -> None:
    budgets = Budgets({"a": Budget(day=1), "b": Budget(day=2)})
    assert not list(shortfalls(_TWO_A_DAY, {"pump": ("a", "b")}, budgets))
    assert list(shortfalls(_TWO_A_DAY, {"pump": ("a",)}, budgets))
    assert not list(shortfalls(_TWO_A_DAY, {"pump": ()}, budgets))
