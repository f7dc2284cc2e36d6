"""The database: whether it can be used, and what it tells the other checks. It is not brought up to date."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, delete, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from gsm_meter_bridge.config import Config
from gsm_meter_bridge.doctor.finding import About, Finding
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.job import State
from gsm_meter_bridge.jobs import leases, observations
from gsm_meter_bridge.jobs.database import Database, Transaction, engine_at, upsert
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.jobs.schema import REVISION, jobs
from gsm_meter_bridge.jobs.schema import leases as lease_rows
from gsm_meter_bridge.vocabulary import Secret

LEAST_FREE_MB = 100
_MB = 1_000_000
_ABOUT = About("database")
_UNUSABLE = "look at the path, its owner, the disk and the server; `bridge: database` says where it is"


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the database tells: `holders` in words by lease, `facts` by module (None: not known)."""

    findings: tuple[Finding, ...]
    holders: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, ModuleFacts] | None = None


async def read_ledger(config: Config, now: float) -> Ledger:
    """Read all that the checks want to know from the configured database."""
    where = config.bridge.database
    if isinstance(where, Path) and not where.exists():
        return Ledger((_to_be_made(where),))
    try:
        older = await _older(where)
        if older is not None:
            return Ledger((older,))
        database = await Database.open(where)
        try:
            return await _read(config, database, now)
        finally:
            await database.close()
    except (ConfigError, SQLAlchemyError, OSError) as error:
        return Ledger((_ABOUT.problem(_reason(error), _UNUSABLE),))
    except ImportError as error:
        words = f"the database needs the Python package {error.name}, which is not installed"
        return Ledger((_ABOUT.problem(words, "install it beside the bridge"),))


def _reason(error: Exception) -> str:
    """Return why the database cannot be used, without its URL and without the statement."""
    if isinstance(error, ConfigError):
        return str(error)
    return f"the database cannot be used: {getattr(error, 'orig', None) or error or 'no answer in time'}"


def _to_be_made(where: Path) -> Finding:
    folder = next(parent for parent in where.parents if parent.exists())
    if os.access(folder, os.W_OK):
        return _ABOUT.ok(f"{where} is not there yet; the bridge makes it when it first starts")
    advice = "run doctor as the user that the bridge runs as, or give that user the folder"
    return _ABOUT.problem(f"{where} is not there, and {folder} cannot be written", advice)


async def _older(where: Path | Secret) -> Finding | None:
    """Return that the tables are older than this version's: a bridge that runs may still need them so."""
    engine = engine_at(where)
    try:
        async with engine.connect() as connection:
            revision = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    if revision is not None and revision >= REVISION:
        return None
    words = f"its tables are {'not made yet' if revision is None else f'of the older revision {revision}'}"
    return _ABOUT.warning(f"{words}; the bridge brings them to {REVISION} when it starts", "start it")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


async def _read(config: Config, database: Database, now: float) -> Ledger:
    async with database.transaction() as tx:
        await _write(tx)
    async with database.transaction() as tx:
        states = await _states(tx, config.modules)
        names = (leases.of_bridge(config.bridge.id), *(leases.of_modem(m.id) for m in config.modems))
        holders = {name: who for name in names if (who := await _holder(tx, name, now)) is not None}
        facts = {module: await observations.facts(tx, module) for module in config.modules}
    findings = (*_usable(config.bridge.database), *_jobs(states), _runs(config.bridge.id, holders))
    return Ledger(findings, holders, facts)


async def _write(tx: Transaction) -> None:
    """Write a row and take it away again: a disk that is full or may only be read says so."""
    name = f"doctor:{os.getpid()}"
    await upsert(tx, lease_rows, {"name": name}, {"holder": "doctor", "expires_at": 0.0})
    await tx.execute(delete(lease_rows).where(lease_rows.c.name == name))


def _usable(where: Path | Secret) -> Iterable[Finding]:
    shown = where if isinstance(where, Path) else "the PostgreSQL database"
    yield _ABOUT.ok(f"{shown} can be opened and written; its tables are of revision {REVISION}")
    if isinstance(where, Path):
        yield _space(where)


def _space(where: Path) -> Finding:
    free = shutil.disk_usage(where.parent).free // _MB
    if free < LEAST_FREE_MB:
        words = f"only {free} MB are free on its disk; a full disk stops the bridge"
        return _ABOUT.warning(words, "make room")
    return _ABOUT.ok(f"{free} MB are free on its disk")


async def _states(tx: Transaction, modules: Iterable[str]) -> Counter[State]:
    """Return how many jobs of our modules are in each state."""
    query = select(jobs.c.state, func.count()).where(jobs.c.module.in_(list(modules)))
    return Counter({State(state): n for state, n in await tx.execute(query.group_by(jobs.c.state))})


def _jobs(states: Counter[State]) -> Iterable[Finding]:
    uncertain = states[State.UNCERTAIN]
    under_way = sum(n for state, n in states.items() if state.open) - uncertain
    yield _ABOUT.ok(f"jobs that wait: {states[State.QUEUED]}, under way: {under_way}")
    if uncertain:
        words = f"jobs that are uncertain: {uncertain}; a change was sent and nobody knows what became of it"
        yield _ABOUT.warning(words, "it is never sent again, but read back as soon as the module answers")


async def _holder(tx: Transaction, name: str, now: float) -> str | None:
    """Return who holds a lease now, in words; None for nobody."""
    if not await leases.is_held(tx, name, now):
        return None
    query = select(lease_rows.c.holder).where(lease_rows.c.name == name)
    holder = str((await tx.execute(query)).scalar_one())
    machine, pid, *_ = (*holder.split(":"), "?")
    return f"process {pid} on {machine.partition('/')[0]}"


def _runs(bridge: str, holders: Mapping[str, str]) -> Finding:
    who = holders.get(leases.of_bridge(bridge))
    return _ABOUT.ok(f"no bridge {bridge} runs now" if who is None else f"the bridge {bridge} runs: {who}")
