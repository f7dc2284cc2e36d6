"""Where the database is: a path, or the URL of a server that the driver takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import Config, load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.vocabulary import Secret


def _load(folder: Path, database: str, more: str = "") -> Config:
    file = folder / "config.yaml"
    file.write_text(f"bridge: {{database: {database}{more}}}\nmqtt: {{host: h}}\nmodules: []\n", "utf-8")
    return load_config(file)


_DRIVER = "postgresql+asyncpg://"


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("postgres://u:p@h/x", "u:p@h/x"),
        ("POSTGRESQL://u:p@h/x", "u:p@h/x"),
        ("postgresql+asyncpg://h/x", "h/x"),
        ("postgres+asyncpg://h/x", "h/x"),
        ("postgresql://u:p%40q@h:1/x", "u:p%40q@h:1/x"),
        ("postgresql://h:65535/x", "h:65535/x"),
        ("postgresql://[::1]:5432/x", "[::1]:5432/x"),
        ("postgresql://h/x?sslmode=require", "h/x?ssl=require"),
        ("postgresql://h/x?ssl=require", "h/x?ssl=require"),
        ("postgresql:///x?host=db.lan&port=6", "/x?host=db.lan&port=6"),
        (f"postgresql://h/{'x' * (4096 - 15)}", f"h/{'x' * (4096 - 15)}"),
    ],
)
@pytest.mark.parametrize("where", ["here", "secrets.yaml"])
def test_url_of_postgresql_is_taken_in_the_form_of_the_driver(
    tmp_path: Path, url: str, taken: str, where: str
) -> None:
    (tmp_path / "secrets.yaml").write_text(f"the_one: '{url}'\n", "utf-8")
    database = _load(tmp_path, f"'{url}'" if where == "here" else "!secret the_one").bridge.database
    assert isinstance(database, Secret)
    assert database.reveal() == f"{_DRIVER}{taken}"


_FORMS = "allowed: a path, or postgresql://user:password@host/database"
_ESCAPE = "in a user or password, %40 is @, %2F is /, %3A is : and %25 is %"
_OPTIONS = "host, passfile, port, prepared_statement_cache_size, ssl, sslmode, target_session_attrs"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://", f"; the host is no name of a host; {_ESCAPE}"),
        ("postgres:///x", f"; the host is no name of a host; {_ESCAPE}"),
        ("postgres://a..b/x", f"; the host is no name of a host; {_ESCAPE}"),
        ("postgres://a..b/x?host=h", f"; the host is no name of a host; {_ESCAPE}"),
        ("postgres://h", f"; a port is 1 to 65535; {_ESCAPE}"),
        ("postgres://h/", f"; a port is 1 to 65535; {_ESCAPE}"),
        ("postgres://h/x@y", f"; a port is 1 to 65535; {_ESCAPE}"),
        ("postgres://h:0/x", f"; a port is 1 to 65535; {_ESCAPE}"),
        ("postgres://h:65536/x", f"; a port is 1 to 65535; {_ESCAPE}"),
        ("postgres://h:x/x", f"; {_ESCAPE}"),
        ("postgres://h/x?user=u", f"; behind ?, allowed: {_OPTIONS}"),
        ("mysql://h/x", ""),
        ("u@h", ""),
        ("postgres:x", ""),
        (f"postgresql://h/{'x' * (4097 - 15)}", ""),
    ],
)
def test_url_that_is_no_database_is_refused_with_the_reason(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, f"'{url}'")
    (problem,) = caught.value.problems
    assert problem.endswith(f"is not allowed; {_FORMS}{message}")


@pytest.mark.parametrize("folder", ["", "/var/lib/other", "/var/lib/one:/var/lib/other"])
def test_key_of_database_on_a_server_is_in_the_folder_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", folder)
    expected = Path(folder.split(":")[0] or tmp_path, "gsm-meter-bridge.key")
    assert _load(tmp_path, "'postgresql://h/x'").bridge.key_file == expected
    assert _load(tmp_path, "folder/x.db").bridge.key_file == tmp_path / "folder/x.db.key"
    assert _load(tmp_path, "x.db", ", key_file: own.key").bridge.key_file == tmp_path / "own.key"


def test_path_begins_with_the_home_folder_behind_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert _load(tmp_path, "~/x.db").bridge.database == tmp_path / "home/x.db"
