"""Other people's programs, as processes of a test: whatever happens, nothing of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support.waiting import until

_PATH = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


@asynccontextmanager
async def started(log: Path, name: str, *arguments: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A program with all that it starts, its words in `log`; it is asked to end, and then made to."""
    found = shutil.which(name, path=_PATH)
    assert found, f"{name} is not installed: scripts/setup installs it"
    environment = {"PATH": _PATH, "HOME": str(log.parent), "LC_ALL": "C.UTF-8"}
    with log.open("ab") as output:
        program = subprocess.Popen(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        yield program
    finally:
        _signal(program, signal.SIGTERM)
        try:
            await until(lambda: program.poll() is not None, lambda: f"{name} does not end")
        finally:
            _signal(program, signal.SIGKILL)
            program.wait()


async def output_of(log: Path, name: str, *arguments: str) -> str:
    """Run a program to its end; return its output."""
    async with started(log, name, *arguments) as program:
        await until(lambda: program.poll() is not None, lambda: log.read_text("utf-8", "replace"))
    output = log.read_text("utf-8", "replace")
    assert program.returncode == 0, output
    return output


def _signal(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(program.pid, number)
