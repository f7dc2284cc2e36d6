"""The database: SQLite by default, with every commit on the disk before it counts, or PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs.migrate import migrate
from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000")
_INSERT = MappingProxyType({"sqlite": sqlite.insert, "postgresql": postgresql.insert})


class Database:
    """Connections to the bridge's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._troubled: set[str] = set()

    @classmethod
    async def open(cls, where: Path | Secret | None) -> Self:
        """Open a database and bring its tables up to date.

        `where` is an SQLite file (made, readable by its owner only), the secret URL of a PostgreSQL database,
        or None: in memory. Raises ConfigError where it cannot be opened.
        """
        if isinstance(where, Path):
            _create(where)
        url = _url(where)
        # one connection, taken in turn: SQLite has one writer anyway, and whoever waits for it waits here;
        # with PostgreSQL the bridges share the work, each of them does one thing after the other
        engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=isinstance(where, Secret),
        )
        if engine.dialect.name == "sqlite":
            event.listen(engine.sync_engine, "connect", _configure)
            event.listen(engine.sync_engine, "begin", _begin_immediate)
        database = cls(engine)
        try:
            async with database.transaction() as tx:
                await tx.run_sync(migrate)
        except (DBAPIError, OSError) as error:
            await engine.dispose()
            shown = where if isinstance(where, Path) else engine.url.render_as_string(hide_password=True)
            words = _words(error)
            raise ConfigError([f"the database {shown} cannot be opened: {words}"]) from error
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose work is committed at the end, or rolled back on an error."""
        # our own queue for the only connection: a task that is cancelled in the pool's may take it along
        async with self._turn, self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def calm(self) -> AsyncIterator[None]:
        """Give a time in which no transaction is under way: SQLite's driver hangs where one is cut off."""
        async with self._turn:
            yield

    async def attempt(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do `work`, and return whether the database let us; else it is to be tried again a little later.

        A full disk or a server that is away is told once, and once that it is over: when all work that
        failed has succeeded again.
        """
        name = getattr(work, "__qualname__", repr(work))
        try:
            await work()
        except Exception as error:
            if not is_trouble(error):
                raise
            if not self._troubled:
                _LOGGER.error("the database cannot be used; nothing is sent until it can: %s", _words(error))
            self._troubled.add(name)
            return False
        if name in self._troubled:
            self._troubled.discard(name)
            if not self._troubled:
                _LOGGER.info("the database can be used again")
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


async def upsert(
    tx: AsyncConnection, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Insert a row, or give the one with the same `keys` these `values`; without any, it is left alone."""
    query: Any = _INSERT[tx.dialect.name](table).values(**keys, **values)
    if values:
        await tx.execute(query.on_conflict_do_update(index_elements=list(keys), set_=dict(values)))
    else:
        await tx.execute(query.on_conflict_do_nothing())


async def upsert_many(
    tx: AsyncConnection, table: Table, key: str, column: str, values: Mapping[str, Any]
) -> None:
    """Give the rows with these keys these values of one column; those that are missing are inserted."""
    if values:
        query: Any = _INSERT[tx.dialect.name](table)
        query = query.on_conflict_do_update(index_elements=[key], set_={column: query.excluded[column]})
        await tx.execute(query, [{key: k, column: v} for k, v in values.items()])


def storable(text: str | None) -> str | None:
    """Return `text` as a column takes it: PostgreSQL has no NUL in texts."""
    return text and text.replace("\0", "\N{SYMBOL FOR NULL}")


def is_trouble(error: BaseException) -> bool:
    """Return whether `error` says that the database cannot be written or reached just now: a full disk."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    # a server of PostgreSQL that is away; its driver also says so in its own words
    return isinstance(error, OSError) or type(error).__module__.startswith("asyncpg.exceptions")


def _words(error: Exception) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error) or type(error).__name__


def _url(where: Path | Secret | None) -> str:
    if isinstance(where, Secret):
        return where.reveal()
    return f"sqlite+aiosqlite:///{':memory:' if where is None else where}"


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError([f"the database {path} cannot be made: {error.strerror}"]) from error


def _configure(connection: Any, _record: object) -> None:
    # BEGIN is ours: the driver's own would be deferred and could fail at the first write
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
