"""When there is something to repair, and what is told of it. No Home Assistant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from custom_components.gsm_meter_modem import capabilities, contract
from custom_components.gsm_meter_modem.conditions import (
    ALL,
    OF_BRIDGE,
    OF_MODEM,
    OF_MODULE,
    OF_PROFILE,
    BridgeState,
    UsedProfile,
    WatchedModule,
)
from custom_components.gsm_meter_modem.options import ISSUES, Options
from custom_components.gsm_meter_modem.profiles import Profiles, Unverified
from tests.integration.fake_bridge import golden

INFO = capabilities.bridge_info(golden("bridge_info"))
HUT = golden("module_energomera")
OPTIONS = Options()


def _found(rows: Any, state: Any, options: Options = OPTIONS) -> dict[str, Any]:
    placeholders = {row.key: row.found(state, options) for row in rows}
    return {key: dict(found) for key, found in placeholders.items() if found is not None}


def _module(first_serial: str | None = None, **reported: Any) -> WatchedModule:
    return WatchedModule(contract.module_state(HUT | {"profile": None, "drift": {}} | reported), first_serial)


def test_every_condition_can_be_chosen() -> None:
    assert [condition.key for condition in ALL] == list(ISSUES)


def test_where_all_is_well_nothing_is_found() -> None:
    assert _found(OF_BRIDGE, BridgeState(online=True, info=INFO)) == {}
    assert _found(OF_BRIDGE, BridgeState(online=None, info=None)) == {}
    assert _found(OF_MODEM, contract.modem_state(golden("modem"))) == {}
    assert _found(OF_MODULE, _module("000011223344556")) == {}


def test_bridges() -> None:
    assert _found(OF_BRIDGE, BridgeState(online=False, info=INFO)) == {"bridge_away": {}}
    newer = BridgeState(online=True, info=replace(INFO, contract=3))
    placeholders = {"version": "3", "bridge": INFO.version, "spoken": "1, 2"}
    assert _found(OF_BRIDGE, newer) == {"contract_unsupported": placeholders}


@pytest.mark.parametrize(
    ("reported", "found"),
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
def test_modems(reported: dict[str, Any], found: dict[str, Any]) -> None:
    assert _found(OF_MODEM, contract.modem_state(golden("modem") | reported)) == found


@pytest.mark.parametrize(
    ("reported", "found"),
    [
        ({"budget_left": 0}, {"module_budget_exhausted": {}}),
        ({"missed_polls": 2}, {}),
        (
            {"missed_polls": 3},
            {"module_unreachable": {"polls": "3", "last_seen": "2026-11-21T12:00:00+00:00"}},
        ),
        ({"missed_polls": 2, "last_seen": None}, {}),
        ({"missed_polls": 9, "last_seen": None}, {"module_never_seen": {"polls": "9"}}),
        (
            {"signal_dbm": -93, "signal_sufficient": False, "signal_threshold_dbm": -91},
            {"signal_low": {"signal": "-93", "threshold": "-91"}},
        ),
        ({"signal_dbm": -112, "signal_sufficient": None}, {}),
        (
            {
                "drift": {
                    "apn": {"desired": "m2m", "reported": "internet"},
                    "port": {"wanted": 1, "told": None},
                }
            },
            {"settings_drifted": {"settings": '- `apn`: `"m2m"` → `"internet"`\n- `port`: `1` → `null`'}},
        ),
    ],
)
def test_modules(reported: dict[str, Any], found: dict[str, Any]) -> None:
    assert _found(OF_MODULE, _module(**reported)) == found


def test_a_threshold_of_our_own_counts_only_where_the_manual_has_none() -> None:
    options = replace(OPTIONS, signal_threshold_dbm=-95)
    low = {"signal_low": {"signal": "-96", "threshold": "-95"}}
    assert _found(OF_MODULE, _module(signal_dbm=-96), options) == low
    assert _found(OF_MODULE, _module(signal_dbm=-96, signal_sufficient=True), options) == {}
    assert _found(OF_MODULE, _module(signal_dbm=None), options) == {}


def test_another_meter() -> None:
    assert _found(OF_MODULE, _module("1", meter_serial=None)) == {}
    assert _found(OF_MODULE, _module("1", meter_serial="2")) == {"meter_changed": {"before": "1", "now": "2"}}


@pytest.mark.parametrize(
    ("modules", "reported"),
    [
        ((), None),
        (("Hut",), {"count": "1", "modules": "Hut"}),
        (("Barn", "Hut"), {"count": "2", "modules": "Barn, Hut"}),
        (
            tuple(f"m{n}" for n in range(10)),
            {"count": "10", "modules": "m0, m1, m2, m3, m4, m5, m6, m7, m8, m9"},
        ),
        (tuple("abcdefghijklm"), {"count": "13", "modules": "a, b, c, d, e, f, g, h, i, j, … +3"}),
    ],
)
def test_a_profile_that_is_not_verified(modules: tuple[str, ...], reported: dict[str, str] | None) -> None:
    found = {} if reported is None else {"profile_unverified": {"profile": "assumed"} | reported}
    assert _found(OF_PROFILE, UsedProfile("assumed", modules)) == found


def test_profiles_in_use() -> None:
    profiles = Profiles()
    assumed, other, verified = (
        contract.Profile(name, verified=sure) for name, sure in (("a", False), ("b", False), ("c", True))
    )
    assert profiles.keep("hut", assumed) == {"a"}
    assert profiles.keep("barn", assumed) == {"a"}
    assert profiles.keep("hut", assumed) == set()
    assert profiles.unverified("a") == Unverified("a", ("barn", "hut"))
    assert profiles.keep("hut", other) == {"a", "b"}
    assert profiles.unverified("a") == Unverified("a", ("barn",))
    assert profiles.keep("barn", verified) == {"a"}
    assert profiles.keep("barn", None) == profiles.keep("pump", None) == set()
    assert profiles.unverified("a") is profiles.unverified("c") is None
