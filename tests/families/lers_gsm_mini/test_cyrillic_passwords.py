"""Access passwords outside of the GSM alphabet: any characters of an SMS are allowed (clause 4.3.11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.plan import check_changes, make_plan
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Access, Module
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.sms import is_single
from gsm_meter_bridge.vocabulary import Secret
from tests.support.carried import CarriedTransport, carried
from tests.support.in_memory_bridge import OWN, PUMP, InMemoryBridge, world

FAMILY = family_of("lers_gsm_mini")
PASSWORDS = ["пароль", "Ж", "pass€word~Ж", "`quoted`", "😀2", "й" * 32, "жук" * 9]
SERVER = {
    "server.0.address": "a.example:5000",
    **{f"server.0.rule.{x}": f"0{x}:00-0{x}:30,15" if x < 4 else "" for x in range(10)},
    **{f"server.0.white_list.{x}": f"+7900111223{x}" for x in range(10)},
}


def _with(w: InMemoryBridge, password: str) -> CarriedTransport:
    pump = w.modules["pump"]
    w.modules["pump"] = replace(pump, access=replace(pump.access, password=Secret(password)))
    assert isinstance(w.radio, CarriedTransport)
    return w.radio


async def _applied(w: InMemoryBridge, changes: dict[str, Any]) -> State:
    job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
    for _ in range(8):
        await w.later(61)
    done = await w.job(job)
    shown = f"{done.before} {done.after} {done.error_message}"
    assert str(changes.get("access_password", "\0")) not in shown
    return done.state


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("changes", [SERVER, {"apn": "m2m"}, {"white_list.0": OWN}])
async def test_cyrillic_password_takes_planned_number_of_single_sms(
    password: str, changes: dict[str, Any]
) -> None:
    async with world(radio=carried(password=password)) as w:
        radio = _with(w, password)
        await w.commands.read_settings("pump", CommandOptions())
        await w.settle()
        before = len(radio.billed)
        plan = await w.commands.preview("pump", changes)
        assert all(password not in text for text in plan.texts)
        assert await _applied(w, changes) is State.VERIFIED
        assert len(radio.billed) - before == plan.messages
        assert all(sms.user_data.concatenation is None for sms in radio.billed)
        assert all(map(is_single, radio.texts))


@pytest.mark.parametrize("new", PASSWORDS)
@pytest.mark.parametrize("old", ["1234", "пароль"])
@pytest.mark.parametrize("more", [{}, {"server.0.address": "a.example:1"}])
async def test_cyrillic_password_is_set_and_verified(old: str, new: str, more: dict[str, Any]) -> None:
    async with world(radio=carried(password=old)) as w:
        _with(w, old)
        assert await _applied(w, {**more, "access_password": new}) is State.VERIFIED
        assert w.radio.devices["pump"].state()["access_password"] == new
        assert w.modules["pump"].access.password == Secret(new)


@pytest.mark.parametrize(
    ("password", "changes", "message"),
    [
        ("пароль", {f"white_list.{x}": f"+7900111223{x}" for x in range(10)}, "at once or not at all"),
        ("пароль", {f"white_list.{x}": f"+7900111223{x}" for x in range(5)}, "at once or not at all"),
        ("x" * 60, {f"white_list.{x}": f"+7900111223{x}" for x in range(8)}, "at once or not at all"),
        ("пароль", {"server.0.address": f"{'h' * 60}:1"}, "one SMS"),
        ("й" * 60, {"access_password": "новый"}, "one SMS"),
        ("1234", {"access_password": "новый пароль"}, "without space"),
        ("1234", {"access_password": "новый;пароль"}, "without space"),
        ("1234", {"access_password": "й" * 33}, "1 to 32"),
        ("1234", {"access_password": "😀" * 32}, "or 70 where one is outside"),
    ],
)
def test_plan_is_refused_if_password_is_invalid_or_leaves_no_room_in_sms(
    password: str, changes: dict[str, Any], message: str
) -> None:
    module = Module("pump", "Pump", FAMILY, PUMP, Access(Secret(password)))
    with pytest.raises(InvalidValueError) as caught:
        make_plan(module, check_changes(FAMILY, changes), {}, (OWN,))
    assert message in str(caught.value)
    assert password not in str(caught.value)
