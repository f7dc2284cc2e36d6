"""The daemon itself, with a wall clock that is set while it runs or wrong when it starts (libfaketime)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.mqtt.conftest import TOPICS, Watcher
from tests.support.clocks import FakeClock
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import wait_until

PUMP = "+79990000201"
INTERVAL_S = 4.0
A_FEW = 3


def _world(**pump: Any) -> dict[str, Any]:
    module = {"family": "lers_gsm_mini", "msisdn": PUMP, "password": "s3same", **pump}
    return {"network": {"delay_s": 0.05}, "modules": {"pump": module}}


def _config(device: Path, port: int, interval_s: float) -> dict[str, Any]:
    return {
        "bridge": {"id": "home", "name": "Test bridge"},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "modems": [{"id": "stick", "url": str(device), "status_interval": 1}],
        "sms": {"reply_timeout": 60, "deadline": "10 min"},
        "poll": {"initial_poll_spread": 0, "interval": interval_s, "jitter": 0.0},
        "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP, "password": "s3same"}],
    }


@pytest.fixture
def clock(tmp_path: Path) -> FakeClock:
    return FakeClock(tmp_path)


def _daemon(folder: Path, port: int, clock: FakeClock, interval_s: float = INTERVAL_S) -> BridgeProcess:
    daemon = BridgeProcess(folder, _config(folder / "modem", port, interval_s))
    daemon.environment = clock.environment
    return daemon


class Watched(Simulator):
    """A simulated world that writes down what its module is asked."""

    def __init__(self, folder: Path, world: Mapping[str, Any]) -> None:
        self._journal = folder / "journal"
        super().__init__(folder, world, "--journal", str(self._journal))

    def count(self, text: str) -> int:
        """How often the module was asked `text`."""
        lines = self._journal.read_text("utf-8").splitlines() if self._journal.exists() else []
        return sum(json.loads(line)["text"] == text for line in lines)


def _polls(simulator: Watched) -> int:
    """How many polls have come: each begins by asking for the status."""
    return simulator.count("s3same;I")


def _wait_for_polls(simulator: Watched, daemon: BridgeProcess, more: int) -> float:
    """Wait until `more` polls have come, and return how long that took, seconds."""
    began, wanted = time.monotonic(), _polls(simulator) + more
    wait_until(lambda: _polls(simulator) >= wanted, lambda: daemon.log[-5000:])
    return time.monotonic() - began


def _clock_messages(health: dict[str, Any]) -> list[str]:
    return [p["message"] for p in health["problems"] if p["code"] == "clock"]


def _contains(text: str, health: dict[str, Any]) -> bool:
    return any(text in message for message in _clock_messages(health))


async def test_daemon_polls_no_sooner_if_clock_is_set_forward_and_back(
    tmp_path: Path, broker: Mosquitto, seen: Watcher, clock: FakeClock
) -> None:
    with Watched(tmp_path, _world()) as simulator, _daemon(tmp_path, broker.port, clock) as daemon:
        _wait_for_polls(simulator, daemon, A_FEW)
        began, before = time.monotonic(), _polls(simulator)
        for at, word in (("+180d", "forward"), ("+0", "back"), ("-20d", "back"), ("+0", "forward")):
            clock.set(at)
            health = await seen.wait(TOPICS.health, partial(_contains, f"set {word}"))
            assert health["internal_errors"] == 0
            _wait_for_polls(simulator, daemon, A_FEW)
        most = (time.monotonic() - began) / INTERVAL_S + 1
        assert _polls(simulator) - before <= most  # nobody was asked sooner for it
        seen.messages.clear()
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["last_seen"])
        assert abs(_unix(state["last_seen"]) - time.time()) < 60.0
        assert abs(_unix(state["next_poll"]) - time.time()) < 60.0
        assert "Traceback" not in daemon.log


async def test_daemon_started_in_1970_dates_readings_once_clock_is_set(
    tmp_path: Path, broker: Mosquitto, seen: Watcher
) -> None:
    clock = FakeClock(tmp_path, "@1970-01-01 00:00:10")
    with Watched(tmp_path, _world()) as simulator, _daemon(tmp_path, broker.port, clock) as daemon:
        _wait_for_polls(simulator, daemon, A_FEW)
        health = await seen.wait(TOPICS.health, _clock_messages)
        assert "1970" in _clock_messages(health)[0]
        assert health["problems"][0]["since"] is None
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["signal_dbm"])
        assert (state["last_seen"], state["next_poll"], state["online"]) == (None, None, True)
        assert {source["at"] for source in state["sources"].values()} == {None}
        clock.set("+0")
        _wait_for_polls(simulator, daemon, A_FEW)
        seen.messages.clear()
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["last_seen"])
        assert abs(_unix(state["last_seen"]) - time.time()) < 60.0
        # also of what was told before is the date known now
        assert all(abs(_unix(s["at"]) - time.time()) < 90.0 for s in state["sources"].values())


@pytest.mark.long
async def test_daemon_reports_clock_that_is_behind_database(
    tmp_path: Path, broker: Mosquitto, seen: Watcher, clock: FakeClock
) -> None:
    with Watched(tmp_path, _world()) as simulator, _daemon(tmp_path, broker.port, clock) as daemon:
        _wait_for_polls(simulator, daemon, A_FEW)
        daemon.stop()
        clock.set("-20d")
        seen.messages.clear()
        daemon.start()
        _wait_for_polls(simulator, daemon, A_FEW)
        health = await seen.wait(TOPICS.health, _clock_messages)
        assert "the database has a time" in _clock_messages(health)[0]
        assert "cannot be right" in daemon.log
        seen.messages.clear()
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["last_seen"] is None)
        assert state["online"]
        clock.set("+0")
        await seen.wait(TOPICS.module("pump"), lambda m: m["last_seen"])
        _wait_for_polls(simulator, daemon, A_FEW)


@pytest.mark.long
async def test_daemon_recovers_from_clock_ahead_in_earlier_run(
    tmp_path: Path, broker: Mosquitto, seen: Watcher
) -> None:
    """The next reply's service centre tells that the clock is right now, and the database was wrong."""
    clock = FakeClock(tmp_path, "+180d")
    with Watched(tmp_path, _world()) as simulator, _daemon(tmp_path, broker.port, clock) as daemon:
        _wait_for_polls(simulator, daemon, A_FEW)
        daemon.kill()
        clock.set("+0")
        seen.messages.clear()
        daemon.start()
        _wait_for_polls(simulator, daemon, A_FEW)
        seen.messages.clear()
        now = time.time()
        await seen.wait(TOPICS.module("pump"), lambda m: abs(_unix(m["last_seen"]) - now) < 60.0)
        assert "clock is over" in daemon.log


