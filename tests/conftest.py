"""For all tests: speed is measured in benchmarks, never here."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.mqtt.conftest import Watcher
    from tests.support.mosquitto import Mosquitto

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 * 1024**3
"""Where Linux keeps files in memory, and how much must be free there for the files of all tests."""

if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
    # a database is hundreds of files: a busy disk takes a second for them, memory a tenth of that
    os.environ["TMPDIR"] = str(MEMORY)  # of what the tests start too
    tempfile.tempdir = None

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started by a shell in the background: what the tests start would not hear Ctrl-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the long tests evenly, so that workers side by side share them."""
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    for n, item in enumerate(long):
        others.insert(n * (len(others) + 1) // len(long), item)
    items[:] = others


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A mosquitto of the test's own."""
    from tests.support.mosquitto import Mosquitto  # the integration's tests run without the bridge

    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as mosquitto:
        yield mosquitto


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    """The broker of the test: a mosquitto where nothing else is said."""
    return mosquitto


@pytest.fixture
async def seen(broker: Mosquitto) -> AsyncIterator[Watcher]:
    """What is published at it."""
    from tests.mqtt.conftest import watcher

    async with watcher(broker.port) as seen:
        yield seen
