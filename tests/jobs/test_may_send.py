"""When nothing is sent: modem not ready, database damaged or perhaps too old, sent SMS not stored."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.jobs.runner import Runner, SendGate
from gsm_meter_bridge.model.job import State
from tests.support.in_memory_bridge import InMemoryBridge, world


@pytest.fixture
def engine() -> str:
    """The kind of database does not matter."""
    return "sqlite"


def _unready(w: InMemoryBridge) -> None:
    w.radio.ready = False


def _damaged(w: InMemoryBridge) -> None:
    w.database.damaged = True


def _unknown(w: InMemoryBridge) -> None:
    w.runner = Runner(w.context, [w.radio], gate=SendGate(database_is_known=lambda: False))


def _paused(w: InMemoryBridge) -> None:
    w.runner._not_before = time.monotonic() + 3600


@pytest.mark.parametrize("forbid", [_unready, _damaged, _unknown, _paused])
async def test_job_waits_while_nothing_may_be_sent(forbid: Callable[[InMemoryBridge], None]) -> None:
    async with world() as w:
        forbid(w)
        job = await w.commands.request_status("pump", CommandOptions("t"))
        assert not await w.runner.send_next()
        assert (await w.job(job)).state is State.QUEUED
        assert w.radio.sent == []
        w.radio.ready, w.database.damaged = True, False
        w.runner = Runner(w.context, [w.radio])
        assert await w.runner.send_next()
        assert len(w.radio.sent) == 1
