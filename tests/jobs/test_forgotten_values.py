"""Values that a change or an action makes uncertain are forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model import Access
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.vocabulary import Secret
from tests.support.changes import TWO, readings_and_desired
from tests.support.in_memory_bridge import OWN, factory_radio, world


async def test_restore_forgets_values_it_resets() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        await w.commands.apply("pump", TWO, CommandOptions("t"))
        await w.settle()
        assert (await readings_and_desired(w, "pump"))[1] == TWO
        job = await w.commands.act("pump", "restore", CommandOptions("r"), confirmed=True)
        await w.settle()
        known, wanted = await readings_and_desired(w, "pump")  # before the modem is back
        assert not known.keys() & {"serial_port", "apn", "white_list.0", "server.1.enabled", "server_0_rules"}
        assert known["imei"]
        assert wanted == {}
        await w.later(46)
        assert (await w.job(job)).state is State.VERIFIED


async def test_restore_is_proved_by_factory_password_if_its_answer_is_lost() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.modules["pump"] = replace(w.modules["pump"], access=Access(Secret("mine")))
        w.radio.devices["pump"].receive(OWN, "1234;PASSWORD=mine;T=200", 1e6)
        await w.commands.read_settings("pump", CommandOptions())
        await w.settle()
        w.radio.mute = 1
        await w.commands.act("pump", "restore", CommandOptions("r"), confirmed=True)
        await w.settle()
        assert (await readings_and_desired(w, "pump"))[0]["csd_idle_timeout_s"] == 200
        for _ in range(6):
            await w.later(601)
        known, _ = await readings_and_desired(w, "pump")
        assert "csd_idle_timeout_s" not in known


@pytest.mark.parametrize("lost", [0, 1])
async def test_server_deletion_forgets_values_that_belong_to_it(lost: int) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        set_up: dict[str, object] = {
            f"server.{n}.{name}": value
            for n in range(2)
            for name, value in {
                "address": "a.example:5000",
                "enabled": True,
                "rule.3": "01:00-05:59,30",
                "white_list.2": OWN,
            }.items()
        }
        await w.commands.apply("pump", set_up, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await readings_and_desired(w, "pump"))[1] == set_up
        w.radio.mute = lost
        job = await w.commands.apply("pump", {"server.0.address": ""}, CommandOptions("d"), confirmed=True)
        await w.settle()
        for _ in range(6):
            await w.later(601)
        assert (await w.job(job)).state is State.VERIFIED
        known, wanted = await readings_and_desired(w, "pump")
        assert (known["server.0.address"], known["server.0.enabled"], known["server_0_rules"]) == (
            "",
            False,
            0,
        )
        assert not known.keys() & {"server.0.rule.3", "server.0.white_list.2"}
        others = {name: value for name, value in set_up.items() if name.startswith("server.1")}
        assert wanted == {"server.0.address": "", **others}
        assert known.items() >= others.items()


async def test_mode_change_forgets_state_of_connection() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        assert {"gprs", "tcp"} <= (await readings_and_desired(w, "hut"))[0].keys()
        await w.commands.apply("hut", {"mode": "server"}, CommandOptions("t"), confirmed=True)
        await w.settle()
        known, _ = await readings_and_desired(w, "hut")
        assert not known.keys() & {"gprs", "internet", "tcp", "cenc", "ip"}
