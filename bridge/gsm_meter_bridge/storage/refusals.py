"""The passwords that meters refused, stored across restarts: meters block access after a few."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select

from gsm_meter_bridge.errors import StorageError
from gsm_meter_bridge.storage.database import Database, Transaction, is_unavailable, upsert
from gsm_meter_bridge.storage.schema import refused_passwords
from gsm_meter_bridge.vocabulary import Secret

_PURPOSE = "meter password"


class RefusedPasswords:
    """Stores the last one of each module's meter as a keyed digest (`connections.meter_notes`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holds(self, module: str, password: Secret) -> bool:
        """Return whether the meter of `module` refused `password`."""
        query = select(refused_passwords.c.digest).where(refused_passwords.c.module == module)
        async with storing(self._database) as tx:
            return (await tx.execute(query)).scalar() == self._digest(module, password)

    async def note(self, module: str, password: Secret) -> None:
        """Note that the meter of `module` refused `password`."""
        row = {"digest": self._digest(module, password)}
        async with storing(self._database) as tx:
            await upsert(tx, refused_passwords, {"module": module}, row)

    def _digest(self, module: str, password: Secret) -> str:
        return self._database.key.digest(_PURPOSE, module, password.reveal())


@asynccontextmanager
async def storing(database: Database) -> AsyncIterator[Transaction]:
    """Open a transaction; StorageError if the database is unavailable."""
    try:
        async with database.transaction() as tx:
            yield tx
    except Exception as error:
        if not is_unavailable(error):
            raise
        raise StorageError("the database cannot be used at present") from error
