"""A module that is not configured, asked by its number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import text

from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.families import family_of, simulated_module
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.storage import ad_hoc, registry, store
from gsm_meter_bridge.vocabulary import Secret
from tests.support.in_memory_bridge import BRIDGE, FakeTransport, InMemoryBridge, factory_radio

NEW = "+79990000301"
LERS, ENERGOMERA = family_of("lers_gsm_mini"), family_of("energomera_gs04")
PASSWORD = Secret("4711")


def radio_with_number(password: str = "4711", family: str = "lers_gsm_mini") -> FakeTransport:
    radio = factory_radio()
    radio.devices = {**radio.devices, NEW: simulated_module(family, password, {"apn": "internet"}, {})}
    return radio


def commands_for(
    w: InMemoryBridge, number: str = NEW, password: Secret = PASSWORD, family: Any = LERS
) -> Commands:
    commands, found = w.commands.for_number(number, family, password)
    assert found == NEW
    return commands


async def rows_left(w: InMemoryBridge) -> dict[str, list[Any]]:
    """What the database has of the number besides the job and what it cost."""
    async with w.database.reading() as tx:
        found = {}
        for table in ("modules", "readings", "desired_settings", "contacts", "lookalikes", "passwords"):
            key = "id" if table == "modules" else "module"
            rows = await tx.execute(text(f"select * from {table} where {key} = :n"), {"n": NEW})
            found[table] = [tuple(row) for row in rows]
        rows = await tx.execute(text("select text from messages where module = :n"), {"n": NEW})
        found["texts"] = [row[0] for row in rows if row[0] is not None]
        rows = await tx.execute(text("select ad_hoc_password, steps from jobs where module = :n"), {"n": NEW})
        found["secrets"] = [tuple(row) for row in rows if row[0] is not None or "4711" in row[1]]
    return {name: rows for name, rows in found.items() if rows}


async def announce(w: InMemoryBridge, job: Job) -> None:
    """What the publisher does with a job that is over."""
    now = await w.job(job)
    async with w.database.transaction() as tx:
        await store.mark_announced(tx, now)
        await ad_hoc.forget(tx, NEW)


async def configure(w: InMemoryBridge, bridge: str = BRIDGE) -> None:
    """What a bridge does at its start, whose configuration has the number now."""
    async with w.database.transaction() as tx:
        await ad_hoc.keep_rows(tx, bridge, {NEW: "attic"}, w.now(), w.now())
        attic = replace(w.modules["pump"], id="attic", msisdn=NEW)
        await registry.register(tx, bridge, [registry.Binding(attic)], w.now())
