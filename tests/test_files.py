"""Files that a configuration names and that cannot be read, made or written: said before one is opened."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.config import TlsConfig
from gsm_meter_bridge.config.certificates import check_certificates
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.files import read_regular, reason_of, why_not_writable
from gsm_meter_bridge.installation import known_key, load_key
from gsm_meter_bridge.settings_file import load_settings
from gsm_meter_bridge.storage.database import Database
from tests.support.mosquitto import free_port

Make = Callable[[Path], Path]


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "it", 0o600)
    return folder / "it"


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "it"))
    return folder / "it"


def _folder(folder: Path) -> Path:
    (folder / "it").mkdir()
    return folder / "it"


def _link(target: str) -> Make:
    def make(folder: Path) -> Path:
        (folder / "it").symlink_to(target)
        return folder / "it"

    return make


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "more" / "it"


NEITHER: dict[str, tuple[Make, str]] = {
    "folder": (_folder, "it is a folder"),
    "pipe": (_pipe, "no regular file"),
    "socket": (_socket, "no regular file"),
    "device": (lambda _: Path("/dev/null"), "no regular file"),
    "endless device": (lambda _: Path("/dev/zero"), "no regular file"),
    "terminal": (lambda _: Path("/dev/tty"), "no regular file"),
    "link to a device": (_link("/dev/zero"), "no regular file"),
    "link to itself": (_link("it"), "it is a link to itself"),
    "too long": (lambda folder: folder / ("x" * 256), "too long"),
}
NOT_READ = {
    **NEITHER,
    "kernel's log": (lambda _: Path("/proc/kmsg"), "no regular file"),
    "kernel's": (lambda _: Path("/proc/self/environ"), "no regular file"),
    "link to the kernel's": (_link("/proc/kmsg"), "no regular file"),
    "missing": (lambda folder: folder / "it", "there is no such file"),
    "below a file": (_below_a_file, "there is no such file"),
    "link to nothing": (_link("nothing"), "a link to a file that is not there"),
}
NOT_MADE = {
    **NEITHER,
    "kernel's log": (lambda _: Path("/proc/kmsg"), "the kernel"),
    "in /proc": (lambda _: Path("/proc/x.db"), "the kernel"),
    "deep in /proc": (lambda _: Path("/proc/x/y.db"), "the kernel"),
    "in /sys": (lambda _: Path("/sys/x.db"), "the kernel"),
    "link to /sys": (_link("/sys/x.db"), "the kernel"),
    "in /dev/pts": (lambda _: Path("/dev/pts/x.db"), "the rights of this user do not allow it"),
    "below a file": (_below_a_file, "a part of its path is no folder"),
}


def in_time(do: Callable[[], object]) -> object:
    """What `do` returns or raises; an assertion fails where it hangs."""
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(do())
        except (ConfigError, OSError, ValueError) as error:
            outcomes.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it hangs"
    return outcomes[0]


def _certificate(option: str) -> Callable[[Path], object]:
    def check(path: Path) -> object:
        files = {"ca_file": None, "cert_file": None, "key_file": None, option: path}
        check_certificates(TlsConfig(**files))
        return None

    return check


READERS: dict[str, Callable[[Path], object]] = {
    "ca_file": _certificate("ca_file"),
    "cert_file": _certificate("cert_file"),
    "key_file": _certificate("key_file"),
    "settings": lambda path: load_settings(path, "energomera_gs04"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", NOT_READ)
def test_reader_refuses_what_is_no_regular_file(tmp_path: Path, reader: str, case: str) -> None:
    make, message = NOT_READ[case]
    path = make(tmp_path)
    error = in_time(lambda: READERS[reader](path))
    assert isinstance(error, ConfigError)
    assert message in str(error)


@pytest.mark.parametrize("tag", ["!file {}", "!secret x"])
@pytest.mark.parametrize("case", NOT_READ)
def test_dry_run_refuses_secret_of_unreadable_file(tmp_path: Path, tag: str, case: str) -> None:
    make, message = NOT_READ[case]
    path = make(tmp_path)
    if tag.startswith("!secret"):
        (tmp_path / "secrets.yaml").symlink_to(path)
        message = message if case != "missing" else "a link to a file that is not there"
    text = f"mqtt: {{host: h, username: u, password: {tag.format(path)}}}\nmodules: []\n"
    (tmp_path / "config.yaml").write_text(text)
    arguments = ["run", "--config", str(tmp_path / "config.yaml"), "--dry-run"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_reader_does_not_open_device_or_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a serial port rings, opening a watchdog starts it."""

    def opens(*_: object, **__: object) -> int:
        raise AssertionError("it was opened")

    monkeypatch.setattr(os, "open", opens)
    for path in (Path("/dev/tty"), _pipe(tmp_path), Path("/proc/kmsg")):
        with pytest.raises(OSError, match="no regular file"):
            read_regular(path, 10)


