"""A database of each earlier revision is upgraded with rows of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, select

from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.storage import migrations, observations, schema
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.inbox import Disposition
from gsm_meter_bridge.storage.rows import to_job
from tests.support import in_memory_bridge
from tests.support.old_tables import old_database

REVISIONS = sorted(
    r.revision for r in ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
)
OLD_DISPOSITIONS = {Disposition.UNKNOWN_SENDER: "stranger"}
"""Values that the rows of revision 0011 and before have instead."""
MODEM, STEPS = "stick", '[{"purpose": "read", "kind": "read", "name": "status", "changes": {}}]'


def _rows(name: str) -> list[dict[str, Any]]:
    """Rows of a table, with the names that any of its revisions had."""
    match name:
        case "jobs":
            common = {
                "action": "poll",
                "fingerprint": "f",
                "steps": STEPS,
                "step": 0,
                "priority": 2,
                "attempts": 1,
            }
            common |= {"created_at": 1.0, "deadline_at": 2.0, "due_at": 1.0, "write_answered": False}
            common |= {"before": "{}", "after": "{}", "error_words": "why", "route": MODEM}
            common |= {"error_message": "why", "sent_via": MODEM}
            return [{**common, "id": s, "module": f"m-{s}", "state": s} for s in State]
        case "transitions":
            common = {"at": 1.0, "event": "accept", "to_state": "queued", "step": 0}
            return [{**common, "job_id": s} for s in State]
        case "messages":
            common = {"digest": bytes(32), "run": "r", "modem": MODEM, "received_at": 1.0, "bridge": "home"}
            kinds = [(d, OLD_DISPOSITIONS.get(d, d)) for d in Disposition]
            return [{**common, "disposition": new, "fate": old, "sender": new} for new, old in kinds]
        case "modules":
            return [{"id": f"m-{s}", "bridge": "home", "msisdn": f"+{s}", "route": "any"} for s in State]
        case "wanted" | "desired_settings":
            return [{"module": "m-sent", "name": "apn", "value": '"internet"', "job_id": "sent"}]
        case "readings":
            return [{"module": "m-sent", "name": "apn", "value": '"m2m"', "source": "sms", "at": 1.0}]
        case "contacts":
            return [{"module": "m-sent", "last_seen_at": 1.0, "missed": 2, "next_poll_at": 3.0}]
        case "sent":
            return [{"modem": MODEM, "module": "m-sent", "job_id": s, "at": 1.0} for s in State]
    return []


def _fill(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        for row in _rows(table.name):
            known = {name: value for name, value in row.items() if name in table.c}
            connection.execute(table.insert().values(known))


def _difference(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), schema.metadata))


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_database_of_each_revision_is_upgraded_with_all_its_rows(tmp_path: Path, revision: str) -> None:
    where = in_memory_bridge.place(tmp_path / "db")
    async with old_database(where, revision) as tx:
        await tx.run_sync(_fill)
    database = await Database.open(where)
    async with database.transaction() as tx:
        assert await tx.run_sync(_difference) == []

        async def rows(table: Table) -> list[Any]:
            return list((await tx.execute(select(table))).mappings())

        jobs = [to_job(row) for row in await rows(schema.jobs)]
        assert {j.id: (j.state, j.error_message) for j in jobs} == {s: (s, "why") for s in State}
        assert {j.sent_via for j in jobs} == {None if revision < "0002" else MODEM}
        assert {row["job_id"] for row in await rows(schema.transitions)} == set(State)
        assert {row["sender"]: row["disposition"] for row in await rows(schema.messages)} == {
            d: d for d in Disposition
        }
        assert len(await rows(schema.sent)) == len(State)
        facts = await observations.facts(tx, "m-sent")
    await database.close()
    assert (tuple(facts.drift()), facts.missed, facts.next_poll_at) == (("apn",), 2, 3.0)
