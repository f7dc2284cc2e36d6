"""Changes of several messages: their order, a refusal on the way, restarts, a verdict for each setting."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import State
from tests.support.changes import ALONE
from tests.support.in_memory_bridge import OWN, factory_radio, world


async def test_mode_goes_last_and_is_read_back_after_the_restart() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        sent = len(w.texts("hut"))
        changes = {"mode": "client_cenc", "server_port": 9001, "server_host": "cenc.example"}
        job = await w.commands.apply("hut", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        assert w.texts("hut")[sent:] == ["12345678 DNS cenc.example", "12345678 PORT 9001", "12345678 MODE 1"]
        assert (await w.job(job)).state is State.REPLIED  # it waits for the restart to be over
        await w.later(91)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert w.texts("hut")[sent + 3 :] == ["12345678 MODE", "12345678 DNS"]


async def test_refused_change_reports_what_was_written_before() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.refuse_after = 1
        job = await w.commands.apply(
            "hut",
            {"apn": "m2m", "server_port": 9001, "connect_period_s": 600},
            CommandOptions("t"),
            confirmed=True,
        )
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.REFUSED, "rejected_by_module")
        assert "does not take this value" in (done.error_message or "")
        assert done.after == {"apn": "m2m", "server_port": 8000, "connect_period_s": 300}
        assert "12345678 TIMEOUT 600" not in w.texts("hut")


async def test_servers_are_packed_and_end_with_a_reboot() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        changes = {
            "server.0.address": "178.218.111.73:9001",
            "server.0.enabled": True,
            "server.0.rule.0": "01:00-05:59,30",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        wrote = "1234;S0S=178.218.111.73:9001;S0E=1;S0R0=01:00-05:59,30;REBOOT"
        assert w.texts("pump")[-1] == wrote
        await w.later(46)
        done = await w.job(job)
        assert (done.state, done.after) == (State.VERIFIED, changes)
        assert w.texts("pump")[-2:] == [wrote, "1234;S0;S0R"]


async def test_change_is_refused_if_module_answers_err() -> None:
    async with world(radio=factory_radio(err=True)) as w:
        await w.know_all()
        job = await w.commands.apply("pump", {"csd_idle_timeout_s": 300}, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.REFUSED


@pytest.mark.parametrize("own_first", [True, False])
async def test_white_list_change_with_our_own_number_is_verified(own_first: bool) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        changes: dict[str, object] = {"white_list.1": "+79001112233", "white_list.0": OWN}
        if not own_first:
            changes = {"white_list.0": "+79001112233", "white_list.1": OWN}
        job = await w.commands.apply("pump", changes, CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_change_reports_rest_was_not_sent_if_module_does_not_answer() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = 1
        more = {f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(10)}
        changes = {**ALONE, **more}
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        for _ in range(4):
            await w.later(601)
        done = await w.job(job)
        assert done.state is State.MISMATCHED
        assert "no reply in time; what was to follow was not sent" in (done.error_message or "")
