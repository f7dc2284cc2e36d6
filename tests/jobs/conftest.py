"""Everything about jobs is tested on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret
from tests.support import in_memory_bridge
from tests.support.in_memory_bridge import InMemoryBridge
from tests.support.postgresql import Postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with Postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgresql: Postgresql) -> Secret:
    """A database with its tables, to be copied: that is quicker than to make them each time."""
    where = postgresql.database()

    async def migrate() -> None:
        await (await Database.open(where)).close()

    asyncio.run(migrate())
    return where


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test that looks into the SQLite file itself is given `sqlite` alone."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _databases(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let `world` use the database that is asked for; the same path is the same database."""
    if engine == "sqlite":
        yield
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    template: Secret = request.getfixturevalue("template")
    made: list[Secret] = []
    known: dict[Path, Secret] = {}

    def another() -> Secret:
        made.append(server.database(template))
        return made[-1]

    def place(path: Path | None) -> Secret:
        if path is None:
            return another()
        if path not in known:
            known[path] = another()
        return known[path]

    monkeypatch.setattr(in_memory_bridge, "place", place)
    yield
    for database in made:
        server.drop(database)


@pytest.fixture
async def w() -> AsyncIterator[InMemoryBridge]:
    """A bridge with two modules that it has not spoken to."""
    async with in_memory_bridge.world() as made:
        yield made


@pytest.fixture
async def known(w: InMemoryBridge) -> InMemoryBridge:
    """The same bridge once it has asked the pump for its status."""
    await w.know_status("pump")
    return w
