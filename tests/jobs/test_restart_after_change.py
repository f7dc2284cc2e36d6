"""A restart that a change needs is a message of its own if it does not fit; it is sent once."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import DeliveryError, SendRefusedError, SendRejectedError, SendUncertainError
from gsm_meter_bridge.model.job import State
from tests.support.changes import ALONE
from tests.support.in_memory_bridge import factory_radio, world


async def test_reboot_is_sent_alone_if_message_it_was_part_of_is_not_sent() -> None:
    async with world(radio=factory_radio(refuse="S0E")) as w:
        await w.know_all()
        changes: dict[str, object] = {
            "server.0.address": "a.example:5000",
            "server.0.enabled": True,
            **{f"server.0.rule.{x}": f"0{x}:00-0{x}:59,30" for x in range(10)},
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await w.job(job)).state is State.REFUSED
        first, *then = w.texts("pump")[-3:]
        assert first.startswith("1234;S0S=")
        assert then == ["1234;REBOOT", "1234;S0;S0R"]


async def test_reboot_is_not_sent_if_server_settings_were_not_written() -> None:
    async with world(radio=factory_radio(refuse="A")) as w:
        await w.know_all()
        # the first message has no room for the server
        changes: dict[str, object] = {
            "apn": "a" * 60,
            "apn_user": "u" * 32,
            "apn_password": "p" * 32,
            "serial_port": "2400,8,E,1",
            "server.0.address": "a-name-that-is-long.example:5000",
        }
        job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
        await w.settle()
        await w.later(46)
        assert (await w.job(job)).state is State.REFUSED
        assert "1234;REBOOT" not in w.texts("pump")


@pytest.mark.parametrize("mute", [0, 1, 2, 3])
async def test_separate_restart_is_sent_once_whichever_answer_is_lost(mute: int) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = mute
        sent = len(w.texts("pump"))
        job = await w.commands.apply("pump", ALONE, CommandOptions("t"), confirmed=True)
        for _ in range(9):
            await w.later(601)
        assert (await w.job(job)).state is State.VERIFIED
        write, restart, *reads = w.texts("pump")[sent:]
        assert (write[:9], restart) == ("1234;S0S=", "1234;REBOOT")
        assert all(text.startswith("1234;S0") and "=" not in text for text in reads)


@pytest.mark.parametrize(
    ("error", "restarts", "code"),
    [
        (SendRefusedError("no network"), 1, None),
        (SendUncertainError("no answer"), 0, None),
        (SendRejectedError("not allowed"), 0, "rejected_by_network"),
    ],
)
async def test_separate_restart_is_sent_again_only_if_sending_was_refused(
    error: DeliveryError, restarts: int, code: str | None
) -> None:
    async with world(radio=factory_radio()) as w:
        await w.know_all()
        w.radio.mute = 1
        job = await w.commands.apply("pump", ALONE, CommandOptions("t"), confirmed=True)
        await w.work()
        w.radio.error = error
        await w.radio.release()
        for _ in range(4):
            await w.later(91)
        done = await w.job(job)
        assert (done.state is State.VERIFIED, done.error_code) == (code is None, code)
        assert w.texts("pump").count("1234;REBOOT") == restarts
        assert done.after == ALONE
