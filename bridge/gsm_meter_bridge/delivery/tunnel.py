"""A local TCP port that leads to one module: what a program sends there, the meter gets, and back."""

from __future__ import annotations

import asyncio
import logging

from gsm_meter_bridge.delivery.switchboard import Switchboard
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.family import TunnelPlan, within
from gsm_meter_bridge.link import TcpLink, join

_LOGGER = logging.getLogger(__name__)
_WAIT_S = 20.0
"""How long a program waits while our own reading is under way."""


class Tunnel:
    """The port of one module. One program at a time has it; octets pass untouched."""

    def __init__(self, module: str, plan: TunnelPlan, board: Switchboard) -> None:
        self._module, self._plan, self._board = module, plan, board
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled; a port that cannot be had is told, and nothing else suffers."""
        loop = asyncio.get_running_loop()
        plan = self._plan
        try:
            server = await loop.create_server(lambda: TcpLink(self._opened), plan.host, plan.port)
        except OSError as error:
            words = "%s: the tunnel's port %s:%d cannot be opened: %s"
            _LOGGER.error(words, self._module, plan.host, plan.port, error.strerror)
            return
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()

    def _opened(self, client: TcpLink) -> None:
        if not within(client.peer[0], self._plan.networks):
            _LOGGER.warning("%s: a tunnel from %s is not allowed", self._module, client.peer[0])
            client.abort()
            return
        client.keep()
        task = asyncio.get_running_loop().create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: TcpLink) -> None:
        over = asyncio.Event()
        client.watch(over.set)
        try:
            async with self._board.seize(self._module, f"tunnel from {client.peer[0]}", _WAIT_S) as link:
                link.watch(over.set)
                join(client, link)
                client.hold(on=False)
                try:
                    await over.wait()
                finally:
                    link.unwatch(over.set)
        except SendRefusedError as error:
            _LOGGER.warning("no tunnel: %s", error)
        finally:
            client.close()
