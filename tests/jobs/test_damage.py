"""A database that is away, full, locked or damaged: told in a sentence, and nothing is sent again for it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.trouble import is_damage, is_unavailable
from tests.support.in_memory_bridge import world
from tests.support.postgresql import Postgresql


class _Original(Exception):  # noqa: N818
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("kind", "state", "trouble", "damage"),
    [
        (DBAPIError, "57014", True, False),  # statement timeout
        (DBAPIError, "25006", True, False),  # read-only transaction
        (DBAPIError, "57P01", True, False),  # admin shutdown
        (OperationalError, "53300", True, False),  # too many connections
        (DBAPIError, "53100", True, False),  # disk full
        (DBAPIError, "40001", True, False),  # serialization failure
        (DBAPIError, "40P01", True, False),  # deadlock
        (DBAPIError, "55P03", True, False),  # lock not available
        (DBAPIError, "58030", True, False),  # disk I/O error
        (ProgrammingError, "42P01", True, False),  # a table is missing
        (ProgrammingError, "42501", True, False),  # a right is missing
        (DBAPIError, "XX001", True, True),  # data corrupted
        (DBAPIError, "XX002", True, True),  # index corrupted
        (IntegrityError, "23505", False, False),
        (DataError, "22P05", False, False),
        (ProgrammingError, "42601", False, False),  # our own mistake
    ],
)
def test_postgresql_error_is_classified_by_sqlstate(
    kind: type[DBAPIError], state: str, trouble: bool, damage: bool
) -> None:
    error = kind("select 1", {}, _Original(state))
    assert (is_unavailable(error), is_damage(error)) == (trouble, damage)


def _sqlite(code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("words")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("kind", "code", "trouble", "damage"),
    [
        (DatabaseError, sqlite3.SQLITE_CORRUPT, True, True),
        (DatabaseError, sqlite3.SQLITE_CORRUPT_INDEX, True, True),
        (DatabaseError, sqlite3.SQLITE_NOTADB, True, True),
        (OperationalError, sqlite3.SQLITE_READONLY, True, False),
        (OperationalError, sqlite3.SQLITE_CANTOPEN, True, False),
        (OperationalError, sqlite3.SQLITE_BUSY, True, False),
        (OperationalError, sqlite3.SQLITE_IOERR, True, False),
        (OperationalError, sqlite3.SQLITE_FULL, True, False),
        (IntegrityError, sqlite3.SQLITE_CONSTRAINT, False, False),
    ],
)
def test_sqlite_error_is_classified_by_error_code(
    kind: type[DBAPIError], code: int, trouble: bool, damage: bool
) -> None:
    error = kind("select 1", {}, _sqlite(code))
    assert (is_unavailable(error), is_damage(error)) == (trouble, damage)


def _tear(path: Path, table: str) -> None:
    """Write nonsense over the first page of a table, as a bad disk does."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page] = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_runner_sends_one_sms_and_reports_damage_if_sent_table_is_torn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, engine: str
) -> None:
    """What was sent cannot be written down: without a word it would be sent again every second."""
    path = tmp_path / "db"
    async with world(path) as w:
        radio = w.radio
    _tear(path, "sent")
    async with world(path, radio) as w:
        health = Health(is_unavailable)
        w.database.on_unavailable = lambda message: (
            health.report(BridgeProblemCode.DATABASE, "database", message) if message else None
        )
        await w.commands.request_status("pump", CommandOptions())
        for _ in range(20):
            await w.database.run_guarded(w.runner._check_timeouts)
            await w.database.run_guarded(w.runner.send_next)
        assert len(radio.sent) == 1
        [problem] = health.problems
        assert problem.message.startswith(
            "the database is damaged; nothing is sent any more. Stop the bridge"
        )
    records = [r for r in caplog.records if "the database is damaged" in r.getMessage()]
    assert [r.name for r in records if r.levelname == "ERROR"] == ["gsm_meter_bridge.storage.database"]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_runner_stops_after_two_sms_if_sending_cannot_be_recorded(tmp_path: Path, engine: str) -> None:
    """A right that was taken away, a column that is missing: no damage, and it does not pass by itself."""
    async with world(tmp_path / "db") as w:
        radio = w.radio
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("ALTER TABLE sent RENAME COLUMN job_id TO another")
    connection.close()
    async with world(tmp_path / "db", radio) as w:
        w.runner._health = Health(is_unavailable)
        await w.commands.request_status("pump", CommandOptions())
        for _ in range(20):
            if not await w.database.run_guarded(w.runner.send_next):
                w.runner._unavailable = True
            await w.database.run_guarded(w.runner._check_timeouts)
        assert not w.database.damaged
        assert len(radio.sent) == 2


def _garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def _halved(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // 4096 * 4096 + 100])


def _torn(path: Path) -> None:
    _tear(path, "alembic_version")


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("damage", [_garbage, _halved, _torn])
async def test_database_open_raises_config_error_if_file_is_damaged(
    tmp_path: Path, damage: Callable[[Path], None], engine: str
) -> None:
    path = tmp_path / "db"
    await (await Database.open(path)).close()
    damage(path)
    with pytest.raises(ConfigError, match=r"the database .*db cannot be opened: (file is not|database disk)"):
        await Database.open(path)


@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize(
    "statements",
    [
        ("set local statement_timeout = 10", "select pg_sleep(5)"),
        ("set transaction read only", "create table x (y int)"),
        ("select * from nowhere",),
        ("select pg_terminate_backend(pg_backend_pid())", "select 1"),
    ],
)
async def test_database_warns_once_and_stays_usable_if_server_reports_error(
    postgresql: Postgresql, statements: tuple[str, ...], engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = await Database.open(postgresql.database())

    async def work() -> None:
        async with database.transaction() as tx:
            for statement in statements:
                await tx.execute(text(statement))

    for _ in range(3):
        assert not await database.run_guarded(work)
    assert caplog.text.count("the database cannot be used") == 1
    assert not database.damaged
    async with database.reading() as tx:
        assert (await tx.execute(text("select 1"))).scalar() == 1
    await database.close()


async def test_database_open_blames_content_if_file_cannot_be_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def migrate(_connection: object) -> None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr("gsm_meter_bridge.storage.database.migrate", migrate)
    with pytest.raises(ConfigError, match=r"bridge\.db cannot be opened: what is in it makes no sense"):
        await Database.open(tmp_path / "bridge.db")
