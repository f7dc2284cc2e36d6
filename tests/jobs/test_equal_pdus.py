"""A message that is left at the modem counts once, whoever dies; an equal one later counts, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.schema import messages

PDU, OTHER = "00" * 20, "01" * 20


class _Bridge:
    """What is stored and deleted, run by run."""

    def __init__(self, database: Database) -> None:
        self.database, self.run = database, 0

    async def store(self, *pdus: str) -> None:
        async with self.database.transaction() as tx:
            await inbox.store(tx, "home", "stick", pdus, 1.0, str(self.run), self.database.key)

    async def deleted(self, *pdus: str) -> None:
        async with self.database.transaction() as tx:
            await inbox.note_gone(tx, "stick", pdus, str(self.run), self.database.key)

    async def count(self) -> int:
        async with self.database.reading() as tx:
            return (await tx.execute(select(func.count()).select_from(messages))).scalar_one()


@pytest.mark.parametrize(
    ("history", "count"),
    [
        # s: stored, d: deleted at the modem, k: killed and started again; S and D: of another message
        ("s", 1),
        ("sd", 1),
        ("ss", 2),
        ("sks", 1),
        ("sksks", 1),
        ("sksd", 1),
        ("sdks", 2),
        ("sdksd", 2),
        ("sksds", 2),
        ("sksdks", 2),
        ("ssks", 2),
        ("sskss", 2),
        ("ssksss", 3),
        ("ssdks", 2),
        ("ssdkss", 3),
        ("sdkSDks", 3),
        ("sSdks", 3),
        ("sSdkS", 2),
        ("dks", 1),
        ("sdd", 1),
        ("sddks", 2),
    ],
)
async def test_inbox_counts_message_left_at_modem_once_across_restarts(
    tmp_path: Path, history: str, count: int
) -> None:
    database = await Database.open(tmp_path / "db")
    bridge = _Bridge(database)
    for step in history:
        pdu = OTHER if step.isupper() else PDU
        if step == "k":
            bridge.run += 1
        elif step in "sS":
            await bridge.store(pdu)
        else:
            await bridge.deleted(pdu)
    assert await bridge.count() == count
    await database.close()


async def test_inbox_counts_messages_stored_at_once_except_one_left_at_modem(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "db")
    bridge = _Bridge(database)
    await bridge.store(PDU, PDU, OTHER)
    await bridge.deleted(PDU, OTHER)
    bridge.run += 1
    await bridge.store(PDU, PDU, OTHER, OTHER)
    assert await bridge.count() == 3 + 3  # one of the first was left at the modem
    await database.close()
