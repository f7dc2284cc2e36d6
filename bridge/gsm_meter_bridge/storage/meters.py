"""What is stored of meters across restarts: values that need not be read again, and the last counts."""

from __future__ import annotations

from sqlalchemy import select

from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.storage.database import Database, upsert
from gsm_meter_bridge.storage.refusals import storing
from gsm_meter_bridge.storage.schema import meters


class MeterMemories:
    """A `connections.meter_notes.Memories`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recall(self, module: str) -> MeterMemory:
        """Return what is stored of the meter of `module`; StorageError if the database is unavailable."""
        async with storing(self._database) as tx:
            found = (await tx.execute(select(meters.c.memory).where(meters.c.module == module))).scalar()
        return MeterMemory() if found is None else MeterMemory.load(found)

    async def keep(self, module: str, memory: MeterMemory) -> None:
        """Store `memory`; StorageError if the database is unavailable."""
        async with storing(self._database) as tx:
            await upsert(tx, meters, {"module": module}, {"memory": memory.dump()})
