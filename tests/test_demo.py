"""The demo as a newcomer runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.mqtt.conftest import watcher
from tests.support.mosquitto import Mosquitto

SCRIPT = Path(__file__).parents[1] / "scripts" / "demo.py"
SHOWN = (
    "cottage",
    "lte_7",
    "10.20.30.41",
    "-71 dBm",
    "roaming",
    "no answer",
    "verified",
    "gsm_meter_modem/demo/module/garage",
)


def _check(output: str) -> None:
    for words in SHOWN:
        assert words in output
    assert "secret-of-the-heat-point" not in output


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
def test_once(broker: str) -> None:
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
async def test_on_ones_own_broker_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        with _started([sys.executable, str(SCRIPT), "--broker", f"127.0.0.1:{broker.port}"]) as demo:
            async with watcher(broker.port) as seen:
                await seen.wait("gsm_meter_modem/demo/module/cottage", lambda m: m["signal_dbm"])
            demo.send_signal(number)
            output, _ = demo.communicate(timeout=30)
            assert demo.returncode == 130, output
        async with watcher(broker.port, "newcomer") as seen:
            assert [topic for topic, _ in seen.messages if topic != "watcher/ready"] == []


@pytest.mark.parametrize("broker", ["nonsense", "host:", ":1883", "host:port"])
def test_a_broker_that_is_none(broker: str) -> None:
    command = [sys.executable, str(SCRIPT), "--broker", broker]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{broker!r} is not HOST:PORT" in done.stderr
