"""Bridges are killed again and again, and so is their broker."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.kills.trial import trial
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import Postgresql
from tests.support.processes import BridgeProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long
KILLS = 200


async def test_bridge_on_sqlite_neither_loses_nor_doubles_changes_if_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with trial("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.kill_again_and_again(KILLS)
        await home.check(least=KILLS // 10)


async def test_bridges_sharing_postgresql_neither_lose_nor_double_changes_if_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Postgresql() as server:
        url = server.database()
        async with AsyncExitStack() as stack:
            both = [
                await stack.enter_async_context(trial(name, tmp_path / name, broker, url))
                for name in ("north", "southern")
            ]
            await asyncio.gather(*(one.kill_again_and_again(KILLS // 2) for one in both))
            for one in both:
                await one.check(least=KILLS // 20)


async def test_bridge_answers_each_request_if_broker_is_killed_and_stays_away(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with trial("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.wait_online()
        for _ in range(10):
            await home.request()
        for _ in range(5):
            await home.request()
            await asyncio.sleep(home.dice.uniform(0, 2))
            broker.kill()
            broker.start()
        broker.kill()
        await home.settle_all()  # all is done, and nobody can be told
        broker.start()
        # a broker that was killed may have forgotten what it was told, so who gets no answer asks again
        for request in home.requests:
            assert (await home.insist(request))["status"] == "ok"
        await home.check(least=len(home.requests))


async def test_standby_takes_over_if_bridge_is_killed(tmp_path: Path, broker: Mosquitto) -> None:
    async with trial("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.wait_online()
        standby = BridgeProcess.__new__(BridgeProcess)
        standby.__dict__ = {**home.bridge.__dict__, "_log": tmp_path / "standby.log", "_process": None}
        with standby:
            wait_until(lambda: "waiting as a standby" in standby.log, lambda: standby.log)
            home.bridge.kill()
            wait_until(lambda: "connected to the broker" in standby.log, lambda: standby.log)
            await home.request()
            done = await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "ok")
            assert done["after"] == {"csd_idle_timeout_s": 6}
        home.bridge.start()
