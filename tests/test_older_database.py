"""A bridge whose database was brought back from a copy repeats nothing, whichever way it was brought back."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gsm_meter_bridge.vocabulary import Secret
from tests.mqtt.conftest import Watcher, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import Postgresql
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import wait_until

ROOT = "gsm_meter_modem/home"
OLDER = "older than what the bridge has done"
MODULES = {
    "pump": {"family": "lers_gsm_mini", "msisdn": "+79990000201"},
    "hut": {"family": "lers_gsm_mini", "msisdn": "+79990000202"},
}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Postgresql]:
    with Postgresql() as server:
        yield server


@dataclass
class UpgradeStack:
    """A bridge on a database of one of the two kinds, its simulated world, and its broker."""

    folder: Path
    bridge: BridgeProcess
    simulator: Simulator
    seen: Watcher
    database: Path | Secret
    server: Postgresql | None

    def configure(self, database: Path | Secret) -> None:
        """Have the bridge use another database from its next start on."""
        self.database = database
        config = yaml.safe_load(self.bridge.config.read_text("utf-8"))
        config["bridge"]["database"] = database.reveal() if isinstance(database, Secret) else str(database)
        self.bridge.config.write_text(yaml.safe_dump(config), "utf-8")

    def command(self, *arguments: str) -> str:
        """Do what a command of the bridge does; what it said."""
        command = [sys.executable, "-m", "gsm_meter_bridge", "database", *arguments]
        done = subprocess.run(
            [*command, "-c", str(self.bridge.config)], capture_output=True, text=True, check=False, timeout=90
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def brought(self) -> list[str]:
        """Each message that was brought to a module."""
        journal = self.folder / "journal"
        lines = journal.read_text("utf-8").splitlines() if journal.exists() else []
        return [f"{m['to']} {m['text']}" for m in map(json.loads, lines)]

    async def online(self, runs: int) -> None:
        """Wait until that run of the bridge has connected to the broker."""
        async with asyncio.timeout(60):
            while self.bridge.log.count("connected to the broker") < runs:
                await asyncio.sleep(0.05)
        if runs == 1:  # later ones have a session at the broker, which keeps requests for them
            await self.seen.wait(f"{ROOT}/bridge/state", lambda d: d["state"] == "online")

    async def ask(self, action: str, transaction: str, **more: object) -> None:
        """Request something, of the pump unless it is said, and wait until it is accepted."""
        request = {"transaction": transaction, "module": "pump", **more}
        await self.seen.publish(f"{ROOT}/request/{action}", request)
        await self.answer(action, transaction, "accepted")

    async def answer(self, action: str, transaction: str, *statuses: str) -> Mapping[str, Any]:
        """Wait for an answer of one of these statuses."""
        found: Mapping[str, Any] = await self.seen.wait(
            f"{ROOT}/response/{action}",
            lambda a: a["transaction"] == transaction and a["status"] in statuses,
        )
        return found


@asynccontextmanager
async def _house(
    folder: Path, broker: Mosquitto, database: Path | Secret, server: Postgresql | None
) -> AsyncIterator[UpgradeStack]:
    config = {
        "bridge": {
            "id": "home",
            "key_file": str(folder / "key"),
            "database": database.reveal() if isinstance(database, Secret) else str(database),
        },
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "modems": [{"id": "stick", "url": str(folder / "modem"), "status_interval": 1}],
        "sms": {"reply_timeout": 5, "deadline": "10 min", "retry_delay": 0.2},
        "poll": {"initial_poll_spread": "30 d", "interval": "30 d"},
        "modules": [{"id": m, "family": o["family"], "number": o["msisdn"]} for m, o in MODULES.items()],
    }
    simulator = Simulator(
        folder,
        {"network": {"delay_s": 0.03}, "modules": MODULES},
        "--journal",
        str(folder / "journal"),
    )
    async with watcher(broker.port) as seen:
        bridge = BridgeProcess(folder, config)
        try:
            yield UpgradeStack(folder, bridge, simulator, seen, database, server)
        finally:
            for process in (bridge, simulator):
                if process.alive:
                    process.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
async def home(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Mosquitto
) -> AsyncIterator[UpgradeStack]:
    server: Postgresql | None = None
    database: Path | Secret = tmp_path / "home.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        database = server.database()
    async with _house(tmp_path, broker, database, server) as stack:
        yield stack


def _copy(home: UpgradeStack) -> Path | Secret:
    """Copy the database of a stopped bridge as a person would do it without the bridge's help."""
    if home.server is not None:
        assert isinstance(home.database, Secret)
        return home.server.database(home.database)
    assert isinstance(home.database, Path)
    shutil.copy(home.database, home.folder / "copy")
    return home.folder / "copy"


