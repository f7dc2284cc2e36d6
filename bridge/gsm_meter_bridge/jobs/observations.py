"""What modules told last, value by value, and when they were last heard of."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.jobs.schema import contacts, readings, sent, wanted
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
    """All that is known of one module; `missed` counts the polls since its last answer."""

    readings: Mapping[str, Known] = field(default_factory=dict)
    wanted: Mapping[str, Scalar] = field(default_factory=dict)
    last_seen_at: float | None = None
    missed: int = 0
    next_poll_at: float | None = None

    def drift(self) -> list[str]:
        """Return the settings whose value is not the one last asked for and verified."""
        return sorted(
            name
            for name, value in self.wanted.items()
            if name in self.readings and self.readings[name].value != value
        )


async def record(tx: AsyncConnection, observation: Observation) -> None:
    """Store what a module told; secrets are stored as present or not, never as they are."""
    for reading in observation.readings:
        row = {
            "value": json.dumps(reading.shown),
            "raw": None if reading.secret else reading.raw,
            "source": observation.source,
            "at": observation.at,
        }
        query = insert(readings).values(module=observation.module, name=reading.name, **row)
        await tx.execute(query.on_conflict_do_update(index_elements=["module", "name"], set_=row))
    await _contact(tx, observation.module, last_seen_at=observation.at, missed=0)


async def want(tx: AsyncConnection, module: str, values: Mapping[str, Scalar], job_id: str) -> None:
    """Remember the verified settings of a job, to notice when they change behind our back."""
    for name, value in values.items():
        row = {"value": json.dumps(value), "job_id": job_id}
        query = insert(wanted).values(module=module, name=name, **row)
        await tx.execute(query.on_conflict_do_update(index_elements=["module", "name"], set_=row))


async def count_missed(tx: AsyncConnection, module: str) -> None:
    """Count one more poll without an answer."""
    await _contact(tx, module)
    await tx.execute(update(contacts).where(contacts.c.module == module).values(missed=contacts.c.missed + 1))


async def set_next_poll(tx: AsyncConnection, module: str, at: float) -> None:
    """Remember when the module is to be asked next."""
    await _contact(tx, module, next_poll_at=at)


async def due_polls(tx: AsyncConnection, modules: Collection[str], now: float) -> tuple[str, ...]:
    """Return those of `modules` whose poll is due; a module never planned is not among them."""
    query = select(contacts.c.module).where(contacts.c.next_poll_at <= now, contacts.c.module.in_(modules))
    return tuple((await tx.execute(query.order_by(contacts.c.next_poll_at))).scalars())


async def planned_polls(tx: AsyncConnection) -> dict[str, float]:
    """Return when each module is to be asked next."""
    query = select(contacts.c.module, contacts.c.next_poll_at).where(contacts.c.next_poll_at.is_not(None))
    return {row[0]: row[1] for row in await tx.execute(query)}


async def facts(tx: AsyncConnection, module: str) -> ModuleFacts:
    """Return all that is known of `module`."""
    told = (await tx.execute(select(readings).where(readings.c.module == module))).mappings()
    asked = (await tx.execute(select(wanted).where(wanted.c.module == module))).mappings()
    contact = (await tx.execute(select(contacts).where(contacts.c.module == module))).mappings().first()
    return ModuleFacts(
        {r["name"]: Known(json.loads(r["value"]), r["raw"], r["source"], r["at"]) for r in told},
        {w["name"]: json.loads(w["value"]) for w in asked},
        *(() if contact is None else (contact["last_seen_at"], contact["missed"], contact["next_poll_at"])),
    )


async def count_sent(tx: AsyncConnection, modem: str, since: float) -> int:
    """Return how many SMS the modem took since `since`."""
    query = select(func.count()).where(sent.c.modem == modem, sent.c.at >= since)
    return int((await tx.execute(query)).scalar_one())


async def note_sent(tx: AsyncConnection, modem: str, module: str, job_id: str, now: float) -> None:
    """Note that the modem took an SMS."""
    await tx.execute(sent.insert().values(modem=modem, module=module, job_id=job_id, at=now))


async def forget_others(tx: AsyncConnection, modules: Collection[str]) -> None:
    """Drop the poll times of modules that are no longer configured; what they told is kept."""
    gone = or_(contacts.c.module.not_in(modules))
    await tx.execute(update(contacts).where(gone).values(next_poll_at=None))
    await tx.execute(delete(wanted).where(wanted.c.module.not_in(modules)))


async def _contact(tx: AsyncConnection, module: str, **changes: float | int) -> None:
    query = insert(contacts).values(module=module, **{"missed": 0, **changes})
    if changes:
        await tx.execute(query.on_conflict_do_update(index_elements=["module"], set_=changes))
    else:
        await tx.execute(query.on_conflict_do_nothing())
