"""Leases in the database: the right to act under a name, for one holder at a time and a limited time.

A bridge holds one for itself and one for each of its gateway modems. A second process with the same
configuration waits as a standby, and takes over once the holder is gone: at once if it can see that the
holder's process has ended, otherwise when the lease has expired.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Row, delete, func, or_, select, update

from gsm_meter_bridge.clock import elapsed_s
from gsm_meter_bridge.errors import LeaseLostError
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.storage.database import Database, Transaction, insert_new, is_unavailable, upsert
from gsm_meter_bridge.storage.schema import leases

_LOGGER = logging.getLogger(__name__)
LEASE_S = 15.0
_RENEW_S = LEASE_S / 3


def of_bridge(bridge: str) -> str:
    """Return the name of a bridge's lease."""
    return f"bridge:{bridge}"


def of_modem(modem: str) -> str:
    """Return the name of a modem's lease."""
    return f"modem:{modem}"


async def time_of(tx: Transaction) -> float:
    """Return the time by which leases expire, in seconds, which is the same for all users of the database.

    It is PostgreSQL's own clock; with SQLite, whose users are on one machine, the time since that machine's
    start.
    """
    if tx.dialect.name != "postgresql":
        return elapsed_s()
    return float((await tx.execute(select(func.extract("epoch", func.clock_timestamp())))).scalar_one())


async def is_held(tx: Transaction, name: str, now: float | None = None) -> bool:
    """Return whether a process that may be alive holds `name`; `now` is the time of `time_of`."""
    now = await time_of(tx) if now is None else now
    row = (await tx.execute(select(leases).where(leases.c.name == name))).first()
    return row is not None and row.expires_at > now and not _has_ended(row.holder, tx.dialect.name)


async def take_turn(tx: Transaction, work: str, every_s: float) -> bool:
    """Return whether this process does `work`, which one process does for all every `every_s` seconds."""
    await insert_new(tx, leases, {"name": work, "holder": "", "expires_at": 0.0})
    now = await time_of(tx)
    due = or_(leases.c.expires_at <= now, leases.c.expires_at > now + every_s)  # its clock was set back
    taken = update(leases).where(leases.c.name == work, due)
    done = await tx.execute(taken.values(holder=_myself(), expires_at=now + every_s))
    return done.rowcount == 1


class Leases:
    """The leases of one process, all or none. `now` replaces the database's time."""

    def __init__(
        self, database: Database, names: Sequence[str], now: Callable[[], float] | None = None
    ) -> None:
        self._database = database
        self._names = tuple(names)
        self._now = now
        self.health = Health(is_unavailable)
        """Counts unexpected errors."""
        self._holder = _myself()
        self._seen: dict[str, tuple[str, float]] = {}
        self._renewed_at: dict[str, float] = {}

    async def acquire(self) -> None:
        """Wait as a standby until this process holds all leases."""
        reported = False
        while (other := await self.try_acquire()) is not None:
            if not reported:
                _LOGGER.info("%s is held by another process (%s); waiting as a standby", *other)
                reported = True
            await asyncio.sleep(1.0)

    async def try_acquire(self) -> tuple[str, str] | None:
        """Take all leases; if one is not free, take none and return its name and holder."""
        async with self._database.transaction() as tx:
            now = await self._time(tx)
            for name in self._names:
                query = select(leases).where(leases.c.name == name).with_for_update()
                row = (await tx.execute(query)).first()
                if row is None or row.holder == self._holder or _has_ended(row.holder, tx.dialect.name):
                    continue
                renewed = self._sees_it_renewed(row)
                if row.expires_at > now + LEASE_S:
                    # longer than any lease: the clock that wrote it has been set back since
                    cut = update(leases).where(leases.c.name == name).values(expires_at=now + LEASE_S)
                    await tx.execute(cut)
                elif row.expires_at <= now and not renewed:
                    continue
                return name, row.holder.rpartition(":")[0]
            for name in self._names:
                await upsert(
                    tx, leases, {"name": name}, {"holder": self._holder, "expires_at": now + LEASE_S}
                )
        return None

    def _sees_it_renewed(self, row: Row[Any]) -> bool:
        """Return whether a lease was renewed within LEASE_S by the monotonic clock, which is never set."""
        seen, before = (row.holder, row.expires_at), self._seen.get(row.name)
        self._seen[row.name] = seen
        if before is not None and before != seen:
            self._renewed_at[row.name] = time.monotonic()
        return time.monotonic() - self._renewed_at.get(row.name, float("-inf")) < LEASE_S

    async def _time(self, tx: Transaction) -> float:
        return await time_of(tx) if self._now is None else self._now()

    async def run(self) -> None:
        """Renew the leases until cancelled; LeaseLostError if another process has taken one of them.

        Any other error costs one renewal; the next one still comes before the lease expires.
        """
        while True:
            await asyncio.sleep(_RENEW_S)
            with self.health.guard(Door.CLOCK, "renewing the leases", (LeaseLostError,)):
                await self._database.run_guarded(self._renew)

    async def _renew(self) -> None:
        async with self._database.transaction() as tx:
            await self.check(tx)
            mine = leases.c.name.in_(self._names)
            until = await self._time(tx) + LEASE_S
            await tx.execute(update(leases).where(mine).values(expires_at=until))

    async def check(self, tx: Transaction) -> None:
        """Raise LeaseLostError unless this process holds all leases within this transaction."""
        query = select(leases.c.name).where(leases.c.holder == self._holder, leases.c.name.in_(self._names))
        held = set((await tx.execute(query)).scalars())
        lost = [name for name in self._names if name not in held]
        if lost:
            raise LeaseLostError(f"{', '.join(lost)}: another process has taken over; this one was too slow")

    async def release(self) -> None:
        """Release the leases, so that a standby need not wait."""
        async with self._database.transaction() as tx:
            await tx.execute(delete(leases).where(leases.c.holder == self._holder))


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a process is visible: the host's name, its kernel's boot id, and the PID namespace."""

    host: str
    boot: str
    pids: str

    @classmethod
    def ours(cls) -> Self:
        """Return that of this process, with empty fields if the system does not provide them."""
        boot = Path("/proc/sys/kernel/random/boot_id")
        pids = Path("/proc/self/ns/pid")
        number = str(pids.stat().st_ino) if pids.exists() else ""
        return cls(socket.gethostname(), boot.read_text("ascii").strip()[:8] if boot.exists() else "", number)


def _myself() -> str:
    pid, machine = os.getpid(), Machine.ours()
    where = f"{machine.host}/{machine.boot}/{machine.pids}"
    return f"{where}:{pid}:{_started(pid)}:{secrets.token_hex(4)}"


def _has_ended(holder: str, dialect: str, ours: Machine | None = None) -> bool:
    """Return whether the process that `holder` names has certainly ended.

    A PID is valid only within its PID namespace: a process of another container is not visible. With SQLite
    all processes are on one machine, so one with another boot id has ended.
    """
    ours = ours or Machine.ours()
    try:
        where, pid, started, _ = holder.rsplit(":", 3)
        theirs = Machine(*where.split("/"))
        number = int(pid)
    except (ValueError, TypeError):
        return False
    if dialect == "sqlite" and theirs.boot and ours.boot and theirs.boot != ours.boot:
        return True
    return theirs == ours and started != "?" and _started(number) != started


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty if there is none, ? if unknown."""
    if not Path("/proc/self/stat").exists():
        return "?"
    try:
        # the process name before it may contain blanks and brackets
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
