"""The commands that users start, as processes: the simulated world and the bridge."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.waiting import PATIENCE_S, wait_until


class Process:
    """`gsm-meter-bridge ARGUMENTS` with its log in a file; `before` is a command that becomes it."""

    before: tuple[str, ...] = ()

    def __init__(self, log: Path, *arguments: str) -> None:
        self._log = log
        self._arguments = arguments
        self.environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def log(self) -> str:
        """What it has said so far, all runs of it."""
        return self._log.read_text("utf-8") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it."""
        command = [*self.before, sys.executable, "-m", "gsm_meter_bridge", *self._arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **self.environment}
            )

    def stop(self) -> int:
        """End it by SIGTERM; its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it by SIGKILL."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE_S)
        self._process = None
        return status


class Simulator(Process):
    """`gsm-meter-bridge simulate` with its modem at `link`, and more `options`."""

    def __init__(self, folder: Path, world: Mapping[str, Any], *options: str) -> None:
        self.link = folder / "modem"
        self._modules = folder / "world.yaml"
        self._modules.write_text(yaml.safe_dump(world), "utf-8")
        arguments = ("simulate", "--port-link", str(self.link), "--world", str(self._modules), *options)
        super().__init__(folder / "simulator.log", *arguments)

    def start(self) -> None:
        """Start it and wait for the modem's port."""
        super().start()
        wait_until(self.link.exists, lambda: self.log)

    def kill(self) -> int:
        """End it by SIGKILL, and its port with it: the name of a pseudo-terminal is soon another's."""
        self.link.unlink(missing_ok=True)
        return super().kill()

    def become(self, world: Mapping[str, Any]) -> None:
        """Be another world from now on."""
        self.kill()
        self._modules.write_text(yaml.safe_dump(world), "utf-8")
        self.start()

    def sms_to(self, msisdn: str) -> int:
        """How many SMS were brought to a module."""
        return self.log.count(f"-> {msisdn}:")


class BridgeProcess(Process):
    """`gsm-meter-bridge run` with a configuration of the test's."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.config = folder / "bridge.yaml"
        self.config.write_text(yaml.safe_dump(config), "utf-8")
        super().__init__(folder / "bridge.log", "run", "--config", str(self.config))
