"""What is blanked leaves the file: it stays neither in free pages nor in the write-ahead log."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.inbox import Disposition
from gsm_meter_bridge.storage.schema import messages
from tests.support.in_memory_bridge import KEY, START

SECRET = "Zq7mKx2w"


@pytest.fixture
def engine() -> str:
    """Files of SQLite are looked into."""
    return "sqlite"


def _traces(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob(f"{path.name}*") if SECRET.encode() in p.read_bytes()]


@pytest.mark.parametrize("how", ["settled", "deleted"])
@pytest.mark.parametrize("length", [10, 3000, 20_000])
async def test_blanked_message_leaves_no_trace_in_database_files(
    tmp_path: Path, how: str, length: int
) -> None:
    path = tmp_path / "db"
    database = await Database.open(path, KEY)
    pdus = [f"{n:04}{SECRET}".ljust(length, "F") for n in range(20)]
    async with database.transaction() as tx:
        await inbox.store(tx, "home", "stick", pdus, START, "run", KEY)
    await database.tidy()
    assert _traces(path) == ["db"]
    async with database.transaction() as tx:
        if how == "settled":
            await inbox.mark_processed(tx, range(1, 21), Disposition.USED, inbox.Kept(text="masked"))
        else:
            await tx.execute(delete(messages))
    await database.tidy()
    assert _traces(path) == []
    await database.close()
    assert _traces(path) == []


async def test_tidy_succeeds_after_each_of_many_transactions(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "db", KEY)
    for n in range(50):
        async with database.transaction() as tx:
            await inbox.store(tx, "home", "stick", [f"{n:04}"], START, "run", KEY)
        await database.tidy()
    await database.close()


async def test_tidy_empties_write_ahead_log(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "db", KEY)
    await database.tidy()
    assert (tmp_path / "db-wal").stat().st_size == 0
    async with database.transaction() as tx:
        await inbox.store(tx, "home", "stick", ["00"], START, "run", KEY)
    assert (tmp_path / "db-wal").stat().st_size > 0
    await database.tidy()
    assert (tmp_path / "db-wal").stat().st_size == 0
    await database.close()
