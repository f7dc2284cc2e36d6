"""Everything about jobs is tested on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gsm_meter_bridge.vocabulary import Secret
from tests.support import short_path
from tests.support.postgresql import Postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    with Postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The kind of database; a test that looks into the SQLite file itself is given `sqlite` alone."""
    return str(request.param)


@pytest.fixture(autouse=True)
def _databases(engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `world` use the database that is asked for; the same path is the same database."""
    if engine == "sqlite":
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    known: dict[Path, Secret] = {}

    def place(path: Path | None) -> Secret:
        if path is None:
            return server.database()
        if path not in known:
            known[path] = server.database()
        return known[path]

    monkeypatch.setattr(short_path, "place", place)
