"""Databases with the tables of an earlier revision, made by the migrations up to that one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from gsm_meter_bridge.storage.database import Database, Transaction, engine_at, prepare
from gsm_meter_bridge.storage.migrate import upgrade
from gsm_meter_bridge.vocabulary import Secret


@asynccontextmanager
async def old_database(where: Path | Secret | None, revision: str) -> AsyncIterator[Transaction]:
    """A transaction on a new database at `where` with the tables of `revision`; 0001 has no record of it."""
    prepare(where)
    database = Database(engine_at(where))
    async with database.transaction() as tx:
        await tx.run_sync(partial(_make, revision=revision))
        yield tx
    await database.close()


def _make(connection: Connection, revision: str) -> None:
    if connection.dialect.name == "postgresql":  # a copy of a database with the newest tables
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    upgrade(connection, None, revision)
    if revision == "0001":
        connection.execute(text("drop table alembic_version"))
