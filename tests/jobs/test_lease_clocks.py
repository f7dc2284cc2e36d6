"""Leases: by the database's time, whatever the machines' clocks say; a pid only in its own namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.leases import LEASE_S, Leases, Machine
from gsm_meter_bridge.storage.schema import leases as rows
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.clocks import FakeClock
from tests.support.postgresql import Postgresql

HERE = Machine("box", "b00t1234", "4026531836")
NAME = "bridge:home"
_HOLD = """
import asyncio, sys
from pathlib import Path
from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret

async def hold():
    where = sys.argv[1]
    database = await Database.open(Secret(where) if "://" in where else Path(where))
    held = leases.Leases(database, ["bridge:home"])
    print(await held.try_acquire() is None, flush=True)
    await held.run()

asyncio.run(hold())
"""


def _holder(machine: Machine, pid: int, started: str) -> str:
    return f"{machine.host}/{machine.boot}/{machine.pids}:{pid}:{started}:abcd"


def _me() -> str:
    return leases._started(os.getpid())


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("machine", "started", "dialect", "ended"),
    [
        (HERE, "1", "postgresql", True),  # that pid is another process now
        (HERE, None, "postgresql", False),  # it lives
        (HERE, "?", "postgresql", False),
        (replace(HERE, pids="4026532999"), "1", "postgresql", False),  # of another container
        (replace(HERE, pids="4026532999"), "1", "sqlite", False),
        (replace(HERE, host="other"), "1", "postgresql", False),
        (replace(HERE, boot="another1"), "1", "postgresql", False),  # of another machine
        (replace(HERE, boot="another1"), "1", "sqlite", True),  # of before this machine's start
        (replace(HERE, boot=""), "1", "sqlite", False),
    ],
)
def test_lease_holder_has_ended_if_end_is_seen(
    machine: Machine, started: str | None, dialect: str, ended: bool, engine: str
) -> None:
    holder = _holder(machine, os.getpid(), _me() if started is None else started)
    assert leases._has_ended(holder, dialect, HERE) is ended


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("holder", ["box/b00t1234:1:1:x", "doctor", "", "a:b:c:d", "box/b/1:x:1:y"])
def test_lease_holder_in_other_form_does_not_count_as_ended(holder: str, engine: str) -> None:
    assert not leases._has_ended(holder, "sqlite", HERE)


def _start(where: str, clock: FakeClock | None, *prefix: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **(clock.environment if clock is not None else {})}
    command = [*prefix, sys.executable, "-c", _HOLD, where]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("at", ["+180d", "+20s", "-10m", "-180d"])
async def test_standby_does_not_take_held_lease_if_its_clock_is_wrong(
    postgresql: Postgresql, template: Secret, tmp_path: Path, at: str, engine: str
) -> None:
    where = postgresql.database(template)
    with _start(where.reveal(), None) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "True\n"
            with _start(where.reveal(), FakeClock(tmp_path, at)) as second:
                try:
                    assert second.stdout is not None
                    assert second.stdout.readline() == "False\n"
                finally:
                    second.kill()
            database = await Database.open(where)
            async with database.transaction() as tx:
                assert await leases.is_held(tx, NAME)
            await database.close()
            assert first.poll() is None
        finally:
            first.kill()


async def test_standby_takes_lease_of_dead_holder_elsewhere_after_lease_time() -> None:
    """Also where it wrote by a clock that was half a year ahead, as 0.1.0 did."""
    database = await Database.open(in_memory_bridge.place(None))
    mine = Leases(database, [NAME])
    for until_s in (2 * LEASE_S, 180 * 86_400.0, time.time()):
        async with database.transaction() as tx:
            now = await leases.time_of(tx)
            dead = {
                "name": NAME,
                "holder": f"elsewhere/{Machine.ours().boot}/2:7:1:x",
                "expires_at": now + until_s,
            }
            await tx.execute(rows.delete())
            await tx.execute(rows.insert().values(**dead))
        assert await mine.try_acquire() is not None
        async with database.transaction() as tx:
            left = (await tx.execute(select(rows.c.expires_at))).scalar_one() - await leases.time_of(tx)
            assert left <= LEASE_S
            await tx.execute(update(rows).values(expires_at=await leases.time_of(tx) - 0.1))
        mine = Leases(database, [NAME])
        assert await mine.try_acquire() is None
        await mine.release()
    await database.close()


async def test_standby_does_not_take_renewed_lease_if_database_clock_jumps() -> None:
    """The database's own clock may be set too: then what a standby has seen itself decides."""
    database = await Database.open(in_memory_bridge.place(None))
    time_s = [1000.0]
    first = Leases(database, [NAME], lambda: time_s[0])
    first._holder = f"elsewhere/{Machine.ours().boot}/2:7:1:x"
    standby = Leases(database, [NAME], lambda: time_s[0])
    assert await first.try_acquire() is None
    assert await standby.try_acquire() is not None
    time_s[0] += 5.0
    await first._renew()
    assert await standby.try_acquire() is not None
    time_s[0] += 3600.0
    assert await standby.try_acquire() is not None
    await first._renew()
    async with database.transaction() as tx:
        await first.check(tx)
    time_s[0] -= 7200.0
    assert await standby.try_acquire() is not None
    await database.close()


def _own_namespace() -> list[str]:
    """How to start a process in a PID namespace of its own; empty where that is not permitted."""
    program = shutil.which("unshare")
    command = [program or "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if program is None or subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        return []
    return command


async def test_lease_is_kept_if_other_container_has_same_host_name(tmp_path: Path) -> None:
    """Where no namespace can be made, `test_lease_holder_has_ended_if_end_is_seen` alone holds the rule."""
    where = in_memory_bridge.place(tmp_path / "db")
    database = await Database.open(where)
    shown = where.reveal() if isinstance(where, Secret) else str(where)
    with _start(shown, None, *_own_namespace()) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "True\n"
            for _ in range(3):
                assert await Leases(database, [NAME]).try_acquire() is not None
            with _start(shown, None, *_own_namespace()) as third:
                try:
                    assert third.stdout is not None
                    assert third.stdout.readline() == "False\n"
                finally:
                    third.terminate()
                    third.kill()
        finally:
            other.terminate()
            other.kill()
    await database.close()
