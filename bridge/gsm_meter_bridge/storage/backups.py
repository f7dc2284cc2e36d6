"""Backup files of a database, which are SQLite databases whatever it is itself, and their restoration."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gsm_meter_bridge.errors import ConfigError, TransferError
from gsm_meter_bridge.files import look_at, reason_of, shown_path
from gsm_meter_bridge.storage import generations, transfer
from gsm_meter_bridge.storage.database import be_no_part, check_place, place_of
from gsm_meter_bridge.storage.migrate import known_revision, migrate
from gsm_meter_bridge.storage.schema import leases as lease_rows
from gsm_meter_bridge.storage.trouble import DAMAGED_CODES
from gsm_meter_bridge.vocabulary import Secret

_BESIDE = ("-wal", "-shm", "-journal")
_MAGIC = b"SQLite format 3\0"
_DMS = 128
"""The octet of the -shm file that every process locks that has the database open (unix VFS of SQLite)."""
_BUSY_S = 10.0


@dataclass(frozen=True, slots=True)
class Restored:
    """The number of rows by table, and where what was there before is kept (None: nothing was there)."""

    rows: dict[str, int]
    kept: Path | None


async def backup(where: Path | Secret, file: Path) -> dict[str, int]:
    """Write a consistent copy of a database into a new file; return the number of rows by table.

    A bridge may run with it. The copy says that it is one, so that a bridge that is started with it knows
    that more may have been done. Raises TransferError or ConfigError; then there is no file.
    """
    _be_new(file)
    be_no_part(file, where)
    with _draft(file) as draft:
        await _fill(where, draft)
        with _described(place_of(where), "backed up"):
            rows = await _prepare(draft, is_copy=True)
        _appear(draft, file)
    return rows


async def restore(file: Path, where: Path | Secret, aside: Path) -> Restored:
    """Replace a database with the copy in `file`, and keep what was there in the new file `aside`.

    Raises TransferError or ConfigError if a bridge runs with the database, or `file` is not a good copy or
    newer than this program; then nothing is changed.
    """
    _look_at_copy(file)
    where = _followed(where)
    with _draft(where if isinstance(where, Path) else aside) as draft:
        await asyncio.to_thread(_copy_file, file, draft)
        with _described(shown_path(file), "restored"):
            await _prepare(draft, is_copy=True)
        if isinstance(where, Path) and await _unusable(where):
            async with transfer.snapshot(draft) as copy:
                rows = await copy.run_sync(transfer.counts)
            return Restored(rows, _swap(draft, where, aside))
        return await _replace(draft, where, aside)


async def _replace(draft: Path, where: Path | Secret, aside: Path) -> Restored:
    """Replace all rows in one transaction; bridges that start meanwhile wait for its end."""
    async with transfer.writing(where) as tx:
        await tx.run_sync(migrate)
        await transfer.be_unused(tx, where)
        kept = any((await tx.run_sync(transfer.counts)).values())
        if kept:
            with _draft(aside) as before:
                await _fill(where, before)
                await _prepare(before, is_copy=False)
                _appear(before, aside)
        await tx.run_sync(transfer.clear)
        async with transfer.snapshot(draft) as copy:
            rows = await transfer.both(copy, tx, transfer.copy_rows)
    return Restored(rows, aside if kept else None)


def _followed(where: Path | Secret) -> Path | Secret:
    """Return the file that a link leads to, so that the link stays; ConfigError if it cannot be written."""
    if isinstance(where, Secret):
        return where
    file = Path(os.path.realpath(where))
    check_place(file)
    return file


def _swap(draft: Path, where: Path, aside: Path) -> Path | None:
    """Put the copy where there is no database, or one that cannot be read, which is moved to `aside`."""
    _journal_like_a_file(draft)
    kept = where.exists()
    if kept:
        if _is_open(where):
            raise TransferError(f"{place_of(where)}: a program has it open; stop the bridge first")
        os.link(where, aside)
    for ending in _BESIDE:  # a log of the former database would be applied to the new one
        beside = where.with_name(f"{where.name}{ending}")
        if beside.exists():
            beside.rename(aside.with_name(f"{aside.name}{ending}"))
    draft.replace(where)
    _sync(where)
    return aside if kept else None


async def _unusable(where: Path) -> bool:
    """Return whether there is no database of this version or an older one."""
    try:
        _look_at_copy(where)
        async with transfer.snapshot(where) as tx:
            await tx.run_sync(known_revision)
    except (TransferError, ConfigError):
        return True
    return not _is_sound(where)


async def _fill(where: Path | Secret, draft: Path) -> None:
    """Copy a consistent state of the database at `where` into `draft`."""
    if isinstance(where, Path):
        _look_at_copy(where)
        with transfer.reported(where):
            await asyncio.to_thread(_copy_file, where, draft)
        return
    async with transfer.snapshot(where) as source, transfer.writing(draft) as target:
        await transfer.be_current(source, where)
        await target.run_sync(migrate)
        await transfer.both(source, target, transfer.copy_rows)


async def _prepare(draft: Path, *, is_copy: bool) -> dict[str, int]:
    """Bring a copy to this version's tables, and mark it as a copy; TransferError if it is damaged."""
    if not await asyncio.to_thread(_is_sound, draft):
        raise TransferError("the database is damaged")
    async with transfer.writing(draft) as tx:
        if await tx.run_sync(known_revision) is None:
            raise TransferError("nothing of a bridge is in it")
        await tx.run_sync(migrate)
        await tx.execute(lease_rows.delete())
        if is_copy:
            await generations.mark_restored(tx)
        rows = await tx.run_sync(transfer.counts)
    await asyncio.to_thread(_journal_like_a_file, draft)
    return rows


