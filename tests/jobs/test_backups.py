"""Backup files, their restoration, and databases that move from one engine to the other."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.errors import ConfigError, TransferError
from gsm_meter_bridge.jobs.continuity import Continuity
from gsm_meter_bridge.model.job import Job, State
from gsm_meter_bridge.storage import backups, generations, store, transfer
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.leases import Leases
from gsm_meter_bridge.storage.schema import REVISION
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import BRIDGE, InMemoryBridge, world
from tests.support.old_tables import old_database

Where = Path | Secret
Rows = dict[str, list[dict[str, Any]]]


def _place(path: Path) -> Where:
    found = in_memory_bridge.place(path)
    assert found is not None
    return found


async def _rows(where: Where) -> Rows:
    """All rows but leases, and without what tells a copy."""
    found = {}
    async with transfer.snapshot(where) as tx:
        for table in transfer.TABLES:
            order = tuple(table.primary_key.columns)
            rows = (await tx.execute(select(table).order_by(*order))).mappings()
            found[table.name] = [{n: v for n, v in row.items() if n != "restored"} for row in rows]
    return found


async def _fill(w: InMemoryBridge) -> Job:
    """Give a database history: something done, something that waits."""
    async with w.database.transaction() as tx:
        await generations.begun(tx, BRIDGE)
    await w.know_status("pump")
    await w.commands.apply("pump", {"csd_idle_timeout_s": 77}, CommandOptions("t0"))
    await w.settle()
    return await w.commands.act("pump", "reboot", CommandOptions("t1"), confirmed=True)


def _tables(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]


async def _held(where: Where) -> Leases:
    held = Leases(await Database.open(where), ("bridge:home",))
    await held.acquire()
    return held


async def test_backup_of_running_bridge_is_restored_with_all_rows(tmp_path: Path) -> None:
    where, file, aside = _place(tmp_path / "db"), tmp_path / "backup", tmp_path / "aside"
    async with world(tmp_path / "db") as w:
        job = await _fill(w)
        held = await _held(where)
        before = await _rows(where)
        saved = await backups.backup(where, file)
        await held.release()
        await w.settle()
        await w.later(300.0)
        assert (await w.job(job)).state is State.VERIFIED
        later = await _rows(where)
    assert later != before
    assert file.stat().st_mode & 0o077 == 0
    assert saved == {name: len(rows) for name, rows in before.items()}
    assert await _rows(file) == before
    done = await backups.restore(file, where, aside)
    assert (done.rows, done.kept) == (saved, aside)
    assert await _rows(where) == before
    assert await _rows(aside) == later
    async with world(tmp_path / "db") as w:
        continuity = Continuity(w.context)
        await continuity.begin()
        assert (await w.job(job)).shown_state is State.UNCERTAIN
    # what was kept is no copy of a bridge's: it goes on where it was
    await backups.restore(aside, where, tmp_path / "aside2")
    assert await _rows(where) == later
    assert {p.name for p in tmp_path.iterdir() if "aside" in p.name or "backup" in p.name} == {
        "backup",
        "aside",
        "aside2",
    }


async def test_restored_database_numbers_new_rows_after_its_own(tmp_path: Path) -> None:
    where, file = _place(tmp_path / "db"), tmp_path / "backup"
    async with world(tmp_path / "db") as w:
        await _fill(w)
        await backups.backup(where, file)
    await backups.restore(file, where, tmp_path / "aside")
    async with world(tmp_path / "db") as w:
        await w.settle()
        await w.commands.apply("hut", {"connect_period_s": 77}, CommandOptions("t2"))
        await w.settle()
        async with w.database.reading() as tx:
            found = await store.latest(tx, 1, "hut")
    assert [job.state for job in found] == [State.VERIFIED]


async def test_database_of_running_bridge_is_neither_restored_nor_copied(tmp_path: Path) -> None:
    where, file = _place(tmp_path / "db"), tmp_path / "backup"
    async with world(tmp_path / "db") as w:
        await _fill(w)
        await backups.backup(where, file)
        held = await _held(where)
        before = await _rows(where)
        for refused in (
            lambda: backups.restore(file, where, tmp_path / "aside"),
            lambda: transfer.copy(where, tmp_path / "other"),
        ):
            with pytest.raises(TransferError, match="bridge home runs with it; stop it first"):
                await refused()
        assert await _rows(where) == before
        await held.release()
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("db")) == ["backup"]


def _no_file(_backup: Path, file: Path) -> None:
    assert not file.exists()


def _folder(_backup: Path, file: Path) -> None:
    file.mkdir()


def _text(_backup: Path, file: Path) -> None:
    file.write_text("not a database\n" * 100)


def _empty(_backup: Path, file: Path) -> None:
    file.touch()


def _cut(backup: Path, file: Path) -> None:
    file.write_bytes(backup.read_bytes()[: backup.stat().st_size // 2])


def _broken(backup: Path, file: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[4096 : 3 * 4096] = b"\xff" * (2 * 4096)
    file.write_bytes(content)


def _statement(*statements: str, keep: bool) -> Callable[[Path, Path], None]:
    def change(backup: Path, file: Path) -> None:
        if keep:
            shutil.copy(backup, file)
        with closing(sqlite3.connect(file)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return change


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_no_file, "there is no such file"),
        (_folder, "it is a folder"),
        (_text, "is no database of SQLite"),
        (_empty, "is no database of SQLite"),
        (_cut, "is damaged"),
        (_broken, "is damaged"),
        (_statement("create table x (y)", "drop table x", keep=False), "nothing of a bridge is in it"),
        (_statement("create table songs (title)", keep=False), "of another program ('songs')"),
        (_statement("create table jobs (title)", keep=False), "of another program"),
        (_statement("update alembic_version set version_num = '9999'", keep=True), "newer version"),
        (_statement("drop table readings", keep=True), "tables are missing: readings"),
    ],
)
async def test_restore_refuses_file_that_is_no_good_backup_and_changes_nothing(
    tmp_path: Path, spoil: Callable[[Path, Path], None], text: str
) -> None:
    where, backup, file = _place(tmp_path / "db"), tmp_path / "backup", tmp_path / "file"
    async with world(tmp_path / "db") as w:
        await _fill(w)
    await backups.backup(where, backup)
    before = await _rows(where)
    spoil(backup, file)
    with pytest.raises(TransferError) as caught:
        await backups.restore(file, where, tmp_path / "aside")
    assert text in str(caught.value)
    assert await _rows(where) == before
    assert not [p.name for p in tmp_path.iterdir() if p.name not in ("db", "backup", "file", "db.key")]


async def test_backup_of_older_version_is_restored_and_marked(tmp_path: Path) -> None:
    where, old = _place(tmp_path / "db"), tmp_path / "old"
    async with old_database(old, "0010") as tx:
        module = {"id": "pump", "bridge": BRIDGE, "msisdn": "+79990000201", "route": "any"}
        await tx.execute(text("insert into modules values (:id, :bridge, :msisdn, :route)"), module)
    await (await Database.open(where)).close()
    done = await backups.restore(old, where, tmp_path / "aside")
    assert (done.rows["modules"], done.kept) == (1, None)
    async with transfer.snapshot(where) as tx:
        revision = (await tx.execute(text("select version_num from alembic_version"))).scalar()
        own = await generations.known(tx, BRIDGE)
    assert revision == REVISION
    assert own is not None
    assert own.restored


async def test_backup_refuses_file_that_is_there(tmp_path: Path) -> None:
    where, file = _place(tmp_path / "db"), tmp_path / "backup"
    await (await Database.open(where)).close()
    file.write_text("mine")
    with pytest.raises(TransferError, match="is there already"):
        await backups.backup(where, file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_damaged_database_is_moved_aside_when_backup_is_restored(tmp_path: Path) -> None:
    where, file, aside = tmp_path / "db", tmp_path / "backup", tmp_path / "aside"
    async with world(where) as w:
        await _fill(w)
        await backups.backup(where, file)
    good = await _rows(where)
    content = bytearray(where.read_bytes())
    content[4096 : 3 * 4096] = b"\xff" * (2 * 4096)
    where.write_bytes(content)
    with pytest.raises(TransferError, match="damaged"):
        await backups.backup(where, tmp_path / "second")
    done = await backups.restore(file, where, aside)
    assert done.kept == aside
    assert aside.read_bytes() == bytes(content)
    assert await _rows(where) == good


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_damaged_database_that_is_open_is_not_replaced(tmp_path: Path) -> None:
    where, file = tmp_path / "db", tmp_path / "backup"
    async with world(where) as w:
        await _fill(w)
        await backups.backup(where, file)
    # a bridge does not end because its database is damaged
    holds = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('pragma journal_mode=wal')\n"
        "c.execute('select count(*) from jobs').fetchall()\nprint('held', flush=True)\ninput()\n"
    )
    command = [sys.executable, "-c", holds, str(where)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        where.write_bytes(b"no database any more" + bytes(1000))
        with pytest.raises(TransferError, match="has it open"):
            await backups.restore(file, where, tmp_path / "aside")
        assert where.read_bytes().startswith(b"no database any more")
        holder.kill()


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_database_of_another_program_is_moved_aside_and_gets_no_table(tmp_path: Path) -> None:
    where, file, aside = tmp_path / "db", tmp_path / "backup", tmp_path / "aside"
    async with world(where) as w:
        await _fill(w)
        await backups.backup(where, file)
    good = await _rows(where)
    songs = tmp_path / "songs"
    _statement("create table songs (title)", keep=False)(file, songs)
    with pytest.raises(ConfigError, match="of another program"):
        await transfer.copy(where, songs)
    with pytest.raises(ConfigError, match="of another program"):
        await Database.open(songs)
    assert _tables(songs) == ["songs"]
    songs.replace(where)
    assert (await backups.restore(file, where, aside)).kept == aside
    assert _tables(aside) == ["songs"]
    assert await _rows(where) == good


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
async def test_name_of_a_file_that_sqlite_deletes_is_refused(tmp_path: Path, ending: str) -> None:
    where, link = tmp_path / "db", tmp_path / "link"
    await (await Database.open(where)).close()
    link.symlink_to(where)
    before = sorted(tmp_path.iterdir())
    for one in (where, link):
        part = tmp_path / f"{where.name}{ending}"
        with pytest.raises(TransferError, match="SQLite's own file"):
            await backups.backup(one, part)
        with pytest.raises(TransferError, match="SQLite's own file"):
            await transfer.copy(one, part)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("content", [b"no database", None])
async def test_restore_follows_link_to_database(tmp_path: Path, content: bytes | None) -> None:
    where, link, file = tmp_path / "db", tmp_path / "link", tmp_path / "backup"
    async with world(where) as w:
        await _fill(w)
        await backups.backup(where, file)
    good = await _rows(where)
    where.unlink()
    if content is not None:
        where.write_bytes(content)
    link.symlink_to(where)
    await backups.restore(file, link, tmp_path / "aside")
    assert link.is_symlink()
    assert await _rows(where) == good


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(("make", "said"), [(Path.mkdir, "it is a folder"), (os.mkfifo, "no regular file")])
async def test_restore_refuses_place_that_is_no_file(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    file, where = tmp_path / "backup", tmp_path / "place"
    await (await Database.open(tmp_path / "db")).close()
    await backups.backup(tmp_path / "db", file)
    make(where)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError, match=said):
        await backups.restore(file, where, tmp_path / "aside")
    assert sorted(tmp_path.iterdir()) == before


async def test_database_goes_to_other_engine_and_back_with_all_rows(
    tmp_path: Path, postgresql: Any, engine: str
) -> None:
    start = _place(tmp_path / "db")
    async with world(tmp_path / "db") as w:
        await _fill(w)
    other: Where = postgresql.database() if engine == "sqlite" else tmp_path / "other"
    back: Where = tmp_path / "back" if engine == "sqlite" else postgresql.database()
    there = await transfer.copy(start, other)
    assert there == await transfer.copy(other, back)
    before = await _rows(start)
    assert {name: len(rows) for name, rows in before.items()} == there
    assert await _rows(other) == await _rows(back) == before
    with pytest.raises(TransferError, match=r"is not empty: .*jobs 3"):
        await transfer.copy(other, back)
    with pytest.raises(TransferError, match="the same database"):
        await transfer.copy(other, other)


async def test_copy_refuses_database_that_no_bridge_used_or_that_is_older(tmp_path: Path) -> None:
    where = _place(tmp_path / "db")
    if isinstance(where, Path):
        with pytest.raises(TransferError, match="no such file"):
            await transfer.copy(where, tmp_path / "other")
    async with old_database(where, "0010"):
        pass
    with pytest.raises(TransferError, match="older revision 0010"):
        await transfer.copy(where, tmp_path / "other")
    assert not (tmp_path / "other").exists()


async def test_copy_shows_no_password_if_server_is_away(tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "sqlite")).close()
    with pytest.raises(TransferError) as caught:
        await transfer.copy(tmp_path / "sqlite", Secret("postgresql+asyncpg://me:hunter2@127.0.0.1:9/x"))
    assert "x at 127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_rows_that_do_not_arrive_are_noticed_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = _place(tmp_path / "db")
    async with world(tmp_path / "db") as w:
        await _fill(w)
    found: Callable[[Any], dict[str, int]] = transfer.counts
    monkeypatch.setattr(
        transfer, "counts", lambda c: {**found(c), "sent": found(c)["sent"] and id(c) % 1_000_000 + 1}
    )
    with pytest.raises(TransferError, match="not every row arrived: sent"):
        await transfer.copy(where, tmp_path / "other")
    assert not (tmp_path / "other").exists()
