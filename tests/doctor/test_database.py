"""`doctor` and the database, on disk and in a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from gsm_meter_bridge.doctor import ledger
from gsm_meter_bridge.jobs.database import Database
from tests.doctor.conftest import House, running_bridge
from tests.support.mosquitto import free_port
from tests.support.postgresql import Postgresql

pytestmark = pytest.mark.usefixtures("world")


async def test_a_database_that_is_none(house: House) -> None:
    house.database.write_bytes(b"these are not the tables you are looking for" * 100)
    [problem] = await house.lines("problem")
    assert problem.startswith("database: the database cannot be used: file is not a database; look at the")


async def test_a_database_yet_to_be_made(house: House) -> None:
    assert any("bridge.db is not there yet; the bridge makes it" in line for line in await house.lines("ok"))
    assert not house.database.exists()


async def test_a_database_of_an_older_version(house: House) -> None:
    await _change(house, "update alembic_version set version_num = '0001'")
    warnings = await house.lines("warning")
    assert any(w.startswith("database: its tables are of the older revision 0001; ") for w in warnings)
    assert await _change(house, "select version_num from alembic_version", keep=True) == "0001"


async def test_a_database_of_a_newer_version(house: House) -> None:
    await _change(house, "update alembic_version set version_num = '9999'")
    [problem] = await house.lines("problem")
    assert "its tables are of a newer version (9999" in problem


async def _change(house: House, statement: str, *, keep: bool = False) -> Any:
    if not keep:
        await (await Database.open(house.database)).close()
    engine = sa.create_engine(f"sqlite:///{house.database}")
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        value = result.scalar() if result.returns_rows else None
    engine.dispose()
    return value


async def test_a_disk_that_fills(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.heard("pump")
    monkeypatch.setattr(ledger.shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert await house.lines("warning") == [
        "database: only 99 MB are free on its disk; a full disk stops the bridge; make room"
    ]


async def test_a_database_in_a_server(house: House) -> None:
    with Postgresql() as server:
        where = server.database()
        house.config["bridge"]["database"] = url = where.reveal().replace("+asyncpg", "")
        assert any(
            w.startswith("database: its tables are not made yet; ") for w in await house.lines("warning")
        )
        await (await Database.open(where)).close()
        assert any(w.startswith("database: the PostgreSQL database can be") for w in await house.lines("ok"))
        result = await house.doctor()
    assert url.partition("tests:")[2].partition("@")[0] not in result.output


async def test_a_server_that_is_away(house: House) -> None:
    house.config["bridge"]["database"] = f"postgresql://bridge:s3cret@127.0.0.1:{free_port()}/bridge"
    result = await house.doctor()
    assert "problem  database: the database cannot be used: " in result.stdout
    assert "Connect" in result.stdout
    assert "s3cret" not in result.output


async def test_jobs(house: House) -> None:
    columns = "id, module, action, fingerprint, steps, state, priority, created_at, deadline_at, due_at"
    columns += ", step, attempts, write_answered, before, after"
    for n, (module, state) in enumerate([("pump", "uncertain"), ("pump", "queued"), ("hers", "queued")]):
        values = f"'{n}', '{module}', 'set', '', '[]', '{state}', 1, 0, 0, 0, 0, 0, 0, '{{}}', '{{}}'"
        await _change(house, f"insert into jobs ({columns}) values ({values})")
    assert "database: jobs that wait: 1, under way: 0" in await house.lines("ok")
    assert any(w.startswith("database: jobs that are uncertain: 1; ") for w in await house.lines("warning"))


async def test_a_bridge_that_runs(house: House) -> None:
    async with running_bridge(house):
        assert any(w.startswith("database: the bridge home runs: process ") for w in await house.lines("ok"))
