"""Copies all rows of a database into another one, SQLite or PostgreSQL, in one transaction of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Table, func, insert, select

from gsm_meter_bridge.errors import TransferError
from gsm_meter_bridge.storage import leases
from gsm_meter_bridge.storage.database import (
    NOT_OPENED,
    Transaction,
    be_no_part,
    engine_at,
    is_unavailable,
    place_of,
    prepare,
    why_not_usable,
)
from gsm_meter_bridge.storage.migrate import known_revision, migrate
from gsm_meter_bridge.storage.schema import REVISION, metadata
from gsm_meter_bridge.storage.schema import leases as lease_rows
from gsm_meter_bridge.storage.sqlite import Sqlite, Statements
from gsm_meter_bridge.vocabulary import Secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

TABLES: tuple[Table, ...] = tuple(t for t in metadata.sorted_tables if t is not lease_rows)
"""What is copied, in an order in which it can be inserted: leases are those of running processes."""
_ROWS_AT_ONCE = 500


async def copy(source: Path | Secret, target: Path | Secret) -> dict[str, int]:
    """Copy the database `source` into the empty one `target`; return the number of rows of each table.

    Raises TransferError or ConfigError if one cannot be used, a bridge runs with `source`, its tables are not
    of this version, `target` is not empty or is the same database, or another number of rows arrived.
    """
    made = _check_places(source, target)
    try:
        async with _unused(source) as old, writing(target) as new:
            await new.run_sync(migrate)
            found = await new.run_sync(counts)
            if any(found.values()):
                raise TransferError(f"{place_of(target)} is not empty: {listed(found)}")
            return await both(old, new, copy_rows)
    except BaseException:
        if made is not None:
            _remove(made)
        raise


def _check_places(source: Path | Secret, target: Path | Secret) -> Path | None:
    """Return the file that is to be made, if there is one; TransferError if there is nothing to copy."""
    if isinstance(source, Path) and not source.exists():
        raise TransferError(f"{place_of(source)}: there is no such file")
    made = target if isinstance(target, Path) and not target.exists() else None
    files = isinstance(source, Path) and isinstance(target, Path) and made is None
    if source == target or (files and source.samefile(target)):  # type: ignore[union-attr, arg-type]
        raise TransferError("both are the same database")
    if isinstance(target, Path):
        be_no_part(target, source)
    return made


def _remove(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


@asynccontextmanager
async def _unused(where: Path | Secret) -> AsyncIterator[Statements | AsyncConnection]:
    """Open one consistent snapshot of a database that no bridge uses; TransferError as `copy` says."""
    async with snapshot(where) as tx:
        await be_current(tx, where)
        await be_unused(tx, where)
        yield tx


@contextmanager
def reported(where: Path | Secret) -> Iterator[None]:
    """Raise TransferError, with words for a person, if the database cannot be used."""
    try:
        yield
    except Exception as error:
        if not (is_unavailable(error) or isinstance(error, NOT_OPENED)):
            raise
        raise TransferError(f"{place_of(where)} cannot be used: {why_not_usable(where, error)}") from error


@asynccontextmanager
async def snapshot(where: Path | Secret) -> AsyncIterator[Statements | AsyncConnection]:
    """Open one consistent snapshot of a database; TransferError if it cannot be used."""
    engine = engine_at(where)
    try:
        with reported(where):
            if isinstance(engine, Sqlite):
                async with engine.connect() as statements:
                    yield statements
                return
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                async with connection.begin():
                    yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def writing(where: Path | Secret) -> AsyncIterator[Statements | AsyncConnection]:
    """Open a transaction that writes; TransferError, or ConfigError, if the database cannot be used."""
    prepare(where)
    engine = engine_at(where)
    try:
        with reported(where):
            async with engine.begin() as tx:
                yield tx
    finally:
        await engine.dispose()


async def both(
    source: Statements | AsyncConnection,
    target: Statements | AsyncConnection,
    work: Callable[[Connection, Connection], T],
) -> T:
    """Do `work` on the synchronous connections of both."""
    outer = target if isinstance(source, Statements) else source
    return await outer.run_sync(lambda _: work(_synchronous(source), _synchronous(target)))


def _synchronous(tx: Statements | AsyncConnection) -> Connection:
    if isinstance(tx, Statements):
        return tx.connection
    if tx.sync_connection is None:  # it is, until it is opened
        raise TransferError("the connection is not open")
    return tx.sync_connection


def copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    """Copy all rows into the empty tables of `target`; return their number by table.

    Raises TransferError if another number of them arrived.
    """
    for table in TABLES:
        rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
        for some in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in some])
    _number_on(target)
    there, here = counts(source), counts(target)
    if there != here:
        wrong = [
            f"{name}: {there[name]}, and {here[name]} arrived" for name in there if there[name] != here[name]
        ]
        raise TransferError(f"not every row arrived: {'; '.join(wrong)}")
    return here


def _number_on(target: Connection) -> None:
    """Have PostgreSQL number new rows after those that were copied, as SQLite does by itself."""
    if target.dialect.name != "postgresql":
        return
    for table in TABLES:
        column = table.autoincrement_column
        if column is None:
            continue
        newest = target.execute(select(func.max(column))).scalar()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        target.execute(select(func.setval(sequence, newest or 1, newest is not None)))


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table but the leases."""
    number = select(func.count())
    return {table.name: connection.execute(number.select_from(table)).scalar_one() for table in TABLES}


def clear(connection: Connection) -> None:
    """Delete all rows of all tables."""
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())


async def be_current(tx: Statements | AsyncConnection, where: Path | Secret) -> None:
    """Raise TransferError unless the tables are those of this version."""
    revision = await tx.run_sync(known_revision)
    if revision is None:
        raise TransferError(f"{place_of(where)}: no bridge has ever used it, there is nothing in it")
    if revision != REVISION:
        message = f"its tables are of the older revision {revision}; start the bridge once, it brings them"
        raise TransferError(f"{place_of(where)}: {message} to {REVISION}")


async def be_unused(tx: Transaction, where: Path | Secret) -> None:
    """Raise TransferError if a living process holds the lease of a bridge or modem."""
    for name in (await tx.execute(select(lease_rows.c.name).order_by(lease_rows.c.name))).scalars().all():
        if await leases.is_held(tx, name):
            raise TransferError(f"{place_of(where)}: {name.replace(':', ' ')} runs with it; stop it first")


def listed(found: Mapping[str, int]) -> str:
    """Return the numbers of rows by table as text, without those of empty tables."""
    return ", ".join(f"{name} {number}" for name, number in found.items() if number)
