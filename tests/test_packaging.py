"""What the packages start is there, runs without rights, and a container knows whether it is well."""

from __future__ import annotations

import configparser
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge import __version__
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[1]
HEALTHCHECK = ROOT / "bridge" / "healthcheck.py"
WORLD: dict[str, Any] = {
    "network": {"delay_s": 0.05},
    "modules": {"hut": {"family": "lers_gsm_mini", "msisdn": "+79990000101", "values": {"imei": "1"}}},
}


def _config(device: Path, port: int) -> dict[str, Any]:
    return {
        "bridge": {"id": "home"},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "modems": [{"id": "stick", "url": str(device)}],
        "modules": [{"id": "hut", "family": "lers_gsm_mini", "number": "+79990000101"}],
    }


def _healthcheck(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HEALTHCHECK), str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_healthcheck_fails_if_broker_is_gone(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path, WORLD)
    with (
        Mosquitto(tmp_path / "mosquitto") as broker,
        simulator,
        BridgeProcess(tmp_path, _config(simulator.link, broker.port)) as bridge,
    ):
        wait_until(lambda: "ready" in bridge.log, lambda: bridge.log)
        healthy = _healthcheck(bridge.config)
        assert (healthy.returncode, healthy.stderr) == (0, ""), healthy
        broker.stop()
        ill = _healthcheck(bridge.config)
        assert ill.returncode == 1
        assert ill.stdout.startswith("broker: ")


def test_healthcheck_fails_if_configuration_is_broken(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("bridge: {id: ?}\n", "utf-8")
    ill = _healthcheck(config)
    assert ill.returncode == 1
    assert "configuration: " in ill.stdout


@pytest.mark.parametrize("arguments", ["run --help", "doctor --help"])
def test_command_of_package_takes_config_option(arguments: str) -> None:
    command = [sys.executable, "-m", "gsm_meter_bridge", *arguments.split()]
    reported = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--config" in reported


def test_systemd_unit_runs_bridge_without_privileges() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(ROOT / "bridge" / "systemd" / "gsm-meter-bridge.service", "utf-8")
    service = unit["Service"]
    program, command, *_ = shlex.split(service["ExecStart"])
    assert (Path(program).name, command) == ("gsm-meter-bridge", "run")
    assert service["User"] == "gsm-meter-bridge"
    assert (service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == ("yes", "")


def test_compose_file_runs_services_without_privileges() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    bridge, broker = compose["services"]["bridge"], compose["services"]["mosquitto"]
    assert (ROOT / bridge["build"]["dockerfile"]).exists()
    assert bridge["cap_drop"] == ["ALL"]
    assert bridge["read_only"]
    assert not bridge.get("privileged")
    assert all(port.startswith("127.0.0.1:") for port in broker["ports"])
    assert "./bridge/mosquitto.conf:/mosquitto/config/mosquitto.conf:ro" in broker["volumes"]
    assert "allow_anonymous false" in (ROOT / "bridge" / "mosquitto.conf").read_text("utf-8").splitlines()


def test_dockerfile_copies_existing_files_and_drops_root() -> None:
    lines = (ROOT / "bridge" / "Dockerfile").read_text("utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)
    assert "USER 10001" in lines


def _pictures(folder: str) -> dict[str, tuple[int, int]]:
    heads = {path.name: path.read_bytes()[:24] for path in (ROOT / folder).glob("*.png")}
    assert all(head[:8] == b"\x89PNG\r\n\x1a\n" for head in heads.values())
    return {name: struct.unpack(">II", head[16:]) for name, head in heads.items()}


def test_app_pictures_have_required_sizes() -> None:
    assert _pictures("app") == {"icon.png": (128, 128), "logo.png": (250, 100)}


def _versions(*tag: str) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "scripts" / "versions.py"), *tag]
    reported = subprocess.run(command, capture_output=True, text=True, check=False)
    return reported.returncode, reported.stdout


def test_version_check_finds_one_version_in_all_parts() -> None:
    assert _versions(f"v{__version__}") == (0, _versions()[1] + f"the tag: {__version__}\n")
    status, reported = _versions("v0.0.0")
    assert (status, reported.splitlines()[-1]) == (1, "the tag: 0.0.0")


def test_workflows_give_write_permission_to_release_only() -> None:
    """And packages only, in the job that comes after the check of the versions."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text("utf-8"))
        rights = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
        writing = {right for given in rights for right, level in given.items() if level != "read"}
        assert writing == ({"packages"} if path.name == "release.yml" else set())
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    assert jobs["image"]["needs"] == "versions"
    assert any("scripts/versions.py" in step.get("run", "") for step in jobs["versions"]["steps"])
