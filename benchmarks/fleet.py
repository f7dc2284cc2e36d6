"""Many modules: start and memory with 10,000; jobs on both databases."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.house import NEVER, bridge, report
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from tests.support import in_memory_bridge
from tests.support.postgresql import Postgresql

MODULES, START_AIM_S, MODULE_AIM_KIB = 10_000, 10.0, 20.0


async def _until_all_are_there(port: int, wanted: int) -> float:
    """Seconds until so many modules have their retained document."""
    client = MqttClient(Broker("127.0.0.1", port), "bench-watcher")
    client.on_connected = lambda: client.subscribe("gsm_meter_modem/bench/module/+")
    client.start()
    await client.wait_connected()
    began = time.perf_counter()
    seen: set[str] = set()
    while len(seen) < wanted:
        message = await asyncio.wait_for(client.incoming.get(), 120)
        client.acknowledge(message)
        seen.add(message.topic)
    await client.stop()
    return time.perf_counter() - began


def _start(modules: int) -> tuple[float, float]:
    """Seconds from the command to the last retained document, and resident KiB a little later."""
    with bridge(modules, 0, **NEVER) as (_, daemon, port), daemon:
        took = asyncio.run(_until_all_are_there(port, modules))
        time.sleep(3)
        return took, psutil.Process(daemon.pid).memory_info().rss / 1024


def fleet() -> None:
    """Start and memory with 10,000 modules, beside a bridge with one."""
    _, alone_kib = _start(1)
    took, all_kib = _start(MODULES)
    report("start, 10,000 modules", f"{took:.1f} s", took / START_AIM_S, "of the aim of 10 s")
    each = (all_kib - alone_kib) / MODULES
    report("memory of a module", f"{each:.1f} KiB", each / MODULE_AIM_KIB, "of the aim of 20 KiB")


async def _jobs_a_second(seconds: float) -> float:
    async with in_memory_bridge.world(ticking=True) as w:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            await w.commands.request_status("pump", CommandOptions(f"t{count}"))
            await w.work()
            count += 1
    return count / seconds


def jobs() -> None:
    """Jobs from the request to the verified outcome, without a radio, on both databases."""
    with tempfile.TemporaryDirectory() as folder, Postgresql() as server:
        rates = []
        for where in (Path(folder) / "jobs.db", server.database(), None):
            in_memory_bridge.place = lambda _, where=where: where  # type: ignore[misc]
            rates.append(asyncio.run(_jobs_a_second(5.0)))
    sqlite, postgresql, memory = rates
    report("jobs, SQLite", f"{sqlite:.0f}/s", sqlite / memory, "of SQLite in memory")
    report("jobs, PostgreSQL", f"{postgresql:.0f}/s", postgresql / sqlite, "times SQLite")
