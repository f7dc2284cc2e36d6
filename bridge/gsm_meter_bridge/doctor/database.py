"""Checks whether the database can be used, and reads it for the other checks; it is not migrated."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from gsm_meter_bridge.clock import utc
from gsm_meter_bridge.config import Config
from gsm_meter_bridge.config.places import check_places
from gsm_meter_bridge.doctor.finding import Check, Finding
from gsm_meter_bridge.errors import ConfigError, cut
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.installation import InstallationKey, known_key
from gsm_meter_bridge.model.facts import ModuleFacts
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import generations, leases, observations, timeline
from gsm_meter_bridge.storage.database import Database, Transaction, engine_at, upsert
from gsm_meter_bridge.storage.generations import Generation
from gsm_meter_bridge.storage.migrate import known_revision
from gsm_meter_bridge.storage.pins import PinTries
from gsm_meter_bridge.storage.schema import REVISION, jobs
from gsm_meter_bridge.storage.schema import leases as lease_rows
from gsm_meter_bridge.storage.trouble import DAMAGED_CODES
from gsm_meter_bridge.vocabulary import Secret

LEAST_FREE_MB = 100
_MB = 1_000_000
_CHECK = Check("database")
LONGEST_LOOK_S = 5.0
_LONGEST_DAMAGE = 200
_WHEN_DAMAGED = (
    "stop the bridge, move the file away together with its -wal and -shm, and bring back a copy, or start "
    "with a new one; keep the key file"
)
_UNUSABLE = "look at the path, its owner, the disk and the server; `bridge: database` says where it is"


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """The contents of the database: holders (as text) by lease, facts by module (None: not known)."""

    findings: tuple[Finding, ...]
    holders: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, ModuleFacts] | None = None
    refused: frozenset[str] = frozenset()
    """Modems whose SIM rejected the configured PIN."""
    generation: Generation | None = None
    """How much the bridge has done with it."""
    newest: float | None = None
    """The latest time that was written for the bridge (Unix time)."""


async def read_database(config: Config) -> DatabaseReport:
    """Read everything that the checks need from the configured database."""
    where = config.bridge.database
    try:
        check_places(config.bridge)
        if isinstance(where, Path):
            if not where.exists():
                return DatabaseReport((_to_be_made(where),))
            damage = await asyncio.to_thread(_damage, where)
            if damage is not None:
                return DatabaseReport((damage,))
        older = await _older(where)
        if older is not None:
            return DatabaseReport((older,))
        database = await Database.open(where, known_key(config.bridge.key_file) or InstallationKey.random())
        try:
            return await _read(config, database)
        finally:
            await database.close()
    except (ConfigError, SQLAlchemyError, OSError) as error:
        return DatabaseReport((_CHECK.problem(_reason(error), _UNUSABLE),))
    except ImportError as error:
        message = f"the database needs the Python package {error.name}, which is not installed"
        return DatabaseReport((_CHECK.problem(message, "install it beside the bridge"),))


def _reason(error: Exception) -> str:
    """Return why the database cannot be used, without its URL and without the statement."""
    if isinstance(error, ConfigError):
        return str(error)
    return cut(f"the database cannot be used: {getattr(error, 'orig', None) or error or 'no answer in time'}")


def _to_be_made(where: Path) -> Finding:
    return _CHECK.ok(f"{shown_path(where)} is not there yet; the bridge makes it when it first starts")


def _damage(where: Path) -> Finding | None:
    """Return the damage that SQLite's quick_check of a file finds; it stops after `LONGEST_LOOK_S`."""
    end = time.monotonic() + LONGEST_LOOK_S
    connection = sqlite3.connect(where, timeout=LONGEST_LOOK_S)
    try:
        connection.set_progress_handler(lambda: time.monotonic() > end, 1000)
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED_CODES:
            return None  # busy, or too large to check: opening it reports what is wrong
        found = [str(error)]
    finally:
        connection.close()
    if found == ["ok"]:
        return None
    message = cut(f"{shown_path(where)} is damaged, or another program's ({found[0]})", _LONGEST_DAMAGE)
    return _CHECK.problem(f"{message}: the bridge sends nothing with it", _WHEN_DAMAGED)


