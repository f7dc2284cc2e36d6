"""An administrator's commands, and the last resort of a modem without a network; on the simulated modem."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gsm_meter_bridge.at.ussd import parse_cusd, ussd_command
from gsm_meter_bridge.errors import (
    DecodeError,
    GuardError,
    InvalidValueError,
    LinkLostError,
    UnknownNameError,
)
from gsm_meter_bridge.modem import Modem, ReceivedPdu
from gsm_meter_bridge.service.administration import Administration
from gsm_meter_bridge.simulator import RunningWorld, World
from gsm_meter_bridge.vocabulary import Secret


async def _ignore(_: Sequence[ReceivedPdu]) -> None:
    return


@asynccontextmanager
async def _modem(
    path: Path, restart_after_s: float | None = None, pin: Secret | None = None
) -> AsyncIterator[tuple[Modem, RunningWorld]]:
    async with World.load().run(path / "modem") as running:
        modem = Modem(
            "stick",
            running.device,
            on_status=lambda _: None,
            on_received=_ignore,
            status_interval_s=0.2,
            reconnect_min_s=0.02,
            restart_after_s=restart_after_s,
            pin=pin,
        )
        task = asyncio.create_task(modem.run())
        try:
            await asyncio.wait_for(modem.wait_ready(), 20)
            yield modem, running
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_raw_commands_and_ussd(tmp_path: Path) -> None:
    async with _modem(tmp_path) as (modem, _):
        admin = Administration({"stick": modem}, frozenset({"stick"}))
        assert await admin.raw_at("stick", "AT+CSQ") == ("+CSQ: 18,99",)
        assert await admin.ussd("stick", "*100#") == "Balance 12.50"
        with pytest.raises(DecodeError, match="does not support"):
            await admin.ussd("stick", "*999#")


async def test_what_administrators_may_not(tmp_path: Path) -> None:
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
        for command in ("CSQ", "AT\rAT", "AT" + "x" * 300, 7):
            with pytest.raises(InvalidValueError, match="AT and up to 200"):
                await opened.raw_at("stick", command)
        with pytest.raises(InvalidValueError, match=r"like \*100#"):
            await opened.ussd("stick", '*100#"')


async def test_a_modem_that_is_not_there(tmp_path: Path) -> None:
    modem = Modem("stick", str(tmp_path / "none"), on_status=lambda _: None, on_received=_ignore)
    with pytest.raises(LinkLostError, match="modem stick is not there"):
        await modem.command("AT")


async def test_a_restart_is_survived(tmp_path: Path) -> None:
    async with _modem(tmp_path) as (modem, running):
        running.modem.settings.charset = "HEX"
        await modem.restart()
        await asyncio.sleep(0.5)
        await asyncio.wait_for(modem.wait_ready(), 20)
        assert modem.status.operator == "SimTel"


async def test_without_a_network_it_is_restarted_only_where_configured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with _modem(tmp_path) as (_, running):
            running.modem.faults.registration = 2
            await asyncio.sleep(1.0)
        assert "it is restarted" not in caplog.text
        async with _modem(tmp_path, restart_after_s=0.3) as (_, running):
            running.modem.faults.registration = 2
            async with asyncio.timeout(10):
                while "it is restarted" not in caplog.text:
                    await asyncio.sleep(0.05)


async def test_a_shut_sim_is_no_reason_to_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with _modem(tmp_path, restart_after_s=0.1) as (_, running):
        running.modem.faults.pin = "0000"
        await asyncio.sleep(1.0)
    assert "it is restarted" not in caplog.text


async def test_a_blocked_sim_is_told_and_its_pin_is_not_tried(tmp_path: Path) -> None:
    async with _modem(tmp_path, pin=Secret("0000")) as (modem, running):
        running.modem.faults.pin, running.modem.faults.pin_tries = "0000", 0
        async with asyncio.timeout(10):
            while modem.status.problem_code != "sim_puk_required":
                await asyncio.sleep(0.02)
        assert (modem.status.ready, modem.status.sim) == (False, "puk_required")
        assert running.modem.faults.pin_tries == 0
        running.modem.faults.pin = None  # somebody has entered the PUK
        await asyncio.wait_for(modem.wait_ready(), 10)


async def test_the_last_tries_of_a_pin_are_left_to_a_person(tmp_path: Path) -> None:
    async with _modem(tmp_path, pin=Secret("0000")) as (modem, running):
        running.modem.faults.pin, running.modem.faults.pin_tries = "0000", 1
        async with asyncio.timeout(10):
            while modem.status.problem_code != "sim_pin_rejected":
                await asyncio.sleep(0.02)
        assert "1 tries are left" in (modem.status.problem or "")
        assert running.modem.faults.pin_tries == 1


async def test_a_modem_left_in_another_character_set(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        running.modem.settings.charset = "HEX"
        modem = Modem("stick", running.device, on_status=lambda _: None, on_received=_ignore)
        task = asyncio.create_task(modem.run())
        await asyncio.wait_for(modem.wait_ready(), 20)
        assert (modem.status.operator, modem.status.smsc) == ("SimTel", "+79990000999")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('+CUSD: 0,"Balance 5",15', "Balance 5"),
        ('+CUSD: 1,"041104300431",72', "Баб"),
        ('+CUSD: 0,"0411",15', "0411"),
        ('+CUSD: 0,"Hm"', "Hm"),
    ],
)
def test_what_the_network_says(line: str, said: str) -> None:
    assert parse_cusd(line) == said


@pytest.mark.parametrize("line", ["+CUSD: 4", "+CUSD: 2", '+CUSD: 0,"",15', "+CUSD: x"])
def test_what_the_network_does_not_say(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_cusd(line)


def test_codes() -> None:
    assert ussd_command("*100#") == 'AT+CUSD=1,"*100#",15'
    for code in ("", "100", "*100#;AT", "*" * 40):
        with pytest.raises(InvalidValueError):
            ussd_command(code)
