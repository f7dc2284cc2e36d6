"""Several pieces of work in one transaction: each is undone alone, all are stored together or not at all."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConflictError, GuardError
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.storage.database import Shared, Transaction
from tests.support.in_memory_bridge import InMemoryBridge, world


async def _stored(w: InMemoryBridge) -> list[str | None]:
    async with w.database.transaction() as tx:
        return [job.transaction for job in await store.waiting(tx, "pump")]


async def test_shared_transaction_undoes_only_command_that_fails() -> None:
    async with world() as w:
        async with w.commands.together() as commands:
            await commands.apply("pump", {"apn": "a"}, CommandOptions("t1"))
            with pytest.raises(ConflictError):
                await commands.apply("pump", {"apn": "b"}, CommandOptions("t1"))
            with pytest.raises(GuardError):
                await commands.act("pump", "restore", CommandOptions("t2"))
            await commands.request_status("pump", CommandOptions("t3"))
            # nobody else sees or waits for half of it
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_stored(w), 0.05)
        assert await _stored(w) == ["t1", "t3"]


async def _insert(tx: Transaction, name: str) -> None:
    row = {"name": name, "holder": "x", "expires_at": 1.0}
    await tx.execute(text("INSERT INTO leases VALUES (:name, :holder, :expires_at)"), row)


async def _insert_two(shared: Shared) -> None:
    async with shared.transaction() as tx:
        await _insert(tx, "b")
        await _insert(tx, "a")


async def test_shared_transaction_undoes_only_part_with_refused_statement() -> None:
    async with world() as w:
        async with w.database.together() as shared:
            async with shared.transaction() as tx:
                await _insert(tx, "a")
            with pytest.raises(DBAPIError):
                await _insert_two(shared)
            async with shared.transaction() as tx:
                await _insert(tx, "c")
        async with w.database.reading() as tx:
            names = (await tx.execute(text("SELECT name FROM leases ORDER BY name"))).scalars().all()
        assert names == ["a", "c"]


async def _apply_and_fail(w: InMemoryBridge) -> None:
    async with w.commands.together() as commands:
        await commands.apply("pump", {"apn": "a"}, CommandOptions("t1"))
        raise ZeroDivisionError


async def test_shared_transaction_stores_nothing_if_it_fails() -> None:
    async with world() as w:
        with pytest.raises(ZeroDivisionError):
            await _apply_and_fail(w)
        assert await _stored(w) == []
        await w.commands.apply("pump", {"apn": "a"}, CommandOptions("t1"))
        assert await _stored(w) == ["t1"]


async def test_shared_transaction_recognizes_repeated_request() -> None:
    async with world() as w:
        async with w.commands.together() as commands:
            first = await commands.apply("pump", {"apn": "a"}, CommandOptions("t1"))
            assert (await commands.apply("pump", {"apn": "a"}, CommandOptions("t1"))).id == first.id
            button = await commands.act("pump", "reboot", CommandOptions())
            assert (await commands.act("pump", "reboot", CommandOptions())).id == button.id
            assert (await commands.act("pump", "reboot", CommandOptions(redelivered=True))).id == button.id
        assert len(await _stored(w)) == 2


async def test_redelivered_secret_is_recognized_by_its_fingerprint() -> None:
    async with world() as w:
        request = {"apn": "m2m", "apn_password": "hunter2"}
        job = await w.commands.apply("pump", request, CommandOptions())
        await w.settle()
        assert (await w.job(job)).state.final
        assert (await w.commands.apply("pump", request, CommandOptions(redelivered=True))).id == job.id
        other = request | {"apn_password": "hunter3"}
        assert (await w.commands.apply("pump", other, CommandOptions(redelivered=True))).id != job.id