@pytest.mark.long
@pytest.mark.parametrize("at", ["+180d", "-20d", "@1970-01-01 00:00:10"])
async def test_job_is_not_ended_early_by_clock_change(
    tmp_path: Path, broker: Mosquitto, seen: Watcher, clock: FakeClock, at: str
) -> None:
    with (
        Watched(tmp_path, _world(faults={"delay_s": 6.0})) as simulator,
        _daemon(tmp_path, broker.port, clock, 3600.0) as daemon,
    ):
        await seen.wait(TOPICS.module("pump"), lambda m: m["signal_dbm"] and m["settings"]["apn"] is not None)
        asked = simulator.sms_to(PUMP)
        await seen.publish(TOPICS.request("set"), {"transaction": "t", "module": "pump", "apn": "m2m"})
        wait_until(lambda: simulator.sms_to(PUMP) == asked + 1, lambda: daemon.log)
        clock.set(at)
        await asyncio.sleep(4.0)
        clock.set("+0")
        done = await seen.wait(TOPICS.response("set"), lambda d: d["status"] != "accepted")
        assert (done["status"], done["after"]) == ("ok", {"apn": "m2m"}), done
        assert simulator.count("s3same;A=m2m") == 1


def _unix(moment: str | None) -> float:
    return 0.0 if moment is None else datetime.fromisoformat(moment).timestamp()
