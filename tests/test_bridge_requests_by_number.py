"""`status`, `plan`, `apply` and `read-settings` with `--number`: a module that is not configured."""

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

PUMP, NEW, PASSWORD = "+79990000201", "+79990000301", "864209"
FAMILY = ("--family", "lers_gsm_mini")
BY_NUMBER = ("--number", "8 (999) 000-03-01", *FAMILY)
"""As people of the modem's country write it."""


def _config(port: int, modem: str) -> dict[str, object]:
    return {
        "mqtt": {"host": "127.0.0.1", "port": port},
        "modems": [{"id": "stick", "url": modem, "number": "+79990000000", "default_region": "RU"}],
        "poll": {"initial_poll_spread": 0},
        "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP}],
    }


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    folder = tmp_path_factory.mktemp("daemon")
    world = {
        "network": {"delay_s": 0.05},
        "modules": {
            "pump": {"family": "lers_gsm_mini", "msisdn": PUMP},
            "new": {"family": "lers_gsm_mini", "msisdn": NEW, "password": PASSWORD},
        },
    }
    simulator = Simulator(folder, world)
    with (
        Mosquitto(folder / "mosquitto") as broker,
        simulator,
        BridgeProcess(folder, _config(broker.port, str(simulator.link))) as daemon,
    ):
        wait_until(lambda: "connected to the broker" in daemon.log, lambda: daemon.log)
        yield daemon


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    return str(file)


def _run(bridge: BridgeProcess, command: str, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [command, "--config", str(bridge.config), *arguments], input=stdin)


def test_module_by_number_is_asked_planned_set_and_read(
    daemon: BridgeProcess, password_file: str, tmp_path: Path
) -> None:
    by_number = (*BY_NUMBER, "--password-file", password_file)
    result = _run(daemon, "status", *by_number)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"]["number"] == NEW
    plan = _run(daemon, "plan", *by_number, "apn=m2m", "csd_idle_timeout_s=90")
    assert json.loads(plan.stdout)["plan"]["after"] == {"apn": "m2m", "csd_idle_timeout_s": 90}
    before, after = tmp_path / "before.yaml", tmp_path / "after.yaml"
    done = _run(daemon, "apply", "csd_idle_timeout_s=90", *by_number, "--snapshot", str(before))
    assert json.loads(done.stdout)["after"] == {"csd_idle_timeout_s": 90}
    assert yaml.safe_load(before.read_text("utf-8"))["settings"] == {"csd_idle_timeout_s": 60}
    by_input = (*BY_NUMBER, "--password-file", "-", "--to", str(after))
    kept = _run(daemon, "read-settings", *by_input, stdin=PASSWORD)
    assert kept.exit_code == 0, kept.output
    assert yaml.safe_load(after.read_text("utf-8"))["settings"]["csd_idle_timeout_s"] == 90
    printed = _run(daemon, "read-settings", *by_number)
    assert yaml.safe_load(printed.stdout) == yaml.safe_load(after.read_text("utf-8"))
    shown = [r.output for r in (result, plan, done, kept, printed)]
    assert PASSWORD not in "".join([*shown, daemon.log])


def test_password_is_asked_for_at_terminal_and_not_shown(daemon: BridgeProcess) -> None:
    program = [sys.executable, "-m", "gsm_meter_bridge", "plan", "--config", str(daemon.config)]
    with Screen([*program, *BY_NUMBER, "--ask-password", "apn=m2m"]) as screen:
        screen.wait("access password: ")
        screen.type(f"{PASSWORD}\n")
        assert screen.end() == 0
        assert "'m2m'" in screen.plain()
        assert PASSWORD not in screen.plain()


def test_factory_password_is_used_and_reported(daemon: BridgeProcess) -> None:
    result = _run(daemon, "plan", *BY_NUMBER, "apn=m2m")
    assert result.exit_code == 0, result.output
    assert "with the factory's password" in result.stderr


_CHANGE = {"plan": ("apn=m2m",), "apply": ("apn=m2m",), "status": (), "read-settings": ()}
_NUMBER = ("--number", NEW)
_BOTH = "one of the two"


@pytest.mark.parametrize("command", _CHANGE)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), _BOTH),
        (("pump", *_NUMBER, *FAMILY), _BOTH),
        (_NUMBER, "--number needs --family, one of energomera_gs04"),
        ((*_NUMBER, "--family", "zigbee"), "unknown family 'zigbee'"),
        (("pump", *FAMILY), "--family goes with --number"),
        (("pump", "--ask-password"), "--ask-password goes with --number"),
        (("pump", "--password-file", "-"), "--password-file goes with --number"),
        (("--number", "pump", *FAMILY), "international form"),
        (("--number", "", *FAMILY), "international form"),
        (("--number", "112", *FAMILY), "international form"),
        (("--number", PUMP, *FAMILY), "is the number of the module pump"),
        (("--number", "8 999 000-02-01", *FAMILY), "is the number of the module pump"),
        ((*_NUMBER, *FAMILY, "--ask-password", "--password-file", "-"), _BOTH),
        ((*_NUMBER, *FAMILY, "--ask-password"), "needs a terminal"),
        ((*_NUMBER, *FAMILY, "--password-file", "none/here"), "none/here"),
        ((*_NUMBER, *FAMILY, "--password-file", "-"), "password"),
        ((*_NUMBER, *FAMILY, "--password", PASSWORD), "--password-file"),
    ],
)
def test_command_refuses_wrong_options_without_showing_password(
    command: str, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    absent = BridgeProcess(tmp_path, _config(free_port(), "/dev/ttyNONE"))
    changes = () if arguments == () else _CHANGE[command]  # nothing at all is no change either
    result = _run(absent, command, *arguments, *changes, stdin="47 11\n")
    assert result.exit_code in (1, 2)
    output = " ".join(result.stderr.replace("│", " ").split())
    assert message in output
    assert "47 11" not in result.output
    assert "Traceback" not in result.output
