"""Recognises a database that is older than what the bridge has done, before anything in it is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from gsm_meter_bridge.health import BridgeProblemCode
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.older import on_older_database
from gsm_meter_bridge.storage import generations, store
from gsm_meter_bridge.storage.database import Transaction
from gsm_meter_bridge.storage.generations import Generation

REPORTED_FOR_S = 86_400.0
"""How long `bridge/health` says that the database was older, in seconds."""
_SUBJECT = "database"


class Continuity:
    """The generation of one bridge's database, compared once in each run with the one kept at the broker.

    A database from a backup says so itself and is recognised without the broker (`begin`). Until the broker
    was asked, nothing is sent if jobs of earlier runs would change a module.
    """

    def __init__(self, context: BridgeContext) -> None:
        self._database, self._bridge = context.database, context.bridge
        self._now, self._health = context.now, context.health
        self._waiting: frozenset[str] = frozenset()
        self._older_at: float | None = None
        self.is_compared = False
        self.lineage, self.number = "", 0
        """What is to be kept at the broker."""

    @property
    def may_send(self) -> bool:
        """Whether jobs may be sent: it is known that the database is not older, or nothing depends on it."""
        return self.is_compared or not self._waiting

    async def begin(self) -> None:
        """Read the generation at the start of a run; if the database was restored, decide about its jobs."""
        async with self._database.transaction() as tx:
            own = await generations.begun(tx, self._bridge)
            unfinished = await store.unfinished(tx, self._bridge)
            waiting = frozenset(job.id for job in unfinished if on_older_database(job, self._now()))
            if own.restored:
                # a new lineage: the broker may have a larger number of the other one, and tells nothing new
                own = await self._decide(tx, Generation(generations.new_lineage(), 1), waiting)
                waiting = frozenset()
        self._waiting = waiting
        self._report(own)

    async def compare(self, kept: Mapping[str, int]) -> None:
        """Compare with the numbers by lineage that the broker has `kept`; if they are ahead, decide."""
        async with self._database.transaction() as tx:
            own = await generations.begun(tx, self._bridge)
            number = kept.get(own.lineage, 0)
            if number > own.number:
                own = await self._decide(tx, Generation(own.lineage, number + 1), self._waiting)
        self.is_compared = True
        self._report(own)

    def advanced(self, number: int) -> None:
        """Take note of the number that was stored for a message that is about to be sent."""
        self.number = max(self.number, number)

    def look(self) -> None:
        """Clear the problem once it has been told long enough."""
        if self._older_at is not None and self._now() - self._older_at >= REPORTED_FOR_S:
            self._older_at = None
            self._health.clear(BridgeProblemCode.DATABASE_OLDER, _SUBJECT)

    async def _decide(self, tx: Transaction, own: Generation, waiting: Collection[str]) -> Generation:
        """Decide about the jobs that wait since an earlier run, and store what holds from now on."""
        now = self._now()
        for job in await store.unfinished(tx, self._bridge):
            if job.id in waiting:
                await store.apply(tx, job, now, *on_older_database(job, now))
        own = replace(own, older_at=now, doubted=len(waiting))
        await generations.note_older(tx, self._bridge, own)
        return own

    def _report(self, own: Generation) -> None:
        """Report an older database, also in a run after the one that found it; take note of the number."""
        self.lineage, self.number = own.lineage, own.number
        if own.older_at is None or self._now() - own.older_at >= REPORTED_FOR_S:
            return
        self._older_at = own.older_at
        self._health.report(BridgeProblemCode.DATABASE_OLDER, _SUBJECT, older_database(own.doubted))


def older_database(doubted: int) -> str:
    """Return the message about a database that is older than what was done; `doubted` jobs waited in it."""
    message = "it was restored and is older than what the bridge has done"
    if not doubted:
        return f"{message}; no change waited in it, so nothing is repeated"
    return (
        f"{message}; changes that waited in it ({doubted}) may have been done, are not sent and are read back"
    )
