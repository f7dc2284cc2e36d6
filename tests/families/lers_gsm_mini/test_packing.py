"""Changes of two servers in as few SMS as their septets allow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsm_meter_bridge.commands.plan import Plan, make_plan
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SIMULATED
from gsm_meter_bridge.model import Access, Module, SmsText
from gsm_meter_bridge.model.job import Purpose
from gsm_meter_bridge.sms import is_single, septet_count
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import OWN, PUMP

FAMILY = family_of("lers_gsm_mini")
MODULE = Module("pump", "Pump", FAMILY, PUMP, Access(Secret("1234")))
ROOM = 160 - len("1234")
LONGEST_SHORT = len(";S0R0=00:00-00:00,1439")

_numbers = st.integers(10**10, 10**11 - 1).map("+{}".format)
_times = st.tuples(st.integers(0, 22), st.integers(0, 59), st.sampled_from(["", ",0", ",5", ",30", ",180"]))
_rules = _times.map(lambda t: f"{t[0]:02}:{t[1]:02}-23:59{t[2]}")
_addresses = st.from_regex(r"[a-z]{1,12}\.example:[1-9][0-9]{0,3}", fullmatch=True)


def _entries(prefix: str, values: list[str], *, whole: bool) -> dict[str, Any]:
    padded = [*values, *[""] * (10 - len(values))] if whole else values
    return {f"{prefix}.{x}": value for x, value in enumerate(padded)}


@st.composite
def changes_of_servers(draw: st.DrawFn) -> dict[str, Any]:
    """Both servers with any lists, which are given whole or not."""
    changes: dict[str, Any] = {}
    for n in (0, 1):
        changes |= {f"server.{n}.address": draw(_addresses), f"server.{n}.enabled": draw(st.booleans())}
        for kind, values in (("rule", _rules), ("white_list", _numbers)):
            some = draw(st.lists(values, max_size=10))
            changes |= _entries(f"server.{n}.{kind}", some, whole=draw(st.booleans()))
    return changes


def _plan(changes: Mapping[str, Any]) -> Plan:
    return make_plan(MODULE, changes, dict.fromkeys(changes, ""))


def _written(plan: Plan) -> list[str]:
    """The texts of the SMS that write."""
    sms = [FAMILY.encode(s.request, MODULE.access) for s in plan.steps if s.purpose is Purpose.WRITE]
    return [one.text for one in sms if isinstance(one, SmsText)]


@settings(deadline=None)
@given(changes_of_servers())
def test_packing_two_servers_takes_five_sms_if_their_septets_allow(changes: dict[str, Any]) -> None:
    """Two readings back are the least: replies that look alike (`S0`, `S1`) never share a message.

    So there are three messages for what is written, each with 156 septets behind the password `1234`. Rules
    have no form for several (clause 4.3.6): `;S0R0=HH:MM-HH:MM,M` takes 19. Seven numbers as a whole list
    take 95. With an address of at least 8 and `;S0E=1`, two servers with seven rules and seven numbers each,
    and the `;REBOOT` of clause 4.3.3, take 2 * (7 * 19 + 95 + 8 + 6) + 7 = 491 of 468: no packing has them
    in five SMS. A command is not cut, so a gap shorter than a rule may stay in each message but the last.
    """
    plan = _plan(changes)
    texts = _written(plan)
    septets = sum(septet_count(text) - len("1234") for text in texts)
    least = math.ceil(septets / ROOM)
    assert all(map(is_single, texts))
    assert least <= len(texts) <= least + 1
    if septets <= 3 * ROOM - 2 * LONGEST_SHORT:
        assert plan.messages <= 5


@settings(deadline=None)
@given(changes_of_servers(), changes_of_servers())
def test_packing_changes_nothing_but_what_is_asked(first: dict[str, Any], then: dict[str, Any]) -> None:
    pump = SIMULATED("1234", first, {"restart_s": 0})
    for text in _written(_plan(then)):
        (reply,) = pump.receive(OWN, text, 0.0)
        assert "Err" not in reply.text
    state = pump.state()
    expected = {**first, **then}
    assert {name: state[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("rules", "numbers", "whole", "sms"),
    [
        (0, 7, True, 4),
        (0, 10, True, 5),
        (1, 10, True, 5),
        (2, 10, True, 5),
        (4, 7, True, 5),
        (4, 7, False, 6),  # 18 septets for each number, where the others are not known to be none
        (7, 7, True, 6),
        (10, 10, True, 7),
        (10, 10, False, 7),
    ],
)
def test_packing_two_servers_takes_expected_number_of_sms(
    rules: int, numbers: int, whole: bool, sms: int
) -> None:
    changes: dict[str, Any] = {}
    for n in (0, 1):
        changes |= {f"server.{n}.address": f"178.218.111.7{n}:9001", f"server.{n}.enabled": True}
        times = [f"0{x}:05-0{x}:59,120" for x in range(rules)]
        changes |= _entries(f"server.{n}.rule", times, whole=whole)
        changes |= _entries(
            f"server.{n}.white_list", [f"+7900111223{x}" for x in range(numbers)], whole=whole
        )
    assert _plan(changes).messages == sms


@pytest.mark.parametrize(
    "changes",
    [
        {"server.0.address": "", "server.0.rule.0": "01:00-02:00", "server.1.rule.0": "01:00-02:00"},
        {"access_password": "other", "server.0.address": "a.example:1", "reboot_period_min": 5},
        {**{f"white_list.{x}": "" for x in range(1, 10)}, "white_list.0": OWN, "server.1.enabled": True},
        {"apn": "~" * 60, "serial_port": "2400,8,E,1", "server.0.address": "h" * 60 + ":1"},
    ],
)
def test_packing_keeps_required_order_of_commands(changes: dict[str, Any]) -> None:
    texts = ";".join(text.partition(";")[2] for text in _written(_plan(changes))).split(";")
    names = [text.partition("=")[0] for text in texts]
    at = names.index("REBOOT") if "REBOOT" in names else len(names)
    assert all(names.index(name) > at for name in names if name == "PASSWORD")
    assert all(names.index(name) < at for name in names if name not in ("PASSWORD", "REBOOT"))
    for n in "01":
        address = [i for i, name in enumerate(names) if name in (f"S{n}S", f"S{n}")]
        assert all(i >= min(address) for i, name in enumerate(names) if address and name.startswith(f"S{n}"))
