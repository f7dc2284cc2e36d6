"""`status`, `plan` and `apply`: a person at the command line, and a bridge that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator, wait_until

PUMP, ATTIC = "+79990000201", "+79990000202"
WORLD = {
    "network": {"delay_s": 0.05},
    "modules": {
        "pump": {"family": "lers_gsm_mini", "msisdn": PUMP},
        "attic": {"family": "lers_gsm_mini", "msisdn": ATTIC, "values": {"csd_idle_timeout_s": 90}},
    },
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    folder = tmp_path_factory.mktemp("daemon")
    simulator = Simulator(folder, WORLD)
    with Mosquitto(folder / "mosquitto") as broker, simulator:
        config = {
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": str(simulator.link), "number": "+79990000000"}],
            "poll": {"first_spread": 0},
            "modules": [
                {"id": "pump", "family": "lers_gsm_mini", "number": PUMP},
                {"id": "attic", "family": "lers_gsm_mini", "number": ATTIC},
            ],
        }
        with BridgeProcess(folder, config) as daemon:
            wait_until(lambda: "connected to the broker" in daemon.log, lambda: daemon.log)
            yield daemon


def _run(daemon: BridgeProcess, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [command, "--config", str(daemon.config), *arguments])


def test_status(daemon: BridgeProcess) -> None:
    result = _run(daemon, "status", "pump")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["data"]["signal_dbm"] == -71
    assert "is accepted" in result.stderr


def test_plan(daemon: BridgeProcess) -> None:
    result = _run(daemon, "plan", "pump", "csd_idle_timeout_s=300", "serial_port=СЕ 301")
    plan = json.loads(result.stdout)["plan"]
    assert plan["after"] == {"csd_idle_timeout_s": 300, "serial_port": "9600,7,E,1"}
    assert "***;P=9600,7,E,1;T=300" in plan["texts"]


def test_apply_from_a_file_with_a_snapshot(daemon: BridgeProcess, tmp_path: Path) -> None:
    wanted, before = tmp_path / "wanted.yaml", tmp_path / "before.yaml"
    wanted.write_text("family: lers_gsm_mini\nsettings: {csd_idle_timeout_s: 300}\n", "utf-8")
    arguments = ("pump", "--settings", str(wanted), "--snapshot", str(before))
    result = _run(daemon, "apply", *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["after"] == {"csd_idle_timeout_s": 300}
    kept = yaml.safe_load(before.read_text("utf-8"))
    assert kept == {"family": "lers_gsm_mini", "settings": {"csd_idle_timeout_s": 60}}
    back = _run(daemon, "apply", "pump", "--settings", str(before))
    assert json.loads(back.stdout)["after"] == {"csd_idle_timeout_s": 60}


def test_apply_to_a_phone_list(daemon: BridgeProcess, tmp_path: Path) -> None:
    phones, kept = tmp_path / "phones.txt", tmp_path / "kept"
    phones.write_text(f"# the house\n{PUMP}  # pump\n+7 999 000-02-02\n", "utf-8")
    kept.mkdir()
    arguments = (f"@{phones}", "csd_idle_timeout_s=240", "--snapshot", str(kept))
    result = _run(daemon, "apply", *arguments)
    assert result.exit_code == 0, result.output
    outcomes = json.loads(result.stdout)
    after = {"csd_idle_timeout_s": 240}
    assert {m: o["after"] for m, o in outcomes.items()} == {"pump": after, "attic": after}
    before = {f.name: yaml.safe_load(f.read_text("utf-8"))["settings"] for f in kept.iterdir()}
    assert before["attic.yaml"] == {"csd_idle_timeout_s": 90}
    assert set(before) == {"attic.yaml", "pump.yaml"}


def test_numbers_that_nobody_has(daemon: BridgeProcess, tmp_path: Path) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_text(f"{PUMP}\n+79990000999\n+79990000998\n", "utf-8")
    result = _run(daemon, "plan", f"@{phones}", "csd_idle_timeout_s=240")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "+79990000999 is the number of no configured module" in said
    assert "+79990000998" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("apply", "pump", "white_list.0=+79001112233"), "never obey us again"),
        (("apply", "pump", "server.0.enabled=1"), "confirm: true"),
        (("plan", "pump", "csd_idle_timeout_s=601"), "5 to 600"),
        (("plan", "cellar", "apn=x"), "there are: pump, attic"),
        (("plan", "pump"), "at least one"),
    ],
)
def test_what_is_refused(daemon: BridgeProcess, arguments: tuple[str, ...], words: str) -> None:
    result = _run(daemon, *arguments)
    assert result.exit_code == 1
    assert words in " ".join(result.stderr.split())


def test_no_bridge_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.cli.ask._HEARD_S", 0.5)
    with Mosquitto(tmp_path / "mosquitto") as broker:
        config = {
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": "/dev/ttyNONE"}],
            "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP}],
        }
        absent = BridgeProcess(tmp_path, config)
        result = _run(absent, "status", "pump")
    assert result.exit_code == 1
    assert "is the bridge running?" in result.stderr
