"""`doctor` and the database, on disk and in a server."""

from __future__ import annotations

import shutil
import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from gsm_meter_bridge.doctor import database as database_check
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.storage.database import Database
from tests.doctor.conftest import DoctorFixture, running_bridge
from tests.support.mosquitto import free_port
from tests.support.postgresql import Postgresql

pytestmark = pytest.mark.usefixtures("world")


async def test_doctor_reports_file_that_is_not_a_database(installed: DoctorFixture) -> None:
    installed.database.write_bytes(b"these are not the tables you are looking for" * 100)
    [problem] = await installed.lines("problem")
    assert "bridge.db is damaged, or another program's (file is not a database): the bridge sends" in problem
    assert "stop the bridge, move the file away" in problem


async def _filled(installed: DoctorFixture) -> None:
    await installed.observe("pump")
    with sqlite3.connect(installed.database) as connection:
        columns = "digest, run, bridge, modem, received_at, disposition, text"
        rows = [(bytes([n % 256]) * 32, "r", "b", "m", 0.0, "used", "x" * 300) for n in range(2000)]
        connection.executemany(f"insert into messages ({columns}) values (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


@pytest.mark.parametrize("octets", [b"\xff", b"\0"])
async def test_doctor_reports_damaged_pages_and_leaves_database_unchanged(
    installed: DoctorFixture, octets: bytes
) -> None:
    await _filled(installed)
    assert not await installed.lines("problem")
    content = installed.database.read_bytes()
    middle = len(content) // 2 // 4096 * 4096
    torn = content[:middle] + octets * 8192 + content[middle + 8192 :]
    installed.database.write_bytes(torn)
    [problem] = await installed.lines("problem")
    assert "is damaged, or another program's (" in problem
    assert "stop the bridge, move the file away" in problem
    assert installed.database.read_bytes() == torn, "doctor wrote into it"


async def test_doctor_stops_integrity_check_after_its_time_limit(
    installed: DoctorFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _filled(installed)
    monkeypatch.setattr(database_check, "LONGEST_LOOK_S", -1.0)
    assert database_check._damage(installed.database) is None
    assert not await installed.lines("problem")


async def test_doctor_does_not_create_missing_database(installed: DoctorFixture) -> None:
    assert any(
        "bridge.db is not there yet; the bridge makes it" in line for line in await installed.lines("ok")
    )
    assert not installed.database.exists()


async def test_doctor_warns_of_older_revision_and_does_not_migrate(installed: DoctorFixture) -> None:
    await _change(installed, "update alembic_version set version_num = '0001'")
    warnings = await installed.lines("warning")
    assert any(w.startswith("database: its tables are of the older revision 0001; ") for w in warnings)
    assert await _change(installed, "select version_num from alembic_version", keep=True) == "0001"


async def test_doctor_reports_database_of_newer_version(installed: DoctorFixture) -> None:
    await _change(installed, "update alembic_version set version_num = '9999'")
    [problem] = await installed.lines("problem")
    assert "its tables are of a newer version (9999" in problem


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["update alembic_version set version_num = '../x'"], "of another program ('../x')"),
        (["update alembic_version set version_num = ''"], "of another program ('')"),
        (["update alembic_version set version_num = '٠٠٠٩'"], "of another program ("),
        (["update alembic_version set version_num = x'ff00'"], "of another program ("),
        (["delete from alembic_version"], "of another program ('None')"),
        (["drop table alembic_version"], "their revision is missing"),
        (["drop table readings"], "tables are missing: readings"),
        (["drop table meters", "drop table passwords"], "tables are missing: meters, passwords"),
        (["drop table meters", "create view meters as select 1 as module"], "tables are missing: meters"),
    ],
)
async def test_doctor_and_bridge_refuse_database_with_foreign_schema(
    installed: DoctorFixture, statements: list[str], message: str
) -> None:
    for statement in statements:
        await _change(installed, statement, keep=installed.database.exists())
    [problem] = await installed.lines("problem")
    assert message in problem
    with pytest.raises(ConfigError, match="the database cannot be used: ") as caught:
        await Database.open(installed.database)
    assert message in str(caught.value)


@pytest.mark.parametrize("columns", ["a", "module, steps"])
async def test_doctor_reports_jobs_table_of_another_program(installed: DoctorFixture, columns: str) -> None:
    with sqlite3.connect(installed.database) as connection:
        connection.execute(f"create table jobs ({columns})")
    connection.close()
    [problem] = await installed.lines("problem")
    assert "of another program" in problem


async def _change(installed: DoctorFixture, statement: str, *, keep: bool = False) -> Any:
    if not keep:
        await (await Database.open(installed.database)).close()
    engine = sa.create_engine(f"sqlite:///{installed.database}")
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        value = result.scalar() if result.returns_rows else None
    engine.dispose()
    return value


async def test_doctor_warns_if_little_disk_space_is_free(
    installed: DoctorFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await installed.observe("pump")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert await installed.lines("warning") == [
        "database: only 99 MB are free on its disk; a full disk stops the bridge; make room"
    ]


async def test_doctor_checks_postgresql_and_hides_its_password(installed: DoctorFixture) -> None:
    with Postgresql() as server:
        where = server.database()
        installed.config["bridge"]["database"] = url = where.reveal().replace("+asyncpg", "")
        assert any(
            w.startswith("database: its tables are not made yet; ") for w in await installed.lines("warning")
        )
        await (await Database.open(where)).close()
        assert any(
            w.startswith("database: the PostgreSQL database can be") for w in await installed.lines("ok")
        )
        result = await installed.doctor()
    assert url.partition("tests:")[2].partition("@")[0] not in result.output


async def test_doctor_reports_unreachable_postgresql_without_its_password(installed: DoctorFixture) -> None:
    installed.config["bridge"]["database"] = f"postgresql://bridge:s3cret@127.0.0.1:{free_port()}/bridge"
    result = await installed.doctor()
    assert "problem  database: the database cannot be used: " in result.stdout
    assert "Connect" in result.stdout
    assert "s3cret" not in result.output


async def test_doctor_counts_waiting_and_uncertain_jobs(installed: DoctorFixture) -> None:
    columns = "id, module, action, fingerprint, steps, state, priority, created_at, deadline_at, due_at"
    columns += ", step, attempts, write_answered, before, after"
    for n, (module, state) in enumerate([("pump", "uncertain"), ("pump", "queued"), ("hers", "queued")]):
        values = f"'{n}', '{module}', 'set', '', '[]', '{state}', 1, 0, 0, 0, 0, 0, 0, '{{}}', '{{}}'"
        await _change(installed, f"insert into jobs ({columns}) values ({values})")
    assert "database: queued jobs: 1, in progress: 0" in await installed.lines("ok")
    assert any(
        w.startswith("database: jobs that are uncertain: 1; ") for w in await installed.lines("warning")
    )


async def test_doctor_reports_process_of_running_bridge(installed: DoctorFixture) -> None:
    async with running_bridge(installed):
        assert any(
            w.startswith("database: the bridge home runs: process ") for w in await installed.lines("ok")
        )
