"""A bridge that is killed again and again while people want things of it, or what it stands on is.

Every simulated module writes down what it was brought, so a change that is sent twice is seen.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from gsm_meter_bridge.model.job import FINAL, State
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.storage.schema import jobs
from gsm_meter_bridge.vocabulary import Secret
from tests.mqtt.conftest import Watcher, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator
from tests.support.waiting import PATIENCE_S

MODULES = 24
OVER = {*FINAL, State.UNCERTAIN}


@dataclass
class Trial:
    """A bridge with a simulated world of its own, and all that was asked of it."""

    name: str
    folder: Path
    seen: Watcher
    bridge: BridgeProcess
    journal: Path
    numbers: dict[str, str]
    database: Path | Secret
    requests: list[dict[str, Any]] = field(default_factory=list)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.name)

    def topic(self, rest: str) -> str:
        return f"gsm_meter_modem/{self.name}/{rest}"

    async def request(self) -> None:
        """Want a value that nobody has wanted before of a module."""
        module = self.dice.choice(list(self.numbers))
        self.requests.append(
            {
                "transaction": f"{self.name}-{len(self.requests) + 1}",
                "module": module,
                "csd_idle_timeout_s": 6 + len(self.requests),
            }
        )
        await self.seen.publish(self.topic("request/set"), self.requests[-1])

    async def insist(self, request: dict[str, Any]) -> dict[str, Any]:
        """Say a request again and again, as whoever gets no answer does, until it is done."""
        until = time.monotonic() + PATIENCE_S
        while True:
            await self.seen.publish(self.topic("request/set"), request)
            await asyncio.sleep(1)
            for answer in self.seen.of(self.topic("response/set")):
                if answer["transaction"] == request["transaction"] and not _passing(answer):
                    return dict(answer)
            assert time.monotonic() < until, (request, self.bridge.log[-3000:])

    def accepted(self) -> set[str]:
        """The transactions that the bridge has promised to keep."""
        answers = self.seen.of(self.topic("response/set"))
        return {a["transaction"] for a in answers if a["status"] == "accepted"}

    def brought(self, part: str) -> Counter[str]:
        """How often each message with `part` in it was brought to its module."""
        lines = self.journal.read_text("utf-8").splitlines() if self.journal.exists() else []
        messages = (json.loads(line) for line in lines)
        return Counter(f"{m['to']} {m['text']}" for m in messages if part in m["text"])

    def writes(self) -> Counter[str]:
        """How often each change was brought to its module."""
        return self.brought(";T=")

    async def settle_all(self) -> None:
        """Wait until every job is over, or uncertain, and no new one comes; entities' have no transaction."""
        until, still = time.monotonic() + PATIENCE_S, 0
        while still < 6:
            database = await Database.open(self.database)
            query = select(jobs.c.state).where(jobs.c.module.in_(self.numbers))
            async with database.transaction() as tx:
                open_ones = {State(row[0]) for row in await tx.execute(query)} - OVER
            await database.close()
            still = 0 if open_ones else still + 1
            assert time.monotonic() < until, (open_ones, self.bridge.log[-3000:])
            await asyncio.sleep(1)

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
        """Wait until the bridge says that it is there: by then it has subscribed to requests."""
        await self.seen.wait(self.topic("bridge/state"), lambda document: document["state"] == "online")

    async def wait_connected(self, times: int) -> None:
        """Wait until the bridge has connected as often as that."""
        async with asyncio.timeout(PATIENCE_S):
            while self.connections < times:
                await asyncio.sleep(0.05)

    async def kill_again_and_again(self, times: int) -> None:
        before = 0
        for _ in range(times):
            for _ in range(self.dice.randint(0, 3)):
                await self.request()
            # every other time it gets to work first, however slow the machine is
            if self.dice.random() < 0.5:
                await self.wait_connected(before + 1)
            await asyncio.sleep(self.dice.uniform(0, 1.5))
            self.bridge.kill()
            before = self.connections
            self.bridge.start()

    async def settle(self) -> dict[str, State]:
        """Wait until every job is over, or uncertain and known to be so."""
        until = time.monotonic() + PATIENCE_S
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


def _passing(answer: dict[str, Any]) -> bool:
    """Whether another answer comes, or will when it is asked again."""
    return answer["status"] == "accepted" or answer.get("error", {}).get("code") == "storage_failed"


@asynccontextmanager
async def trial(
    name: str,
    folder: Path,
    broker: Mosquitto,
    database: Path | Secret,
    *,
    budget: Mapping[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
    reply_timeout_s: float = 2,
) -> AsyncIterator[Trial]:
    """A bridge with that name, its own simulated world, and what its modem may send."""
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
        "modems": [
            {"id": modem, "url": str(folder / "modem"), "status_interval": 1, "budget": dict(budget or {})}
        ],
        "sms": {"reply_timeout": reply_timeout_s, "deadline": "20 s", "retry_delay": 0.2},
        "poll": {"initial_poll_spread": "30 d", "interval": "30 d"},
        "modules": [{"id": m, "family": "lers_gsm_mini", "number": number} for m, number in numbers.items()],
    }
    journal = folder / "journal"
    simulator = Simulator(
        folder, {"network": {"delay_s": 0.03}, "modules": modules}, "--journal", str(journal)
    )
    started = BridgeProcess(folder, config)
    started.environment.update(environment or {})
    async with watcher(broker.port, f"watcher-{name}") as seen:
        with simulator, started as bridge:
            yield Trial(name, folder, seen, bridge, journal, numbers, database)
