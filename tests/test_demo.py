"""The demo as a newcomer runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto
from tests.support.screen import CTRL_C, Screen

SCRIPT = Path(__file__).parents[1] / "scripts" / "demo.py"
SHOWN = (
    "cottage",
    "LTE band 7",
    "10.20.30.41",
    "-71 dBm",
    "Roaming",
    "no answer",
    "verified",
    "docs/tutorial.md",
    "gsm_meter_modem/demo/module/garage",
)


def _check(output: str) -> None:
    for message in SHOWN:
        assert message in output
    assert "secret-of-the-heat-point" not in output


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
def test_demo_runs_once_with_each_broker(broker: str) -> None:
    hide = "shutil.which = lambda *_, **__: None" if broker == "embedded" else ""
    run = f"sys.argv = ['demo', '--once']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    program = f"import runpy, shutil, sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\n{hide}\n{run}"
    with _started([sys.executable, "-c", program]) as demo:
        output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, output
    assert f"broker: {broker}" in output
    _check(output)


@contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A program with all that it starts: whatever happens, nothing of it is left."""
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield program
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_demo_leaves_nothing_on_own_broker(tmp_path: Path, number: signal.Signals) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        with _started([sys.executable, str(SCRIPT), "--broker", f"127.0.0.1:{broker.port}"]) as demo:
            async with watcher(broker.port) as seen:
                await seen.wait("gsm_meter_modem/demo/module/cottage", lambda m: m["signal_dbm"])
            demo.send_signal(number)
            output, _ = demo.communicate(timeout=120)
            assert demo.returncode == 130, output
        async with watcher(broker.port, "newcomer") as seen:
            assert [topic for topic, _ in seen.messages if topic != "watcher/ready"] == []


def test_demo_asks_for_broker_password_and_hides_it(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(users), "ha", "p: #1 %{}"], check=True)
    listener = f"allow_anonymous false\npassword_file {users}"
    command = [sys.executable, str(SCRIPT), "--username", "ha"]
    with Mosquitto(tmp_path / "mosquitto", listener) as broker:
        command += ["--broker", f"127.0.0.1:{broker.port}"]
        with Screen(command) as screen:
            screen.wait("password of ha: ")
            screen.type("p: #1 %{}\n")
            screen.wait("10.20.30.41")
            screen.type(CTRL_C)
            _ends_well(screen, "10.20.30.41")
            assert "p: #1" not in screen.shown
    unasked = subprocess.run(
        ["setsid", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert unasked.returncode == 1
    assert "no terminal to ask for the password: set MQTT_PASSWORD" in unasked.stderr
    assert "Traceback" not in unasked.stderr


@pytest.mark.parametrize("broker", ["nonsense", "host:", ":1883", "host:port"])
def test_demo_refuses_invalid_broker_address(broker: str) -> None:
    command = [sys.executable, str(SCRIPT), "--broker", broker]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{broker!r} is not HOST:PORT" in done.stderr


def _ends_well(screen: Screen, *shown: str) -> None:
    assert screen.end() == 130, screen.shown
    assert "Traceback" not in screen.shown
    assert "Error" not in screen.shown
    for message in shown:
        assert message in screen.shown.rpartition("simulated world")[2]
    assert screen.left() == []


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_C * 3], ids=["once", "three times"])
@pytest.mark.parametrize("seen", ["10.20.30.41", "simulated modem:", "broker:"])
def test_demo_ends_well_at_ctrl_c(keys: str, seen: str) -> None:
    with Screen([sys.executable, str(SCRIPT)]) as screen:
        screen.wait(seen)
        screen.type(keys)
        # the last picture stays
        _ends_well(screen, *(["cottage", "-71 dBm", "10.20.30.41"] if seen == "10.20.30.41" else []))


def test_demo_ends_well_at_ctrl_c_while_it_loads() -> None:
    # Python's own start cannot be stopped without a traceback: the demo's begins after it
    run = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); print('Python is there', flush=True)"
    run += f"; import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    with Screen([sys.executable, "-c", f"import signal; signal.signal(2, signal.SIG_DFL); {run}"]) as screen:
        screen.wait("Python is there")
        screen.type(CTRL_C)
        _ends_well(screen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_demo_ends_well_at_signal(number: signal.Signals) -> None:
    with Screen([sys.executable, str(SCRIPT)]) as screen:
        screen.wait("10.20.30.41")
        screen.send(number)
        _ends_well(screen, "10.20.30.41")


@pytest.mark.parametrize("state", ["there", "gone", "killed", "frozen"])
def test_demo_ends_well_at_ctrl_c_in_each_state_of_own_broker(tmp_path: Path, state: str) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        with Screen([sys.executable, str(SCRIPT), "--broker", f"127.0.0.1:{broker.port}"]) as screen:
            screen.wait("10.20.30.41")
            if state == "frozen":
                broker.freeze()
            elif state != "there":
                {"gone": broker.stop, "killed": broker.kill}[state]()
            screen.type(CTRL_C)
            _ends_well(screen, "10.20.30.41")
        broker.thaw()


def test_demo_ends_well_at_ctrl_c_if_broker_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [sys.executable, str(SCRIPT), "--broker", f"127.0.0.1:{silent.getsockname()[1]}"]
        with Screen(command) as screen:
            screen.wait("simulated world")
            screen.type(CTRL_C)
            _ends_well(screen)


def test_demo_fits_small_terminal() -> None:
    with Screen([sys.executable, str(SCRIPT)]) as screen:
        screen.wait("10.20.30.42")
        screen.type(CTRL_C)
        _ends_well(screen, "boiler_house", "heat_point", "registration", "Roaming", "10.20.30.41")
        last = screen.shown.rpartition("simulated world")[2]
        assert "…" not in last
        # no line is as wide as the screen: ^C behind it would move the picture
        assert max(len(line) for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).splitlines()) <= 78


def test_demo_shows_change_as_text() -> None:
    with Screen([sys.executable, str(SCRIPT)]) as screen:
        screen.wait("apn: m2m.demo")
        screen.type(CTRL_C)
        _ends_well(screen, "verified", "apn: m2m.demo")
        assert '{"' not in screen.shown
