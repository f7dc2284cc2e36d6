"""What `doctor` looks at: a simulated modem, a real broker, a real database, and its command line."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.model import Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.simulator import World, commands
from gsm_meter_bridge.simulator.world import RunningWorld
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.leases import Leases, of_bridge, of_modem
from tests.support.mosquitto import Mosquitto

SetAnswer = Callable[[str, str], None]
OWN, PUMP, HUT, OTHER = "+79990000000", "+79990000201", "+79990000101", "+79990000009"
RUN = CliRunner()


@dataclass
class DoctorFixture:
    """A configuration, and the folder that all of it is in."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "bridge.db"

    @property
    def modem(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.config["modems"][0]
        return entry

    async def doctor(self, *more: str) -> Result:
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.config), "utf-8")
        return await asyncio.to_thread(RUN.invoke, app, ["doctor", "--config", str(path), *more])

    async def lines(self, mark: str) -> list[str]:
        """The lines with this mark."""
        result = await self.doctor()
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        output = result.stdout.splitlines()
        assert result.exit_code == any(line.startswith("problem ") for line in output)
        return [line.removeprefix(mark).strip() for line in output if line.startswith(f"{mark} ")]

    async def observe(self, module: str, at: float | None = None, **readings: str) -> None:
        """Have a module have told something."""
        database = await Database.open(self.database)
        async with database.transaction() as tx:
            observed = tuple(Reading(name.replace("__", "."), value) for name, value in readings.items())
            await observations.record(
                tx, Observation(module, observed, "sms", time.time() if at is None else at)
            )
        await database.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def installed(tmp_path: Path, broker: Mosquitto) -> DoctorFixture:
    return DoctorFixture(
        tmp_path,
        {
            "bridge": {"id": "home", "database": "bridge.db"},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "modems": [{"id": "stick", "url": str(tmp_path / "modem"), "number": OWN}],
            "poll": {"interval": "12 h"},
            "modules": [{"id": "pump", "family": "lers_gsm_mini", "number": PUMP, "password": "s3same"}],
        },
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RunningWorld]:
    async with World.load().run(tmp_path / "modem") as running:
        yield running


@pytest.fixture
def set_answer(monkeypatch: pytest.MonkeyPatch) -> SetAnswer:
    """Have the simulated modem answer a command in another way."""

    def send(command: str, line: str) -> None:
        row = (re.compile(re.escape(command)), lambda *_: (line,))
        monkeypatch.setattr(commands, "_COMMANDS", (row, *commands._COMMANDS))

    return send


def cclk(ahead: timedelta, hours: int = 3) -> str:
    network_time = datetime.now(timezone(timedelta(hours=hours))) + ahead
    return f'+CCLK: "{network_time:%y/%m/%d,%H:%M:%S}{4 * hours:+03}"'


@asynccontextmanager
async def running_bridge(installed: DoctorFixture) -> AsyncIterator[None]:
    """The leases of a bridge, without the bridge."""
    database = await Database.open(installed.database)
    held = Leases(database, (of_bridge("home"), of_modem("stick")))
    try:
        assert await held.try_acquire() is None
        yield
    finally:
        await held.release()
        await database.close()
