"""`status`, `plan` and `apply`: a person at the command line, and a bridge that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.processes import BridgeProcess, Simulator
from tests.support.screen import Screen
from tests.support.waiting import wait_until

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
            "poll": {"initial_poll_spread": 0},
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


def test_status_prints_readings_as_json(daemon: BridgeProcess) -> None:
    result = _run(daemon, "status", "pump")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["data"]["signal_dbm"] == -71
    assert "is accepted" in result.stderr


def test_plan_prints_result_and_sms_texts(daemon: BridgeProcess) -> None:
    result = _run(daemon, "plan", "pump", "csd_idle_timeout_s=300", "serial_port=СЕ 301")
    plan = json.loads(result.stdout)["plan"]
    assert plan["after"] == {"csd_idle_timeout_s": 300, "serial_port": "9600,7,E,1"}
    assert plan["texts"][0] == "***;P;T;P=9600,7,E,1;T=300"  # what was before is asked with it


def test_apply_takes_settings_file_and_writes_snapshot(daemon: BridgeProcess, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "arguments",
    [
        ("read-settings", "pump", "--to", "/proc/kept.yaml"),
        ("read-settings", "pump", "attic", "--to", "/proc/"),
        ("apply", "pump", "csd_idle_timeout_s=300", "--snapshot", "/proc/kept.yaml"),
    ],
)
def test_command_sends_no_sms_if_its_file_cannot_be_written(
    daemon: BridgeProcess, arguments: tuple[str, ...]
) -> None:
    result = _run(daemon, *arguments)
    assert result.exit_code == 1
    output = " ".join(result.stderr.split())
    assert "yaml cannot be written" in output
    assert "nothing was asked" in output
    assert "is accepted" not in output


def test_command_prints_result_if_writing_its_file_fails(
    daemon: BridgeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gsm_meter_bridge.cli.modules.why_not_writable", lambda _: None)
    read = _run(daemon, "read-settings", "pump", "--to", "/dev/full")
    assert read.exit_code == 1
    assert yaml.safe_load(read.stdout)["settings"]["csd_idle_timeout_s"] == 60
    assert "/dev/full cannot be written: the disk is full" in read.stderr
    changed = _run(daemon, "apply", "pump", "csd_idle_timeout_s=300", "--snapshot", "/dev/full")
    assert changed.exit_code == 1
    assert json.loads(changed.stdout)["before"] == {"csd_idle_timeout_s": 60}
    assert "/dev/full cannot be written: the disk is full" in changed.stderr
    assert _run(daemon, "apply", "pump", "csd_idle_timeout_s=60").exit_code == 0


def test_apply_takes_phone_list_and_snapshot_folder(daemon: BridgeProcess, tmp_path: Path) -> None:
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


def test_plan_names_phone_numbers_of_no_configured_module(daemon: BridgeProcess, tmp_path: Path) -> None:
    phones = tmp_path / "phones.txt"
    phones.write_text(f"{PUMP}\n+79990000999\n+79990000998\n", "utf-8")
    result = _run(daemon, "plan", f"@{phones}", "csd_idle_timeout_s=240")
    assert result.exit_code == 1
    output = " ".join(result.stderr.split())
    assert "+79990000999 is the number of no configured module" in output
    assert "+79990000998" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("apply", "pump", "white_list.0=+79001112233"), "never obey us again"),
        (("apply", "pump", "server.0.enabled=1"), "confirm: true"),
        (("plan", "pump", "csd_idle_timeout_s=601"), "5 to 600"),
        (("plan", "cellar", "apn=x"), "unknown module 'cellar'; known: attic, pump"),
        (("plan", "pump"), "at least one"),
    ],
)
def test_command_says_why_it_is_refused(
    daemon: BridgeProcess, arguments: tuple[str, ...], message: str
) -> None:
    result = _run(daemon, *arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "pump", "csd_idle_timeout_s=60"),
        ("jobs",),
        ("cancel", "x"),
        ("cancel", "--all"),
        ("connections",),
    ],
    ids=" ".join,
)
def test_command_says_if_no_bridge_answers(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        config = {
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": "/dev/ttyNONE"}],
            "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP}],
        }
        absent = BridgeProcess(tmp_path, config)
        result = _run(absent, *arguments, "--timeout", "0.5")
    assert result.exit_code == 1
    assert "has the bridge been running?" in (output := " ".join(result.stderr.split())) or (
        "is the bridge running?" in output
    )


@pytest.mark.parametrize("arguments", [("status", "pump"), ("jobs",), ("cancel", "x"), ("connections",)])
def test_command_says_if_no_broker_is_there(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    config = {
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
        "modems": [{"id": "stick", "url": "/dev/ttyNONE"}],
        "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP}],
    }
    more = () if arguments[0] == "status" else ("--timeout", "0.5")
    result = _run(BridgeProcess(tmp_path, config), *arguments, *more)
    assert result.exit_code == 1
    assert "no answer in time" in result.stderr
    assert "Traceback" not in result.output


def test_read_settings_makes_folder_with_a_file_of_each_module(daemon: BridgeProcess, tmp_path: Path) -> None:
    folder = tmp_path / "kept" / "today"
    result = _run(daemon, "read-settings", "pump", "attic", "--to", str(folder))
    assert result.exit_code == 0, result.output
    reported = {f.stem: yaml.safe_load(f.read_text("utf-8")) for f in folder.iterdir()}
    assert {name: one["family"] for name, one in reported.items()} == dict.fromkeys(
        ("pump", "attic"), "lers_gsm_mini"
    )
    settings = reported["pump"]["settings"]
    assert settings["csd_idle_timeout_s"] in range(601)
    assert settings["serial_port"] == "9600,8,N,1"
    assert settings["white_list.9"] == ""
    assert "access_password" not in settings
    assert "2 of 2" in result.stderr


def test_read_settings_writes_file_or_prints_the_same(daemon: BridgeProcess, tmp_path: Path) -> None:
    file = tmp_path / "new" / "pump.yaml"
    assert _run(daemon, "read-settings", "pump", "--to", str(file)).exit_code == 0
    printed = _run(daemon, "read-settings", "pump")
    assert yaml.safe_load(printed.stdout) == yaml.safe_load(file.read_text("utf-8"))
    refused = _run(daemon, "read-settings", "pump", "attic", "--to", str(file))
    assert refused.exit_code == 1
    assert "a folder, for there are several modules" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("command", ["apply", "read-settings"])
def test_terminal_shows_bar_of_sent_answered_and_verified(daemon: BridgeProcess, command: str) -> None:
    changes = ["csd_idle_timeout_s=180"] if command == "apply" else []
    phones = daemon.config.with_name("all.txt")
    phones.write_text(f"{PUMP}\n{ATTIC}\n", "utf-8")
    program = [sys.executable, "-m", "gsm_meter_bridge", command, "--config", str(daemon.config)]
    with Screen([*program, f"@{phones}", *changes]) as screen:
        assert screen.end() == 0
        shown = screen.plain()
        assert "0/2" in shown
        assert "sent 2, answered 2, verified 2" in shown
        assert "2 of 2: " in shown
        assert screen.width() <= 80


def test_command_shows_no_bar_without_terminal(daemon: BridgeProcess) -> None:
    result = _run(daemon, "apply", "pump", "csd_idle_timeout_s=180")
    assert "\x1b" not in result.output
    assert "verified 1" not in result.output


def test_status_is_shown_as_table_and_as_json(daemon: BridgeProcess) -> None:
    command = [sys.executable, "-m", "gsm_meter_bridge", "status", "--config", str(daemon.config)]
    with Screen([*command, "pump"]) as screen:
        assert screen.end() == 0
        assert "-71 dBm" in screen.shown
        assert screen.width() <= 80
    with Screen([*command, "pump", "attic", "--json"]) as screen:
        assert screen.end() == 0
        assert '"signal_dbm": -71' in screen.shown


def test_plan_is_summed_up_on_standard_error(daemon: BridgeProcess) -> None:
    result = _run(daemon, "plan", "pump", "csd_idle_timeout_s=300")
    plan = json.loads(result.stdout)["plan"]
    assert f"1 module: {plan['messages']} SMS" in result.stderr
