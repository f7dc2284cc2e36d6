"""Changes of which the module refuses a part: it is read back, reported, and restarted if it must be."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.mqtt.responses import outcome
from tests.support.changes import TWO, readings_and_desired
from tests.support.in_memory_bridge import OWN, factory_radio, world


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("T", {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 60}),
        ("P", {"serial_port": "9600,8,N,1", "csd_idle_timeout_s": 200}),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
async def test_partly_refused_message_is_read_back_and_reported(
    refused: str, left: dict[str, object], alone: bool
) -> None:
    async with world(radio=factory_radio(refuse=refused, one_word=alone)) as w:
        await w.know_all()
        job = await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code, done.after) == (State.REFUSED, "rejected_by_module", left)
        (changed,) = [name for name, value in left.items() if TWO[name] == value]
        assert f"{changed} was changed" in (done.error_message or "")
        reported = outcome(done)
        assert (reported["changed"], reported["after"]) == (True, left)
        known, wanted = await readings_and_desired(w, "pump")
        assert known.items() >= left.items()
        assert wanted == {changed: left[changed]}


@pytest.mark.parametrize("own", [0, 1, 2])
@pytest.mark.parametrize("one_word", [False, True])
@pytest.mark.parametrize(
    "more", [{}, {"csd_idle_timeout_s": 300}, {"apn": "m2m", "serial_port": "2400,8,E,1"}]
)
async def test_white_list_values_are_forgotten_if_our_own_number_is_refused(
    own: int, one_word: bool, more: dict[str, object]
) -> None:
    async with world(radio=factory_radio(refuse=f"W{own}", one_word=one_word)) as w:
        await w.know_all()
        numbers = {f"white_list.{x}": OWN if x == own else f"+7900111223{x}" for x in range(3)}
        others = [name for name, number in numbers.items() if number != OWN]
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", {**numbers, **more}, CommandOptions("t"))
        for _ in range(12):
            await w.later(120)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        message = done.error_message or ""
        assert "has not answered 3 times: what it changed is not known" in message
        if not one_word:
            assert f"refused white_list.{own} (it answered Err)" in message
            assert all(name in message.partition("and took")[2] for name in (*others, *more))
            assert "of the numbers that it obeys, only those that it took are certain" in message
        assert len(w.texts("pump")) == sent + 1 + 3
        known, _ = await readings_and_desired(w, "pump")
        assert not known.keys() & numbers.keys()  # what it has now is not known
        again = await w.commands.request_status("pump", CommandOptions("t2"))
        await w.settle()
        assert (await w.job(again)).state is State.SENT  # nobody waits for the other job


async def test_wholly_refused_message_is_not_read_back() -> None:
    async with world(radio=factory_radio(err=True)) as w:
        await w.know_all()
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.REFUSED
        assert len(w.texts("pump")) == sent + 1


@pytest.mark.parametrize(
    ("refused", "rebooted"), [("S0E", True), ("S0S", True), ("S0R0", True), ("T", True), ("REBOOT", False)]
)
async def test_server_change_is_rebooted_and_read_back_if_part_is_refused(
    refused: str, rebooted: bool
) -> None:
    async with world(radio=factory_radio(refuse=refused)) as w:
        await w.know_all()
        changes: dict[str, object] = {
            "csd_idle_timeout_s": 200,
            "server.0.address": "a.example:5000",
            "server.0.enabled": True,
            "server.0.rule.0": "01:00-05:59,30",
            "access_password": "other",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        await w.later(46)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        assert any(text.endswith(";REBOOT") for text in w.texts("pump")) is (rebooted or refused == "REBOOT")
        assert not any("PASSWORD" in text or text.startswith("other") for text in w.texts("pump"))
        assert done.after.keys() == changes.keys() - {"access_password"}
