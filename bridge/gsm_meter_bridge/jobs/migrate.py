"""Brings the tables of a database up to what this version of the bridge knows."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, inspect, text

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs.schema import REVISION, metadata

_LOGGER = logging.getLogger(__name__)
_FIRST = "0001"
_LOCK = 7_206_034


def migrate(connection: Connection) -> None:
    """Make the tables, or take the steps that they miss, in the transaction of `connection`.

    Raises ConfigError for a database that a newer version has changed.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
    now = _revision(connection)
    if now == REVISION:
        return
    if now is not None and now > REVISION:
        words = f"its tables are of a newer version ({now}; this one knows {REVISION})"
        raise ConfigError([f"the database cannot be used: {words}"])
    if now is None:
        _make(connection)
    else:
        upgrade(connection, now)
    _LOGGER.info("the database's tables are now those of revision %s", REVISION)


def _revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    tables = inspect(connection)
    if tables.has_table("alembic_version"):
        return connection.execute(text("select version_num from alembic_version")).scalar()
    # tables from before there were revisions are those of the first
    return _FIRST if tables.has_table("jobs") else None


def _make(connection: Connection) -> None:
    """Make all tables as they are now; a test holds the steps to the same."""
    metadata.create_all(connection)
    connection.execute(text("create table alembic_version (version_num varchar(32) not null primary key)"))
    connection.execute(text("insert into alembic_version values (:now)"), {"now": REVISION})


def upgrade(connection: Connection, now: str | None) -> None:
    """Take the steps from revision `now` on; None: from the first."""
    # takes half a second and twelve MiB to import, and is hardly ever needed
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gsm_meter_bridge.jobs:migrations")
    config.attributes["connection"] = connection
    if now == _FIRST and not inspect(connection).has_table("alembic_version"):
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")
