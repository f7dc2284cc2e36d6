"""The bridge is killed again and again while people want things of it, and what it stands on fails.

Every simulated module writes down what it was brought, so a change that is sent twice is seen.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gsm_meter_bridge.job import FINAL, State
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.schema import jobs
from gsm_meter_bridge.vocabulary import Secret
from tests.mqtt.conftest import Watcher, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import Postgresql
from tests.support.processes import BridgeProcess, Simulator, wait_until

pytestmark = pytest.mark.long
KILLS = 200
MODULES = 24
OVER = {*FINAL, State.UNCERTAIN}


@dataclass
class House:
    """A bridge with a simulated world of its own, and all that was asked of it."""

    name: str
    folder: Path
    seen: Watcher
    bridge: BridgeProcess
    journal: Path
    numbers: dict[str, str]
    database: Path | Secret
    wishes: list[dict[str, Any]] = field(default_factory=list)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.name)

    def topic(self, rest: str) -> str:
        return f"gsm_meter_modem/{self.name}/{rest}"

    async def wish(self) -> None:
        """Want a value that nobody has wanted before of a module."""
        module = self.dice.choice(list(self.numbers))
        self.wishes.append(
            {
                "transaction": f"{self.name}-{len(self.wishes) + 1}",
                "module": module,
                "csd_idle_timeout_s": 6 + len(self.wishes),
            }
        )
        await self.seen.say(self.topic("request/set"), self.wishes[-1])

    async def insist(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Say a wish again and again, as whoever gets no answer does, until it is done."""
        until = time.monotonic() + 60
        while True:
            await self.seen.say(self.topic("request/set"), wish)
            await asyncio.sleep(1)
            for answer in self.seen.of(self.topic("response/set")):
                if answer["transaction"] == wish["transaction"] and answer["status"] != "accepted":
                    return dict(answer)
            assert time.monotonic() < until, (wish, self.bridge.log[-3000:])

    def accepted(self) -> set[str]:
        """The transactions that the bridge has promised to keep."""
        answers = self.seen.of(self.topic("response/set"))
        return {a["transaction"] for a in answers if a["status"] == "accepted"}

    def writes(self) -> Counter[str]:
        """How often each change was brought to its module."""
        lines = self.journal.read_text("utf-8").splitlines() if self.journal.exists() else []
        brought = (json.loads(line) for line in lines)
        return Counter(f"{m['to']} {m['text']}" for m in brought if ";T=" in m["text"])

    async def states(self) -> dict[str, State]:
        """What became of each transaction."""
        database = await Database.open(self.database)
        query = select(jobs.c.transaction_id, jobs.c.state).where(jobs.c.module.in_(self.numbers))
        async with database.transaction() as tx:
            found = {row[0]: State(row[1]) for row in await tx.execute(query) if row[0] is not None}
        await database.close()
        return found

    @property
    def connections(self) -> int:
        """How often the bridge has connected to the broker."""
        return self.bridge.log.count("connected to the broker")

    async def wait_online(self) -> None:
        """Wait until the bridge says that it is there: by then it has subscribed to wishes."""
        await self.seen.wait(self.topic("bridge/state"), lambda told: told["state"] == "online")

    async def wait_connected(self, times: int) -> None:
        """Wait until the bridge has connected as often as that."""
        async with asyncio.timeout(60):
            while self.connections < times:
                await asyncio.sleep(0.05)

    async def kill_again_and_again(self, times: int) -> None:
        before = 0
        for _ in range(times):
            for _ in range(self.dice.randint(0, 3)):
                await self.wish()
            # every other time it gets to work first, however slow the machine is
            if self.dice.random() < 0.5:
                await self.wait_connected(before + 1)
            await asyncio.sleep(self.dice.uniform(0, 1.5))
            self.bridge.kill()
            before = self.connections
            self.bridge.start()

    async def settle(self) -> dict[str, State]:
        """Wait until every job is over, or uncertain and known to be so."""
        until = time.monotonic() + 120
        while True:
            states = await self.states()
            if self.accepted() <= states.keys() and set(states.values()) <= OVER:
                return states
            assert time.monotonic() < until, (states, self.bridge.log[-3000:])
            await asyncio.sleep(0.5)

    async def check(self, least: int) -> None:
        """No accepted command is lost, no change was sent twice, all jobs are over or uncertain."""
        states = await self.settle()
        lost = self.accepted() - states.keys()
        assert not lost
        twice = {text: count for text, count in self.writes().items() if count > 1}
        assert not twice
        verified = [t for t, state in states.items() if state is State.VERIFIED]
        # the kills left it time to do something
        assert len(verified) >= least, Counter(states.values())
        assert "Traceback" not in self.bridge.log


