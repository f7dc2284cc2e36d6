"""What is seen only when a command starts is a sentence, too: certificates, databases, files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.errors import LONGEST_SENTENCE

COMMAND = Path(sys.executable).parent / "gsm-meter-bridge"
RUN = CliRunner()


def _config(folder: Path, mqtt: str = "{host: 127.0.0.1, port: 1}", bridge: str = "{}") -> Path:
    file = folder / "config.yaml"
    file.write_text(f"mqtt: {mqtt}\nbridge: {bridge}\nmodules: []\n", "utf-8")
    return file


def _is_a_sentence(result: Result, *message: str) -> None:
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    output = [line for line in result.stderr.splitlines() if line.strip()]
    assert all(len(line) <= LONGEST_SENTENCE for line in output)
    assert any(all(word in line for word in message) for line in output), result.stderr


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a good pair, another's key, and what is none of these."""
    folder = tmp_path_factory.mktemp("pems")
    authority = trustme.CA()
    ours, other = authority.issue_cert("bridge"), authority.issue_cert("other")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    ours.private_key_pem.write_to_path(folder / "ours.key")
    other.private_key_pem.write_to_path(folder / "other.key")
    (folder / "ours.pem").write_bytes(b"".join(p.bytes() for p in ours.cert_chain_pems))
    (folder / "text").write_text("no certificate", "utf-8")
    (folder / "nothing").touch()
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ("ca_file: none.pem", ("mqtt.tls.ca_file", "none.pem", "there is no such file")),
        ("ca_file: .", ("mqtt.tls.ca_file", "it is a folder")),
        ("ca_file: pipe", ("mqtt.tls.ca_file", "no regular file")),
        ("ca_file: /dev/zero", ("mqtt.tls.ca_file", "no regular file")),
        ("ca_file: text", ("mqtt.tls.ca_file", "no certificate of an authority")),
        ("ca_file: nothing", ("mqtt.tls.ca_file", "no certificate of an authority")),
        ("cert_file: ours.pem, key_file: none.key", ("mqtt.tls.key_file", "there is no such file")),
        ("cert_file: ours.pem, key_file: other.key", ("mqtt.tls.cert_file", "not that of the certificate")),
        ("cert_file: ours.pem", ("mqtt.tls.cert_file", "name the key as key_file")),
        ("cert_file: text, key_file: text", ("mqtt.tls.cert_file", "no certificate and key in PEM")),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_run_and_doctor_report_unusable_tls_files(
    pems: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
    message: tuple[str, ...],
    more: tuple[str],
) -> None:
    monkeypatch.chdir(pems)
    config = _config(tmp_path, f"{{host: 127.0.0.1, port: 1, tls: {{{tls}}}}}")
    _is_a_sentence(RUN.invoke(app, ["run", "--config", str(config), *more]), *message)
    result = RUN.invoke(app, ["doctor", "--config", str(config)])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


def test_dry_run_accepts_good_certificates(
    pems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pems)
    tls = "{ca_file: ca.pem, cert_file: ours.pem, key_file: ours.key}"
    config = _config(tmp_path, f"{{host: 127.0.0.1, tls: {tls}}}")
    assert RUN.invoke(app, ["run", "--config", str(config), "--dry-run"]).exit_code == 0


def _text(path: Path) -> None:
    path.write_text("this is no database at all, but long enough to be taken for one" * 20, "utf-8")


def _of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table alembic_version (version_num varchar(32))")
        database.execute("insert into alembic_version values ('1975ea83b712')")
    database.close()


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table alembic_version (version_num varchar(32))")
        database.execute("insert into alembic_version values ('9999')")
    database.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.mkdir, "it is a folder"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.symlink_to("/dev/null"), "no regular file"),
        (lambda path: path.symlink_to(path), "a link to itself"),
        (_text, "not a database"),
        (_newer, "of a newer version (9999"),
        (_of_another_program, "of another program"),
    ],
)
def test_run_reports_unusable_database_file(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "state.db")
    config = _config(tmp_path, bridge="{database: state.db}")
    _is_a_sentence(RUN.invoke(app, ["run", "--config", str(config)]), message)


def test_run_hides_password_of_unreachable_database_server(tmp_path: Path) -> None:
    config = _config(tmp_path, bridge="{database: 'postgres://me:hunter2@127.0.0.1:9/x?sslmode=disable'}")
    result = RUN.invoke(app, ["run", "--config", str(config)])
    _is_a_sentence(result, "x at 127.0.0.1:9")
    assert "hunter2" not in result.output


def test_run_reports_unexpected_exception_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_file: Path) -> None:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(sys.modules["gsm_meter_bridge.cli.main"], "load_config", stumble)
    result = RUN.invoke(app, ["run", "--config", str(_config(tmp_path))])
    assert result.exit_code == 70
    assert "ZeroDivisionError at cli/main.py:" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "hunter2" not in result.output


def test_phone_list_save_reports_file_that_cannot_be_written(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "mqtt: {host: a}\nmodules: [{id: a, family: lers_gsm_mini, number: '+79990000101'}]\n", "utf-8"
    )
    result = RUN.invoke(app, ["phone-list", "save", "--config", str(config), str(tmp_path)])
    _is_a_sentence(result, "cannot be used", "it is a folder")


@pytest.mark.parametrize("encoding", ["ascii", "koi8-r", "iso8859-5"])
@pytest.mark.parametrize("arguments", [("run", "--dry-run"), ("phone-list", "save"), ("--help",)])
def test_output_replaces_characters_screen_cannot_show(
    tmp_path: Path, encoding: str, arguments: tuple[str, ...]
) -> None:
    config = tmp_path / "config.yaml"
    module = "{id: a, family: lers_gsm_mini, number: '+79990000101', name: Дом 電 ±}"
    config.write_text(f"mqtt: {{host: a}}\nmodules: [{module}]\n", "utf-8")
    options = () if arguments == ("--help",) else ("--config", str(config))
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [COMMAND, *arguments, *options], env=environment, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.parametrize("command", ["--help", "run -c x --dry-run", "sms-text --family lers_gsm_mini apn=x"])
@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", "| head -1"])
def test_command_gives_no_traceback_if_streams_are_closed_or_full(
    tmp_path: Path, command: str, streams: str
) -> None:
    line = f"'{sys.executable}' -m gsm_meter_bridge {command} {streams}"
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert ("standard output cannot be used" in done.stderr) == (
        (command, streams) == ("--help", ">/dev/full")
    )