def _bring_back(home: UpgradeStack, copy: Path | Secret) -> None:
    if isinstance(copy, Secret):
        home.configure(copy)
        return
    assert isinstance(home.database, Path)
    for ending in ("-wal", "-shm"):
        home.database.with_name(f"{home.database.name}{ending}").unlink(missing_ok=True)
    shutil.copy(copy, home.database)


async def _wait_in_copy(home: UpgradeStack, how: str) -> Path | Secret:
    """Have a reboot and a change wait while there is no modem; copy the database; have both done."""
    home.bridge.start()
    await home.online(1)
    await home.ask("reboot", "t1", module="hut", confirm=True)
    await home.ask("set", "t2", csd_idle_timeout_s=77)
    copy: Path | Secret = home.folder / "backup"
    if how == "commands":
        home.command("backup", str(copy))
    home.bridge.stop()
    if how == "files":
        copy = _copy(home)
    home.simulator.start()
    home.bridge.start()
    assert (await home.answer("set", "t2", "ok", "error"))["status"] == "ok"
    # a later change, which the older one would undo
    await home.ask("set", "t3", csd_idle_timeout_s=99)
    assert (await home.answer("set", "t3", "ok", "error"))["status"] == "ok"
    wait_until(lambda: any("REBOOT" in text for text in home.brought()), lambda: home.bridge.log)
    home.bridge.stop()
    return copy


@pytest.mark.parametrize("how", ["commands", "files"])
async def test_restored_bridge_repeats_neither_action_nor_change(home: UpgradeStack, how: str) -> None:
    copy = await _wait_in_copy(home, how)
    before = len(home.brought())
    if how == "commands":
        assert "is restored from" in home.command("restore", str(copy))
    else:
        _bring_back(home, copy)
    home.seen.messages.clear()
    runs = home.bridge.log.count("connected to the broker")
    assert OLDER not in home.bridge.log
    home.bridge.start()
    for kills in range(3):
        # killed as soon as it knows, and once more: it says so again, and decides nothing anew
        wait_until(lambda n=kills: home.bridge.log.count(OLDER) > n, lambda: home.bridge.log)  # type: ignore[misc]
        home.bridge.kill()
        home.bridge.start()
    await home.online(runs + 1)
    reported = await home.answer("reboot", "t1", "error")
    assert reported["state"] == "uncertain"
    assert "not known" in reported["error"]["message"]
    await home.seen.wait(
        f"{ROOT}/bridge/health", lambda d: [p for p in d["problems"] if p["code"] == "database_older"]
    )
    # what was written since is what the module still has: the older change is not made again
    await home.seen.wait(
        f"{ROOT}/module/pump/event", lambda e: e["action"] == "set" and e["state"] == "mismatched"
    )
    await home.ask("set", "t4", csd_idle_timeout_s=55)
    assert (await home.answer("set", "t4", "ok", "error"))["status"] == "ok"
    new = home.brought()[before:]
    assert not [text for text in new if "T=77" in text or "REBOOT" in text], new
    assert sum("T=55" in text for text in new) == 1
    assert "Traceback" not in home.bridge.log


async def test_bridge_that_restarts_or_meets_new_broker_is_not_taken_for_restored(
    tmp_path: Path, broker: Mosquitto
) -> None:
    async with _house(tmp_path, broker, tmp_path / "home.db", None) as home:
        home.bridge.start()
        await home.online(1)
        await home.ask("set", "t1", csd_idle_timeout_s=77)
        home.bridge.kill()
        home.simulator.start()
        home.bridge.start()
        assert (await home.answer("set", "t1", "ok", "error"))["status"] == "ok"
        # the broker has lost everything; the bridge has it kept again
        broker.stop()
        broker.start()
    async with watcher(broker.port) as seen, _house(tmp_path, broker, tmp_path / "home.db", None) as home:
        home.simulator.start()
        home.bridge.start()
        kept = await seen.wait(f"{ROOT}/bridge/generation", lambda d: d["generations"])
        assert max(kept["generations"].values()) > 0
        home.bridge.kill()
        home.bridge.start()
        await home.online(2)
        await home.ask("set", "t2", csd_idle_timeout_s=88)
        assert (await home.answer("set", "t2", "ok", "error"))["status"] == "ok"
        assert OLDER not in home.bridge.log
