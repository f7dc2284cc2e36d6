"""Which errors say that the database cannot be used at present, and which that we made a mistake."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, PendingRollbackError

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.jobs import receiver
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage.database import is_unavailable
from tests.support.in_memory_bridge import POLICY, InMemoryBridge, world
from tests.support.waiting import PATIENCE_S


class ServerError(Exception):
    """What the driver raises, with the server's code."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("words of the server")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "trouble"),
    [
        ("57P03", True),  # it is starting up, or recovers from a crash
        ("57P01", True),  # it is being shut down
        ("57P02", True),  # another of its processes crashed
        ("57014", True),  # an administrator cancelled the query
        ("53100", True),  # disk full
        ("53300", True),  # too many connections
        ("58030", True),  # input or output failed
        ("08006", True),  # the connection failed
        ("25006", True),  # a replica, which takes no changes
        ("25001", False),
        ("23505", False),
        ("42P01", True),  # a table is missing: who has taken it away may bring it back
        ("22021", False),
        (None, False),
    ],
)
def test_is_unavailable_follows_postgresql_sqlstate(sqlstate: str | None, trouble: bool) -> None:
    assert is_unavailable(DBAPIError("SELECT 1", {}, ServerError(sqlstate))) is trouble


def test_is_unavailable_covers_lost_connections_but_not_mistakes() -> None:
    assert is_unavailable(OperationalError("SELECT 1", {}, ServerError(None)))
    assert is_unavailable(PendingRollbackError("the connection was lost in this transaction"))
    assert is_unavailable(ConnectionRefusedError())
    assert not is_unavailable(IntegrityError("SELECT 1", {}, ServerError("23505")))
    assert not is_unavailable(ValueError())


async def test_reply_timeout_excludes_time_database_was_away() -> None:
    async with world() as w:
        w.radio.mute = 1
        asked = await w.commands.request_status("pump", CommandOptions())
        await w.runner.send_next()
        assert (await w.job(asked)).state is State.SENT
        await _away(w, POLICY.reply_timeout_s * 2)
        await w.runner._check_timeouts()
        assert (await w.job(asked)).state is State.SENT
        # from here on, time is what it was
        w.clock[0] += POLICY.reply_timeout_s + 1
        await w.runner._check_timeouts()
        assert (await w.job(asked)).state is State.EXPIRED


async def _away(w: InMemoryBridge, seconds: float) -> None:
    """Have the runner meet a database that is away for so long."""
    met = asyncio.Event()

    async def fail() -> None:
        met.set()
        raise ConnectionRefusedError

    ticks = asyncio.create_task(w.runner._each_tick(asyncio.Event(), fail))
    await met.wait()
    await asyncio.sleep(0)
    w.clock[0] += seconds
    ticks.cancel()
    await asyncio.wait([ticks])


async def test_receiver_tries_again_soon_if_database_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is taken in, and the trouble is over, as soon as the database is back."""
    monkeypatch.setattr(receiver, "AGAIN_S", 0.01)
    async with world() as w:
        reported: list[str | None] = []
        monkeypatch.setattr(w.database, "on_unavailable", reported.append)
        tries = 0

        async def take_in() -> None:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise OperationalError("SELECT 1", {}, ServerError(None))

        monkeypatch.setattr(w.receiver, "process_inbox", take_in)
        running = asyncio.create_task(w.receiver.run())
        async with asyncio.timeout(PATIENCE_S):
            while tries < 3 or reported[-1] is not None:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])
        assert tries == 3
        assert len(reported) == 2


@pytest.mark.parametrize("others_fail", [False, True])
async def test_run_guarded_once_reports_no_database_trouble(*, others_fail: bool) -> None:
    async with world() as w:
        reported: list[bool] = []
        w.database.on_unavailable = lambda message: reported.append(message is not None)
        fails = True

        async def loop() -> None:
            if fails and others_fail:
                raise ConnectionRefusedError

        async def once() -> None:
            if fails:
                raise ConnectionRefusedError

        assert await w.database.run_guarded(loop) is not others_fail
        assert not await w.database.run_guarded_once(once)
        fails = False
        assert await w.database.run_guarded(loop)
        assert reported == ([True, False] if others_fail else [])
        assert await w.database.run_guarded_once(once)


async def test_run_guarded_once_raises_error_that_is_no_database_trouble() -> None:
    async with world() as w:

        async def work() -> None:
            raise ValueError("of ours")

        with pytest.raises(ValueError, match="of ours"):
            await w.database.run_guarded_once(work)
