"""The disk is full, and then it is not."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kills.trial import Trial, trial
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long


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


async def test_bridge_refuses_requests_on_full_disk_and_recovers(
    tmp_path: Path, broker: Mosquitto, small_disk: SmallDisk
) -> None:
    async with trial("home", tmp_path, broker, small_disk.folder / "home.db") as home:
        await home.wait_online()
        await home.request()
        await home.seen.wait(home.topic("response/set"), lambda a: a["status"] == "ok")
        small_disk.fill(home.bridge.pid)
        await _refused(home)
        wait_until(lambda: "the database cannot be used" in home.bridge.log, lambda: home.bridge.log)
        small_disk.make_room(home.bridge.pid)
        wait_until(lambda: "the database can be used again" in home.bridge.log, lambda: home.bridge.log)
        await home.request()
        assert (await home.insist(home.requests[-1]))["status"] == "ok"
        await home.check(least=2)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))


async def _refused(home: Trial) -> None:
    """Send requests until the disk is full, which is told to whoever requests."""

    def refused(answer: dict[str, Any]) -> bool:
        return answer["status"] == "error" and answer["error"]["code"] == "storage_failed"

    for _ in range(60):
        await home.request()
        await asyncio.sleep(0.1)
        if any(map(refused, home.seen.of(home.topic("response/set")))):
            return
    raise AssertionError(home.bridge.log[-3000:])
