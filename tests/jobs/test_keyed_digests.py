"""What the database keeps of secrets is keyed; what an older version kept without a key is gone."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConflictError
from gsm_meter_bridge.installation import InstallationKey
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.storage import schema
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import factory_radio, world
from tests.support.old_tables import old_database

OTHER_KEY = InstallationKey(b"o" * 32)
OLD_DIGEST = hashlib.sha256(b"1234").hexdigest()


async def _fingerprints(database: Database) -> list[str]:
    async with database.transaction() as tx:
        return list((await tx.execute(select(schema.jobs.c.fingerprint))).scalars())


async def test_fingerprint_does_not_reveal_short_password_without_key() -> None:
    async with world(radio=factory_radio()) as w:
        await w.commands.apply("pump", {"access_password": "7391"}, CommandOptions("t"), confirmed=True)
        (found,) = await _fingerprints(w.database)
        done = '["pump", "set", {"access_password": "%s"}, []]'
        guesses = ("".join(digits) for digits in itertools.product("0123456789", repeat=4))
        assert found not in {hashlib.sha256((done % guess).encode()).hexdigest() for guess in guesses}
        with pytest.raises(ConflictError):
            await w.commands.apply("pump", {"access_password": "7392"}, CommandOptions("t"), confirmed=True)


async def test_transaction_is_not_done_again_if_fingerprint_is_of_no_or_other_key(tmp_path: Path) -> None:
    async with world(tmp_path / "db", factory_radio()) as w:
        await w.know_all()
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
        await w.settle()
        for fingerprint in ("", OTHER_KEY.digest("request", "?")):
            async with w.database.transaction() as tx:
                await tx.execute(update(schema.jobs).values(fingerprint=fingerprint))
            sent = len(w.radio.sent)
            again = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("t"))
            await w.settle()
            assert (again.id, len(w.radio.sent)) == (job.id, sent)


async def test_migration_removes_digests_without_key(tmp_path: Path) -> None:
    async with old_database(in_memory_bridge.place(tmp_path / "db"), "0003") as tx:
        message = (
            "insert into messages (digest, run, modem, received_at, fate) values (:d, 'r', 'm', 0, 'new')"
        )
        await tx.execute(text(message), {"d": b"d" * 32})
        columns = "id, module, action, fingerprint, steps, step, state, priority, attempts, created_at"
        rest = ", deadline_at, due_at, write_answered, before, after"
        values = "'a', 'pump', 'set', :old, '[]', 0, 'verified', 0, 0, 0, 0, 0, false, '{}', '{}'"
        await tx.execute(text(f"insert into jobs ({columns}{rest}) values ({values})"), {"old": OLD_DIGEST})
        row = "insert into passwords (module, replaces, password) values ('pump', :old, 'hunter2')"
        await tx.execute(text(row), {"old": OLD_DIGEST})
    async with world(tmp_path / "db") as w:
        assert await _fingerprints(w.database) == [""]
        async with w.database.transaction() as tx:
            assert (await tx.execute(select(schema.messages.c.digest))).scalar() == bytes(32)
        await w.receiver.recover()
        assert w.modules["pump"].access.password == Secret("hunter2")
        async with w.database.transaction() as tx:
            stored = (await tx.execute(select(schema.passwords))).mappings().one()
    assert in_memory_bridge.KEY.made(stored["replaces"])
    assert "hunter2" not in stored["password"]
    async with world(tmp_path / "db") as w:
        await w.receiver.recover()
        assert w.modules["pump"].access.password == Secret("hunter2")


async def test_changed_password_is_encrypted_and_its_loss_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path / "db", factory_radio()) as w:
        await w.commands.apply("pump", {"access_password": "hunter2"}, CommandOptions(), confirmed=True)
        await w.settle()
        async with w.database.transaction() as tx:
            row = (await tx.execute(select(schema.passwords))).mappings().one()
        assert re.fullmatch(r"[0-9a-f]+", row["password"])
        w.database.key = OTHER_KEY
        configured = in_memory_bridge.modules()
        again = Receiver(replace(w.context, modules=configured))
        await again.recover()
        assert configured["pump"].access.password == Secret("1234")
        assert "pump: its access password was changed" in caplog.text
        assert "hunter2" not in caplog.text
