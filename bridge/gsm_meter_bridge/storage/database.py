"""The database: SQLite by default, with every commit on the disk before it counts, or PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Table, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gsm_meter_bridge.errors import ConfigError, TransferError
from gsm_meter_bridge.files import reason_of, shown_path, why_no_file, why_not_writable
from gsm_meter_bridge.installation import InstallationKey, beside, load_key
from gsm_meter_bridge.storage.migrate import migrate
from gsm_meter_bridge.storage.sqlite import Sqlite
from gsm_meter_bridge.storage.trouble import DAMAGED, is_damage
from gsm_meter_bridge.storage.trouble import is_unavailable as is_unavailable
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)
NOT_OPENED = (SQLAlchemyError, ImportError, ValueError, TypeError)
"""Further errors of drivers and URL parsers for a database that the bridge cannot use."""
AGAIN_S = 5.0
"""Seconds until work that met an unavailable database is tried again, whatever its usual interval."""
_BESIDE = ("-journal", "-wal", "-shm")


class Transaction(Protocol):
    """The operations inside of one transaction."""

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect."""

    async def execute(
        self, statement: Executable, parameters: Any = None, /
    ) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement, once or for each of many `parameters`."""

    async def run_sync(self, work: Callable[[Connection], T], /) -> T:
        """Do `work`, which may take long, on the synchronous connection."""


class Transactions(Protocol):
    """A source of transactions: a database, or one transaction that several pieces of work share."""

    @property
    def key(self) -> InstallationKey:
        """The installation's key, for values that are stored as a digest."""

    def together(self) -> AbstractAsyncContextManager[Shared]:
        """Open a transaction that several pieces of work share."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that is committed at the end, or rolled back on an error."""

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a read-only transaction."""


class Shared:
    """One transaction for several pieces of work: each is rolled back alone, all are committed together."""

    def __init__(self, tx: Transaction, key: InstallationKey) -> None:
        self._tx, self.key = tx, key

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Shared]:
        """Yield this one: it is shared already."""
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield the shared transaction; on an error, this piece of work is rolled back."""
        await self._tx.execute(text("SAVEPOINT piece"))
        try:
            yield self._tx
        except Exception:
            await self._tx.execute(text("ROLLBACK TO SAVEPOINT piece"))
            raise
        await self._tx.execute(text("RELEASE SAVEPOINT piece"))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Yield the shared transaction."""
        yield self._tx


class Database:
    """The bridge's database, with one connection that its users take in turn."""

    def __init__(self, engine: Sqlite | AsyncEngine, key: InstallationKey | None = None) -> None:
        self._engine = engine
        self.key = key or InstallationKey.random()
        self._written = False
        self._turn = asyncio.Lock()
        self._unavailable: set[str] = set()
        self.damaged = False
        self.on_unavailable: Callable[[str | None], None] = lambda _: None
        """Called with the reason when nothing can be stored, and with None when that is over."""

    @classmethod
    async def open(cls, where: Path | Secret | None, key: InstallationKey | None = None) -> Self:
        """Open a database and bring its tables up to date.

        `where` is an SQLite file (created if missing, readable by its owner only), the secret URL of a
        PostgreSQL database, or None for one in memory. `key` makes the digests in it; by default it is the
        key in the file beside an SQLite file, otherwise a random one. Raises ConfigError if the database
        cannot be opened.
        """
        prepare(where)
        if key is None and isinstance(where, Path):
            key, _ = load_key(beside(where))
        engine = engine_at(where)
        database = cls(engine, key)
        try:
            async with database.transaction() as tx:
                await tx.run_sync(migrate)
        except Exception as error:
            await engine.dispose()
            if isinstance(error, ConfigError) or not (is_unavailable(error) or isinstance(error, NOT_OPENED)):
                raise
            raise ConfigError(
                [f"the database {place_of(where)} cannot be opened: {why_not_usable(where, error)}"]
            ) from error
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction that is committed at the end, or rolled back on an error."""
        # own queue for the only connection: a task cancelled in the pool's queue can lose the connection
        async with self._turn:
            with self._look_for_damage():
                async with self._engine.begin() as tx:
                    self._written = True
                    yield tx

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Shared]:
        """Open a transaction that several pieces of work share, with one wait for the disk."""
        async with self.transaction() as tx:
            yield Shared(tx, self.key)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a read-only transaction; changes in it are not kept."""
        async with self._turn:
            with self._look_for_damage():
                async with self._engine.connect() as tx:
                    yield tx

    @contextmanager
    def _look_for_damage(self) -> Iterator[None]:
        """Set `damaged` on an error that shows damage: from then on nothing may be sent."""
        try:
            yield
        except DBAPIError as error:
            if is_damage(error) and not self.damaged:
                self.damaged = True
                _LOGGER.error("%s (%s)", DAMAGED, _message(error))
                self.on_unavailable(f"{DAMAGED} ({_message(error)})")
            raise

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[None]:
        """Wait until no transaction is open, and let none begin meanwhile, so that tasks can be cancelled."""
        async with self._turn:
            yield

    async def run_guarded(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do `work`; return False if the database was unavailable: the caller tries again after AGAIN_S.

        An unavailable database (a full disk, an unreachable server) is logged once, and its recovery once,
        when all work that failed has succeeded again. Other errors are raised.
        """
        name = getattr(work, "__qualname__", repr(work))
        try:
            await work()
        except Exception as error:
            if not is_unavailable(error):
                raise
            if not self._unavailable and not self.damaged:
                _LOGGER.error(
                    "the database cannot be used; nothing is sent until it can: %s", _message(error)
                )
                self.on_unavailable(f"it cannot be used; nothing is sent until it can: {_message(error)}")
            self._unavailable.add(name)
            return False
        if name in self._unavailable:
            self._unavailable.discard(name)
            if not self._unavailable and not self.damaged:
                _LOGGER.info("the database can be used again")
                self.on_unavailable(None)
        return True

    async def run_guarded_once(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do `work` that is not repeated; return False if the database was unavailable and it is lost.

        Its success does not count as recovery of the database: only repeated work shows that.
        """
        try:
            await work()
        except Exception as error:
            if not is_unavailable(error):
                raise
            _LOGGER.warning("something could not be stored, and is lost: %s", _message(error))
            return False
        return True

    async def tidy(self) -> None:
        """Remove blanked values from an SQLite file's log; a PostgreSQL server does so by itself in time."""
        if self._written and isinstance(self._engine, Sqlite):
            async with self._turn:
                self._written = False
                await self._engine.tidy()

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def engine_at(where: Path | Secret | None) -> Sqlite | AsyncEngine:
    """Return the engine for a database; for `where` see `Database.open`."""
    if not isinstance(where, Secret):
        return Sqlite(where)
    # the import takes a tenth of a second and 6 MiB
    from sqlalchemy.ext.asyncio import create_async_engine

    # one connection, taken in turn: each bridge does one thing after the other
    return create_async_engine(
        where.reveal(),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
    )


async def upsert(tx: Transaction, table: Table, keys: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Insert a row, or update the one with the same `keys`; if `values` is empty, leave that unchanged."""
    await upsert_many(tx, table, tuple(keys), [{**keys, **values}])


async def upsert_many(
    tx: Transaction, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that all have the same columns, or update those with the same `keys`."""
    if not rows:
        return
    query = _upsert(tx.dialect.name, table, tuple(keys), tuple(rows[0]))
    await tx.execute(query, [dict(row) for row in rows])


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "postgresql":  # the import takes 2 MiB
        from sqlalchemy.dialects.postgresql import insert

        return insert(table)
    from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

    return insert_into_sqlite(table)


@lru_cache(maxsize=64)
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Executable:
    query: Any = _insert(dialect, table)
    values = {name: query.excluded[name] for name in columns if name not in keys}
    if not values:
        return cast(Executable, query.on_conflict_do_nothing())
    return cast(Executable, query.on_conflict_do_update(index_elements=keys, set_=values))


@lru_cache(maxsize=8)
def counting(dialect: str, table: Table) -> Any:
    """Return the insert into a table of counters that adds its last column to a row that is there."""
    *keys, counted = table.c
    query: Any = _insert(dialect, table)
    total = {counted.name: counted + query.excluded[counted.name]}
    return query.on_conflict_do_update(index_elements=keys, set_=total)


async def insert_new(tx: Transaction, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row unless one with an equal unique value exists; wait for a concurrent insert of such."""
    query: Any = _insert(tx.dialect.name, table)
    await tx.execute(query.on_conflict_do_nothing(), dict(row))


def storable(message: str | None) -> str | None:
    """Return `message` as a column can hold them: PostgreSQL allows no NUL in texts."""
    return message and message.replace("\0", "\N{SYMBOL FOR NULL}")


def place_of(where: Path | Secret | None) -> str:
    """Return the database's path, or name, host and port of its URL, which may hold a password."""
    if not isinstance(where, Secret):
        return shown_path(str(where))
    try:
        url = make_url(where.reveal())
    except (SQLAlchemyError, ValueError):
        return "of that URL"
    return f"{url.database} at {url.host or 'the default host'}:{url.port or 5432}"


def why_not_usable(where: Path | Secret | None, error: Exception) -> str:
    """Return why the database cannot be opened, without a URL error's text, which cites the secret URL."""
    if isinstance(error, ImportError):
        return f"it needs the Python package {error.name}"
    if is_unavailable(error) or isinstance(error, DBAPIError):
        return _message(error)
    if isinstance(where, Path):
        return f"what is in it makes no sense ({type(error).__name__}); it is damaged, or another program's"
    return f"the driver does not take its URL ({type(error).__name__})"


def _message(error: Exception) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error) or type(error).__name__


def check_place(where: Path) -> None:
    """Raise ConfigError if an SQLite file can be neither created nor written; open and create nothing."""
    # opening a named pipe would block until it has a reader
    reason = why_not_writable(where) or _why_not_beside(Path(os.path.realpath(where)))
    if reason is not None:
        raise ConfigError([f"the database {place_of(where)} cannot be made or written: {reason}"])


def _why_not_beside(where: Path) -> str | None:
    """Return why the paths of SQLite's own files beside `where` are unusable; SQLite opens any file there."""
    for ending in _BESIDE:
        file = where.with_name(f"{where.name}{ending}")
        reason = why_no_file(file)
        if reason is not None:
            return f"{shown_path(file)}, which SQLite opens with it: {reason}"
    return None


def be_no_part(file: Path, where: Path | Secret) -> None:
    """Raise TransferError if SQLite would take `file` for its own beside the database at `where`."""
    if not isinstance(where, Path):
        return
    parts = [f"{of}{ending}" for of in (where, os.path.realpath(where)) for ending in _BESIDE]
    if os.path.realpath(file) in map(os.path.realpath, parts):
        raise TransferError(
            f"{shown_path(file)} is SQLite's own file of {place_of(where)}; name another file"
        )


def prepare(where: Path | Secret | None) -> None:
    """Create the file of an SQLite database if it is missing; ConfigError if it cannot be created."""
    if not isinstance(where, Path):
        return
    check_place(where)
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        where.touch(mode=0o600)
    except (OSError, ValueError) as error:
        reason = reason_of(error, making=True)
        raise ConfigError([f"the database {place_of(where)} cannot be made: {reason}"]) from error