def _be_new(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise TransferError(f"{shown_path(file)} is there already; name another file")


def _look_at_copy(file: Path) -> None:
    """Raise TransferError unless `file` begins like an SQLite database."""
    try:
        look_at(file)
        with file.open("rb") as opened:
            beginning = opened.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        raise TransferError(f"{shown_path(file)} cannot be read: {reason_of(error)}") from error
    if beginning != _MAGIC:
        raise TransferError(f"{shown_path(file)} is no database of SQLite")


@contextmanager
def _described(name: str, done: str) -> Iterator[None]:
    """Say of what is called `name` what is wrong with the draft that was made of it."""
    try:
        yield
    except (TransferError, ConfigError) as error:
        message = str(error).removeprefix("the database cannot be used: ")
        raise TransferError(f"{name} cannot be {done}: {message}") from error


def _copy_file(source: Path, target: Path) -> None:
    """Copy an SQLite database, as it is at one moment, into the empty file `target`."""
    # without a log beside it, nothing is created there: the file may lie where nobody may write
    alone = not source.with_name(f"{source.name}-wal").exists()
    url = f"file:{quote(str(source.absolute()))}?mode=ro{'&immutable=1' if alone else ''}"
    with (
        _sqlite_errors(source, target),
        closing(sqlite3.connect(url, uri=True, timeout=_BUSY_S)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=_BUSY_S)) as connection:
        try:
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
        except sqlite3.DatabaseError:
            return False


def _journal_like_a_file(file: Path) -> None:
    """Have a database be one file: a write-ahead log would lie beside it."""
    with _sqlite_errors(file), closing(sqlite3.connect(file, timeout=_BUSY_S)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()


@contextmanager
def _sqlite_errors(file: Path, target: Path | None = None) -> Iterator[None]:
    """Raise TransferError for errors of SQLite with `file`, which is copied to `target`."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise TransferError(f"the disk of {shown_path((target or file).parent)} is full") from error
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED_CODES
        message = f"is damaged ({error})" if damaged else f"cannot be used: {error}"
        raise TransferError(f"{shown_path(file)} {message}") from error


def _is_open(where: Path) -> bool:
    """Return whether another process has an SQLite database open."""
    try:
        with where.with_name(f"{where.name}-shm").open("r+b") as shm:
            fcntl.lockf(shm, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _DMS)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    """Yield the path of a new empty file beside `file`, for its owner only, which is removed at the end."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except (OSError, ValueError) as error:
        raise TransferError(f"{shown_path(file)} cannot be made: {reason_of(error, making=True)}") from error
    try:
        yield draft
    finally:
        for ending in ("", *_BESIDE):
            draft.with_name(f"{draft.name}{ending}").unlink(missing_ok=True)


def _appear(draft: Path, file: Path) -> None:
    """Give a draft its name, unless that is taken, and have it on the disk."""
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        raise TransferError(f"{shown_path(file)} is there already; name another file") from None
    except OSError:  # a file system without hard links
        draft.rename(file)
    _sync(file)


def _sync(file: Path) -> None:
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