@asynccontextmanager
async def house(name: str, folder: Path, broker: Mosquitto, database: Path | Secret) -> AsyncIterator[House]:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {f"{name}_{n}": f"+7999{len(name):02}{n:05}" for n in range(MODULES)}
    modules = {m: {"family": "lers_gsm_mini", "msisdn": number} for m, number in numbers.items()}
    modem = f"{name}_stick"
    config = {
        "bridge": {
            "id": name,
            "database": database.reveal() if isinstance(database, Secret) else str(database),
        },
        "mqtt": {"host": "127.0.0.1", "port": broker.port},
        "modems": [{"id": modem, "url": str(folder / "modem"), "status_interval": 1}],
        "sms": {"reply_timeout": 2, "deadline": "20 s", "resend_delay": 0.2},
        "poll": {"first_spread": "30 d", "interval": "30 d"},
        "modules": [{"id": m, "family": "lers_gsm_mini", "number": number} for m, number in numbers.items()],
    }
    journal = folder / "journal"
    simulator = Simulator(
        folder, {"network": {"delay_s": 0.03}, "modules": modules}, "--journal", str(journal)
    )
    async with watcher(broker.port, f"watcher-{name}") as seen:
        with simulator, BridgeProcess(folder, config) as bridge:
            yield House(name, folder, seen, bridge, journal, numbers, database)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", persistent=True) as broker:
        yield broker


async def test_a_bridge_on_sqlite(tmp_path: Path, broker: Mosquitto) -> None:
    async with house("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.kill_again_and_again(KILLS)
        await home.check(least=KILLS // 10)


async def test_two_bridges_on_postgresql(tmp_path: Path, broker: Mosquitto) -> None:
    with Postgresql() as server:
        url = server.database()
        async with AsyncExitStack() as stack:
            both = [
                await stack.enter_async_context(house(name, tmp_path / name, broker, url))
                for name in ("north", "southern")
            ]
            await asyncio.gather(*(one.kill_again_and_again(KILLS // 2) for one in both))
            for one in both:
                await one.check(least=KILLS // 20)


async def test_the_broker_is_killed_and_stays_away(tmp_path: Path, broker: Mosquitto) -> None:
    async with house("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.wait_online()
        for _ in range(10):
            await home.wish()
        for _ in range(5):
            await home.wish()
            await asyncio.sleep(home.dice.uniform(0, 2))
            broker.kill()
            broker.start()
        broker.kill()
        await asyncio.sleep(61)
        broker.start()
        # a broker that was killed may have forgotten what it was told, so who gets no answer asks again
        for wish in home.wishes:
            assert (await home.insist(wish))["status"] == "ok"
        await home.check(least=len(home.wishes))


async def test_a_standby_takes_over(tmp_path: Path, broker: Mosquitto) -> None:
    async with house("home", tmp_path, broker, tmp_path / "home.db") as home:
        await home.wait_online()
        standby = BridgeProcess.__new__(BridgeProcess)
        standby.__dict__ = {**home.bridge.__dict__, "_log": tmp_path / "standby.log", "_process": None}
        with standby:
            wait_until(lambda: "waiting as a standby" in standby.log, lambda: standby.log)
            home.bridge.kill()
            wait_until(lambda: "connected to the broker" in standby.log, lambda: standby.log)
            await home.wish()
            done = await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "ok")
            assert done["after"] == {"csd_idle_timeout_s": 6}
        home.bridge.start()


@dataclass
class SmallDisk:
    """A disk of eight mebibytes."""

    folder: Path

    def fill(self, _pid: int) -> None:
        """Leave no room on it."""
        with pytest.raises(OSError, match="No space left"):
            _fill(self._ballast)

    def make_room(self, _pid: int) -> None:
        """Let it be as it was."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


class LimitedFiles(SmallDisk):
    """A folder where the bridge's files may not grow: what there is without the right to mount."""

    def fill(self, pid: int) -> None:
        """Let no file grow beyond the longest."""
        longest = max(file.stat().st_size for file in self.folder.iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest, resource.RLIM_INFINITY))

    def make_room(self, pid: int) -> None:
        """Let them grow again."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk that can be filled, or what comes next to it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False
    ).returncode:
        yield LimitedFiles(folder)
        return
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk(tmp_path: Path, broker: Mosquitto, small_disk: SmallDisk) -> None:
    async with house("home", tmp_path, broker, small_disk.folder / "home.db") as home:
        await home.wait_online()
        await home.wish()
        await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "ok")
        small_disk.fill(home.bridge.pid)
        await _refused(home)
        wait_until(lambda: "the database cannot be used" in home.bridge.log, lambda: home.bridge.log)
        small_disk.make_room(home.bridge.pid)
        wait_until(lambda: "the database can be used again" in home.bridge.log, lambda: home.bridge.log)
        await home.wish()
        assert (await home.insist(home.wishes[-1]))["status"] == "ok"
        await home.check(least=2)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))


async def _refused(home: House) -> None:
    """Wish until the disk is full, which is told to whoever wishes."""

    def refused(answer: dict[str, Any]) -> bool:
        return answer["status"] == "error" and answer["error"]["code"] == "storage_failed"

    for _ in range(60):
        await home.wish()
        await asyncio.sleep(0.1)
        if any(map(refused, home.seen.of(home.topic("response/set")))):
            return
    raise AssertionError(home.bridge.log[-3000:])
