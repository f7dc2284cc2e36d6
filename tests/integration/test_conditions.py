"""When there is something to repair, and what is told of it. No Home Assistant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from custom_components.gsm_meter_modem import contract
from custom_components.gsm_meter_modem.conditions import (
    ALL,
    OF_BRIDGE,
    OF_MODEM,
    OF_MODULE,
    BridgeState,
    WatchedModule,
)
from custom_components.gsm_meter_modem.options import ISSUES, Options
from tests.integration.played_bridge import golden

INFO = contract.bridge_info(golden("bridge_info"))
HUT = golden("module_energomera")
OPTIONS = Options()


def _found(rows: Any, state: Any, options: Options = OPTIONS) -> dict[str, Any]:
    words = {row.key: row.found(state, options) for row in rows}
    return {key: dict(found) for key, found in words.items() if found is not None}


def _module(first_serial: str | None = None, **told: Any) -> WatchedModule:
    return WatchedModule(contract.module_state(HUT | {"profile": None, "drift": {}} | told), first_serial)


def test_every_condition_can_be_chosen() -> None:
    assert [condition.key for condition in ALL] == list(ISSUES)


def test_where_all_is_well_nothing_is_found() -> None:
    assert _found(OF_BRIDGE, BridgeState(online=True, info=INFO)) == {}
    assert _found(OF_BRIDGE, BridgeState(online=None, info=None)) == {}
    assert _found(OF_MODEM, contract.modem_state(golden("modem"))) == {}
    assert _found(OF_MODULE, _module("000011223344556")) == {}


def test_bridges() -> None:
    assert _found(OF_BRIDGE, BridgeState(online=False, info=INFO)) == {"bridge_away": {}}
    newer = BridgeState(online=True, info=replace(INFO, contract=2))
    assert _found(OF_BRIDGE, newer) == {"contract_unsupported": {"version": "2", "bridge": "0.1.0"}}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (
            {"connected": False, "problem": "it does not exist", "problem_code": "link_lost"},
            {"modem_away": {"problem": "it does not exist"}},
        ),
        (
            {"connected": False, "problem": "another program uses it", "problem_code": "port_held"},
            {"modem_port_held": {"problem": "another program uses it"}},
        ),
        ({"sim": "missing"}, {"modem_sim_missing": {}}),
        ({"sim": "pin_required"}, {"modem_sim_locked": {"problem": "pin_required"}}),
        (
            {"sim": "puk_required", "problem": "it asks for its PUK"},
            {"modem_sim_locked": {"problem": "it asks for its PUK"}},
        ),
        (
            {"sms_storage_used": 20, "sms_storage_total": 20},
            {"modem_store_full": {"used": "20", "total": "20"}},
        ),
        ({"sms_storage_used": 0, "sms_storage_total": 0}, {}),
        ({"sms_storage_used": None, "sms_storage_total": None}, {}),
        ({"budget_left": 0}, {"modem_budget_exhausted": {}}),
    ],
)
def test_modems(told: dict[str, Any], found: dict[str, Any]) -> None:
    assert _found(OF_MODEM, contract.modem_state(golden("modem") | told)) == found


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"budget_left": 0}, {"module_budget_exhausted": {}}),
        ({"missed_polls": 2}, {}),
        (
            {"missed_polls": 3},
            {"module_unreachable": {"polls": "3", "last_seen": "2026-11-21T12:00:00+00:00"}},
        ),
        ({"missed_polls": 9, "last_seen": None}, {"module_unreachable": {"polls": "9", "last_seen": "-"}}),
        (
            {"signal_dbm": -93, "signal_sufficient": False, "signal_threshold_dbm": -91},
            {"signal_low": {"signal": "-93", "threshold": "-91"}},
        ),
        ({"signal_dbm": -112, "signal_sufficient": None}, {}),
        (
            {"drift": {"apn": {"wanted": "m2m", "told": "internet"}, "port": {"wanted": 1, "told": None}}},
            {"settings_drifted": {"settings": '- `apn`: `"m2m"` → `"internet"`\n- `port`: `1` → `null`'}},
        ),
        (
            {"profile": {"name": "assumed_status", "verified": False}},
            {"profile_unverified": {"profile": "assumed_status"}},
        ),
        ({"profile": {"name": "captured", "verified": True}}, {}),
    ],
)
def test_modules(told: dict[str, Any], found: dict[str, Any]) -> None:
    assert _found(OF_MODULE, _module(**told)) == found


def test_a_threshold_of_our_own_counts_only_where_the_manual_has_none() -> None:
    options = replace(OPTIONS, signal_threshold_dbm=-95)
    low = {"signal_low": {"signal": "-96", "threshold": "-95"}}
    assert _found(OF_MODULE, _module(signal_dbm=-96), options) == low
    assert _found(OF_MODULE, _module(signal_dbm=-96, signal_sufficient=True), options) == {}
    assert _found(OF_MODULE, _module(signal_dbm=None), options) == {}


def test_another_meter() -> None:
    assert _found(OF_MODULE, _module("1", meter_serial=None)) == {}
    assert _found(OF_MODULE, _module("1", meter_serial="2")) == {"meter_changed": {"before": "1", "now": "2"}}
