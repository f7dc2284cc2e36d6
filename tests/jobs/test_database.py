"""The tables: made by the migrations, the same as the code believes, on both databases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.family import Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.jobs import migrations, observations, store
from gsm_meter_bridge.jobs.database import Database, engine_at
from gsm_meter_bridge.jobs.migrate import migrate, upgrade
from gsm_meter_bridge.jobs.schema import REVISION, metadata
from gsm_meter_bridge.vocabulary import Secret
from tests.support import short_path
from tests.support.short_path import START


def _difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection)
    return list(compare_metadata(context, metadata))


@pytest.mark.parametrize("make", [migrate, partial(upgrade, now=None)])
async def test_new_tables_and_all_migrations_make_what_the_schema_says(
    request: pytest.FixtureRequest, engine: str, make: Callable[[Connection], None]
) -> None:
    server = request.getfixturevalue("postgresql") if engine == "postgresql" else None
    database = Database(engine_at(server.database() if server is not None else None))
    async with database.transaction() as tx:
        await tx.run_sync(make)
        assert await tx.run_sync(_difference) == []
        assert (await tx.execute(text("select version_num from alembic_version"))).scalar() == REVISION
    await database.close()


async def test_new_tables_are_those_of_all_migrations_to_the_letter() -> None:
    made: list[dict[str, list[str]]] = []
    for make in (migrate, partial(upgrade, now=None)):
        database = Database(engine_at(None))
        async with database.transaction() as tx:
            await tx.run_sync(make)
            rows = await tx.execute(text("select name, sql from sqlite_master where sql is not null"))
            tables = {row[0]: sorted(re.split(r"[,()\s]+", row[1])) for row in rows}
        made.append({name: words for name, words in tables.items() if name != "alembic_version"})
        await database.close()
    assert made[0] == made[1]


def test_the_revision_is_that_of_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == REVISION


async def test_tables_from_before_there_were_revisions_are_kept(tmp_path: Path, engine: str) -> None:
    where = short_path.place(tmp_path / "db")
    database = await Database.open(where)
    async with database.transaction() as tx:
        await observations.record(tx, Observation("pump", (Reading("imei", "1"),), "sms", START))
        # back to the first tables, and no word of a revision
        for table in ("modules", "leases", "passwords", "alembic_version"):
            await tx.execute(text(f"drop table {table}"))
        for index in ("jobs_by_module", "sent_to_module", "jobs_to_announce"):
            await tx.execute(text(f"drop index {index}"))
        for table, column in (("jobs", "route"), ("messages", "bridge"), ("contacts", "restarts")):
            await tx.execute(text(f"alter table {table} drop column {column}"))
    await database.close()
    database = await Database.open(where)
    async with database.transaction() as tx:
        assert await tx.run_sync(_difference) == []
        facts = await observations.facts(tx, "pump")
    assert (facts.readings["imei"].value, facts.last_seen_at, facts.restarts) == ("1", START, 0)
    await database.close()


async def test_tables_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    where = short_path.place(tmp_path / "db")
    database = await Database.open(where)
    async with database.transaction() as tx:
        await tx.execute(text("update alembic_version set version_num = '9999'"))
    await database.close()
    with pytest.raises(ConfigError, match="newer version"):
        await Database.open(where)


async def test_a_text_with_a_nul_is_stored(tmp_path: Path) -> None:
    database = await Database.open(short_path.place(None))
    async with database.transaction() as tx:
        await observations.record(tx, Observation("pump", (Reading("imei", "a\0b", "c\0d"),), "sms", START))
        facts = await observations.facts(tx, "pump")
    assert (facts.readings["imei"].value, facts.readings["imei"].raw) == ("a\0b", "c␀d")
    await database.close()


async def test_databases_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be made"):
        await Database.open(tmp_path / "file" / "db")
    with pytest.raises(ConfigError) as caught:
        await Database.open(Secret("postgresql+asyncpg://me:hunter2@127.0.0.1:9/x"))
    assert "127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_outcomes_to_be_told_are_found_without_reading_all_jobs() -> None:
    database = await Database.open(None)
    questions: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        questions.append(statement)

    async with database.reading() as tx:
        event.listen(tx._connection, "before_cursor_execute", note)
        await store.to_announce(tx, "home", START)
        event.remove(tx._connection, "before_cursor_execute", note)
        plan = await tx.execute(text(f"explain query plan {questions[0].replace('?', '1')}"))
        assert any("jobs_to_announce" in row.detail for row in plan)
    await database.close()


async def test_what_only_reads_waits_for_nobody_and_keeps_nothing(tmp_path: Path) -> None:
    ours, other = await Database.open(tmp_path / "db"), await Database.open(tmp_path / "db")
    async with ours.transaction() as tx:
        await observations.record(tx, Observation("pump", (Reading("imei", "1"),), "sms", START))
        async with asyncio.timeout(5), other.reading() as beside:
            assert (await observations.facts(beside, "pump")).readings == {}
    async with other.reading() as tx:
        await observations.set_next_polls(tx, {"pump": START})
    async with other.reading() as tx:
        known = await observations.facts(tx, "pump")
    assert (known.readings["imei"].value, known.next_poll_at) == ("1", None)
    await ours.close()
    await other.close()


async def test_a_task_that_is_cancelled_leaves_the_database_usable(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "db")
    for steps in range(8):
        task = asyncio.create_task(_count_missed(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(5):
        await _count_missed(database)
    await database.close()


async def _count_missed(database: Database) -> None:
    async with database.transaction() as tx:
        await observations.count_missed(tx, "pump")
        await asyncio.sleep(0)
