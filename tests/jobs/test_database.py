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
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.storage import migrations, observations, store
from gsm_meter_bridge.storage.database import Database, engine_at
from gsm_meter_bridge.storage.migrate import migrate, upgrade
from gsm_meter_bridge.storage.schema import REVISION, metadata
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import BRIDGE, START
from tests.support.old_tables import old_database
from tests.support.waiting import PATIENCE_S


def _difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection)
    return list(compare_metadata(context, metadata))


@pytest.mark.parametrize("make", [migrate, partial(upgrade, now=None)])
async def test_tables_made_new_or_by_migrations_match_schema(
    request: pytest.FixtureRequest, engine: str, make: Callable[[Connection], None]
) -> None:
    server = request.getfixturevalue("postgresql") if engine == "postgresql" else None
    database = Database(engine_at(server.database() if server is not None else None))
    async with database.transaction() as tx:
        await tx.run_sync(make)
        assert await tx.run_sync(_difference) == []
        assert (await tx.execute(text("select version_num from alembic_version"))).scalar() == REVISION
    await database.close()


async def test_tables_made_new_have_same_sql_as_after_all_migrations() -> None:
    made: list[dict[str, list[str]]] = []
    for make in (migrate, partial(upgrade, now=None)):
        database = Database(engine_at(None))
        async with database.transaction() as tx:
            await tx.run_sync(make)
            rows = await tx.execute(text("select name, sql from sqlite_master where sql is not null"))
            # SQLite writes a name in quotes if its table was renamed
            tables = {row[0]: sorted(re.split(r"[,()\s]+", row[1].replace('"', ""))) for row in rows}
        made.append({name: columns for name, columns in tables.items() if name != "alembic_version"})
        await database.close()
    assert made[0] == made[1]


def test_revision_is_that_of_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == REVISION


async def test_tables_without_revision_are_upgraded_with_their_values(tmp_path: Path, engine: str) -> None:
    where = in_memory_bridge.place(tmp_path / "db")
    async with old_database(where, "0001") as tx:
        columns = "module, name, value, source, at"
        await tx.execute(
            text(f"insert into readings ({columns}) values ('pump', 'imei', '\"1\"', 'sms', 1.0)")
        )
        await tx.execute(text("insert into contacts (module, last_seen_at, missed) values ('pump', 1.0, 2)"))
    database = await Database.open(where)
    async with database.transaction() as tx:
        assert await tx.run_sync(_difference) == []
        facts = await observations.facts(tx, "pump")
    assert (facts.readings["imei"].value, facts.last_seen_at, facts.restarts) == ("1", 1.0, 0)
    await database.close()


async def test_database_open_raises_config_error_if_tables_are_newer(tmp_path: Path) -> None:
    where = in_memory_bridge.place(tmp_path / "db")
    database = await Database.open(where)
    async with database.transaction() as tx:
        await tx.execute(text("update alembic_version set version_num = '9999'"))
    await database.close()
    with pytest.raises(ConfigError, match="newer version"):
        await Database.open(where)


async def test_text_with_nul_is_stored(tmp_path: Path) -> None:
    database = await Database.open(in_memory_bridge.place(None))
    async with database.transaction() as tx:
        await observations.record(tx, Observation("pump", (Reading("imei", "a\0b", "c\0d"),), "sms", START))
        facts = await observations.facts(tx, "pump")
    assert (facts.readings["imei"].value, facts.readings["imei"].raw) == ("a\0b", "c␀d")
    await database.close()


async def test_database_open_names_place_without_password_if_it_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be made"):
        await Database.open(tmp_path / "file" / "db")
    with pytest.raises(ConfigError) as caught:
        await Database.open(Secret("postgresql+asyncpg://me:hunter2@127.0.0.1:9/x"))
    assert "127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_jobs_to_announce_are_found_by_index() -> None:
    database = await Database.open(None)
    questions: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        questions.append(statement)

    async with database.reading() as tx:
        await tx.run_sync(lambda c: event.listen(c, "before_cursor_execute", note))
        await store.to_announce(tx, "home", START)
        await tx.run_sync(lambda c: event.remove(c, "before_cursor_execute", note))
        plan = await tx.execute(text(f"explain query plan {questions[0].replace('?', '1')}"))
        assert any("jobs_to_announce" in row.detail for row in plan)
    await database.close()


async def test_reading_does_not_wait_for_writer_and_stores_nothing(tmp_path: Path) -> None:
    ours, other = await Database.open(tmp_path / "db"), await Database.open(tmp_path / "db")
    async with ours.transaction() as tx:
        await observations.record(tx, Observation("pump", (Reading("imei", "1"),), "sms", START))
        async with asyncio.timeout(PATIENCE_S), other.reading() as beside:
            assert (await observations.facts(beside, "pump")).readings == {}
    async with other.reading() as tx:
        await observations.set_next_polls(tx, BRIDGE, {"pump": START})
    async with other.reading() as tx:
        known = await observations.facts(tx, "pump")
    assert (known.readings["imei"].value, known.next_poll_at) == ("1", None)
    await ours.close()
    await other.close()


async def test_database_stays_usable_if_task_is_cancelled(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "db")
    for steps in range(8):
        task = asyncio.create_task(_count_missed(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(PATIENCE_S):
        await _count_missed(database)
    await database.close()


async def _count_missed(database: Database) -> None:
    async with database.transaction() as tx:
        await observations.count_missed(tx, "pump")
        await asyncio.sleep(0)
