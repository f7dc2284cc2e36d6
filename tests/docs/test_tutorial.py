"""The commands of docs/tutorial.md, run as they stand there against a simulated network."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from tests.support.mosquitto import Mosquitto
from tests.support.processes import Process
from tests.support.screen import Screen
from tests.support.waiting import wait_until

TEXT = (Path(__file__).parents[2] / "docs/tutorial.md").read_text("utf-8")
PROGRAM = "gsm-meter-bridge "


def _section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _commands(title: str) -> list[list[str]]:
    lines = (line.strip() for line in _section(title).splitlines() if line.startswith(f"    {PROGRAM}"))
    return [line.removeprefix(PROGRAM).split() for line in lines]


def _block(title: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", _section(title), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the tutorial's configuration; simulator and bridge run as its commands say."""
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "modem"
    written = _block("4. One module", "yaml").replace("/tmp/modem", str(link))
    config = written.replace("  host: 127.0.0.1\n", f"  host: 127.0.0.1\n  port: {broker.port}\n")
    (tmp_path / "config.yaml").write_text(config, "utf-8")
    [simulate] = [command for command in _commands("3. The modem") if command[0] == "simulate"]
    with ExitStack() as stack:
        command = [word.replace("/tmp/modem", str(link)) for word in simulate]
        simulator = stack.enter_context(Process(tmp_path / "simulator.log", *command))
        wait_until(link.exists, lambda: simulator.log)
        yield tmp_path


def _output(command: list[str]) -> str:
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_tutorial_reads_and_changes_a_module(folder: Path) -> None:
    [probe] = [
        command
        for command in _commands("3. The modem")
        if command[-1] == "/tmp/modem" and command[0] == "probe"
    ]
    assert json.loads(_output([probe[0], str(folder / "modem")]))["usable"]
    dry_run, run, doctor, status = _commands("4. One module")
    plan, apply, undo = _commands("5. A verified change")
    assert "1.03 SMS a day" in _output(dry_run)
    with Process(folder / "bridge.log", *run) as bridge:
        wait_until(lambda: "modem stick is ready" in bridge.log, lambda: bridge.log)
        assert (
            json.loads(_output(status))["data"].items() >= {"signal_dbm": -71, "firmware": "M1.1.0"}.items()
        )
        assert "no problems" in _output(doctor)
        with Screen([sys.executable, "-m", "gsm_meter_bridge", *plan]) as screen:
            screen.wait("1 module: ")
            assert screen.plain().replace("\r", "").strip() == _block("5. A verified change", "").strip()
        done = json.loads(_output(apply))
        assert done["state"] == "verified"
        assert (done["before"], done["after"]) == ({"apn": "internet.example"}, {"apn": "m2m.example"})
        assert json.loads(_output(undo))["after"] == {"apn": "internet.example"}
        assert bridge.stop() == 0
