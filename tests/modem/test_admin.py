"""An administrator's commands, and the last resort of a modem without a network; on the simulated modem."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.at.responses import SimState
from gsm_meter_bridge.at.ussd import ussd_command
from gsm_meter_bridge.commands.administration import Administration
from gsm_meter_bridge.errors import (
    CommandTimeoutError,
    DecodeError,
    GuardError,
    InvalidValueError,
    LinkLostError,
    UnknownNameError,
)
from gsm_meter_bridge.modem import Modem, ModemStatus
from gsm_meter_bridge.modem.auto_restart import AutoRestart
from gsm_meter_bridge.modem.engine import AtEngine
from gsm_meter_bridge.simulator import RunningWorld, World
from gsm_meter_bridge.vocabulary import Secret
from tests.support.modems import modem_at
from tests.support.scripted_modem import ScriptedModem, Transcript
from tests.support.waiting import PATIENCE_S, until

SEVERAL = 3


@asynccontextmanager
async def _modem(
    path: Path, restart_after_no_network_s: float | None = None, pin: Secret | None = None
) -> AsyncIterator[tuple[Modem, RunningWorld]]:
    async with World.load().run(path / "modem") as running:
        modem = modem_at(
            running.device,
            status_interval_s=0.2,
            reconnect_min_s=0.02,
            restart_after_no_network_s=restart_after_no_network_s,
            pin=pin,
        )
        task = asyncio.create_task(modem.run())
        try:
            await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)
            yield modem, running
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[ModemStatus]:
    """The status after each look at the modem, at which a restart is considered."""
    seen: list[ModemStatus] = []
    check = AutoRestart.check

    async def see_and_check(auto: AutoRestart, engine: AtEngine, status: ModemStatus) -> None:
        await check(auto, engine, status)
        seen.append(status)

    monkeypatch.setattr(AutoRestart, "check", see_and_check)
    return seen


async def test_administration_runs_raw_commands_and_ussd(tmp_path: Path) -> None:
    async with _modem(tmp_path) as (modem, _):
        admin = Administration({"stick": modem}, frozenset({"stick"}))
        assert await admin.raw_at("stick", "AT+CSQ") == ("+CSQ: 18,99",)
        assert await admin.ussd("stick", "*100#") == "Balance 12.50"
        with pytest.raises(DecodeError, match="does not support"):
            await admin.ussd("stick", "*999#")


async def test_ussd_returns_answer_if_ok_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.modem.ussd._PATIENCE_S", 0.3)
    answers = {'AT+CUSD=1,"*100#",15': '+CUSD: 0,"Balance 5",15', 'AT+CUSD=1,"*101#",15': "<silence>"}
    async with ScriptedModem(Transcript("t", "any", "J", "no OK", {"answers": answers})) as scripted:
        modem = modem_at(scripted.url)
        task = asyncio.create_task(modem.run())
        await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)
        assert await modem.ussd("*100#") == "Balance 5"
        with pytest.raises(CommandTimeoutError):
            await modem.ussd("*101#")
        task.cancel()
        await asyncio.wait([task])


async def test_administration_refuses_closed_modem_and_forbidden_or_malformed_command(tmp_path: Path) -> None:
    async with _modem(tmp_path) as (modem, _):
        admin = Administration({"stick": modem}, frozenset())
        with pytest.raises(GuardError, match="not open to administrators"):
            await admin.raw_at("stick", "AT")
        with pytest.raises(UnknownNameError, match="known: stick"):
            await admin.restart("other")
        opened = Administration({"stick": modem}, frozenset({"stick"}))
        for command in ("AT+CMGS=20", "at+cpin=1234", "ATD112;", "AT+CSQ;+CMGD=1,4"):
            with pytest.raises(GuardError, match="is refused"):
                await opened.raw_at("stick", command)
        no_commands: tuple[Any, ...] = ("CSQ", "AT\rAT", "AT" + "x" * 300, 7)
        for other in no_commands:
            with pytest.raises(InvalidValueError, match="AT and up to 198"):
                await opened.raw_at("stick", other)
        with pytest.raises(InvalidValueError, match=r"like \*100#"):
            await opened.ussd("stick", '*100#"')


async def test_command_raises_link_lost_if_modem_is_missing(tmp_path: Path) -> None:
    modem = modem_at(str(tmp_path / "none"))
    with pytest.raises(LinkLostError, match="modem stick is not there"):
        await modem.command("AT")


async def test_modem_becomes_ready_again_after_restart(tmp_path: Path, looks: list[ModemStatus]) -> None:
    async with _modem(tmp_path) as (modem, running):
        running.modem.settings.charset = "HEX"
        await modem.restart()
        before = len(looks)
        await until(lambda: len(looks) > before + 1)  # one of them began after the restart
        await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)
        assert modem.status.operator == "SimTel"


async def test_modem_without_network_is_restarted_only_if_configured(
    tmp_path: Path, looks: list[ModemStatus], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with _modem(tmp_path) as (_, running):
            running.modem.faults.registration = 2
            await until(lambda: sum(not look.ready for look in looks) > SEVERAL)
        assert "it is restarted" not in caplog.text
        async with _modem(tmp_path, restart_after_no_network_s=0.3) as (_, running):
            running.modem.faults.registration = 2
            await until(lambda: "it is restarted" in caplog.text)


async def test_modem_is_not_restarted_if_sim_is_locked(
    tmp_path: Path, looks: list[ModemStatus], caplog: pytest.LogCaptureFixture
) -> None:
    async with _modem(tmp_path, restart_after_no_network_s=0.1) as (_, running):
        running.modem.faults.pin = "0000"
        await until(lambda: sum(look.sim is not SimState.READY for look in looks) > SEVERAL)
    assert "it is restarted" not in caplog.text


async def test_blocked_sim_is_reported_and_pin_is_not_entered(tmp_path: Path) -> None:
    async with _modem(tmp_path, pin=Secret("0000")) as (modem, running):
        running.modem.faults.pin, running.modem.faults.pin_tries = "0000", 0
        async with asyncio.timeout(PATIENCE_S):
            while modem.status.problem_code != "sim_puk_required":
                await asyncio.sleep(0.02)
        assert (modem.status.ready, modem.status.sim) == (False, "puk_required")
        assert running.modem.faults.pin_tries == 0
        running.modem.faults.pin = None  # somebody has entered the PUK
        await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)


async def test_pin_is_not_entered_if_only_one_try_is_left(tmp_path: Path) -> None:
    async with _modem(tmp_path, pin=Secret("0000")) as (modem, running):
        running.modem.faults.pin, running.modem.faults.pin_tries = "0000", 1
        async with asyncio.timeout(PATIENCE_S):
            while modem.status.problem_code != "sim_pin_rejected":
                await asyncio.sleep(0.02)
        assert "1 tries are left" in (modem.status.problem or "")
        assert running.modem.faults.pin_tries == 1


async def test_modem_is_read_correctly_if_left_in_another_character_set(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.modem.settings.charset = "HEX"
        modem = modem_at(running.device)
        task = asyncio.create_task(modem.run())
        await asyncio.wait_for(modem.wait_ready(), PATIENCE_S)
        assert (modem.status.operator, modem.status.smsc) == ("SimTel", "+79990000999")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_ussd_command_accepts_codes_of_up_to_41_characters() -> None:
    assert ussd_command("*100#") == 'AT+CUSD=1,"*100#",15'
    assert ussd_command("*" + "1" * 39 + "#") == f'AT+CUSD=1,"*{"1" * 39}#",15'


@pytest.mark.parametrize(
    "code",
    [
        *("", "*", "#", "100", "*100#;AT", "*" * 42, "*100#\r", "*100#\n", "*100#\0", '*100#"', "*100# "),
        *("*\u0661\u0660#", "\uff0a100\uff03", "*1\u00b2#", "*100p#", "*100,#", "+100#", "AT+CSQ"),
        *("**04*1111*4321*4321#", "**042*1*2*2#", "**05*12345678*1*1#", "**052*1*2*2#", "*04*1*2*2#"),
    ],
)
def test_invalid_ussd_code_is_refused_and_not_repeated_in_error(code: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ussd_command(code)
    assert len(code) < 4 or code not in str(caught.value)
