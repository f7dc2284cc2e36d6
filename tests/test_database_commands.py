"""`database backup`, `restore` and `copy` at the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.storage import generations
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.leases import Leases, of_bridge

_FILE = """\
bridge: {{id: home, database: "{database}"}}
mqtt: {{host: 127.0.0.1}}
modems: [{{id: stick, url: /dev/ttyUSB0}}]
modules: [{{id: hut, family: energomera_gs04, number: "+79990000101", password: "0000"}}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(_FILE.format(database="home.db"))
    _use(tmp_path / "home.db")
    return file


def _use(where: Path) -> None:
    """Have a bridge begin with a database."""

    async def begin() -> None:
        database = await Database.open(where)
        async with database.transaction() as tx:
            await generations.begun(tx, "home")
        await database.close()

    asyncio.run(begin())


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["database", *arguments], terminal_width=80)


def test_backup_and_restore_print_what_they_did_and_where_the_former_is(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    saved = _run("backup", str(file), "-c", str(config))
    assert saved.exit_code == 0, saved.output
    assert "generations" in saved.stdout
    assert "is backed up in" in saved.stdout
    assert "home.db.key" in saved.stderr
    done = _run("restore", str(file), "-c", str(config))
    assert done.exit_code == 0, done.output
    [kept] = tmp_path.glob("home.db.before-*")
    assert kept.name in done.stderr.replace("\n", "")
    assert _run("backup", str(file), "-c", str(config)).exit_code == 1


def test_restore_ends_with_1_if_bridge_runs(config: Path, tmp_path: Path) -> None:
    assert _run("backup", str(tmp_path / "backup"), "-c", str(config)).exit_code == 0

    async def hold() -> Result:
        database = await Database.open(tmp_path / "home.db")
        held = Leases(database, (of_bridge("home"),))
        await held.acquire()
        try:
            return await asyncio.to_thread(_run, "restore", str(tmp_path / "backup"), "-c", str(config))
        finally:
            await held.release()
            await database.close()

    refused = asyncio.run(hold())
    assert refused.exit_code == 1
    assert "bridge home runs with it; stop it first" in " ".join(refused.stderr.split())
    assert not list(tmp_path.glob("home.db.before-*"))


def test_copy_takes_configurations_and_files(config: Path, tmp_path: Path) -> None:
    done = _run("copy", str(config), str(tmp_path / "other.db"))
    assert done.exit_code == 0, done.output
    assert "as many rows are there" in " ".join(done.stdout.split())
    again = _run("copy", str(config), str(tmp_path / "other.db"))
    assert again.exit_code == 1
    assert "is not empty: generations 1" in " ".join(again.stderr.split())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:9/x",
        "postgresql://me:hunter2@127.0.0.1:99999/x",
        "mysql://me:hunter2@127.0.0.1/x",
        "me:hunter2@host",
    ],
)
def test_copy_never_shows_password_of_url(config: Path, url: str) -> None:
    for arguments in ((str(config), url), (url, str(config))):
        refused = _run("copy", *arguments)
        assert refused.exit_code == 1
        assert "hunter2" not in refused.output
        assert refused.stderr.strip()
