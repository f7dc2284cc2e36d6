"""A broker that remembers, for bridges that are killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that keeps what it was told."""
    with Mosquitto(tmp_path / "mosquitto", persistent=True) as broker:
        yield broker
