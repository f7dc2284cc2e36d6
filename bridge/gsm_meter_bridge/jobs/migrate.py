"""Brings the tables of a database up to what this version of the bridge knows."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, inspect, text

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.jobs.schema import REVISION

_LOGGER = logging.getLogger(__name__)
_FIRST = "0001"
_LOCK = 7_206_034


def migrate(connection: Connection) -> None:
    """Take the steps that are missing, in the transaction of `connection`.

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
    _step(connection, now)
    _LOGGER.info("the database's tables are now those of revision %s", REVISION)


def _revision(connection: Connection) -> str | None:
    """Return the revision of the tables; None where there are none."""
    tables = inspect(connection)
    if tables.has_table("alembic_version"):
        return connection.execute(text("select version_num from alembic_version")).scalar()
    # tables from before there were revisions are those of the first
    return _FIRST if tables.has_table("jobs") else None


def _step(connection: Connection, now: str | None) -> None:
    # takes half a second to import, and is hardly ever needed
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gsm_meter_bridge.jobs:migrations")
    config.attributes["connection"] = connection
    if now == _FIRST and not inspect(connection).has_table("alembic_version"):
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")
