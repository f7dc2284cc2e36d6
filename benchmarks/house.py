"""A bridge over a simulated world on a broker of its own, for all benchmarks; and how figures are told."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator

ROUNDS = 5
NEVER: dict[str, Any] = {"initial_poll_spread": "30 d", "interval": "30 d"}
"""Options of polls that keep the bridge from asking by itself."""


def number(n: int) -> str:
    return f"+7999{n:07d}"


def _family(n: int) -> str:
    return ("energomera_gs04", "lers_gsm_mini")[n % 2]


def world(modules: int, delay_s: float = 0.0) -> dict[str, Any]:
    return {
        "network": {"delay_s": delay_s},
        "modules": {f"m{n}": {"family": _family(n), "msisdn": number(n)} for n in range(modules)},
    }


def config(device: Path | str, port: int, modules: int, **poll: object) -> dict[str, Any]:
    return {
        "bridge": {"id": "bench"},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "modems": [{"id": "stick", "url": str(device)}],
        "poll": {"initial_poll_spread": 0, **poll},
        "modules": [
            {"id": f"m{n}", "family": _family(n), "number": number(n)}
            | ({"profile": "assumed_status"} if n % 2 == 0 else {})
            for n in range(modules)
        ],
    }


@contextmanager
def bridge(
    modules: int, simulated: int | None = None, **poll: object
) -> Iterator[tuple[Simulator, BridgeProcess, int]]:
    """A bridge to be started, a world with the first `simulated` modules of it (or all), and a broker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulator = Simulator(folder, world(modules if simulated is None else simulated))
        with (
            Mosquitto(folder / "mosquitto", "allow_anonymous true\nmax_queued_messages 0") as broker,
            simulator,
        ):
            daemon = BridgeProcess(folder, config(simulator.link, broker.port, modules, **poll))
            yield simulator, daemon, broker.port


def rate(work: Callable[[], object], seconds: float = 1.0) -> float:
    rates = []
    for _ in range(ROUNDS):
        count, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds / ROUNDS:
            work()
            count += 1
        rates.append(count / took)
    return statistics.median(rates)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def report(what: str, figure: str, ratio: float, beside: str) -> None:
    print(f"{what:24} {figure:>16} {ratio:8.2f} {beside}")