@pytest.mark.parametrize("case", NOT_MADE)
async def test_database_that_cannot_be_made_is_refused_and_leaves_no_trace(tmp_path: Path, case: str) -> None:
    make, message = NOT_MADE[case]
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert message in str(in_time(lambda: why_not_writable(path)))
    with pytest.raises(ConfigError, match="cannot be made or written") as caught:
        await Database.open(path)
    assert message in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def _opened(path: Path) -> Database:
    return asyncio.run(Database.open(path))


@pytest.mark.parametrize("beside", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("case", ["folder", "pipe", "socket", "link to a device", "link to itself"])
async def test_database_is_refused_if_sqlite_side_file_is_irregular(
    tmp_path: Path, case: str, beside: str
) -> None:
    """It would wait for ever for somebody to write into a pipe."""
    make, message = NEITHER[case]
    await (await Database.open(tmp_path / "x.db")).close()
    make(tmp_path).rename(tmp_path / f"x.db{beside}")
    if case == "link to itself":
        (tmp_path / f"x.db{beside}").unlink()
        (tmp_path / f"x.db{beside}").symlink_to(f"x.db{beside}")
    (tmp_path / "link.db").symlink_to("x.db")
    beside_it = f"x.db{beside}, which SQLite opens with it: "
    for name in ("x.db", "link.db"):
        error = in_time(partial(_opened, tmp_path / name))
        assert isinstance(error, ConfigError)
        assert message in str(error).partition(beside_it)[2]


@pytest.mark.parametrize("option", ["database", "key_file"])
@pytest.mark.parametrize("command", [("run", "--dry-run"), ("doctor",)])
@pytest.mark.parametrize("case", NOT_MADE)
def test_dry_run_and_doctor_report_unwritable_database_or_key(
    tmp_path: Path, option: str, command: tuple[str, ...], case: str
) -> None:
    make, message = NOT_MADE[case]
    bridge = {"database": "good.db", option: str(make(tmp_path))}
    config = {"bridge": bridge, "mqtt": {"host": "127.0.0.1", "port": free_port()}, "modules": []}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    result = CliRunner().invoke(app, [command[0], "--config", str(tmp_path / "config.yaml"), *command[1:]])
    output = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "Traceback" not in output
    what = "the database" if option == "database" else "the installation key"
    assert what in output
    of_reading = "no regular file", "a link to a file that is not there"
    assert message in output or (option == "key_file" and any(w in output for w in of_reading))
    assert not (tmp_path / "good.db").exists()


@pytest.mark.parametrize("name", ["x.db", "a/b/x.db", "link"])
def test_write_check_creates_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("real.db")
    assert why_not_writable(tmp_path / name) is None
    assert known_key(tmp_path / f"{name}.key") is None
    assert [p.name for p in tmp_path.iterdir()] == ["link"]


def test_write_check_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"as it is")
    before = file.stat()
    assert why_not_writable(file) is None
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (b"as it is", before.st_mtime_ns)


def test_key_is_refused_if_link_to_missing_file(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to("nothing")
    for load in (load_key, known_key):
        with pytest.raises(
            ConfigError, match="cannot be read or made: it is a link to a file that is not there"
        ):
            load(tmp_path / "key")
    assert not (tmp_path / "nothing").exists()


def test_key_is_made_once_by_two_threads_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one makes its key just between the first one's looking and its renaming."""
    path, others, exists = tmp_path / "key", list[threading.Thread](), Path.exists

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def look(self: Path, **more: bool) -> bool:
        there = exists(self, **more)
        if self == path and not others:
            others.append(threading.Thread(target=lambda: found.append(load_key(path))))
            others[0].start()
            others[0].join(1.0)
        return there

    found = []
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "exists", look)
    found.append(load_key(path))
    others[0].join()
    assert len({key.digest("x") for key, _ in found}) == 1
    assert sorted(made for _, made in found) == [False, True]
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("number", "read", "made"),
    [
        (2, "there is no such file", "there is no such folder"),
        (13, "the rights of this user do not allow it", "the rights of this user do not allow it"),
        (20, "there is no such file", "a part of its path is no folder"),
        (28, "the disk is full", "the disk is full"),
        (30, "what is there can only be read", "what is there can only be read"),
    ],
)
def test_reason_of_os_error_is_in_plain_english(number: int, read: str, made: str) -> None:
    error = OSError(number, "x")
    assert (reason_of(error), reason_of(error, making=True)) == (read, made)
