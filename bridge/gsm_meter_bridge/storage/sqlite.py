"""SQLite for asyncio: calls that may wait for other processes or for the disk run in a thread.

Other statements run in the event loop: each takes less time than the switch to a thread and back, and inside
of a transaction it waits for no other process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Dialect, Executable, StaticPool, create_engine, event

T = TypeVar("T")

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    # overwrite deleted or blanked content (a password in a reply), so that it does not stay in free pages
    "secure_delete=ON",
)


class Statements:
    """The operations inside of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The synchronous connection, for work that uses another one too."""
        return self._connection

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect."""
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement in the event loop's thread, once or for each of many `parameters`."""
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which may take long, in a thread."""
        return await _in_thread(work, self._connection)


class Sqlite:
    """One connection to the file at `path`, or to a database in memory; its users take turns."""

    def __init__(self, path: Path | None) -> None:
        # not formatted as text: a path may contain characters with a meaning in URLs
        url = URL.create("sqlite", database=":memory:" if path is None else str(path))
        shared = {"check_same_thread": False}
        # hide_parameters: errors that cite the values would bring secrets into the log
        self._engine = create_engine(url, poolclass=StaticPool, connect_args=shared, hide_parameters=True)
        event.listen(self._engine, "connect", _configure)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Statements]:
        """Open a transaction that writes: on disk when it ends, or rolled back after an error."""
        with self._engine.connect() as connection:
            # a deferred transaction could fail at its first write
            await _in_thread(connection.exec_driver_sql, "BEGIN IMMEDIATE")
            yield Statements(connection)
            await _in_thread(connection.exec_driver_sql, "COMMIT")

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Statements]:
        """Open a read-only transaction; it does not wait for other processes."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield Statements(connection)

    async def tidy(self) -> None:
        """Empty the write-ahead log, which still contains values blanked since the last checkpoint."""
        with self._engine.connect() as connection:
            await _in_thread(_empty_log, connection)

    async def dispose(self) -> None:
        """Close the connection."""
        await _in_thread(self._engine.dispose)


async def _in_thread(work: Callable[..., T], *args: object) -> T:
    """Do `work` in a thread; a cancelled task ends only once the work is done."""
    done = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        raise


def _empty_log(connection: Connection) -> None:
    # the pragma returns a row: until it is fetched, no transaction can be committed
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def _configure(connection: Any, _record: object) -> None:
    # we execute BEGIN ourselves: the driver's own would be deferred
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
