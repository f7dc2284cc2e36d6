"""Upgrades the tables of a database to the revision of this version of the bridge."""

from __future__ import annotations

import logging
import re
from collections.abc import Set

from sqlalchemy import Connection, inspect, text

from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.storage.schema import REVISION, metadata

_LOGGER = logging.getLogger(__name__)
_FIRST = "0001"
_OF_THE_FIRST = frozenset({"jobs", "transitions", "messages", "readings", "wanted", "contacts", "sent"})
_OF_JOBS = frozenset({"module", "fingerprint", "steps", "write_answered"})
"""Columns that distinguish the bridge's table `jobs` from another program's."""
_LOCK = 7_206_034


def migrate(connection: Connection) -> None:
    """Create the tables, or run the missing migrations, in the transaction of `connection`.

    Raises ConfigError as `known_revision` does.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
    now = known_revision(connection)
    if now == REVISION:
        return
    if now is None:
        _make(connection)
    else:
        upgrade(connection, now)
    _LOGGER.info("the database's tables are now those of revision %s", REVISION)


def known_revision(connection: Connection) -> str | None:
    """Return the revision of the tables, None if there are none; change nothing.

    Raises ConfigError for tables of a newer version or another program, and if one is missing.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        return _from_before_revisions(connection, tables)
    now = connection.execute(text("select version_num from alembic_version")).scalar()
    if not isinstance(now, str) or now < _FIRST or not re.fullmatch("[0-9]{4}", now, re.ASCII):
        raise _unusable(f"its tables are of another program ({str(now)[:32]!r})")
    if now > REVISION:
        raise _unusable(f"its tables are of a newer version ({now}; this one knows {REVISION})")
    missing = sorted(metadata.tables.keys() - tables)
    if now == REVISION and missing:
        raise _unusable(f"tables are missing: {', '.join(missing)}; bring back a copy")
    return now


def _from_before_revisions(connection: Connection, tables: Set[str]) -> str | None:
    """Return the first revision, which tables without a revision have; None if none has these names."""
    ours = tables & (metadata.tables.keys() | _OF_THE_FIRST)
    if not ours:
        if tables and connection.dialect.name == "sqlite":  # programs share a server's database, but no file
            raise _unusable(f"its tables are of another program ({', '.join(sorted(tables))[:64]!r})")
        return None
    columns = {c["name"] for c in inspect(connection).get_columns("jobs")} if "jobs" in ours else set()
    if ours != _OF_THE_FIRST or not columns >= _OF_JOBS:
        raise _unusable("its tables are of another program, or their revision is missing")
    return _FIRST


def _unusable(message: str) -> ConfigError:
    return ConfigError([f"the database cannot be used: {message}"])


def _make(connection: Connection) -> None:
    """Create all tables as they are now; a test compares the result with that of the migrations."""
    metadata.create_all(connection)
    connection.execute(text("create table alembic_version (version_num varchar(32) not null primary key)"))
    connection.execute(text("insert into alembic_version values (:now)"), {"now": REVISION})


def upgrade(connection: Connection, now: str | None, to: str = "head") -> None:
    """Run the migrations after revision `now`, all of them if it is None, up to revision `to`."""
    # the import takes half a second and 12 MiB, and is rarely needed
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gsm_meter_bridge.storage:migrations")
    config.attributes["connection"] = connection
    if now == _FIRST and not inspect(connection).has_table("alembic_version"):
        command.stamp(config, _FIRST)
    command.upgrade(config, to)
