"""`database`: backup files of the database, and its way to another server or file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import voluptuous as vol

from gsm_meter_bridge.cli.options import ConfigOption
from gsm_meter_bridge.cli.output import echo, echo_line, note, reported
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.config.values import database as checked_database
from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.files import shown_path
from gsm_meter_bridge.storage import backups, transfer
from gsm_meter_bridge.storage.database import place_of
from gsm_meter_bridge.vocabulary import Secret

database_app = typer.Typer(help="Back up, restore and move the bridge's database.", no_args_is_help=True)

_Backup = Annotated[
    Path, typer.Argument(metavar="FILE", help="The backup: one file, for SQLite and PostgreSQL.")
]
_PLACE = "An SQLite file, postgresql://..., or a configuration (.yaml): its database."
_From = Annotated[str, typer.Argument(metavar="FROM", help=_PLACE)]
_To = Annotated[str, typer.Argument(metavar="TO", help=_PLACE)]
_CONFIGURATIONS = (".yaml", ".yml")


@database_app.callback()
def _group() -> None:
    """Back up, restore and move the bridge's database."""


@database_app.command()
def backup(file: _Backup, config: ConfigOption) -> None:
    """Write the database into a new file; the bridge may run meanwhile.

    The installation's key is not in it: keep a copy of the key apart from it.
    """
    with reported():
        bridge = load_config(config).bridge
        rows = asyncio.run(backups.backup(bridge.database, file))
    _report(rows)
    echo_line(f"{place_of(bridge.database)} is backed up in {shown_path(file)}")
    note(f"its key is not in it: keep a copy of {shown_path(bridge.key_file)} elsewhere")


@database_app.command()
def restore(file: _Backup, config: ConfigOption) -> None:
    """Replace the database with a backup; the bridge must be stopped.

    What is there now is kept in a file beside it (PostgreSQL: beside the
    backup), whose name is printed. Changes and actions that wait in the backup
    may have been done since: the bridge reads them back and never sends them.
    """
    with reported():
        bridge = load_config(config).bridge
        done = asyncio.run(backups.restore(file, bridge.database, _aside(bridge.database, file)))
    _report(done.rows)
    echo_line(f"{place_of(bridge.database)} is restored from {shown_path(file)}")
    if done.kept is not None:
        note(f"what was there is kept in {shown_path(done.kept)}")


@database_app.command()
def copy(source: _From, target: _To) -> None:
    """Copy a database into an empty one, SQLite or PostgreSQL; stop its bridges first.

    Every user of the machine sees the arguments of a command: keep passwords in
    a configuration (!secret), in PGPASSWORD or in ~/.pgpass.
    """
    with reported():
        old, new = _place("FROM", source), _place("TO", target)
        rows = asyncio.run(transfer.copy(old, new))
    _report(rows)
    echo_line(f"{place_of(old)} is copied to {place_of(new)}, and as many rows are there")


def _aside(where: Path | Secret, file: Path) -> Path:
    """Return the file in which what is there before is kept."""
    beside = Path(os.path.realpath(where)) if isinstance(where, Path) else file
    now = datetime.fromtimestamp(time.time(), UTC)
    return beside.with_name(f"{beside.name}.before-{now:%Y%m%dT%H%M%SZ}")


def _place(argument: str, given: str) -> Path | Secret:
    """Return the database that an argument names; an error never repeats it, as it may hold a password."""
    if given.lower().endswith(_CONFIGURATIONS):
        return load_config(Path(given)).bridge.database
    try:
        return checked_database(given)
    except vol.Invalid as error:
        allowed = error.msg.removeprefix("allowed: ")
        raise InvalidValueError(argument, given, f"{allowed}, or a configuration (.yaml)") from None


def _report(rows: Mapping[str, int]) -> None:
    for name, number in rows.items():
        if number:
            echo(f"{name:<20} {number:>9}")
