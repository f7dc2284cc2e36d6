"""The PINs that the SIMs of the gateway modems did not accept, stored across restarts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, or_, select

from gsm_meter_bridge.modem.sim import Try
from gsm_meter_bridge.storage.database import Database, Transaction, upsert
from gsm_meter_bridge.storage.refusals import storing
from gsm_meter_bridge.storage.schema import pin_tries
from gsm_meter_bridge.vocabulary import Secret

_PURPOSE = "sim pin"


class PinTries:
    """The PIN entries of one modem: a `modem.sim.PinMemory`; PINs are stored as keyed digests."""

    def __init__(self, database: Database, modem: str) -> None:
        self._database, self._modem = database, modem

    async def tries(self, sim: str, pin: Secret) -> Sequence[Try]:
        """Return the entries stored for the SIM in this modem, or for this SIM in another modem."""
        async with storing(self._database) as tx:
            rows = (await tx.execute(select(pin_tries).where(self._about(sim)))).mappings().all()
        refused: dict[str, bool] = {}
        for row in rows:
            refused[row["digest"]] = refused.get(row["digest"], False) or row["refused"]
        ours = self._digest(pin)
        return [Try(digest == ours, no) for digest, no in refused.items()]

    async def begin(self, sim: str, pin: Secret) -> None:
        """Note that `pin` is about to be entered; a second entry counts as refused, whatever its result."""
        async with storing(self._database) as tx:
            begun = select(pin_tries.c.digest).where(
                self._about(sim), pin_tries.c.digest == self._digest(pin)
            )
            again = (await tx.execute(begun)).first() is not None
            await self._write(tx, sim, pin, refused=again)

    async def refused(self, sim: str, pin: Secret) -> None:
        """Note that the SIM refused `pin`."""
        async with storing(self._database) as tx:
            await self._write(tx, sim, pin, refused=True)

    async def forget(self, sim: str) -> None:
        """Delete the entries of a SIM that is unlocked."""
        known = or_(pin_tries.c.sim == "", pin_tries.c.sim == sim)
        async with storing(self._database) as tx:
            await tx.execute(delete(pin_tries).where(self._about(sim), known))

    def _about(self, sim: str) -> ColumnElement[bool]:
        """Return the condition for rows that may belong to the SIM `sim` in this modem."""
        here = pin_tries.c.modem == self._modem
        return here if not sim else or_(pin_tries.c.sim == sim, here & (pin_tries.c.sim == ""))

    async def _write(self, tx: Transaction, sim: str, pin: Secret, *, refused: bool) -> None:
        keys = {"modem": self._modem, "sim": sim, "digest": self._digest(pin)}
        await upsert(tx, pin_tries, keys, {"refused": refused})

    def _digest(self, pin: Secret) -> str:
        return self._database.key.digest(_PURPOSE, pin.reveal())
