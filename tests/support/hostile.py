"""Peers that mean no good, or know no better; each returns once it was thrown out, or has done its worst."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress

from tests.support.sockets import Far, call

_CHUNK = bytes(range(33, 97)) * 1024


async def _thrown_out(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass


async def slow_loris(port: int, source: str, octets: int = 1_000_000, pause_s: float = 0.02) -> None:
    """Begin an identification packet and go on with it, octet by octet, for as long as it is let."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    ended = asyncio.create_task(_thrown_out(reader))
    packet = b"MODEL#  LERS GSM Mini\r\nSN#     "
    with suppress(OSError):
        for n in range(octets):
            if ended.done():
                break
            writer.write(packet[n : n + 1] or b"0")
            await writer.drain()
            await asyncio.sleep(pause_s)
    ended.cancel()
    writer.transport.abort()


async def endless_line(port: int, source: str, octets: int = 32 * 1024 * 1024) -> int:
    """Send a line that does not end; return how much of it was taken."""
    return await _pour(port, source, (_CHUNK for _ in range(octets // len(_CHUNK))))


async def random_octets(port: int, source: str, octets: int = 1024 * 1024, seed: int = 7) -> int:
    """Send noise; return how much of it was taken."""
    noise = random.Random(seed)
    return await _pour(port, source, (noise.randbytes(4096) for _ in range(octets // 4096)))


async def _pour(port: int, source: str, chunks: Iterable[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    ended = asyncio.create_task(_thrown_out(reader))
    sent = 0
    with suppress(OSError):
        for chunk in chunks:
            if ended.done():
                break
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)
    ended.cancel()
    writer.transport.abort()
    return sent


async def programs(port: int, count: int) -> list[Far]:
    """So many programs that open a tunnel and say nothing."""
    return [await call(port) for _ in range(count)]


async def besiege(port: int, source: str, clients: int) -> None:
    """Call with so many connections until cancelled; each that is thrown out calls again after a moment."""

    async def one() -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                try:
                    await _thrown_out(reader)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(one())


class Crowd:
    """Very many connections that say nothing."""

    def __init__(self, port: int, sources: list[str]) -> None:
        self._port, self._sources = port, sources
        self._writers: list[asyncio.StreamWriter] = []
        self._readers: list[asyncio.StreamReader] = []

    async def come(self, connections: int) -> None:
        """Open so many, from all sources in turn; those that are refused are counted as come."""
        for n in range(connections):
            source = self._sources[n % len(self._sources)]
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(source, 0)
                )
                self._readers.append(reader)
                self._writers.append(writer)

    @property
    def left(self) -> int:
        """How many are still connected, as far as they know."""
        return sum(not (r.at_eof() or r.exception()) for r in self._readers)

    async def go(self) -> None:
        """Go."""
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)
