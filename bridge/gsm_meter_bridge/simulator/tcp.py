"""The TCP side of simulated modules: they connect or listen as their state requires, on loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from gsm_meter_bridge.model import SimulatedDial, SimulatedListen, SimulatedModule
from gsm_meter_bridge.simulator.meter.plan import MeterPlan

_LOGGER = logging.getLogger(__name__)

_TICK_S = 0.05
_READ_SIZE = 4096
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class TcpPlan:
    """TCP parameters of a simulated module, and its faults.

    `host` and `port` replace those that the module would connect to, or listen at; `source` is the address it
    connects from. `octet_s` is the pause in seconds after each byte it sends, `drop_after` the bytes after
    which it closes the connection (0: never); with `silent` nothing it sends arrives.
    """

    host: str | None = None
    port: int | None = None
    source: str | None = None
    octet_s: float = 0.0
    drop_after: int = 0
    silent: bool = False


class TcpSide:
    """One module: connected, or listening, for as long as the module requires."""

    def __init__(self, name: str, device: SimulatedModule, plan: TcpPlan, meter: MeterPlan | None) -> None:
        self._name, self._device, self._plan, self._meter = name, device, plan, meter
        self._client: asyncio.StreamWriter | None = None
        self.port: int | None = None
        """The port it listens at, once it does."""

    async def run(self) -> None:
        """Connect or listen as the module requires, until cancelled."""
        while True:
            match wanted := self._wanted():
                case SimulatedDial():
                    await self._while_wanted(wanted, self._dial(wanted))
                case SimulatedListen():
                    await self._while_wanted(wanted, self._listen(wanted))
            await asyncio.sleep(_TICK_S)

    def _wanted(self) -> SimulatedDial | SimulatedListen | None:
        return self._device.tcp(time.monotonic(), _clock())

    async def _while_wanted(
        self, wanted: SimulatedDial | SimulatedListen, work: Coroutine[object, object, None]
    ) -> None:
        task = asyncio.create_task(work)
        try:
            while not task.done() and self._wanted() == wanted:
                await asyncio.wait([task], timeout=_TICK_S)
        finally:
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _dial(self, wanted: SimulatedDial) -> None:
        host, port = self._plan.host or wanted.host, self._plan.port or wanted.port
        source = (self._plan.source, 0) if self._plan.source else None
        reached = False
        try:
            if not _is_loopback(host):
                raise OSError("is not on this machine")
            reader, writer = await asyncio.open_connection(host, port, local_addr=source)
            reached = True
            _LOGGER.info("%s: connected to %s:%d", self._name, host, port)
            await self._talk(reader, writer, self._device.greeting(_clock()))
        except OSError as error:
            _LOGGER.info("%s: %s:%d: %s", self._name, host, port, error)
        self._device.disconnected(time.monotonic(), reached=reached)

    async def _listen(self, wanted: SimulatedListen) -> None:
        host, port = self._plan.host or _LOOPBACK, wanted.port if self._plan.port is None else self._plan.port
        server = await asyncio.start_server(self._serve, host, port)
        self.port = server.sockets[0].getsockname()[1]
        _LOGGER.info("%s: listens at %s:%d", self._name, host, self.port)
        try:
            await asyncio.Event().wait()
        finally:
            self.port = None
            server.close()
            if self._client is not None:
                self._client.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client; reject a second one (the manual does not describe how the module does that)."""
        if self._client is not None:
            writer.transport.abort()
            return
        self._client = writer
        try:
            with contextlib.suppress(OSError):
                await self._talk(reader, writer, b"")
        finally:
            self._client = None

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes
    ) -> None:
        mouth = _Mouth(writer, self._plan)
        meter = self._meter.end(_clock) if self._meter is not None else None
        try:
            await mouth.send(greeting)
            while data := await reader.read(_READ_SIZE):
                if meter is not None:
                    await mouth.send(meter.feed(data))
        finally:
            writer.transport.abort()


class _Mouth:
    """Sends what a module sends, with the faults of its plan."""

    def __init__(self, writer: asyncio.StreamWriter, plan: TcpPlan) -> None:
        self._writer, self._plan = writer, plan
        self._left = plan.drop_after

    async def send(self, data: bytes) -> None:
        plan = self._plan
        if plan.silent or not data:
            return
        if plan.drop_after:
            data = data[: self._left]
            self._left -= len(data)
        for part in (data[n : n + 1] for n in range(len(data))) if plan.octet_s else (data,):
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(plan.octet_s)
        if plan.drop_after and not self._left:
            raise ConnectionAbortedError("dropped, as configured")


@asynccontextmanager
async def running(sides: Iterable[TcpSide]) -> AsyncIterator[None]:
    """Run all sides in the background of the context."""
    tasks = [asyncio.create_task(side.run()) for side in sides]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                _LOGGER.error("a simulated module's TCP side failed", exc_info=ended)


def _clock() -> datetime:
    return datetime.now().astimezone()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
