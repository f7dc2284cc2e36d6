"""Changes that would do harm, or must be confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import GuardError, InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import ConcernKind
from gsm_meter_bridge.vocabulary import Scalar
from tests.support.in_memory_bridge import OWN, world


@pytest.mark.parametrize(
    ("module", "changes", "code", "message"),
    [
        ("hut", {"mode": "client"}, "unsafe_change", "needs a server address"),
        ("hut", {"mode": "server"}, "confirm_required", "confirm: true"),
        ("hut", {"server_host": "a.example"}, "confirm_required", "never connects"),
        ("hut", {"bands": "lte_3"}, "unsupported_setting", "no documented text command"),
        ("hut", {"access_password": "x"}, "unsupported_setting", "no documented text command"),
        ("pump", {"access_password": "x"}, "confirm_required", "if it is lost"),
        ("pump", {"apn_user": "x"}, "unsafe_change", "give apn too"),
        ("pump", {"white_list.0": "+79001112233"}, "unsafe_change", "never obey us again"),
        ("pump", {"server.1.enabled": False}, "confirm_required", "server.1.enabled"),
    ],
)
async def test_change_is_refused_if_it_is_harmful_unsupported_or_unconfirmed(
    module: str, changes: dict[str, Any], code: str, message: str
) -> None:
    async with world() as w:
        with pytest.raises(GuardError) as error:
            await w.commands.apply(module, changes, CommandOptions("t"))
        assert error.value.code == code
        assert message in str(error.value)
        assert not await w.runner.send_next()


@pytest.mark.parametrize("refused", [{"mode": "client"}, {"white_list.0": "+79001112233"}])
async def test_confirmation_does_not_allow_a_harmful_change(refused: dict[str, Any]) -> None:
    async with world() as w:
        module = "hut" if "mode" in refused else "pump"
        with pytest.raises(GuardError):
            await w.commands.apply(module, refused, CommandOptions("t"), confirmed=True)


async def test_preview_stores_nothing_and_hides_secrets() -> None:
    async with world() as w:
        plan = await w.commands.preview("hut", {"apn": "m2m", "apn_password": "hunter2", "mode": "server"})
        writes = ("*** APN m2m", "*** PSW ***", "*** MODE 2")
        assert plan.texts == ("*** APN", "*** MODE", *writes, "*** APN", "*** MODE")
        assert plan.restarts
        assert {c.kind for c in plan.concerns} == {"warning", "confirm"}
        assert "hunter2" not in repr(plan.texts)
        assert not await w.runner.send_next()


async def test_plan_with_warnings_only_passes_its_check() -> None:
    async with world() as w:
        plan = await w.commands.preview(
            "hut", {"mode": "client_cenc", "server_host": "a.example", "connect_period_s": 60}
        )
        assert "300 s or more" in str([c.message for c in plan.concerns if c.kind == "warning"])
        plan.check(confirmed=True)


async def test_plan_has_no_concern_if_white_list_is_emptied() -> None:
    async with world() as w:
        plan = await w.commands.preview("pump", {"white_list.0": ""})
        assert plan.concerns == ()


async def test_plan_has_no_concern_if_white_list_has_the_gateway_modem_number() -> None:
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
async def test_preview_names_a_setting_and_value_that_is_out_of_range(
    module: str, name: str, value: object
) -> None:
    async with world() as w:
        with pytest.raises(InvalidValueError) as error:
            await w.commands.preview(module, {name: value})
        assert name in str(error.value)
        assert repr(value) in str(error.value)


def test_concern_warns_about_a_rule_that_never_has_its_turn() -> None:
    known: dict[str, Scalar | None] = {"server.0.rule.0": "01:00-13:00,0", "server.0.rule.1": "02:00-03:00"}
    found = family_of("lers_gsm_mini").concerns({"server.1.rule.0": "02:00-03:00,10"}, known, ())
    assert [(c.kind, c.setting) for c in found] == [(ConcernKind.WARNING, "server.1.rule.0")]
    assert "never has its turn" in found[0].message
