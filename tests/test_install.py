"""scripts/install below a prefix, as root would have it below /, and the wheel that `pipx install` takes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gsm_meter_bridge import __version__

ROOT = Path(__file__).parents[1]
CONFIGURATION = Path("etc", "gsm-meter-bridge")
UNIT = Path("etc", "systemd", "system", "gsm-meter-bridge.service")
LINK = Path("usr", "local", "bin", "gsm-meter-bridge")


def _install(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "install"), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=600,
        umask=0o077,
    )


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _check_rights(opt: Path, etc: Path) -> None:
    """Our user is another one than root: it reads the program, and nobody else the configuration."""
    assert {file.name: _rights(file) for file in etc.iterdir()} == {
        "config.yaml": 0o640,
        "config.example.yaml": 0o640,
        "secrets.yaml": 0o640,
    }
    assert _rights(etc) == 0o750
    others = 0o004
    closed = [path for path in opt.rglob("*") if not path.is_symlink() and not _rights(path) & others]
    assert closed == []


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.long
def test_install_script_installs_upgrades_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "somebody's machine"
    monkeypatch.chdir(tmp_path)
    opt, etc = prefix / "opt" / "gsm-meter-bridge", prefix / CONFIGURATION
    program = opt / "bin" / "gsm-meter-bridge"
    done = _install("--prefix", prefix.name)
    assert done.returncode == 0, done.stderr
    # below a prefix there is no user and no systemd
    assert f"{program} run --config {etc / 'config.yaml'} --dry-run" in done.stderr
    assert not any(message in done.stderr for message in ("sudo", "systemctl"))
    assert _output(str(program), "--version").strip() == __version__
    check = [str(program), "run", "--config", str(etc / "config.yaml"), "--dry-run"]
    # nothing is sent to the example's numbers before somebody has filled it in
    refused = subprocess.run(check, capture_output=True, text=True, check=False, timeout=120)
    assert (refused.returncode, refused.stderr.count("is still 'change me'")) == (1, 3)
    filled_in = (etc / "secrets.yaml").read_text("utf-8").replace("change me", "0000")
    (etc / "secrets.yaml").write_text(filled_in, "utf-8")
    assert "SMS a day" in _output(*check)
    _check_rights(opt, etc)
    written = (etc / "config.yaml").read_text("utf-8")
    assert "\n  database: /var/lib/gsm-meter-bridge/gsm-meter-bridge.db\n" in written
    assert f"ExecStart=/{program.relative_to(prefix)} run" in (prefix / UNIT).read_text("utf-8")
    assert (prefix / LINK).readlink() == Path("/", program.relative_to(prefix))

    (etc / "config.yaml").write_text("bridge: {id: mine}\n", "utf-8")
    (etc / "secrets.yaml").write_text("mine: x\n", "utf-8")
    first = (opt / "current").readlink()

    # an upgrade that fails leaves what is there
    failed = _install(
        "--prefix", str(prefix), PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull
    )
    assert failed.returncode != 0
    assert sorted(file.name for file in opt.glob("release-*")) == [first.name]
    assert _output(str(program), "--version").strip() == __version__

    assert _install("--prefix", str(prefix)).returncode == 0
    # a bridge that runs has its files until it is started anew
    assert (opt / "current").readlink() != first
    assert (opt / first).is_dir()
    assert _output(str(program), "--version").strip() == __version__
    assert (etc / "config.yaml").read_text("utf-8") == "bridge: {id: mine}\n"
    assert (etc / "secrets.yaml").read_text("utf-8") == "mine: x\n"

    database = prefix / "var" / "lib" / "gsm-meter-bridge" / "gsm-meter-bridge.db"
    database.parent.mkdir(parents=True)
    database.write_text("kept")
    assert _install("--prefix", str(prefix), "--remove").returncode == 0
    assert not opt.exists()
    assert not (prefix / UNIT).exists()
    assert not (prefix / LINK).is_symlink()
    assert (etc / "config.yaml").exists()
    assert database.exists()
    assert _install("--prefix", str(prefix), "--remove", "--purge").returncode == 0
    assert not etc.exists()
    assert not database.parent.exists()


@pytest.mark.long
def test_wheel_installs_and_has_its_data_files(tmp_path: Path) -> None:
    built = subprocess.run([str(ROOT / "scripts" / "wheel"), str(tmp_path)], check=False, timeout=300)
    assert built.returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"gsm_meter_bridge-{__version__}-")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv is not None
    _output(uv, "venv", "-q", "--python", sys.executable, str(tmp_path / "venv"))
    _output(uv, "pip", "install", "-q", "--python", str(tmp_path / "venv" / "bin" / "python"), str(wheel))
    program = str(tmp_path / "venv" / "bin" / "gsm-meter-bridge")
    assert _output(program, "--version").strip() == __version__
    # what is no Python is in it too: families, profiles, the simulated world
    assert "apn" in _output(program, "sms-text", "--family", "energomera_gs04", "apn=m2m.example").lower()


@pytest.mark.parametrize("arguments", ["--prefix", "--purge", "now", "--remove now"])
def test_install_script_refuses_unknown_arguments(arguments: str) -> None:
    refused = _install(*arguments.split())
    assert refused.returncode == 2
    assert "--prefix DIR" in refused.stderr
    assert any(
        message in refused.stderr for message in ("needs a folder", "goes with --remove", "no argument now")
    )


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_install_script_shows_help_without_failure(asked: str) -> None:
    assert "--prefix DIR" in _output(str(ROOT / "scripts" / "install"), asked)


def test_install_script_says_what_to_do_without_root(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    refused = _install(PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert refused.returncode == 2
    assert "pipx install dist/gsm_meter_bridge-*.whl" in refused.stderr
