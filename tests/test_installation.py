"""The installation's key: made once, whole, for its owner alone; what it makes tells nothing without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.installation import InstallationKey, load_key
from gsm_meter_bridge.storage.database import Database
from tests.support.mosquitto import free_port
from tests.support.processes import BridgeProcess
from tests.support.waiting import wait_until

ONE, OTHER = InstallationKey(b"1" * 32), InstallationKey(b"2" * 32)
MINIMAL = "mqtt: {host: 127.0.0.1}\nmodules: []\n"


def test_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "bridge.db.key"
    key, made = load_key(path)
    again, made_again = load_key(path)
    assert (made, made_again) == (True, False)
    assert key.digest("x", "text") == again.digest("x", "text")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.read_text().strip() not in repr(key)
    assert repr(key) == "***"


def test_key_is_the_same_for_processes_that_start_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from gsm_meter_bridge.installation import load_key; "
        "sys.stdin.read(); key, made = load_key(Path(sys.argv[1])); print(key.digest('x'), made)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "key")]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    keys = [process.communicate(timeout=60)[0].split() for process in started]
    assert len({digest for digest, _ in keys}) == 1
    assert [made for _, made in keys].count("True") == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64, b"00" * 40_000, b"key: " + b"00" * 32],
)
def test_key_file_is_refused_if_malformed_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_key(path)
    (sentence,) = caught.value.problems
    assert f"{path} is not 64 hexadecimal digits" in sentence
    assert "0000" not in sentence
    assert path.read_bytes() == content


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o620, 0o666, 0o777])
def test_key_file_is_refused_if_open_to_others(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_key(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=rf"is open to others \(mode {mode:03o}\): chmod 600"):
        load_key(path)


def test_key_file_may_be_readable_by_group(tmp_path: Path) -> None:
    load_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    assert load_key(tmp_path / "key")[1] is False


@pytest.mark.parametrize("kind", ["folder", "pipe", "below a file"])
def test_unreadable_key_file_gives_config_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.write_text("")
        path /= "key"
    with pytest.raises(ConfigError, match="the installation key"):
        load_key(path)


def test_digest_depends_on_key_purpose_and_texts() -> None:
    digest = ONE.digest("pin", "1234")
    assert digest == ONE.digest("pin", "1234")
    assert len(digest) == 64
    others = [OTHER.digest("pin", "1234"), ONE.digest("x", "1234"), ONE.digest("pin", "1234", "")]
    assert len({digest, *others}) == 4
    assert (ONE.made(digest), OTHER.made(digest), ONE.made("")) == (True, False, False)


@pytest.mark.parametrize("text", ["", "x", "пароль", "0" * 31, "0" * 32, "0" * 33, "long " * 1000])
def test_sealed_text_opens_with_its_key_and_purpose_only(text: str) -> None:
    sealed = ONE.seal("password", text)
    assert ONE.unseal("password", sealed) == text
    assert OTHER.unseal("password", sealed) is None
    assert ONE.unseal("other", sealed) is None
    assert sealed != ONE.seal("password", text)
    for at in range(0, len(sealed), 7):
        changed = sealed[:at] + ("0" if sealed[at] != "0" else "1") + sealed[at + 1 :]
        assert ONE.unseal("password", changed) is None
    for short in ("", ONE.id, sealed[:20], sealed[:-2], f"{ONE.id}zz"):
        assert ONE.unseal("password", short) is None


@pytest.mark.parametrize(
    ("bridge", "place"),
    [
        ("{}", "gsm-meter-bridge.db.key"),
        ("{database: data/my.db}", "data/my.db.key"),
        ("{database: data/my.db, key_file: keys/one}", "keys/one"),
        ("{database: 'postgresql://u:p@h/d'}", "gsm-meter-bridge.key"),
        ("{database: 'postgresql://u:p@h/d', key_file: /run/keys/one}", "/run/keys/one"),
    ],
)
def test_key_file_is_beside_database_or_as_configured(
    tmp_path: Path, bridge: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "config.yaml").write_text(f"bridge: {bridge}\n{MINIMAL}")
    assert load_config(tmp_path / "config.yaml").bridge.key_file == tmp_path / place


def test_key_file_is_in_state_directory_if_database_is_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'state'}:/other")
    for database, place in (("my.db", "my.db.key"), ("postgresql://u:p@h/d", "state/gsm-meter-bridge.key")):
        (tmp_path / "config.yaml").write_text(f"bridge: {{database: '{database}'}}\n{MINIMAL}")
        assert load_config(tmp_path / "config.yaml").bridge.key_file == tmp_path / place


def test_bridge_logs_new_key_and_does_not_start_with_open_one(tmp_path: Path) -> None:
    key = tmp_path / "gsm-meter-bridge.db.key"
    config = {"mqtt": {"host": "127.0.0.1", "port": free_port()}, "modules": []}
    with BridgeProcess(tmp_path, config) as bridge:
        wait_until(lambda: "with 0 modules starts" in bridge.log, lambda: bridge.log)
        assert "INFO    gsm_meter_bridge.app.serve: a new installation key is made" in bridge.log
        assert bridge.stop() == 0
        key.unlink()
        bridge.start()
        wait_until(lambda: bridge.log.count("with 0 modules starts") == 2, lambda: bridge.log)
        assert "WARNING gsm_meter_bridge.app.serve: a new installation key is made" in bridge.log
        assert bridge.stop() == 0
        key.chmod(0o644)
        bridge.start()
        wait_until(lambda: "is open to others (mode 644): chmod 600" in bridge.log, lambda: bridge.log)
        assert "Traceback" not in bridge.log
        bridge.kill()


@pytest.mark.parametrize("database", [".", "..", "/", "a/", "x.key"])
def test_key_file_is_never_the_database_file(tmp_path: Path, database: str) -> None:
    (tmp_path / "config.yaml").write_text(f"bridge: {{database: '{database}'}}\n{MINIMAL}")
    bridge = load_config(tmp_path / "config.yaml").bridge
    assert bridge.key_file != bridge.database


async def test_database_opened_without_key_uses_key_beside_it(tmp_path: Path) -> None:
    digests = []
    for _ in range(2):
        database = await Database.open(tmp_path / "db")
        digests.append(database.key.digest("x"))
        await database.close()
    assert digests == [load_key(tmp_path / "db.key")[0].digest("x")] * 2
