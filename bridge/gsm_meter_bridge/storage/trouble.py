"""Which errors mean that the database is unavailable, and which that it is damaged."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)

DAMAGED = (
    "the database is damaged; nothing is sent any more. Stop the bridge, move the database away, restore a "
    "backup or start with a new one; what comes stays on the SIM and at the broker meanwhile"
)
DAMAGED_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGED_STATES = frozenset({"XX001", "XX002"})
_PASSING_CLASSES = frozenset({"08", "26", "28", "3D", "40", "53", "55", "57", "58", "XX"})
"""Classes of PostgreSQL's SQLSTATE (its appendix A) that no input of the bridge causes: connection, prepared
statement, login, database, deadlock, resources, locks, operator, system, corruption."""
_PASSING_STATES = frozenset({"25006", "42P01", "42501"})
"""A replica, which takes no changes; a missing table; a revoked privilege."""


def is_unavailable(error: BaseException) -> bool:
    """Return whether `error` means that the database is unavailable: full disk, unreachable server."""
    if isinstance(error, PendingRollbackError):
        return True  # an earlier error in the same transaction had the same cause
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or is_damage(error):
            return True
        if isinstance(error, OperationalError | InterfaceError):
            return True
        state = _sqlstate(error)
        passing = state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
        return passing and not isinstance(error, IntegrityError | DataError)
    # an unreachable PostgreSQL server; its driver has exceptions of its own for that too
    return isinstance(error, OSError) or type(error).__module__.startswith("asyncpg.exceptions")


def is_damage(error: BaseException) -> bool:
    """Return whether `error` means that the stored data is damaged, for example by torn pages."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)  # an extended code: details in the higher bytes
    return (code is not None and code & 0xFF in DAMAGED_CODES) or _sqlstate(error) in _DAMAGED_STATES


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
