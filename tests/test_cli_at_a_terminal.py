"""Commands at a terminal of 80 columns: Ctrl-C at any moment, a broker that is away, what cannot be shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gsm_meter_bridge.sms import encode_delivers
from tests.support.mosquitto import free_port
from tests.support.screen import CTRL_C, Screen

PROGRAM = [sys.executable, "-m", "gsm_meter_bridge"]
ASK_THE_BROKER = [
    ["connections"],
    ["jobs"],
    ["cancel", "--all"],
    ["apply", "pump", "apn=internet"],
    ["read-settings", "pump"],
    ["sms-storage", "list"],
    ["master-sim", "read", "--family", "energomera_gs04"],
]


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    module = {"id": "pump", "family": "energomera_gs04", "number": "+79990000101", "password": "24681357"}
    file = tmp_path / "bridge.yaml"
    given = {
        "mqtt": {"host": "127.0.0.1", "port": free_port()},  # nobody is there
        "modems": [{"id": "stick", "url": str(tmp_path / "nothing")}],
        "modules": [module],
    }
    file.write_text(yaml.safe_dump(given), "utf-8")
    return ["--config", str(file)]


@pytest.mark.parametrize("part", ["typer", "sqlalchemy", "rich"])
def test_ctrl_c_ends_program_while_it_loads(
    part: str, config: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{part}.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Screen([*PROGRAM, "connections", *config]) as screen:
        screen.wait("loading")
        screen.type(CTRL_C)
        assert screen.end() == 130
    assert "Traceback" not in screen.shown


@pytest.mark.parametrize("command", ASK_THE_BROKER, ids=lambda command: command[0])
def test_ctrl_c_ends_command_while_broker_is_away(command: list[str], config: list[str]) -> None:
    with Screen([*PROGRAM, *command, *config]) as screen:
        screen.wait("no connection to the broker")
        screen.type(CTRL_C)
        assert screen.end() == 130, screen.shown
    assert "Traceback" not in screen.shown


def test_missing_broker_is_reported_in_80_columns(config: list[str]) -> None:
    with Screen([*PROGRAM, "connections", *config, "--timeout", "2"]) as screen:
        assert screen.end() == 1
    assert "is the broker there" in " ".join(screen.plain().split())
    assert screen.width() <= 80


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_whole_in_any_encoding(encoding: str) -> None:
    (pdu,) = encode_delivers("+79990000101", "Сигнал", datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*PROGRAM, "decode-pdu", pdu.pdu], capture_output=True, env=environment)
    assert "Сигнал" in json.dumps(json.loads(done.stdout.decode(encoding)), ensure_ascii=False), done.stderr
