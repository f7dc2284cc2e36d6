"""Both ends of real TCP connections of loopback, and modules that are reached over them."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.link import TcpLink, dial
from gsm_meter_bridge.model import Access, Connectivity, IpNetwork, Module
from gsm_meter_bridge.vocabulary import Secret
from tests.support.waiting import PATIENCE_S, until

LOOPBACK = "127.0.0.1"


def networks(*texts: str) -> tuple[IpNetwork, ...]:
    """The networks that are written so."""
    return tuple(ip_network(text) for text in texts)


def module(
    name: str, family: str = "lers_gsm_mini", msisdn: str = "+79990000201", **connectivity: Any
) -> Module:
    """A module that is reached so."""
    return Module(name, name, family_of(family), msisdn, Access(Secret("1234")), Connectivity(**connectivity))


class Far:
    """A program at the far end; `received` is what it has read, where it reads at all."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.received = bytearray()
        self.ended = False
        self._task: asyncio.Task[None] | None = None

    def read(self) -> None:
        """Read from now on."""
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(OSError):
            while octets := await self.reader.read(65536):
                self.received += octets
        self.ended = True

    def send(self, octets: bytes) -> None:
        """Send something."""
        self.writer.write(octets)

    async def until_ended(self) -> None:
        """Return as soon as nothing more can come."""
        await until(lambda: self.ended)

    def reset(self) -> None:
        """End the connection at once."""
        connection = self.writer.get_extra_info("socket")
        with suppress(OSError):  # it may have ended by itself
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def call(port: int, source: str = LOOPBACK, *, read: bool = True) -> Far:
    """Connect to `port` from `source`; a port that is just being opened is waited for."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                pair = await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0))
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.005)
    far = Far(*pair)
    if read:
        far.read()
    return far


class Site:
    """A port where programs are awaited: `guests` have come so far; `close` lets no more come."""

    def __init__(self, *, read: bool = True) -> None:
        self.guests: list[Far] = []
        self.port = 0
        self.close: Callable[[], None] = lambda: None
        self._read = read

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet one."""
        guest = Far(reader, writer)
        self.guests.append(guest)
        if self._read:
            guest.read()


@asynccontextmanager
async def site(*, read: bool = True) -> AsyncIterator[Site]:
    """A port of loopback that somebody listens at."""
    here = Site(read=read)
    server = await asyncio.start_server(here.take, LOOPBACK, 0)
    here.port = server.sockets[0].getsockname()[1]
    here.close = server.close
    try:
        yield here
    finally:
        server.close()
        for guest in here.guests:
            guest.reset()
        await asyncio.sleep(0)
        gc.collect()


@asynccontextmanager
async def linked(*, read: bool = True) -> AsyncIterator[tuple[TcpLink, Far]]:
    """A link, and the program at its far end."""
    async with site(read=read) as here:
        link = await dial(LOOPBACK, here.port, PATIENCE_S)
        await until(lambda: here.guests)
        try:
            yield link, here.guests[0]
        finally:
            link.abort()


@asynccontextmanager
async def at_work(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `works` meanwhile."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def backlog(link: TcpLink) -> int:
    """How many octets wait in the process to be sent."""
    assert link._transport is not None
    return link._transport.get_write_buffer_size()


def silently(link: TcpLink, octets: bytes) -> None:
    """Write, whether or not there is still somebody."""
    with suppress(LinkLostError):
        link.write(octets)
