"""A reply of the right module that cannot be read is told with its words, not as silence."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.mqtt.responses import outcome
from gsm_meter_bridge.storage import observations
from tests.support.in_memory_bridge import HUT, POLICY, PUMP, InMemoryBridge

_TIMEOUT_S = POLICY.reply_timeout_s + 1


@pytest.mark.parametrize(
    ("module", "sender", "text", "shown"),
    [
        ("pump", PUMP, "Enabled: 1", "Enabled: 1"),
        ("pump", PUMP, "something else", "***"),
        ("hut", HUT, "TIMEOUT: 300", "TIMEOUT: 300"),
        ("hut", HUT, "12345678", "***"),
    ],
)
async def test_reading_ends_with_unreadable_reply_error_and_masked_text(
    w: InMemoryBridge, module: str, sender: str, text: str, shown: str
) -> None:
    w.radio.lost = 1
    job = await w.commands.request_status(module, CommandOptions("t"))
    await w.settle()
    await w.radio.arrive(sender, text)
    await w.settle()
    assert not (await w.job(job)).state.final  # the right one may still come
    for _ in range(4):
        await w.later(_TIMEOUT_S)
    error = outcome(await w.job(job))["error"]
    assert (error["code"], error["message"].rpartition(": ")[2]) == (
        "unreadable_reply",
        shown.rpartition(": ")[2],
    )


async def test_status_request_continues_with_next_step_if_reply_is_unreadable(w: InMemoryBridge) -> None:
    w.radio.lost = 1
    job = await w.commands.request_status("pump", CommandOptions("t"))
    await w.settle()
    await w.radio.arrive(PUMP, "Hello")
    await w.settle()
    await w.later(_TIMEOUT_S)
    done = await w.job(job)
    assert (done.state, done.error_code) == (State.VERIFIED, "unreadable_reply")
    assert w.texts("pump") == ["1234;I", "1234;A"]
    async with w.database.transaction() as tx:
        assert (await observations.facts(tx, "pump")).readings["apn"].value == "internet"


async def test_readable_reply_after_unreadable_one_verifies_request(known: InMemoryBridge) -> None:
    known.radio.mute = 1
    job = await known.commands.request_status("pump", CommandOptions("t"))
    await known.settle()
    await known.radio.arrive(PUMP, "the door is open")
    await known.radio.release()
    await known.settle()
    done = await known.job(job)
    assert (done.state, done.error_code) == (State.VERIFIED, None)
    assert "error" not in outcome(done)


async def test_unreadable_reply_does_not_count_as_missed_poll(known: InMemoryBridge) -> None:
    known.radio.lost = 1
    job = await known.commands.request_status("pump", CommandOptions("t"))
    await known.settle()
    await known.later(10)
    await known.radio.arrive(PUMP, "Hello")
    await known.settle()
    await known.later(_TIMEOUT_S)
    done = await known.job(job)
    assert (done.state, done.error_code) == (State.EXPIRED, "unreadable_reply")
    async with known.database.transaction() as tx:
        assert (await observations.facts(tx, "pump")).missed == 0


async def test_change_stays_uncertain_with_reason_if_reading_back_is_unreadable(
    known: InMemoryBridge,
) -> None:
    known.radio.mute = 2
    job = await known.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
    await known.settle()
    await known.later(_TIMEOUT_S)
    known.radio.withheld.clear()
    await known.radio.arrive(PUMP, "Hello")
    await known.settle()
    known.radio.mute = 100
    await known.later(_TIMEOUT_S)
    open_one = await known.job(job)
    assert open_one.state is State.UNCERTAIN
    assert "cannot be read: ***" in outcome(open_one)["error"]["message"]
    known.radio.mute = 0
    for _ in range(3):
        await known.later(_TIMEOUT_S * 6)
    done = await known.job(job)
    assert (done.state, done.error_message) == (State.VERIFIED, None)


async def test_unreadable_tcp_reply_is_recorded_masked(w: InMemoryBridge) -> None:
    w.radio.lost = 1
    job = await w.commands.request_status("pump", CommandOptions("t"))
    await w.settle()
    assert await w.receiver.handle_reply("pump", b"garbage 1234", "tcp") is False
    assert (await w.job(job)).unreadable == "***"
