"""The connections with modules, one for each: dialled or accepted, and used by one task at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from gsm_meter_bridge.connections.connection import ModuleConnection
from gsm_meter_bridge.connections.files import Files, Use
from gsm_meter_bridge.errors import LinkLostError, SendRefusedError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.link import TcpLink, dial, part
from gsm_meter_bridge.model import Address, Module
from gsm_meter_bridge.model.facts import ConnectionStatus

_LOGGER = logging.getLogger(__name__)

INBOUND, CSD = "inbound", "csd"
DIAL_TIMEOUT_S = 30.0
_SWEEP_S = 5.0
_UNASKED_AT_MOST = 256 * 1024
"""More bytes than this in _SWEEP_S on an idle connection mean that the far end is faulty."""


DataCaller = Callable[[str], Awaitable[TcpLink]]
"""Makes a data call to a module; SendRefusedError if none can be made."""


async def no_modem(module: str) -> TcpLink:
    """Raise SendRefusedError: there is no gateway modem for data calls."""
    raise SendRefusedError(f"{module}: there is no modem that makes data calls")


class ConnectionPool:
    """Gives callers the connection with a module, one at a time, and dials the module if needed.

    `on_change` is called with the module's id whenever its `status` changed. `call` makes data calls, `now`
    is the wall clock (Unix time), `idle_timeout_s` is how long a silent, unused connection is kept.
    """

    def __init__(
        self,
        modules: Mapping[str, Module],
        idle_timeout_s: float = 600.0,
        now: Callable[[], float] = time.time,
        call: DataCaller = no_modem,
        health: Health | None = None,
        files: Files | None = None,
    ) -> None:
        self._modules = modules
        self.files = files or Files()
        self._health = health or Health()
        self._call = call
        self._idle_timeout_s = idle_timeout_s
        self._now = now
        self._connections: dict[str, ModuleConnection] = {}
        self.on_change: Callable[[str], None] = lambda _: None

    def can_reach(self, module: str, *, calls: bool = True) -> bool:
        """Return whether `module` is connected, or can be dialled; by a data call only if `calls`."""
        connectivity = self._modules[module].connectivity
        return (
            self._connected(module)
            or connectivity.address is not None
            or (calls and connectivity.data_call is not None)
        )

    def transport(self, module: str) -> str:
        """Return the transport of the current or last connection: inbound (default), tcp, cenc or csd."""
        return self._connection(module).transport or INBOUND

    def status(self, module: str) -> ConnectionStatus | None:
        """Return the status of the connection with `module`; None if the pool has no entry for it yet."""
        connection = self._connections.get(module)
        if connection is None:
            return None
        link = connection.link
        problem = "; ".join(filter(None, (connection.rivals, connection.problem))) or None
        if link is None or link.closed:
            return ConnectionStatus(
                connected=False,
                transport=connection.transport,
                since=connection.since,
                received=connection.received,
                sent=connection.sent,
                problem=problem,
                tunnel_problem=connection.tunnel_problem,
            )
        return ConnectionStatus(
            connected=True,
            transport=connection.transport,
            since=connection.since,
            received=connection.received + link.received,
            sent=connection.sent + link.sent,
            peer=link.peer[0],
            used_by=connection.used_by,
            used_at=self._now() - (time.monotonic() - link.used_at),
            problem=problem,
            tunnel_problem=connection.tunnel_problem,
        )

    def set_tunnel_problem(self, module: str, problem: str | None) -> None:
        """Set why a program at the tunnel of `module` got no connection; None if the last one got it."""
        connection = self._connection(module)
        if connection.tunnel_problem != problem:
            connection.tunnel_problem = problem
            self.on_change(module)

    def set_problem(self, module: str, problem: str | None) -> None:
        """Set what was wrong with the meter of `module` at the last poll; None if nothing was."""
        connection = self._connection(module)
        if connection.problem != problem:
            connection.problem = problem
            self.on_change(module)

    def is_wanted(self, module: str) -> bool:
        """Return whether another caller waits for the connection of `module` while it is in use."""
        return self._connection(module).waiting > 0

    def attach(self, module: str, link: TcpLink, transport: str = INBOUND) -> None:
        """Make `link` the connection of `module`; an earlier one that is still open is aborted.

        A module whose connection broke without a close reconnects, so the newest connection is the valid one.
        """
        connection = self._connection(module)
        if connection.link is not None and not connection.link.closed:
            connection.log.log(logging.INFO, "%s: a new connection takes the place of the old one", module)
            connection.takeovers.note(time.monotonic(), connection.link.peer[0], link.peer[0])
            connection.link.abort()
            self._count(connection)
        link.health = self._health
        connection.link, connection.transport, connection.since, connection.bytes_received = (
            link,
            transport,
            self._now(),
            link.received,
        )
        link.watch(lambda: self._detach(module, link))
        connection.log.log(logging.INFO, "%s: connected (%s, %s)", module, transport, link.url)
        self._look_for_rivals(module, connection)
        self.on_change(module)

    @asynccontextmanager
    async def acquire(
        self,
        module: str,
        by: str,
        timeout_s: float = 10.0,
        *,
        calls: bool = True,
        program: bool = False,
    ) -> AsyncIterator[TcpLink]:
        """Acquire the connection with `module` exclusively, dialling the module if it is not connected.

        `by` names the user in the status. No data call is made unless `calls`. A tunnel `program` lets the
        bridge's own requests go first. Raises SendRefusedError if the connection is in use for longer than
        `timeout_s`, or the module is not connected and cannot be dialled.
        """
        connection = self._connection(module)
        try:
            async with asyncio.timeout(timeout_s):
                await _turn(connection, program=program)
        except TimeoutError as error:
            raise SendRefusedError(f"{module}: its connection is in use ({connection.used_by})") from error
        connection.used_by = by
        try:
            link, dialled = await self._link(module, connection, calls=calls)
            self.on_change(module)
            try:
                yield link
            finally:
                part(link)
                if dialled:  # the module takes one client at a time, and the utility may want to connect
                    link.close()
        finally:
            connection.used_by = None
            connection.bytes_received = connection.link.received if connection.link is not None else 0
            connection.busy.release()
            self.on_change(module)

    async def run(self) -> None:
        """Close unused connections that are silent for too long or send too much; until cancelled."""
        try:
            while True:
                await asyncio.sleep(min(_SWEEP_S, self._idle_timeout_s / 2))
                with self._health.guard(Door.TCP, "idle connections", passing=False):
                    self._look_after()
        finally:
            for connection in self._connections.values():
                if connection.link is not None:
                    connection.link.abort()

    def _look_after(self) -> None:
        before = time.monotonic() - self._idle_timeout_s
        for module, connection in self._connections.items():
            if connection.rivals is not None:
                self._look_for_rivals(module, connection)
            if connection.link is None or connection.busy.locked():
                continue
            unasked, connection.bytes_received = (
                connection.link.received - connection.bytes_received,
                connection.link.received,
            )
            if unasked > _UNASKED_AT_MOST:
                message = "%s: %d unrequested bytes arrived: its connection is closed"
                _LOGGER.warning(message, module, unasked)
                connection.link.abort()
            elif connection.link.used_at < before:
                _LOGGER.info("%s: nothing came or went for %.0f s", module, self._idle_timeout_s)
                connection.link.close()

    def _look_for_rivals(self, module: str, connection: ModuleConnection) -> None:
        before, connection.rivals = connection.rivals, connection.takeovers.problem(time.monotonic())
        if connection.rivals is None and before is not None:
            self._health.clear(BridgeProblemCode.RIVAL_CLIENTS, f"module {module}")
            self.on_change(module)
        elif connection.rivals is not None and before is None:
            _LOGGER.warning(
                "%s: the clients that claim to be this module connect from %s",
                module,
                connection.takeovers.hosts,
            )
            self._health.report(BridgeProblemCode.RIVAL_CLIENTS, f"module {module}", connection.rivals)

    async def _link(self, module: str, connection: ModuleConnection, *, calls: bool) -> tuple[TcpLink, bool]:
        if connection.link is not None and not connection.link.closed:
            return connection.link, False
        connectivity = self._modules[module].connectivity
        if connectivity.address is not None:
            self.attach(module, await self._dialled(module, connectivity.address), connectivity.address.via)
        elif connectivity.data_call is not None and calls:
            self.attach(module, await self._call(module), CSD)
        if connection.link is None or connection.link.closed:
            raise SendRefusedError(f"{module} is not connected")
        return connection.link, True

    async def _dialled(self, module: str, address: Address) -> TcpLink:
        refused = self.files.refusal(Use.DIALLED)
        if refused is not None:
            raise SendRefusedError(f"{module} is not dialled: {refused}")
        self.files.take(Use.DIALLED)
        try:
            link = await dial(address.host, address.port, DIAL_TIMEOUT_S)
        except BaseException as error:
            self.files.give_back(Use.DIALLED)
            if isinstance(error, LinkLostError):
                raise SendRefusedError(f"{module}: {error}") from error
            raise
        link.watch(lambda: self.files.give_back(Use.DIALLED))
        return link

    def _connection(self, module: str) -> ModuleConnection:
        return self._connections.setdefault(module, ModuleConnection())

    def _connected(self, module: str) -> bool:
        connection = self._connections.get(module)
        return connection is not None and connection.link is not None and not connection.link.closed

    def _detach(self, module: str, link: TcpLink) -> None:
        connection = self._connections[module]
        if connection.link is link:
            self._count(connection)
            connection.link = None
            connection.log.log(logging.INFO, "%s: its connection has ended", module)
            self.on_change(module)

    def _count(self, connection: ModuleConnection) -> None:
        if connection.link is not None:
            connection.received += connection.link.received
            connection.sent += connection.link.sent


async def _turn(connection: ModuleConnection, *, program: bool) -> None:
    """Acquire `connection.busy`; a `program` yields while the bridge's own requests wait."""
    connection.waiting += 1
    connection.ours += not program
    try:
        await connection.busy.acquire()
        while program and connection.ours:
            connection.busy.release()
            await asyncio.sleep(0)
            await connection.busy.acquire()
    finally:
        connection.waiting -= 1
        connection.ours -= not program
