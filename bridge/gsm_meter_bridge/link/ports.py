"""Which processes have a serial port open, as far as this user may read /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_OURS = frozenset({"gsm-meter-bridge", "gsm_meter_bridge"})


def who_holds(url: str) -> tuple[str, ...]:
    """Return name and process id of each other process that has the port at `url` open."""
    port = os.path.realpath(url.removeprefix("device://"))
    others = [pid for pid in _processes() if int(pid.name) != os.getpid()]
    return tuple(f"{_name(pid)} (process {pid.name})" for pid in others if port in set(_files(pid)))


def _processes() -> list[Path]:
    return [path for path in _PROC.glob("[0-9]*") if path.name.isdigit()]


def _files(process: Path) -> Iterator[str]:
    try:
        links = list((process / "fd").iterdir())
    except OSError:  # another user's process, or it has ended
        return
    for link in links:
        try:
            yield str(link.readlink())
        except OSError:
            continue


def _name(process: Path) -> str:
    """Return the name of the program only: its arguments may hold secrets."""
    try:
        arguments = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "a program"
    names = [word.rpartition("/")[2] for word in arguments]
    # a Python program's own name comes second, or third after -m
    return "gsm-meter-bridge" if _OURS.intersection(names[:3]) else names[0] or "a program"
