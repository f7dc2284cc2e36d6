"""The last reading of each value of a module, and when the module last sent a message."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, delete, select, update

from gsm_meter_bridge.model.facts import Known, ModuleFacts
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.storage import lookalikes
from gsm_meter_bridge.storage.database import Transaction, storable, upsert, upsert_many
from gsm_meter_bridge.storage.schema import contacts, desired_settings, readings
from gsm_meter_bridge.vocabulary import Scalar


async def record(tx: Transaction, *observations: Observation) -> None:
    """Store what modules reported; of a secret, only whether one is set is stored."""
    rows = [
        {
            "module": observation.module,
            "name": reading.name,
            "value": json.dumps(reading.shown),
            "raw": None if reading.secret else storable(reading.raw),
            "source": observation.source,
            "at": observation.at,
        }
        for observation in observations
        for reading in observation.readings
    ]
    await upsert_many(tx, readings, ("module", "name"), rows)
    seen = [{"module": one.module, "last_seen_at": one.at, "missed": 0} for one in observations]
    await upsert_many(tx, contacts, ("module",), seen)


async def want(tx: Transaction, module: str, values: Mapping[str, Scalar], job_id: str) -> None:
    """Store the verified settings of a job as desired, to detect later changes not made by the bridge."""
    rows = [
        {"module": module, "name": n, "value": json.dumps(v), "job_id": job_id} for n, v in values.items()
    ]
    await upsert_many(tx, desired_settings, ("module", "name"), rows)


async def forget(tx: Transaction, module: str, reported: Collection[str], unwanted: Collection[str]) -> None:
    """Delete the readings `reported` of `module`, and the desired settings `unwanted`, which were reset."""
    for table, names in ((readings, reported), (desired_settings, unwanted)):
        if names:
            await tx.execute(delete(table).where(table.c.module == module, table.c.name.in_(names)))


async def accept_drift(tx: Transaction, module: str) -> tuple[str, ...]:
    """Make the reported settings of `module` the desired ones; return the names of those that differed."""
    known = await facts(tx, module)
    for name in (drifted := known.drift()):
        row = (desired_settings.c.module == module) & (desired_settings.c.name == name)
        await tx.execute(
            update(desired_settings).where(row).values(value=json.dumps(known.readings[name].value))
        )
    return tuple(drifted)


async def count_missed(tx: Transaction, module: str) -> None:
    """Count one more poll without an answer."""
    await _contact(tx, module)
    await tx.execute(update(contacts).where(contacts.c.module == module).values(missed=contacts.c.missed + 1))


async def count_restart(tx: Transaction, module: str) -> None:
    """Count one more restart caused by the bridge: the module registers in the network again."""
    await _contact(tx, module)
    restarts = contacts.c.restarts + 1
    await tx.execute(update(contacts).where(contacts.c.module == module).values(restarts=restarts))


async def set_next_polls(tx: Transaction, bridge: str, times: Mapping[str, float]) -> None:
    """Store the time (Unix time) at which `bridge` polls each module next."""
    rows = [{"module": m, "bridge": bridge, "next_poll_at": t} for m, t in times.items()]
    await upsert_many(tx, contacts, ("module",), rows)


_READINGS = select(readings).where(readings.c.module.in_(bindparam("modules", expanding=True)))
_PLANNED = contacts.c.bridge == bindparam("bridge_id"), contacts.c.next_poll_at.is_not(None)
_PLANNED_POLLS = select(contacts.c.module, contacts.c.next_poll_at).where(*_PLANNED)
_DUE_POLLS = (
    select(contacts.c.module)
    .where(*_PLANNED, contacts.c.next_poll_at <= bindparam("now"))
    .order_by(contacts.c.next_poll_at)
)


async def due_polls(tx: Transaction, bridge: str, now: float) -> tuple[str, ...]:
    """Return the modules of `bridge` whose planned poll is due; modules without a plan are left out."""
    return tuple((await tx.execute(_DUE_POLLS, {"bridge_id": bridge, "now": now})).scalars())


async def planned_polls(tx: Transaction, bridge: str) -> dict[str, float]:
    """Return the Unix time of the next poll of each module of `bridge` that has one."""
    return {row[0]: row[1] for row in await tx.execute(_PLANNED_POLLS, {"bridge_id": bridge})}


async def facts(tx: Transaction, module: str) -> ModuleFacts:
    """Return all stored facts about `module`."""
    return (await facts_of(tx, (module,)))[module]


async def readings_of(tx: Transaction, module: str) -> dict[str, Known]:
    """Return the last reading of each value of `module`, by name."""
    return (await _readings(tx, (module,)))[module]


async def _readings(tx: Transaction, modules: Sequence[str]) -> dict[str, dict[str, Known]]:
    latest: dict[str, dict[str, Known]] = {m: {} for m in modules}
    for r in await tx.execute(_READINGS, {"modules": list(modules)}):
        latest[r.module][r.name] = Known(json.loads(r.value), r.raw, r.source, r.at)
    return latest


async def facts_of(tx: Transaction, modules: Sequence[str]) -> dict[str, ModuleFacts]:
    """Return all stored facts about each of `modules`."""
    latest = await _readings(tx, modules)
    asked: dict[str, dict[str, Scalar]] = {m: {} for m in modules}
    for w in await tx.execute(select(desired_settings).where(desired_settings.c.module.in_(modules))):
        asked[w.module][w.name] = json.loads(w.value)
    contacted = (await tx.execute(select(contacts).where(contacts.c.module.in_(modules)))).mappings()
    seen = {c["module"]: {k: v for k, v in c.items() if k not in ("module", "bridge")} for c in contacted}
    alike = await lookalikes.of(tx, modules)
    return {
        m: ModuleFacts(latest[m], asked[m], **seen.get(m, {}), lookalikes=alike.get(m, ())) for m in modules
    }


async def _contact(tx: Transaction, module: str, **changes: float | int) -> None:
    await upsert(tx, contacts, {"module": module}, changes)
