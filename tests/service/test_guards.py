"""Changes that would do harm, or must be confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.service.commands import Terms
from tests.support.short_path import OWN, world


@pytest.mark.parametrize(
    ("module", "changes", "code", "words"),
    [
        ("hut", {"mode": "client"}, "guarded", "needs a server address"),
        ("hut", {"mode": "server"}, "confirm_required", "confirm: true"),
        ("hut", {"server_host": "a.example"}, "confirm_required", "never connects"),
        ("hut", {"bands": "lte_3"}, "unsupported_setting", "no documented text command"),
        ("hut", {"access_password": "x"}, "unsupported_setting", "no documented text command"),
        ("pump", {"access_password": "x"}, "confirm_required", "forgets it"),
        ("pump", {"apn_user": "x"}, "guarded", "give apn too"),
        ("pump", {"white_list.0": "+79001112233"}, "guarded", "never obey us again"),
        ("pump", {"server.1.enabled": False}, "confirm_required", "server.1.enabled"),
    ],
)
async def test_what_is_held_back(module: str, changes: dict[str, Any], code: str, words: str) -> None:
    async with world() as w:
        with pytest.raises(GuardError) as error:
            await w.commands.apply(module, changes, Terms("t"))
        assert error.value.code == code
        assert words in str(error.value)
        assert not await w.runner.send_next()


@pytest.mark.parametrize("refused", [{"mode": "client"}, {"white_list.0": "+79001112233"}])
async def test_a_confirmation_does_not_allow_what_does_harm(refused: dict[str, Any]) -> None:
    async with world() as w:
        module = "hut" if "mode" in refused else "pump"
        with pytest.raises(GuardError):
            await w.commands.apply(module, refused, Terms("t"), confirmed=True)


async def test_a_preview_stores_nothing_and_hides_secrets() -> None:
    async with world() as w:
        plan = await w.commands.preview("hut", {"apn": "m2m", "apn_password": "hunter2", "mode": "server"})
        writes = ("*** APN m2m", "*** PSW ***", "*** MODE 2")
        assert plan.texts == ("*** APN", "*** MODE", *writes, "*** APN", "*** MODE")
        assert plan.restarts
        assert {c.kind for c in plan.concerns} == {"warning", "confirm"}
        assert "hunter2" not in repr(plan.texts)
        assert not await w.runner.send_next()


async def test_warnings_do_not_stop() -> None:
    async with world() as w:
        plan = await w.commands.preview(
            "hut", {"mode": "client_cenc", "server_host": "a.example", "connect_period_s": 60}
        )
        assert "300 s or more" in str([c.words for c in plan.concerns if c.kind == "warning"])
        plan.check(confirmed=True)


async def test_an_emptied_white_list_obeys_everybody() -> None:
    async with world() as w:
        plan = await w.commands.preview("pump", {"white_list.0": ""})
        assert plan.concerns == ()


async def test_our_own_number_keeps_the_list_open() -> None:
    async with world() as w:
        plan = await w.commands.preview("pump", {"white_list.0": OWN, "white_list.5": "+79001112233"})
        assert plan.concerns == ()
        assert plan.texts == ("***;W", "***;W0=+79990000000;W5=+79001112233", "***;W")


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("hut", "mode", "sleep"),
        ("hut", "server_port", 0),
        ("hut", "server_port", "eighty"),
        ("hut", "server_port", True),
        ("hut", "connect_period_s", 59),
        ("hut", "idle_restart_period_h", 25),
        ("hut", "server_host", "0.1.2.3"),
        ("hut", "server_host", "300.1.1.1"),
        ("hut", "server_host", "a b"),
        ("pump", "reboot_period_min", 4),
        ("pump", "csd_idle_timeout_s", 601),
        ("pump", "serial_port", "9600,9,N,1"),
        ("pump", "serial_port", "9601,8,N,1"),
        ("pump", "server.0.rule.0", "05:00-01:00"),
        ("pump", "server.0.rule.0", "24:00-25:00"),
        ("pump", "server.0.rule.0", "01:00-02:00,1440"),
        ("pump", "server.0.address", "host"),
        ("pump", "server.0.address", "host:70000"),
        ("pump", "server.0.enabled", "maybe"),
        ("pump", "white_list.3", "89001112233"),
    ],
)
async def test_values_out_of_range(module: str, name: str, value: object) -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError) as error:
            await w.commands.preview(module, {name: value})
        assert name in str(error.value)
        assert repr(value) in str(error.value)
