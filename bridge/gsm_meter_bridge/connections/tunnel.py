"""A TCP port that tunnels to one module: bytes pass unchanged between a program and the meter."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from gsm_meter_bridge.connections.background import BackgroundTasks
from gsm_meter_bridge.connections.files import Use
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.port import ListeningAddress, Port, PortLimits
from gsm_meter_bridge.connections.seldom import Seldom
from gsm_meter_bridge.errors import SendRefusedError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.link import TcpLink, join, part
from gsm_meter_bridge.model import TunnelConfig
from gsm_meter_bridge.tasks import wait_set
from gsm_meter_bridge.vocabulary import printable

_LOGGER = logging.getLogger(__name__)
_WAIT_S = 20.0
"""How long a program waits while the bridge, or another program, uses the connection."""
_PROGRAMS_AT_MOST = 8
"""One uses the connection, the others wait."""
IDLE_TIMEOUT_S = 600.0
_IDLE_WHILE_OTHERS_WAIT_S = 60.0
_LONGEST_WHILE_OTHERS_WAIT_S = 1800.0
_TICK_S = 1.0
_LONGEST_MESSAGE = 200


class Tunnel:
    """The port of one module, used by one program at a time; bytes pass unchanged.

    A program that is silent for too long, or uses the connection for too long while others wait, is
    disconnected.
    """

    def __init__(
        self,
        module: str,
        plan: TunnelConfig,
        pool: ConnectionPool,
        health: Health | None = None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        self._module, self._pool, self._idle_timeout_s = module, pool, idle_timeout_s
        health = health or Health()
        self._tasks = BackgroundTasks(health, Door.TCP)
        self._refusals, self._leaves = Seldom(_LOGGER), Seldom(_LOGGER)
        code, subject = BridgeProblemCode.TUNNEL_CLOSED, f"tunnel {module}"
        place = ListeningAddress(plan.host, plan.port, Use.TUNNEL, code, subject, f"the programs of {module}")
        limits = PortLimits(plan.networks, _PROGRAMS_AT_MOST)
        self._port = Port(place, limits, self._opened, health, pool.files)

    async def run(self) -> None:
        """Listen until cancelled; a port that cannot be opened is reported and retried."""
        try:
            await self._port.run()
        finally:
            self._tasks.cancel()

    def _opened(self, client: TcpLink) -> None:
        client.keep()
        self._tasks.start(f"tunnel of {self._module}", self._serve(client), client.abort)

    async def _serve(self, client: TcpLink) -> None:
        over = asyncio.Event()
        client.watch(over.set)
        try:
            async with AsyncExitStack() as stack:
                link = await self._line(stack, client)
                self._pool.set_tunnel_problem(self._module, None)
                link.watch(over.set)
                join(client, link)
                try:
                    await self._until_over(over, client, link)
                finally:
                    link.unwatch(over.set)
        except SendRefusedError as error:
            self._refusals.log(logging.WARNING, "no tunnel: %s", error)
            message = f"the program from {client.peer[0]} got no connection: {error}"
            self._pool.set_tunnel_problem(self._module, printable(message, _LONGEST_MESSAGE))
        except TimeoutError:
            self._leaves.log(
                logging.INFO, "%s: a program disconnected before the connection was free", self._module
            )
        finally:
            part(client)  # from now on it cannot pause or resume the module's link
            client.close()

    async def _line(self, stack: AsyncExitStack, client: TcpLink) -> TcpLink:
        """Acquire the module's connection until `stack` exits; TimeoutError once the program disconnects.

        Raises SendRefusedError as `ConnectionPool.acquire` does.
        """
        by = f"tunnel from {client.peer[0]}"
        async with asyncio.timeout(None) as patience:

            def gone() -> None:
                patience.reschedule(asyncio.get_running_loop().time())

            client.watch(gone)
            try:
                return await stack.enter_async_context(
                    self._pool.acquire(self._module, by, _WAIT_S, program=True)
                )
            finally:
                client.unwatch(gone)

    async def _until_over(self, over: asyncio.Event, client: TcpLink, link: TcpLink) -> None:
        began = time.monotonic()
        while not await wait_set(over, _TICK_S):
            now = time.monotonic()
            why = self._too_long(now - max(began, client.used_at, link.used_at), now - began)
            if why is not None:
                message = "%s: the program at the tunnel from %s is let go: %s"
                _LOGGER.warning(message, self._module, client.peer[0], why)
                return

    def _too_long(self, silent_s: float, at_all_s: float) -> str | None:
        """Return the reason to disconnect a program, given its times of silence and of use, or None."""
        if silent_s >= self._idle_timeout_s:
            return f"nothing came or went for {self._idle_timeout_s:.0f} s"
        if not self._pool.is_wanted(self._module):
            return None
        if silent_s >= _IDLE_WHILE_OTHERS_WAIT_S:
            return f"nothing came or went for {_IDLE_WHILE_OTHERS_WAIT_S:.0f} s, and others wait"
        if at_all_s >= _LONGEST_WHILE_OTHERS_WAIT_S:
            return (
                f"it was connected for {_LONGEST_WHILE_OTHERS_WAIT_S / 60:.0f} min, and other programs wait"
            )
        return None
