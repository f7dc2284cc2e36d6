"""A program on a real terminal of 80 by 24, as somebody sits before it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from tests.support.waiting import PATIENCE_S

CTRL_C = "\x03"


class Screen:
    """`command` as the foreground process of a pseudo-terminal; nothing of it is left at the end."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self.shown = ""
        self.descendants: list[psutil.Process] = []

    def __enter__(self) -> Self:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._program = subprocess.Popen(
            # setsid makes the terminal the controlling one: Ctrl-C is a signal to all in the foreground
            ["setsid", "--ctty", *self._command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "", "LINES": ""},
        )
        os.close(theirs)
        end = time.monotonic() + PATIENCE_S
        while self._program.poll() is None and self._is_setsid():
            assert time.monotonic() < end  # what is typed before would be no signal to anybody
            time.sleep(0.01)
        return self

    def _is_setsid(self) -> bool:
        """Whether the program has not taken the place of `setsid` yet, or even of us."""
        line = Path(f"/proc/{self._program.pid}/cmdline").read_bytes().split(b"\0")
        return [os.fsdecode(word) for word in line[: len(self._command)]] != self._command

    def __exit__(self, *_: object) -> None:
        self._look()
        self._program.kill()
        for process in self.descendants:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._program.wait()
        os.close(self._ours)

    def wait(self, text: str) -> None:
        """Read what is shown until `text` is."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            self._read()
        self._look()

    def width(self) -> int:
        """How wide the widest line is that was shown."""
        return max(len(line) for line in self.plain().splitlines())

    def plain(self) -> str:
        """What was shown, without what colours it and moves the cursor."""
        return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", self.shown)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self._program.send_signal(number)

    def end(self) -> int:
        """Read until it has ended; its exit status, as a shell would tell it."""
        end = time.monotonic() + PATIENCE_S
        while self._program.poll() is None:
            assert time.monotonic() < end, self.shown
            self._read()
        self._read()
        status = self._program.returncode
        return status if status >= 0 else 128 - status

    def left(self) -> list[psutil.Process]:
        """What it started and is still there."""
        return [p for p in self.descendants if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def _look(self) -> None:
        if self._program.poll() is None:
            self.descendants = psutil.Process(self._program.pid).children(recursive=True)

    def _read(self) -> None:
        while select.select([self._ours], [], [], 0.05)[0]:
            try:
                self.shown += os.read(self._ours, 65536).decode("utf-8", "replace")
            except OSError:  # nobody has the other end any more
                return
