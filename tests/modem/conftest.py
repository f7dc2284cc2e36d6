"""A scripted modem, and ours at its port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.modem import Timeouts
from tests.modem.fake_modem import FakeModem
from tests.support.modems import RecordedModem, made

PATIENT = Timeouts(
    command_s=20, write_s=20, prompt_s=20, send_s=20, network_s=20, resync_s=5, resync_tries=3, quiet_s=0.02
)
"""Deadlines that no test means to reach."""

Start = Callable[..., RecordedModem]


@pytest.fixture
def timeouts() -> Timeouts:
    return PATIENT


@pytest.fixture
async def fake() -> AsyncIterator[FakeModem]:
    modem = FakeModem()
    yield modem
    modem.unplug()


@pytest.fixture
def port(tmp_path: Path) -> Path:
    return tmp_path / "ttyMODEM"


@pytest.fixture
async def run(fake: FakeModem, port: Path, timeouts: Timeouts) -> AsyncIterator[Start]:
    """Return a function that starts a modem on the port; it stops with the test."""
    tasks: list[asyncio.Task[None]] = []

    def start(**options: Any) -> RecordedModem:
        given = {
            "status_interval_s": 600,
            "reconnect_min_s": 0.01,
            "reconnect_max_s": 0.02,
            "timeouts": timeouts,
        }
        modem = made(RecordedModem, str(port), "gsm1", **(given | options))
        tasks.append(asyncio.create_task(modem.run()))
        return modem

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled(), task.exception()
