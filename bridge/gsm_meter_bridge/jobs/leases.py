"""Who may act under a name: one holder at a time, for a while, on the database's word.

A bridge holds one for itself and one for each of its modems. A second process with the same configuration
waits as a standby, and takes over once the holder is gone: at once where it can be seen that its process has
ended, else when the lease has run out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import delete, select, update

from gsm_meter_bridge.errors import LeaseLostError
from gsm_meter_bridge.jobs.database import Database, Transaction, upsert
from gsm_meter_bridge.jobs.schema import leases

_LOGGER = logging.getLogger(__name__)
LEASE_S = 15.0
_RENEW_S = LEASE_S / 3


def of_bridge(bridge: str) -> str:
    """Return the name of a bridge's lease."""
    return f"bridge:{bridge}"


def of_modem(modem: str) -> str:
    """Return the name of a modem's lease."""
    return f"modem:{modem}"


async def is_held(tx: Transaction, name: str, now: float) -> bool:
    """Return whether anybody who may be alive holds `name`."""
    row = (await tx.execute(select(leases).where(leases.c.name == name))).first()
    return row is not None and row.expires_at > now and not _has_ended(row.holder)


class Leases:
    """The leases of one process, all or none."""

    def __init__(
        self, database: Database, names: Sequence[str], now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._names = tuple(names)
        self._now = now
        self._holder = _myself()

    async def acquire(self) -> None:
        """Return once all are ours; until then this is a standby."""
        told = False
        while (other := await self.try_acquire()) is not None:
            if not told:
                _LOGGER.info("%s is held by another process (%s); waiting as a standby", *other)
                told = True
            await asyncio.sleep(1.0)

    async def try_acquire(self) -> tuple[str, str] | None:
        """Take all; or return the name and the holder of one that is not free, and take none."""
        now = self._now()
        async with self._database.transaction() as tx:
            for name in self._names:
                query = select(leases).where(leases.c.name == name).with_for_update()
                row = (await tx.execute(query)).first()
                if row is not None and row.holder != self._holder and await is_held(tx, name, now):
                    return name, row.holder.rpartition(":")[0]
            for name in self._names:
                await upsert(
                    tx, leases, {"name": name}, {"holder": self._holder, "expires_at": now + LEASE_S}
                )
        return None

    async def run(self) -> None:
        """Keep them until cancelled; LeaseLostError once another process has one of them."""
        while True:
            await asyncio.sleep(_RENEW_S)
            await self._database.attempt(self._renew)

    async def _renew(self) -> None:
        async with self._database.transaction() as tx:
            await self.check(tx)
            mine = leases.c.name.in_(self._names)
            await tx.execute(update(leases).where(mine).values(expires_at=self._now() + LEASE_S))

    async def check(self, tx: Transaction) -> None:
        """Raise LeaseLostError unless all are still ours, in this very transaction."""
        query = select(leases.c.name).where(leases.c.holder == self._holder, leases.c.name.in_(self._names))
        held = set((await tx.execute(query)).scalars())
        lost = [name for name in self._names if name not in held]
        if lost:
            raise LeaseLostError(f"{', '.join(lost)}: another process has taken over; this one was too slow")

    async def release(self) -> None:
        """Give them back, so that a standby need not wait."""
        async with self._database.transaction() as tx:
            await tx.execute(delete(leases).where(leases.c.holder == self._holder))


def _myself() -> str:
    pid = os.getpid()
    return f"{_machine()}:{pid}:{_started(pid)}:{secrets.token_hex(4)}"


def _has_ended(holder: str) -> bool:
    """Return whether the process that `holder` names has certainly ended; only this machine's can be seen."""
    try:
        machine, pid, started, _ = holder.rsplit(":", 3)
        return machine == _machine() and started != "?" and _started(int(pid)) != started
    except ValueError:
        return False


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}/{boot.read_text('ascii').strip()[:8] if boot.exists() else ''}"


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty for none, ? where nobody can tell."""
    if not Path("/proc/self/stat").exists():
        return "?"
    try:
        # the name before it may hold blanks and brackets
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
