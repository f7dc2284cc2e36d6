"""Counters equal the rows that they count, whatever has happened."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, MetaData, select, text

from gsm_meter_bridge.clock import ClockStep
from gsm_meter_bridge.storage import inbox, registry, retention, schema, timeline
from gsm_meter_bridge.storage.budgets import DAY_S, note_sent
from gsm_meter_bridge.storage.database import Database, Transaction
from gsm_meter_bridge.storage.inbox import Disposition
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import BRIDGE, KEY, START
from tests.support.old_tables import old_database

MODEMS, MODULES = ("stick", "other"), ("hut", "pump")
PROCESSED = sorted(set(Disposition) - {Disposition.NEW})
DAYS = st.integers(0, 70)
EVENTS = st.one_of(
    st.tuples(st.just("sent"), st.sampled_from(MODEMS), st.sampled_from(MODULES)),
    st.tuples(st.just("stored"), st.sampled_from(MODEMS), st.integers(1, 3)),
    st.tuples(st.just("processed"), st.sampled_from(PROCESSED), st.integers(1, 4)),
    st.tuples(st.just("later"), st.integers(1, 200_000), st.none()),
    st.tuples(
        st.just("clock set"), st.sampled_from((-90_000.0, -60.0, 3_600.0, 86_400.0)), st.integers(0, 90_000)
    ),
    st.tuples(st.just("retention"), DAYS, st.none()),
)


async def _counts(tx: Transaction) -> tuple[dict[object, int], dict[object, int]]:
    """What the counters say, and the rows say; counters of nothing are left out."""
    days = select(schema.sent_by_day)
    kinds = select(schema.messages_by_disposition)
    text = [tuple(row) for query in (days, kinds) for row in await tx.execute(query)]
    sent = [(row.modem, int(row.at // DAY_S)) for row in await tx.execute(select(schema.sent))]
    messages = (await tx.execute(select(schema.messages))).all()
    found = [(row.modem, row.disposition) for row in messages if row.disposition != Disposition.NEW]
    return {row[:2]: row[2] for row in text if row[2]}, dict(Counter([*sent, *found]))


async def _do(tx: Transaction, event: tuple[str, object, object], clock: list[float], count: int) -> None:
    now = clock[0]
    match event:
        case ("sent", str(modem), str(module)):
            await note_sent(tx, modem, module, "job", now)
        case ("stored", str(modem), int(many)):
            pdus = [f"{count:04d}{n}" for n in range(many)]
            await inbox.store(tx, BRIDGE, modem, pdus, now, "run", KEY)
        case ("processed", str(disposition), int(many)):
            numbers = (await tx.execute(select(schema.messages.c.number).limit(many))).scalars().all()
            new = (await tx.execute(select(schema.messages.c.number).where(schema.IS_NEW))).scalars().all()
            await inbox.mark_processed(tx, [n for n in numbers if n in new], Disposition(disposition))
        case ("later", int(by_s), None):
            clock[0] += by_s
        case ("clock set", float(by_s), int(ago_s)):
            await timeline.shift(tx, BRIDGE, ClockStep(by_s, now - ago_s))
            clock[0] += by_s
        case ("retention", int(days), None):
            await retention.forget_before(tx, now - days * DAY_S, now)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(EVENTS, max_size=25))
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_counters_equal_rows_after_any_history(
    engine: str, history: list[tuple[str, object, object]]
) -> None:
    database, clock = await Database.open(None, KEY), [START]
    async with database.transaction() as tx:
        bindings = [registry.Binding(module) for module in in_memory_bridge.modules().values()]
        await registry.register(tx, BRIDGE, bindings, START)
    for count, event in enumerate(history):
        async with database.transaction() as tx:
            await _do(tx, event, clock, count)
            text, counted = await _counts(tx)
        assert text == counted
    await database.close()


def _insert(connection: Connection, table: str, row: dict[str, object]) -> None:
    found = MetaData()
    found.reflect(connection, only=[table])
    connection.execute(found.tables[table].insert().values(row))


async def test_counters_are_right_after_migration_retention_and_clock(tmp_path: Path) -> None:
    where = in_memory_bridge.place(tmp_path / "db")
    async with old_database(where, "0013") as tx:
        for days in (0.0, 0.5, 1.0, 40.0):
            row: dict[str, object] = {
                "modem": "stick",
                "module": "pump",
                "job_id": "j",
                "at": START - days * DAY_S,
            }
            await tx.run_sync(partial(_insert, table="sent", row=row))
        for disposition in (*Disposition, *Disposition):
            row = {"digest": bytes(32), "run": "r", "modem": "stick", "received_at": START, "gone": False}
            row = {**row, "disposition": disposition}
            await tx.run_sync(partial(_insert, table="messages", row=row))
    database = await Database.open(where, KEY)
    for event in ((), ("sent", "stick", "pump"), ("clock set", -90_000.0, 90_000), ("retention", 0, None)):
        async with database.transaction() as tx:
            await registry.register(
                tx, BRIDGE, map(registry.Binding, in_memory_bridge.modules().values()), START
            )
            if event:
                await _do(tx, event, [START + 1.0], 0)
            raw, counted = await _counts(tx)
        assert raw == counted
    assert raw
    async with database.transaction() as tx:
        left = (await tx.execute(text("select count(*) from messages"))).scalar()
    await database.close()
    assert left == 2
