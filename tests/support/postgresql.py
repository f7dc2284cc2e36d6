"""A PostgreSQL server of the tests' own, on a free port of loopback, in a folder that goes when it goes."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

import asyncpg
import psutil

from gsm_meter_bridge.vocabulary import Secret
from tests.support.mosquitto import free_port
from tests.support.waiting import PATIENCE_S

_PASSWORD = "only for tests"


class Postgresql:
    """A server; `database()` gives the URL of a new, empty database."""

    def __init__(self) -> None:
        # not in pytest's folders: those are for their owner only, and the server runs as somebody else
        self._folder, self.port = Path(tempfile.mkdtemp(prefix="postgresql-")), free_port()
        self._data = self._folder / "data"
        self._log = self._folder / "postgresql.log"
        self._count = 0
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        assert found, "postgresql is not installed: apt-get install postgresql"
        self._bin = found[-1].parent
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.chmod(0o755)
        secret = self._folder / "password"
        secret.write_text(_PASSWORD)
        self._data.mkdir(mode=0o700)
        for path in (self._data, secret):
            _give(path)
        initdb = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "tests", "--no-sync"]
        _run(*initdb, "-A", "scram-sha-256", f"--pwfile={secret}")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, and return once it takes connections."""
        options = ["-D", str(self._data), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "unix_socket_directories=", "-c", "max_connections=40"]
        # it is killed, but the machine goes on: what was committed is there without the disk
        options += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_wal_size=64MB"]
        # no database lives long enough to be tidied up
        options += ["-c", "autovacuum=off"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_unprivileged_user(), str(self._bin / "postgres"), *options], stdout=log, stderr=log
            )
        ready = [str(self._bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-t", "1", "-q"]
        end = time.monotonic() + PATIENCE_S
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Have it shut down at once, without ceremony (SIGQUIT)."""
        assert self._process is not None
        self._process.send_signal(3)
        self._process.wait(PATIENCE_S)
        self._process = None

    def die(self) -> None:
        """Have it killed, and the processes of its connections with it."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(PATIENCE_S)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = None

    def database(self, copy_of: Secret | None = None) -> Secret:
        """Make a database, empty or a copy of another that nobody uses just now, and return its URL."""
        self._count += 1
        name = f"tests_{self._count}"
        like = "template1" if copy_of is None else _name(copy_of)
        self._send(f"CREATE DATABASE {name} TEMPLATE {like}")
        password = _PASSWORD.replace(" ", "%20")
        return Secret(f"postgresql+asyncpg://tests:{password}@127.0.0.1:{self.port}/{name}")

    def drop(self, database: Secret) -> None:
        """Remove a database, whoever uses it."""
        self._send(f"DROP DATABASE {_name(database)} WITH (FORCE)")

    def _send(self, statement: str) -> None:
        with ThreadPoolExecutor(1) as apart:  # the caller may be in an event loop
            apart.submit(asyncio.run, self._execute(statement)).result()

    async def _execute(self, statement: str) -> None:
        to = {"host": "127.0.0.1", "port": self.port, "user": "tests", "password": _PASSWORD}
        connection = await asyncpg.connect(**to, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _name(database: Secret) -> str:
    return database.reveal().rpartition("/")[2]


def _run(*command: str) -> None:
    done = subprocess.run(
        [*_as_unprivileged_user(), *command],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _as_unprivileged_user() -> list[str]:
    """PostgreSQL does not run as root; its Debian package comes with a user of its own."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    return [setpriv, "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)