async def _older(where: Path | Secret) -> Finding | None:
    """Return a warning if the tables are not of this version's revision: a running bridge may need them."""
    engine = engine_at(where)
    try:
        async with engine.connect() as connection:
            revision = await connection.run_sync(known_revision)
    finally:
        await engine.dispose()
    if revision == REVISION:
        return None
    message = f"its tables are {'not made yet' if revision is None else f'of the older revision {revision}'}"
    return _CHECK.warning(f"{message}; the bridge brings them to {REVISION} when it starts", "start it")


async def _read(config: Config, database: Database) -> DatabaseReport:
    async with database.transaction() as tx:
        await _write(tx)
    async with database.transaction() as tx:
        states = await _states(tx, config.modules)
        names = (leases.of_bridge(config.bridge.id), *(leases.of_modem(m.id) for m in config.modems))
        holders = {name: who for name in names if (who := await _holder(tx, name)) is not None}
        facts = {module: await observations.facts(tx, module) for module in config.modules}
        newest = await timeline.newest(tx, config.bridge.id)
        generation = await generations.known(tx, config.bridge.id)
    findings = (*_usable(config.bridge.database), *_jobs(states), *_age(generation))
    findings = (*findings, _runs(config.bridge.id, holders))
    refused = await _refused(config, database)
    return DatabaseReport(findings, holders, facts, refused, generation, newest)


async def _refused(config: Config, database: Database) -> frozenset[str]:
    """Return the modems whose SIM rejected the configured PIN."""
    given = {m.id: await PinTries(database, m.id).tries("", m.pin) for m in config.modems if m.pin}
    return frozenset(name for name, tries in given.items() if any(t.same for t in tries))


async def _write(tx: Transaction) -> None:
    """Write a row and delete it: this fails if the disk is full or read-only."""
    name = f"doctor:{os.getpid()}"
    await upsert(tx, lease_rows, {"name": name}, {"holder": "doctor", "expires_at": 0.0})
    await tx.execute(delete(lease_rows).where(lease_rows.c.name == name))


def _usable(where: Path | Secret) -> Iterable[Finding]:
    shown = shown_path(where) if isinstance(where, Path) else "the PostgreSQL database"
    yield _CHECK.ok(f"{shown} can be opened and written; its tables are of revision {REVISION}")
    if isinstance(where, Path):
        yield _space(where)


def _space(where: Path) -> Finding:
    free = shutil.disk_usage(where.parent).free // _MB
    if free < LEAST_FREE_MB:
        message = f"only {free} MB are free on its disk; a full disk stops the bridge"
        return _CHECK.warning(message, "make room")
    return _CHECK.ok(f"{free} MB are free on its disk")


async def _states(tx: Transaction, modules: Iterable[str]) -> Counter[State]:
    """Return how many jobs of `modules` are in each state."""
    query = select(jobs.c.state, func.count()).where(jobs.c.module.in_(list(modules)))
    return Counter({State(state): n for state, n in await tx.execute(query.group_by(jobs.c.state))})


def _jobs(states: Counter[State]) -> Iterable[Finding]:
    uncertain = states[State.UNCERTAIN]
    under_way = sum(n for state, n in states.items() if state.open) - uncertain
    yield _CHECK.ok(f"queued jobs: {states[State.QUEUED]}, in progress: {under_way}")
    if uncertain:
        message = f"jobs that are uncertain: {uncertain}; a change was sent and its outcome is unknown"
        yield _CHECK.warning(message, "it is never sent again, but read back as soon as the module answers")


def _age(generation: Generation | None) -> Iterable[Finding]:
    if generation is None:
        return
    if generation.restored:
        message = "it comes from a backup, and no bridge has run with it since"
        yield _CHECK.warning(message, "nothing is repeated: what waits in it is only read back")
    if generation.older_at is not None:
        found = f"on {utc(generation.older_at)} it was found older than what was done"
        yield _CHECK.ok(f"{found}; changes and actions that waited in it: {generation.doubted}")


async def _holder(tx: Transaction, name: str) -> str | None:
    """Return the current holder of a lease as text; None if it is free."""
    if not await leases.is_held(tx, name):
        return None
    query = select(lease_rows.c.holder).where(lease_rows.c.name == name)
    holder = str((await tx.execute(query)).scalar_one())
    machine, pid, *_ = (*holder.split(":"), "?")
    return f"process {pid} on {machine.partition('/')[0]}"


def _runs(bridge: str, holders: Mapping[str, str]) -> Finding:
    who = holders.get(leases.of_bridge(bridge))
    return _CHECK.ok(f"no bridge {bridge} runs now" if who is None else f"the bridge {bridge} runs: {who}")
