"""SQLite for asyncio: what may have to wait is done in a thread, for other processes or for the disk.

A statement takes less time than to go to a thread and back, and inside of a transaction it waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Executable, StaticPool, create_engine, event

T = TypeVar("T")

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")


class Statements:
    """What is done in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        """The SQL that is spoken."""
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement here and now, once or for each of many `parameters`."""
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which may take long, in a thread."""
        return await _in_thread(work, self._connection)


class Sqlite:
    """One connection to the file at `path`, or to a database in memory; its users take turns."""

    def __init__(self, path: Path | None) -> None:
        url = f"sqlite:///{':memory:' if path is None else path}"
        shared = {"check_same_thread": False}
        self._engine = create_engine(url, poolclass=StaticPool, connect_args=shared)
        event.listen(self._engine, "connect", _configure)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Statements]:
        """Give a transaction that writes; all of it is on the disk at the end, or nothing after an error."""
        with self._engine.connect() as connection:
            # one that only read so far could fail at its first write
            await _in_thread(connection.exec_driver_sql, "BEGIN IMMEDIATE")
            yield Statements(connection)
            await _in_thread(connection.exec_driver_sql, "COMMIT")

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Statements]:
        """Give a transaction that only reads; it waits for nobody."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield Statements(connection)

    async def dispose(self) -> None:
        """Close the connection."""
        await _in_thread(self._engine.dispose)


async def _in_thread(work: Callable[..., T], *args: object) -> T:
    """Do `work` in a thread; where this task is cancelled meanwhile, it ends only once that is done."""
    done = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        raise


def _configure(connection: Any, _record: object) -> None:
    # BEGIN is ours: the driver's own would be deferred
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
