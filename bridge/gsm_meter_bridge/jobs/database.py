"""The database: SQLite by default, with every commit on the disk before it counts, or PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Table, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs.migrate import migrate
from gsm_meter_bridge.jobs.sqlite import Sqlite
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)
_INSERT = MappingProxyType({"sqlite": sqlite.insert, "postgresql": postgresql.insert})


class Transaction(Protocol):
    """What is done with the connection between beginning and end."""

    @property
    def dialect(self) -> Dialect:
        """The SQL that is spoken."""

    async def execute(
        self, statement: Executable, parameters: Any = None, /
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement, once or for each of many `parameters`."""

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        """Do `work`, which may take long."""


class Database:
    """Connections to the bridge's database."""

    def __init__(self, engine: Sqlite | AsyncEngine) -> None:
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
        engine = engine_at(where)
        database = cls(engine)
        try:
            async with database.transaction() as tx:
                await tx.run_sync(migrate)
        except (DBAPIError, OSError) as error:
            await engine.dispose()
            words = f"the database {_shown(where)} cannot be opened: {_words(error)}"
            raise ConfigError([words]) from error
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Give a transaction that is committed at the end, or rolled back on an error."""
        # our own queue for the only connection: a task that is cancelled in the pool's may take it along
        async with self._turn, self._engine.begin() as tx:
            yield tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Give a transaction that only reads; nothing of it is kept."""
        async with self._turn, self._engine.connect() as tx:
            yield tx

    @asynccontextmanager
    async def calm(self) -> AsyncIterator[None]:
        """Give a time in which no transaction is under way that could be cut off."""
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


def engine_at(where: Path | Secret | None) -> Sqlite | AsyncEngine:
    """Return what leads to a database: see `Database.open`."""
    if not isinstance(where, Secret):
        return Sqlite(where)
    # takes a tenth of a second and six MiB to import
    from sqlalchemy.ext.asyncio import create_async_engine

    # one connection, taken in turn: the bridges share the work, each of them does one thing after the other
    return create_async_engine(
        where.reveal(), poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_pre_ping=True
    )


async def upsert(tx: Transaction, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Insert a row, or give the one with the same `keys` these `values`; without any, it is left alone."""
    await upsert_many(tx, table, tuple(keys), [{**keys, **values}])


async def upsert_many(
    tx: Transaction, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows with the same columns, or give those with the same `keys` their values."""
    if not rows:
        return
    query: Any = _INSERT[tx.dialect.name](table)
    values = {name: query.excluded[name] for name in rows[0] if name not in keys}
    if values:
        query = query.on_conflict_do_update(index_elements=keys, set_=values)
    else:
        query = query.on_conflict_do_nothing()
    await tx.execute(query, [dict(row) for row in rows])


def storable(text: str | None) -> str | None:
    """Return `text` as a column takes it: PostgreSQL has no NUL in texts."""
    return text and text.replace("\0", "\N{SYMBOL FOR NULL}")


def is_trouble(error: BaseException) -> bool:
    """Return whether `error` says that the database cannot be written or reached just now: a full disk."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    # a server of PostgreSQL that is away; its driver also says so in its own words
    return isinstance(error, OSError) or type(error).__module__.startswith("asyncpg.exceptions")


def _shown(where: Path | Secret | None) -> str:
    return make_url(where.reveal()).render_as_string() if isinstance(where, Secret) else str(where)


def _words(error: Exception) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error) or type(error).__name__


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError([f"the database {path} cannot be made: {error.strerror}"]) from error
