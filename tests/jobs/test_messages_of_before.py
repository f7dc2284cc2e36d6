"""An update of the bridge: what it kept of messages before it masked them is blanked."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from gsm_meter_bridge.storage import schema
from gsm_meter_bridge.storage.database import Database
from tests.support import in_memory_bridge
from tests.support.old_tables import old_database


async def test_migration_blanks_texts_that_were_not_masked(tmp_path: Path) -> None:
    where = in_memory_bridge.place(tmp_path / "db")
    async with old_database(where, "0004") as tx:
        for fate in ("new", "used", "unmatched", "stranger", "orphaned", "undecodable"):
            columns = "digest, run, bridge, modem, received_at, pdu, fate, text"
            values = f":digest, 'x', '', 'm', 0, '07', '{fate}', 'hunter2'"
            await tx.execute(
                text(f"insert into messages ({columns}) values ({values})"), {"digest": b"x" * 32}
            )
    database = await Database.open(where)
    async with database.transaction() as tx:
        rows = (await tx.execute(select(schema.messages))).all()
    await database.close()
    kept = {row.disposition: (row.pdu, row.text) for row in rows}
    assert kept.pop("new") == ("07", "hunter2")
    assert kept.pop("used")[1] == "hunter2"  # its secrets were masked
    assert set(kept.values()) == {(None, None)}
