"""A wall clock that a test sets, and the time that passes whatever it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsm_meter_bridge.clock import Clock

DAY_S = 86_400.0
NOON = 1_795_003_200.0
"""A Unix time: 2026-11-18 12:00 UTC."""


@dataclass
class Watch:
    """`wall` is what the wall clock says, `elapsed` how long the machine runs, `network` the time outside."""

    wall: float = NOON
    elapsed: float = 5000.0
    network: float = NOON

    def clock(self, newest: float | None = None) -> Clock:
        """Return a bridge's clock that goes by this, of a run that begins now."""
        clock = Clock(lambda: self.wall, lambda: self.elapsed)
        clock.begin(newest)
        return clock

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.network += seconds
        self.elapsed += seconds


class FakeClock:
    """A wall clock for one process, by Debian's libfaketime; time that passes is true to it.

    `environment` is what the process is started with. Times are as libfaketime writes them: `+180d`, `-20d`,
    `@1970-01-01 00:00:10`, `+0`.
    """

    def __init__(self, folder: Path, at: str = "+0") -> None:
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        assert found, "libfaketime is not installed: apt-get install libfaketime"
        self._file = folder / "faketime"
        self.set(at)
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
        }

    def set(self, at: str) -> None:
        """Set the clock; the process sees it at once."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{at}\n", "ascii")
        new.replace(self._file)
