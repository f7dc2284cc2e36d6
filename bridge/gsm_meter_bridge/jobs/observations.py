"""What modules told last, value by value, and when they were last heard of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, func, select, update

from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.jobs import registry
from gsm_meter_bridge.jobs.database import Transaction, storable, upsert, upsert_many
from gsm_meter_bridge.jobs.schema import contacts, readings, sent, wanted
from gsm_meter_bridge.jobs.schema import modules as served_modules
from gsm_meter_bridge.vocabulary import Scalar


@dataclass(frozen=True, slots=True)
class Known:
    """A value as it was last told."""

    value: Scalar | None
    raw: str | None
    source: str
    at: float


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """All that is known of one module.

    `missed` counts the polls since its last answer, `restarts` how often we had it restart.
    """

    readings: Mapping[str, Known] = field(default_factory=dict)
    wanted: Mapping[str, Scalar] = field(default_factory=dict)
    last_seen_at: float | None = None
    missed: int = 0
    next_poll_at: float | None = None
    restarts: int = 0

    def drift(self) -> list[str]:
        """Return the settings whose value is not the one last asked for and verified."""
        return sorted(
            name
            for name, value in self.wanted.items()
            if name in self.readings and self.readings[name].value != value
        )


async def record(tx: Transaction, *told: Observation) -> None:
    """Store what modules told; secrets are stored as present or not, never as they are."""
    rows = [
        {
            "module": observation.module,
            "name": reading.name,
            "value": json.dumps(reading.shown),
            "raw": None if reading.secret else storable(reading.raw),
            "source": observation.source,
            "at": observation.at,
        }
        for observation in told
        for reading in observation.readings
    ]
    await upsert_many(tx, readings, ("module", "name"), rows)
    seen = [{"module": one.module, "last_seen_at": one.at, "missed": 0} for one in told]
    await upsert_many(tx, contacts, ("module",), seen)


async def want(tx: Transaction, module: str, values: Mapping[str, Scalar], job_id: str) -> None:
    """Remember the verified settings of a job, to notice when they change behind our back."""
    rows = [
        {"module": module, "name": n, "value": json.dumps(v), "job_id": job_id} for n, v in values.items()
    ]
    await upsert_many(tx, wanted, ("module", "name"), rows)


async def accept_drift(tx: Transaction, module: str) -> tuple[str, ...]:
    """Take the settings of `module` as they are told for wanted; return those that were not."""
    known = await facts(tx, module)
    for name in (drifted := known.drift()):
        row = (wanted.c.module == module) & (wanted.c.name == name)
        await tx.execute(update(wanted).where(row).values(value=json.dumps(known.readings[name].value)))
    return tuple(drifted)


async def count_missed(tx: Transaction, module: str) -> None:
    """Count one more poll without an answer."""
    await _contact(tx, module)
    await tx.execute(update(contacts).where(contacts.c.module == module).values(missed=contacts.c.missed + 1))


async def count_restart(tx: Transaction, module: str) -> None:
    """Count one more restart that we caused: the module registers in the network anew."""
    await _contact(tx, module)
    restarts = contacts.c.restarts + 1
    await tx.execute(update(contacts).where(contacts.c.module == module).values(restarts=restarts))


async def set_next_polls(tx: Transaction, times: Mapping[str, float]) -> None:
    """Remember when modules are to be asked next."""
    await upsert_many(tx, contacts, ("module",), [{"module": m, "next_poll_at": t} for m, t in times.items()])


async def due_polls(tx: Transaction, bridge: str, now: float) -> tuple[str, ...]:
    """Return the modules of `bridge` whose poll is due; one never planned is not among them."""
    served = contacts.c.module.in_(registry.served_by(bridge))
    query = select(contacts.c.module).where(contacts.c.next_poll_at <= now, served)
    return tuple((await tx.execute(query.order_by(contacts.c.next_poll_at))).scalars())


async def planned_polls(tx: Transaction, bridge: str) -> dict[str, float]:
    """Return when each module of `bridge` is to be asked next."""
    planned = contacts.c.next_poll_at.is_not(None), contacts.c.module.in_(registry.served_by(bridge))
    query = select(contacts.c.module, contacts.c.next_poll_at).where(*planned)
    return {row[0]: row[1] for row in await tx.execute(query)}


async def told_since(tx: Transaction, since: Mapping[str, float], *, without: str) -> set[str]:
    """Return those modules that told something since their time in `since`, another way than `without`."""
    latest = func.max(readings.c.at)
    other = readings.c.module.in_(since), readings.c.source != without
    query = select(readings.c.module, latest.label("at")).where(*other).group_by(readings.c.module)
    return {row.module for row in await tx.execute(query) if row.at >= since[row.module]}


async def facts(tx: Transaction, module: str) -> ModuleFacts:
    """Return all that is known of `module`."""
    return (await facts_of(tx, (module,)))[module]


async def facts_of(tx: Transaction, modules: Sequence[str]) -> dict[str, ModuleFacts]:
    """Return all that is known of each of `modules`."""
    told: dict[str, dict[str, Known]] = {m: {} for m in modules}
    for r in await tx.execute(select(readings).where(readings.c.module.in_(modules))):
        told[r.module][r.name] = Known(json.loads(r.value), r.raw, r.source, r.at)
    asked: dict[str, dict[str, Scalar]] = {m: {} for m in modules}
    for w in await tx.execute(select(wanted).where(wanted.c.module.in_(modules))):
        asked[w.module][w.name] = json.loads(w.value)
    contacted = (await tx.execute(select(contacts).where(contacts.c.module.in_(modules)))).mappings()
    seen = {c["module"]: {k: v for k, v in c.items() if k != "module"} for c in contacted}
    return {m: ModuleFacts(told[m], asked[m], **seen.get(m, {})) for m in modules}


async def note_sent(tx: Transaction, modem: str, module: str, job_id: str, now: float) -> None:
    """Note that the modem took an SMS."""
    await tx.execute(sent.insert().values(modem=modem, module=module, job_id=job_id, at=now))


async def forget_others(tx: Transaction) -> None:
    """Drop the poll times of modules that no bridge serves; what they told is kept."""
    served = select(served_modules.c.id)
    await tx.execute(update(contacts).where(contacts.c.module.not_in(served)).values(next_poll_at=None))
    await tx.execute(delete(wanted).where(wanted.c.module.not_in(served)))


async def _contact(tx: Transaction, module: str, **changes: float | int) -> None:
    await upsert(tx, contacts, {"module": module}, changes)
