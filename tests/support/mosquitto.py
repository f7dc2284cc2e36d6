"""A mosquitto of a test's own, on a free port of loopback."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.waiting import PATIENCE_S

_NEVER_GIVEN = 16_384, 32_768
"""Ports below those that Linux and others give to connections (net.ipv4.ip_local_port_range)."""
_CHANCE = random.SystemRandom()  # two runs of the tests differ, whatever a test seeds
_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"


def free_port() -> int:
    """A TCP port of loopback that nobody listens on, and that the system gives to no connection meanwhile."""
    while True:
        port = _CHANCE.randrange(*_NEVER_GIVEN)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """A broker; stopped and started again it keeps its port but nothing else, unless `persistent`.

    `listener` is added to the listener's part of its configuration: TLS, protocol versions, passwords.
    """

    def __init__(
        self, folder: Path, listener: str = "allow_anonymous true", *, persistent: bool = False
    ) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        keep = (
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n" if persistent else ""
        )
        self._config.write_text(f"user root\n{keep}listener {self.port} 127.0.0.1\n{listener}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return once it accepts connections."""
        found = shutil.which("mosquitto", path=_PATH)
        assert found, "mosquitto is not installed: apt-get install mosquitto"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([found, "-c", str(self._config)], stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE_S
        while not self._accepts():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop as an administrator would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """Die."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None

    def reload(self) -> None:
        """Read the files of its rules and passwords again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        time.sleep(0.2)

    def freeze(self) -> None:
        """Stand still, with all connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
