"""What works by itself, leases, retention, the clock's keeper: whatever is raised costs one round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from gsm_meter_bridge.app.bridge import Bridge
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import LeaseLostError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.storage import leases, retention, timeline
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.leases import Leases, of_bridge
from gsm_meter_bridge.storage.schema import leases as rows
from tests.support.clocks import Watch
from tests.support.waiting import PATIENCE_S

CONFIG = "mqtt: {host: 127.0.0.1}\nmodules: []\n"


class Unforeseen(Exception):  # noqa: N818
    """What nobody thought of."""


def _fails_once(real: Callable[..., Any]) -> Callable[..., Any]:
    wrong = [True]

    async def call(*args: Any, **more: Any) -> Any:
        if wrong.pop() if wrong else False:
            raise Unforeseen
        return await real(*args, **more)

    return call


async def _until(so: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("callee", ["_time", "check"])
async def test_lease_is_kept_if_one_renewal_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, callee: str
) -> None:
    monkeypatch.setattr(leases, "_RENEW_S", 0.01)
    database = await Database.open(tmp_path / "db")
    held = Leases(database, [of_bridge("home")])
    assert await held.try_acquire() is None
    monkeypatch.setattr(held, callee, _fails_once(getattr(held, callee)))

    async def expires_at() -> float:
        async with database.reading() as tx:
            return float((await tx.execute(select(rows.c.expires_at))).scalar_one())

    before = await expires_at()
    task = asyncio.create_task(held.run())

    async def renewed() -> bool:
        return await expires_at() > before

    await _until(renewed)
    assert held.health.internal_errors == 1
    # one that is lost ends it all the same
    async with database.transaction() as tx:
        await tx.execute(update(rows).values(holder="another"))
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(task, PATIENCE_S)
    await database.close()


async def test_retention_is_tried_again_if_it_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    config = load_config(tmp_path / "config.yaml")
    database = await Database.open(config.bridge.database)
    bridge = Bridge(config, database, Leases(database, [of_bridge("gsm")]))
    monkeypatch.setattr(type(bridge._clock), "may_forget", property(lambda _: True))
    monkeypatch.setattr("gsm_meter_bridge.app.bridge._FORGET_S", 0.01)
    rounds = []
    real = _fails_once(retention.forget_before)

    async def forget(*args: Any) -> int:
        rounds.append(args)
        return int(await real(*args))

    monkeypatch.setattr(retention, "forget_before", forget)
    task = asyncio.create_task(bridge._forget())

    async def again() -> bool:
        return len(rounds) > 2

    await _until(again)
    task.cancel()
    await asyncio.wait([task])
    assert bridge._health.internal_errors == 1
    await database.close()


async def test_timekeeper_follows_clock_at_next_look_if_one_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, watch, health = await Database.open(tmp_path / "db"), Watch(), Health()
    keeper = timeline.Timekeeper(database, "home", clock := watch.clock(), health, lambda: None)
    monkeypatch.setattr(timeline, "_LOOK_S", 0.01)
    monkeypatch.setattr(timeline, "shift", _fails_once(timeline.shift))
    watch.wall += 3600.0
    task = asyncio.create_task(keeper.run())

    async def followed() -> bool:
        return abs(clock.now() - watch.wall) < 1.0

    await _until(followed)
    task.cancel()
    await asyncio.wait([task])
    assert (health.internal_errors, clock.steps) == (1, 1)
    await database.close()
