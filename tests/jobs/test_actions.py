"""Actions: a reboot, connections, restoring, an update of the firmware that takes an hour."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError, UnknownNameError
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import observations
from tests.support.in_memory_bridge import PUMP, InMemoryBridge, factory_radio, world


async def test_reboot_is_verified_if_modem_answers_after_it() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        job = await w.commands.act("pump", "reboot", CommandOptions("t"))
        assert (await w.commands.act("pump", "reboot", CommandOptions())).id == job.id
        await w.settle()
        assert w.texts("pump")[-1] == "1234;REBOOT"
        await w.later(46)
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump")[-2:] == ["1234;REBOOT", "1234;I"]


async def test_action_without_answer_becomes_mismatched_and_is_not_repeated() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.lost = 1
        job = await w.commands.act("pump", "disconnect", CommandOptions("t"))
        await w.settle()
        await w.later(61)
        assert (await w.job(job)).state is State.UNCERTAIN  # the message may still be under way
        for _ in range(6):
            await w.later(601)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.MISMATCHED, "unconfirmed")
        assert "never confirmed" in (done.error_message or "")
        assert w.texts("pump").count("1234;D") == 1


async def test_connect_is_refused_if_module_knows_no_such_server() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        job = await w.commands.act("pump", "connect.1", CommandOptions("t"))
        await w.settle()
        done = await w.job(job)
        assert (done.state, done.error_message) == (State.REFUSED, "it knows no such server")


async def test_restore_requires_confirmation() -> None:
    async with world(radio=factory_radio()) as w:
        with pytest.raises(GuardError, match="all settings, servers and lists are lost"):
            await w.commands.act("pump", "restore", CommandOptions("t"))
        job = await w.commands.act("pump", "restore", CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await w.job(job)).state is State.VERIFIED


async def test_unknown_action_is_rejected_with_names_of_known_ones() -> None:
    async with world(radio=factory_radio()) as w:
        with pytest.raises(UnknownNameError, match=r"known: connect\.0, .*, reboot, restore"):
            await w.commands.act("pump", "explode", CommandOptions("t"))
        with pytest.raises(UnknownNameError, match="known: none"):
            await w.commands.act("hut", "reboot", CommandOptions("t"))


async def _value(w: InMemoryBridge, name: str) -> object:
    async with w.database.transaction() as tx:
        known = (await observations.facts(tx, "pump")).readings.get(name)
    return None if known is None else known.value


async def test_update_state_follows_module_messages_until_firmware_is_verified() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.reply_later = True
        job = await w.commands.act("pump", "update", CommandOptions("t"), confirmed=True)
        await w.settle()
        assert (await w.job(job)).state is State.REPLIED
        assert await _value(w, "update_state") == "requested"
        later = list(w.radio.later)
        await w.radio.arrive(PUMP, later[0])
        await w.settle()
        assert await _value(w, "update_state") == "downloading"
        await w.later(2700)
        await w.later(120)
        assert w.texts("pump")[-1] == "1234;UPDATE"  # nobody asks while it downloads
        assert (await w.job(job)).state is State.REPLIED
        await w.radio.arrive(PUMP, later[1])
        await w.settle()
        assert await _value(w, "update_state") == "installing"
        await w.later(500)
        assert (await w.job(job)).state is State.VERIFIED
        assert await _value(w, "firmware") == "M1.2.0"
        assert w.texts("pump").count("1234;UPDATE") == 1


@pytest.mark.parametrize(
    ("text", "state", "message", "reported"),
    [
        ("FTP-server error", State.REFUSED, "could not reach the maker", "failed"),
        ("Downloading error", State.REFUSED, "the download failed", "failed"),
        ("No update required", State.VERIFIED, "", "up_to_date"),
    ],
)
async def test_update_ends_as_module_reports_if_nothing_is_installed(
    text: str, state: State, message: str, reported: str
) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.reply_later = True
        job = await w.commands.act("pump", "update", CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.radio.arrive(PUMP, text)
        await w.settle()
        done = await w.job(job)
        assert done.state is state
        assert message in (done.error_message or "")
        assert await _value(w, "update_state") == reported


async def test_update_is_verified_after_timeout_if_module_reports_no_progress() -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.reply_later = True
        job = await w.commands.act("pump", "update", CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(901)
        assert (await w.job(job)).state is State.VERIFIED
