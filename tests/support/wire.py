"""A wire to a broker that can be held and cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Carries octets between a client and a broker; what a client says while it is held is never carried."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._held = False
        self._ends: list[asyncio.StreamWriter] = []

    def hold(self) -> None:
        """Keep from the broker what the client says from now on."""
        self._held = True

    def cut(self) -> None:
        """End all connections; the next one is sound again."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()
        self._held = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._ends += [writer, back]
        await asyncio.gather(self._carry(reader, back, is_held=True), self._carry(there, writer))

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_held: bool = False
    ) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            while octets := await reader.read(65_536):
                if not (is_held and self._held):
                    writer.write(octets)
        writer.close()


@asynccontextmanager
async def wire(to_port: int) -> AsyncIterator[Wire]:
    """A wire to a broker at `to_port`."""
    carrier = Wire(to_port)
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0)
    carrier.port = server.sockets[0].getsockname()[1]
    try:
        yield carrier
    finally:
        server.close()
        carrier.cut()
