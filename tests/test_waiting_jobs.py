"""`jobs`, `cancel` and Ctrl-C at a bridge whose modem is away, so that everything waits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess
from tests.support.screen import CTRL_C, Screen
from tests.support.waiting import wait_until

MODULES = {"pump": "+79990000201", "attic": "+79990000202", "cellar": "+79990000203"}
PROGRAM = [sys.executable, "-m", "gsm_meter_bridge"]
CHANGE = "csd_idle_timeout_s=300"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    folder = tmp_path_factory.mktemp("waiting")
    with Mosquitto(folder / "mosquitto") as broker:
        config = {
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": str(folder / "ttyNONE"), "number": "+79990000000"}],
            "poll": {"initial_poll_spread": 3600},
            "modules": [
                {"id": name, "family": "lers_gsm_mini", "number": number} for name, number in MODULES.items()
            ],
        }
        with BridgeProcess(folder, config) as daemon:
            wait_until(lambda: "connected to the broker" in daemon.log, lambda: daemon.log)
            yield daemon


@pytest.fixture(autouse=True)
def nothing_waits(waiting: BridgeProcess) -> None:
    _run(waiting, "cancel", "--all")
    assert _jobs(waiting) == []


def _run(daemon: BridgeProcess, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [command, "--config", str(daemon.config), *arguments])


def _jobs(daemon: BridgeProcess, *arguments: str) -> list[dict[str, object]]:
    result = _run(daemon, "jobs", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


def _let_wait(daemon: BridgeProcess, *modules: str) -> None:
    for module in modules:
        result = _run(daemon, "apply", module, CHANGE, "--timeout", "0.5")
        assert "no answer in time" in result.stderr


def _screen(daemon: BridgeProcess, command: str, *arguments: str) -> Screen:
    return Screen([*PROGRAM, command, "--config", str(daemon.config), *arguments])


def test_waiting_jobs_are_listed_and_cancelled(waiting: BridgeProcess) -> None:
    _let_wait(waiting, "pump", "attic", "cellar")
    found = _jobs(waiting)
    assert [(j["module"], j["action"], j["state"]) for j in found] == [
        (module, "apply", "queued") for module in MODULES
    ]
    assert _jobs(waiting, "attic") == [found[1]]
    one = _run(waiting, "cancel", str(found[0]["job"]))
    assert one.exit_code == 0
    assert f"pump: job {found[0]['job']} is cancelled" in " ".join(one.stderr.split())
    assert [j["module"] for j in _jobs(waiting)] == ["attic", "cellar"]
    assert _run(waiting, "cancel", "--module", "cellar").exit_code == 0
    assert [j["module"] for j in _jobs(waiting)] == ["attic"]
    assert _run(waiting, "cancel", "--all").exit_code == 0
    assert _jobs(waiting) == []
    assert "nothing waits" in _run(waiting, "cancel", "--all").stderr


def test_jobs_table_fits_80_columns(waiting: BridgeProcess) -> None:
    _let_wait(waiting, "pump")
    (job,) = _jobs(waiting)
    with _screen(waiting, "jobs") as screen:
        assert screen.end() == 0
        assert str(job["job"]) in screen.shown
        assert "queued" in screen.shown
        assert screen.width() <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "cancel wants ids of jobs, or --module, or --all"),
        (("x", "--all"), "cancel wants ids of jobs, or --module, or --all"),
        (("--all", "--module", "pump"), "cancel wants ids of jobs, or --module, or --all"),
        (("nonsense",), "unknown job"),
        (("--module", "nobody"), "unknown module"),
    ],
)
def test_cancel_says_why_it_is_refused(
    waiting: BridgeProcess, arguments: tuple[str, ...], message: str
) -> None:
    result = _run(waiting, "cancel", *arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 3), ("", 3)])
def test_ctrl_c_asks_whether_to_cancel(
    waiting: BridgeProcess, tmp_path: Path, answer: str, left: int
) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_text("\n".join(MODULES.values()), "utf-8")
    with _screen(waiting, "apply", f"@{phones}", CHANGE) as screen:
        for module in MODULES:
            screen.wait(f"{module}: job")
        screen.type(CTRL_C)
        screen.wait("Cancel what waits of these 3?")
        screen.type(f"{answer}\r")
        assert screen.end() == 130
        assert ("is cancelled" in screen.shown) is (left == 0)
    assert len(_jobs(waiting)) == left


def test_ctrl_c_without_terminal_says_which_jobs_go_on(waiting: BridgeProcess) -> None:
    command = [*PROGRAM, "apply", "--config", str(waiting.config), "pump", CHANGE]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        line = program.stderr.readline()
        while "is accepted" not in line:
            line += program.stderr.readline()
        program.send_signal(2)
        message = program.stderr.read()
        assert program.wait(60) == 130
    (job,) = _jobs(waiting)
    assert f"pump: job {job['job']} goes on without us" in message
    assert f"gsm-meter-bridge cancel gives up what waits: {job['job']}" in message
