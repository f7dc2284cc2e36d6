"""Settings sent in one binary message, by a profile that a module's owner chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError, UnknownNameError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.model.job import State
from tests.support.in_memory_bridge import POLICY, InMemoryBridge, world

FRAME = bundled_profile(family_of("energomera_gs04"), "gs01_binary").frame
WANTED = {"apn": "m2m", "apn_user": "", "server_host": "cenc.example", "server_port": 9100, "mode": "client"}


def _with_frame(running: InMemoryBridge) -> None:
    hut = running.modules["hut"]
    running.modules["hut"] = replace(hut, access=replace(hut.access, frame=FRAME))


async def test_config_frame_carries_all_settings_and_is_read_back() -> None:
    async with world() as running:
        _with_frame(running)
        await running.know_all()
        running.radio.sent.clear()
        job = await running.commands.apply("hut", WANTED, CommandOptions(), confirmed=True)
        await running.settle()
        (frame,) = running.texts("hut")
        assert bytes.fromhex(frame).startswith(b"\x0112345678\x02\x23m2m\0\x17")
        # nobody knows what answers it: after the wait it is read back, never sent again
        await running.later(POLICY.reply_timeout_s + 1)
        for _ in range(4):
            await running.later(POLICY.reply_timeout_s + 120)
        done = await running.job(job)
        assert (done.state, done.after) == (State.VERIFIED, WANTED)
        assert [t for t in running.texts("hut") if t.startswith("01")] == [frame]


async def test_plan_shows_config_frame_as_text_without_secrets() -> None:
    async with world() as running:
        _with_frame(running)
        plan = await running.commands.preview("hut", {"apn": "m2m", "apn_password": "hunter2"})
        assert "gs01_binary ***: apn=m2m, apn_password=***" in plan.texts
        assert "hunter2" not in repr(plan.texts)


async def test_config_frame_is_refused_unsent_if_setting_has_no_code() -> None:
    async with world() as running:
        _with_frame(running)
        with pytest.raises((GuardError, UnknownNameError), match="network_mode"):
            await running.commands.apply("hut", {"network_mode": "auto"}, CommandOptions(), confirmed=True)
        assert running.texts("hut") == []
