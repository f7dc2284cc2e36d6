"""A modem that is told to connect, or is rung: what proves it is that its connection arrives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.model import ClientIdentity, Connectivity, Reading
from gsm_meter_bridge.model.job import Job, Observation, State
from gsm_meter_bridge.mqtt.responses import outcome
from tests.support.in_memory_bridge import OWN, POLICY, InMemoryBridge, world

_TIMEOUT_S = POLICY.reply_timeout_s + 1
_SERVER = "1234;S0S=a.example:5000;S0E=1"


async def _arrives(w: InMemoryBridge) -> None:
    await w.receiver.record(
        [Observation("pump", (Reading("signal_dbm", -83),), "inbound", w.now())], status=True
    )
    await w.settle()


async def _connect_request(w: InMemoryBridge, *, client: bool = True, mute: int = 0, server: int = 0) -> Job:
    if client:
        connectivity = Connectivity(identify_by=ClientIdentity(serial_number="00001"))
        w.modules["pump"] = replace(w.modules["pump"], connectivity=connectivity)
    w.radio.devices["pump"].receive(OWN, _SERVER, 1e6)
    w.radio.mute = mute
    job = await w.commands.act("pump", f"connect.{server}", CommandOptions("t"))
    await w.settle()
    return job


async def test_connect_is_verified_if_connection_arrives() -> None:
    async with world() as w:
        job = await _connect_request(w)
        assert not (await w.job(job)).state.final
        await w.later(30)
        assert not (await w.job(job)).state.final
        await _arrives(w)
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == ["1234;C0"]  # the arrival costs nothing
        assert "note" not in outcome(await w.job(job))


async def test_connect_is_verified_on_answer_if_connection_arrived_before() -> None:
    async with world() as w:
        job = await _connect_request(w, mute=1)
        await _arrives(w)
        assert not (await w.job(job)).state.final
        await w.radio.release()
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_connect_is_verified_by_connection_if_answer_is_lost() -> None:
    async with world() as w:
        job = await _connect_request(w, mute=1)
        await _arrives(w)
        await w.later(_TIMEOUT_S)
        await w.later(_TIMEOUT_S)
        assert (await w.job(job)).state is State.VERIFIED
        assert w.texts("pump") == ["1234;C0"]


@pytest.mark.parametrize(
    ("mute", "message"), [(0, "the module said that it connects"), (1, "did not say that")]
)
async def test_connect_is_mismatched_if_connection_does_not_arrive(mute: int, message: str) -> None:
    async with world() as w:
        job = await _connect_request(w, mute=mute)
        for _ in range(3):
            await w.later(_TIMEOUT_S)
        done = await w.job(job)
        assert (done.state, done.error_code) == (State.MISMATCHED, "unconfirmed")
        assert message in (done.error_message or "")
        assert "did not arrive within 60 s" in (done.error_message or "")
        assert w.texts("pump") == ["1234;C0"]


async def test_connect_is_refused_if_module_knows_no_such_server() -> None:
    async with world() as w:
        done = await w.job(await _connect_request(w, server=1))
        assert (done.state, done.error_message) == (State.REFUSED, "it knows no such server")


async def test_connect_is_verified_with_note_if_arrival_cannot_be_seen() -> None:
    async with world() as w:
        done = await w.job(await _connect_request(w, client=False))
        assert (done.state, done.error_code) == (State.VERIFIED, None)
        assert "whether it reached the server is not known" in outcome(done)["note"]


@pytest.mark.parametrize(
    ("set_up", "server"),
    [
        ("S0S=a.b:1;S0E=1", 0),
        ("S1S=a.b:1;S1E=1", 1),
        ("S0S=a.b:1;S0E=1;S1S=a.b:1;S1E=1", None),
        ("S0S=a.b:1;S0E=0", None),
        ("", None),
    ],
)
async def test_server_of_returns_only_enabled_server_or_raises(set_up: str, server: int | None) -> None:
    async with world() as w:
        if set_up:
            w.radio.devices["pump"].receive(OWN, f"1234;{set_up}", 1e6)
            await w.know_all()
        if server is not None:
            assert await w.commands.server_of("pump") == server
            return
        with pytest.raises(InvalidValueError, match="the number of a server"):
            await w.commands.server_of("pump")


async def test_call_is_verified_at_once_if_module_is_connected() -> None:
    async with world() as w:
        commands = Commands(w.context, CommandEnvironment(is_connected=lambda _: True), w.runner.wake)
        job = await commands.call("pump", CommandOptions("t"))
        assert job.state is State.VERIFIED
        assert w.radio.sent == []


async def test_status_request_waits_while_password_is_uncertain() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute = 1000
        change = await w.commands.apply(
            "pump", {"access_password": "other"}, CommandOptions("t"), confirmed=True
        )
        await w.settle()
        status = await w.commands.request_status("pump", CommandOptions("s"))
        for _ in range(24):
            await w.later(3600)
        assert not (await w.job(change)).state.final
        assert (await w.job(status)).state is State.QUEUED
        w.radio.mute = 0
        for _ in range(4):
            await w.later(43_200)
            await w.later(_TIMEOUT_S)
        assert (await w.job(change)).state is State.VERIFIED
        assert (await w.job(status)).state is State.VERIFIED
        assert w.texts("pump")[-1] == "other;I"


async def test_status_request_expires_behind_unanswered_change() -> None:
    async with world() as w:
        await w.know_status("pump")
        w.radio.mute = 1000
        await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        status = await w.commands.request_status("pump", CommandOptions("s"))
        for _ in range(3):
            await w.later(3600)
        done = await w.job(status)
        assert (done.state, done.error_code) == (State.EXPIRED, "deadline_before_send")
