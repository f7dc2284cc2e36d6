"""PostgreSQL itself is killed, at any moment, and comes back; the bridge goes on by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gsm_meter_bridge.storage.database import AGAIN_S
from gsm_meter_bridge.storage.leases import LEASE_S
from tests.kills.trial import Trial, trial
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import Postgresql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long
KILLS = 25
MAY_BE = ("uncertain", "deadline_before_send")


async def _kill_again_and_again(server: Postgresql, home: Trial) -> None:
    """Kill the server while requests are stored, sent and answered; sometimes it stays away for a while."""
    for n in range(KILLS):
        for _ in range(home.dice.randint(1, 3)):
            await home.request()
        await asyncio.sleep(home.dice.uniform(0, 1.5))
        await asyncio.to_thread(server.die)
        await home.request()
        await asyncio.sleep(6 if n % 10 == 5 else home.dice.uniform(0, 1))
        await asyncio.to_thread(server.start)


async def test_bridge_neither_loses_nor_doubles_changes_if_postgresql_is_killed(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Postgresql() as server:
        # what comes while the server is away is heard afterwards, at the modem's next look
        async with trial("home", tmp_path, broker, server.database(), reply_timeout_s=5) as home:
            await home.wait_online()
            first = home.bridge.pid
            await _kill_again_and_again(server, home)
            # what was refused is wanted again, by the same transaction; what was cut off may be uncertain
            for request in home.requests[-5:]:
                answer = await home.insist(request)
                assert answer["status"] == "ok" or answer["error"]["code"] in MAY_BE, answer
            await home.request()
            assert (await home.insist(home.requests[-1]))["status"] == "ok"
            await home.check(least=KILLS // 2)
            assert home.bridge.pid == first
            assert home.bridge.alive


async def test_bridge_refuses_requests_while_postgresql_is_away_and_recovers(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Postgresql() as server:
        async with trial("home", tmp_path, broker, server.database()) as home:
            await home.wait_online()
            await home.request()
            await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "ok")
            server.die()
            await home.request()
            refused = await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "error")
            assert refused["error"]["code"] == "storage_failed"
            await asyncio.sleep(LEASE_S + AGAIN_S)  # nothing that was promised holds any more
            server.start()
            wait_until(lambda: "the database can be used again" in home.bridge.log, lambda: home.bridge.log)
            assert (await home.insist(home.requests[-1]))["status"] == "ok"
            await home.check(least=2)
            assert home.bridge.alive
