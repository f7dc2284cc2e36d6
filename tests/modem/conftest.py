"""A scripted modem, and a way to wait until something is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from gsm_meter_bridge.modem import Modem, ReceivedPdu, Timeouts
from tests.modem.fake_modem import FakeModem

PATIENT = Timeouts(
    command_s=20, write_s=20, prompt_s=20, send_s=20, network_s=20, resync_s=5, resync_tries=3, quiet_s=0.02
)
"""Deadlines that no test means to reach."""


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
def eventually() -> Callable[..., object]:
    async def wait(predicate: Callable[[], object]) -> object:
        async with asyncio.timeout(20):
            while not (value := predicate()):
                await asyncio.sleep(0.002)
        return value

    return wait


@pytest.fixture
async def run(fake, port, timeouts):
    """Return a function that starts a modem on the port; it stops with the test."""
    tasks: list[asyncio.Task] = []

    def start(**options) -> Modem:
        async def store(received: Sequence[ReceivedPdu]) -> None:
            modem.received.extend(received)

        given = {
            "status_interval_s": 600,
            "reconnect_min_s": 0.01,
            "reconnect_max_s": 0.02,
            "timeouts": timeouts,
        }
        given |= {"on_status": lambda status: modem.statuses.append(status), "on_received": store} | options
        modem = Modem("gsm1", str(port), **given)
        modem.statuses, modem.received = [], []
        patient = modem.wait_ready
        modem.wait_ready = lambda: asyncio.wait_for(patient(), 20)
        tasks.append(asyncio.create_task(modem.run()))
        return modem

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled(), task.exception()
