"""What a module says when it is no longer waited for: it counts, and what is uncertain is read back soon."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.model.job import Job, State
from tests.support.in_memory_bridge import POLICY, PUMP, InMemoryBridge

_TIMEOUT_S = POLICY.reply_timeout_s + 1
_WRITE = "1234;A=m2m"


async def _uncertain(w: InMemoryBridge, changes: dict[str, object] | None = None) -> Job:
    """A change whose write and first reading back were answered too late; the replies are withheld."""
    await w.know_status("pump")
    w.radio.mute = 2
    job = await w.commands.apply("pump", changes or {"apn": "m2m"}, CommandOptions("t"))
    await w.settle()
    await w.later(_TIMEOUT_S)
    await w.later(_TIMEOUT_S)
    job = await w.job(job)
    assert (job.state, job.attempts) == (State.UNCERTAIN, 1)
    return job


async def test_late_reply_to_reading_back_verifies_change(w: InMemoryBridge) -> None:
    job = await _uncertain(w)
    _, (sender, text) = w.radio.withheld
    await w.radio.arrive(sender, text)
    await w.settle()
    done = await w.job(job)
    assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})
    assert w.texts("pump")[2:] == [_WRITE, "1234;A"]


@pytest.mark.parametrize(
    "text",
    ["Ok", "Err", "APN: internet\r\nUSR: \r\nPSW: ", "Signal level: -71dBm (60%)", "Hello", ""],
)
async def test_uncertain_change_is_read_back_at_once_if_module_is_heard(w: InMemoryBridge, text: str) -> None:
    job = await _uncertain(w)
    await w.radio.arrive(PUMP, text)
    await w.settle()
    done = await w.job(job)
    assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})
    assert w.texts("pump")[2:] == [_WRITE, "1234;A", "1234;A"]


async def test_uncertain_change_is_not_read_back_at_every_message(w: InMemoryBridge) -> None:
    w.radio.withheld.clear()
    job = await _uncertain(w)
    w.radio.mute = 1000
    for _ in range(6 * 60):
        await w.radio.arrive(PUMP, "the door is open")
        await w.later(60)
    assert (await w.job(job)).state is State.UNCERTAIN
    assert w.texts("pump").count(_WRITE) == 1
    assert w.texts("pump").count("1234;A") <= 3 + 6 * 2


async def test_late_value_that_differs_counts_only_if_it_was_asked_for_again(known: InMemoryBridge) -> None:
    known.radio.lost = 1
    job = await known.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
    await known.settle()
    known.radio.mute = 100
    for slow in range(6):
        await known.later(3600 if slow > 2 else _TIMEOUT_S)
        await known.radio.release()
        await known.settle()
    done = await known.job(job)
    assert (done.state, done.after) == (State.MISMATCHED, {"apn": "internet"})
    assert known.texts("pump").count(_WRITE) == 1


async def test_late_answer_to_reboot_verifies_it_while_it_is_read_back(w: InMemoryBridge) -> None:
    await w.know_all()
    w.radio.mute = 2
    job = await w.commands.act("pump", "reboot", CommandOptions(), confirmed=True)
    await w.settle()
    await w.later(_TIMEOUT_S)
    assert (await w.job(job)).state is State.SENT
    await w.radio.release()
    await w.settle()
    assert (await w.job(job)).state is State.VERIFIED
    assert w.texts("pump").count("1234;REBOOT") == 1


async def test_late_refusal_does_not_end_change_of_several_messages(w: InMemoryBridge) -> None:
    await w.know_all()
    changes = {"server.0.address": "a.example:5000", "apn": "m2m"}
    job = await w.commands.apply("pump", changes, CommandOptions("t"), confirmed=True)
    w.radio.mute = 1  # the reboot's, which does not happen either
    await w.settle()
    w.radio.mute = 100
    await w.later(_TIMEOUT_S)
    w.radio.withheld.clear()
    await w.later(_TIMEOUT_S)
    assert (await w.job(job)).state is State.UNCERTAIN
    sent = len(w.texts("pump"))
    await w.radio.arrive(PUMP, "Err")
    await w.settle()
    assert not (await w.job(job)).state.final
    assert len(w.texts("pump")) == sent + 1  # read back at once


async def test_refusal_during_reading_back_does_not_end_change(known: InMemoryBridge) -> None:
    known.radio.mute = 2
    job = await known.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
    await known.settle()
    await known.later(_TIMEOUT_S)
    assert (await known.job(job)).state is State.SENT  # being read back
    known.radio.withheld.clear()
    await known.radio.arrive(PUMP, "Err")
    await known.settle()
    await known.later(_TIMEOUT_S)
    done = await known.job(job)
    assert (done.state, done.after) == (State.VERIFIED, {"apn": "m2m"})
    assert known.texts("pump").count(_WRITE) == 1


async def test_change_is_mismatched_if_module_refuses_reading_back(known: InMemoryBridge) -> None:
    job = await known.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
    known.radio.mute = 100
    await known.settle()
    for _ in range(4):
        await known.later(_TIMEOUT_S * 6)
        if (await known.job(job)).state is State.SENT and known.texts("pump")[-1] == "1234;A":
            await known.radio.arrive(PUMP, "Err")
            await known.settle()
    done = await known.job(job)
    assert (done.state, done.error_code) == (State.MISMATCHED, "unconfirmed")
    assert "cannot be read back" in (done.error_message or "")
    assert known.texts("pump").count(_WRITE) == 1
