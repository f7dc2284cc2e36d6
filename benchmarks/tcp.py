"""TCP: 10,000 modules connected at once, who they are, and what a tunnel costs."""

from __future__ import annotations

import asyncio
import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.house import ROUNDS, number, report
from benchmarks.tcp_peers import SOURCES, imei
from gsm_meter_bridge.connections.listener import ListenerConfig
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.connections.pool import ConnectionPool, no_modem
from gsm_meter_bridge.connections.supervisor import ConnectionsConfig, ConnectionSupervisor, MeterAccess
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.receiver import Receiver
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Address, ClientIdentity, Meter, TunnelConfig
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.storage import registry
from gsm_meter_bridge.storage.database import Database
from tests.support.in_memory_bridge import POLICY
from tests.support.mosquitto import free_port
from tests.support.sockets import LOOPBACK, at_work, module, networks

MODULES, CONNECTION_AIM_KIB, STREAM_BYTES = 10_000, 20.0, 256 * 1024 * 1024
TIMEOUT_S = 120.0


def _open_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Peers:
    """The process at the other side."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read_line(self) -> str:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), TIMEOUT_S)
        assert line, "the other side has ended"
        return line.decode().strip()

    def send(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())


@asynccontextmanager
async def _peers(what: str, *numbers: int) -> AsyncIterator[Peers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.tcp_peers",
        what,
        *map(str, numbers),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Peers(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@dataclass
class Fleet:
    """The TCP side of a bridge; when how many were recognised and stored."""

    database: Database
    connections: ConnectionSupervisor
    port: int
    stored: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def connected(self) -> int:
        return len(self.connections._listeners[0]._guests)

    def recognised(self) -> int:
        lines = self.connections.pool._connections.values()
        return sum(line.link is not None for line in lines)


async def _until(wanted: Callable[[], bool]) -> float:
    """When it was so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not wanted():
            await asyncio.sleep(0.01)
    return time.perf_counter()


async def _no_meter(_link: TcpLink, _meter: Meter, _report: MeterReport) -> None:
    return None


async def _no_op(_: object) -> None:
    return None


@asynccontextmanager
async def _fleet(folder: Path) -> AsyncIterator[Fleet]:
    modules = {
        f"m{n}": module(f"m{n}", msisdn=number(n), identify_by=ClientIdentity(imei=imei(n)))
        for n in range(MODULES)
    }
    database = await Database.open(folder / "fleet.db")
    async with database.transaction() as tx:
        await registry.register(tx, "bench", map(registry.Binding, modules.values()), time.time())
    receiver = Receiver(BridgeContext("bench", database, modules, POLICY))
    each = 2 * MODULES // len(SOURCES)
    plan = ListenerConfig(
        "lers", LOOPBACK, free_port(), networks("127.0.0.0/8"), max_connections_per_address=each
    )
    fleet: Fleet

    class Host:
        async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
            await receiver.record(observations, status=status)
            fleet.stored += len(observations)

        async def poll_failed(self, module: str) -> None:
            pass

        async def run_guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
            return await database.run_guarded(work)

        async def data_call(self, module: str) -> TcpLink:
            return await no_modem(module)

    connections = ConnectionSupervisor(
        modules, ConnectionsConfig([plan]), Host(), MeterAccess(_no_meter, _no_op)
    )
    fleet = Fleet(database, connections, plan.port)
    async with at_work(connections.run(database.idle)):
        await asyncio.sleep(0.5)
        yield fleet
    await database.close()


async def _connect_all(folder: Path) -> tuple[float, float, float]:
    """KiB for each connection, and seconds until all were recognised, and stored."""
    process = psutil.Process()
    async with _fleet(folder) as fleet:
        gc.collect()
        before = process.memory_info().rss
        async with _peers("clients", fleet.port, MODULES) as peers:
            await peers.read_line()
            await _until(lambda: fleet.connected() == MODULES)
            gc.collect()
            kib = (process.memory_info().rss - before) / 1024 / MODULES
            began = time.perf_counter()
            peers.send("go")
            recognised = await _until(lambda: fleet.recognised() == MODULES)
            stored = await _until(lambda: fleet.stored == MODULES)
            later = (process.memory_info().rss - before) / 1024 / MODULES
            report("  once introduced", f"{later:.1f} KiB", later / CONNECTION_AIM_KIB, "of the aim")
    return kib, recognised - began, stored - began


def fleet() -> None:
    _open_files(MODULES + 500)
    with tempfile.TemporaryDirectory() as folder:
        kib, recognised_s, stored_s = asyncio.run(_connect_all(Path(folder)))
    report("memory of a connection", f"{kib:.1f} KiB", kib / CONNECTION_AIM_KIB, "of the aim of 20 KiB")
    report(
        "packets, recognised", f"{MODULES / recognised_s:.0f}/s", recognised_s / 10, "of the aim of 1,000/s"
    )
    report("packets, stored", f"{MODULES / stored_s:.0f}/s", stored_s / 10, "of the aim of 1,000/s")


async def _plain(port: int, to: int) -> None:
    """The forwarder that everybody writes first."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, to)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    async with await asyncio.start_server(serve, LOOPBACK, port) as server:
        await server.serve_forever()


async def _tunnel(port: int, to: int) -> None:
    plan = TunnelConfig(LOOPBACK, port, networks("127.0.0.0/8"))
    await Tunnel("m", plan, ConnectionPool({"m": module("m", address=Address(LOOPBACK, to))})).run()


async def _streams() -> tuple[float, float]:
    """Octets per second through our tunnel, and through the plain forwarder, in turns."""
    rates: dict[str, list[float]] = {"tunnel": [], "plain": []}
    meters = {"tunnel": free_port(), "plain": free_port()}
    ports = {"tunnel": free_port(), "plain": free_port()}
    async with (
        at_work(_tunnel(ports["tunnel"], meters["tunnel"]), _plain(ports["plain"], meters["plain"])),
        _peers("stream", meters["tunnel"], ports["tunnel"], STREAM_BYTES) as ours,
        _peers("stream", meters["plain"], ports["plain"], STREAM_BYTES) as theirs,
    ):
        await ours.read_line()
        await theirs.read_line()
        for _ in range(ROUNDS):
            for name, peers in (("tunnel", ours), ("plain", theirs)):
                peers.send("go")
                rates[name].append(STREAM_BYTES / float(await peers.read_line()))
    return statistics.median(rates["tunnel"]), statistics.median(rates["plain"])


def tunnel() -> None:
    ours, plain = asyncio.run(_streams())
    beside = f"times a plain forwarder ({plain / 2**20:.0f} MiB/s)"
    report("tunnel", f"{ours / 2**20:.0f} MiB/s", ours / plain, beside)


def tcp() -> None:
    fleet()
    tunnel()
