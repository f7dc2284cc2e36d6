"""A listening TCP port with limits: if it cannot be opened, or too many connect, nothing else is affected.

Connections are counted here, and refused before a link is made for them.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gsm_meter_bridge.connections.background import BackgroundTasks
from gsm_meter_bridge.connections.files import Files, Use
from gsm_meter_bridge.connections.seldom import Seldom
from gsm_meter_bridge.connections.sockets import bind, bind_error_reason
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import IpNetwork, within
from gsm_meter_bridge.tasks import wait_set

_LOGGER = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LOOK_S = 5.0
_AT_A_TIME = 16
"""So many connections are accepted before other tasks run."""
_REST_S = 1.0
_SHORT_FOR_S = 60.0
_NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BROKEN = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EOPNOTSUPP, errno.EFAULT)
"""Errors of accept(2) if the listening socket itself is broken; any other concerns one client."""
_FOREIGN = "its network is not allowed"

Refused = Callable[[str, str, bool], None]


@dataclass(frozen=True, slots=True)
class PortLimits:
    """The networks that may connect to a port, and the most connections: in total, per address (None: any).

    Identified modules do not count for their address, as other clients may share it.
    """

    networks: tuple[IpNetwork, ...]
    max_connections: int
    max_connections_per_address: int | None = None


@dataclass(frozen=True, slots=True)
class ListeningAddress:
    """Host and port, intended clients, and the problem (`code`, `subject`) to report while it is not open."""

    host: str
    port: int
    use: Use
    code: BridgeProblemCode
    subject: str
    whom: str


class Port:
    """Calls `opened` with each connection that it accepts.

    `make_room` is called to free a place for a new connection (among those from the given address, if that
    has too many), and returns whether it did. `on_refused` is called for each refused connection, with its
    address, the reason, and whether a limit was reached.
    """

    def __init__(
        self,
        place: ListeningAddress,
        limits: PortLimits,
        opened: Callable[[TcpLink], None],
        health: Health,
        files: Files,
        make_room: Callable[[str | None], bool] = lambda _: False,
        on_refused: Refused = lambda _host, _why, _full: None,
    ) -> None:
        self._place, self._limits, self._opened = place, limits, opened
        self._health, self._files, self._make_room = health, files, make_room
        self._on_refused = on_refused
        self._sockets: list[socket.socket] = []
        self._counted = 0
        self._links: dict[TcpLink, str] = {}
        self._from: Counter[str] = Counter()
        self._joining = BackgroundTasks(health, Door.TCP)
        self._wake = asyncio.Event()
        self._fault: str | None = None
        self._refusals = Seldom(_LOGGER)
        self._short_at: float | None = None
        self.port = place.port

    async def run(self) -> None:
        """Listen until cancelled. A port that cannot be opened, or is lost, is reported and retried."""
        place, pause_s = self._place, _FIRST_PAUSE_S
        try:
            while True:
                began, why = time.monotonic(), "an error of the bridge itself"
                with self._health.guard(Door.TCP, place.subject, passing=False):
                    why = await self._listen()
                message = f"port {place.port} of {place.host[:60]} cannot be opened: {why}; it is tried again"
                self._health.report(place.code, place.subject, message)
                if time.monotonic() - began > _LONGEST_PAUSE_S:
                    pause_s = _FIRST_PAUSE_S
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        finally:
            self._close()
            self._joining.cancel()
            for link in tuple(self._links):
                link.abort()

    async def _listen(self) -> str:
        """Listen until the port is lost, and return the reason."""
        refused = self._files.refusal(self._place.use)
        if refused is not None:
            return refused
        self._count(1)  # reserved before other tasks take the last file
        try:
            self._sockets = await bind(self._place.host, self._place.port)
        except (OSError, UnicodeError) as error:
            return bind_error_reason(error)
        finally:
            self._count(len(self._sockets))
        self.port = self._sockets[0].getsockname()[1]
        self._health.clear(self._place.code, self._place.subject)
        _LOGGER.info("listening for %s at %s:%d", self._place.whom, self._place.host, self.port)
        self._fault = None
        self._resume()
        try:
            while self._fault is None:
                await wait_set(self._wake, _LOOK_S)
                self._wake.clear()
                self._look()
            return self._fault
        finally:
            self._close()

    def _look(self) -> None:
        """Detect sockets that are broken, and clear the problem once files have sufficed for _SHORT_FOR_S."""
        for one in tuple(self._sockets):
            try:
                if not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    self._fault = "it was closed"
            except OSError as error:  # not closed: its descriptor may be reused by now
                self._fault = bind_error_reason(error)
                asyncio.get_running_loop().remove_reader(one.fileno())
                self._sockets.remove(one)
                one.detach()
        if self._short_at is not None and time.monotonic() - self._short_at > _SHORT_FOR_S:
            self._short_at = None
            self._health.clear(self._place.code, self._place.subject)

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            loop.add_reader(one.fileno(), self._accept, one)

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            loop.remove_reader(one.fileno())

    def _close(self) -> None:
        self._pause()
        for one in self._sockets:
            with suppress(OSError):
                one.close()
        self._sockets = []
        self._count(0)

    def _count(self, sockets: int) -> None:
        self._files.take(self._place.use, sockets - self._counted)
        self._counted = sockets

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_A_TIME):
            try:
                client, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._not_accepted(error)
                return
            with self._health.guard(Door.TCP, "a client", passing=False) as guard:
                self._take(client, (str(address[0]), int(address[1])))
            if guard.error is not None:
                client.close()

    def _not_accepted(self, error: OSError) -> None:
        if error.errno in _BROKEN:
            self._fault = bind_error_reason(error)
            self._pause()
            self._wake.set()
        elif error.errno in _NO_FILES:
            self._short_at = time.monotonic()
            message = f"no client can connect at present: {bind_error_reason(error)}; new clients wait"
            self._health.report(self._place.code, self._place.subject, message)
            self._pause()
            asyncio.get_running_loop().call_later(_REST_S, self._resume)
        else:
            _LOGGER.debug("%s: a client has gone: %s", self._place.subject, error)

    def _take(self, client: socket.socket, peer: tuple[str, int]) -> None:
        refused = self._refusal(peer[0])
        if refused is not None:
            client.close()
            message = "%s: a connection from %s is refused: %s"
            self._refusals.log(logging.WARNING, message, self._place.subject, peer[0], refused)
            self._on_refused(peer[0], refused, refused != _FOREIGN)
            return
        client.setblocking(False)  # noqa: FBT003
        link = TcpLink(self._opened, self._health)
        link.peer = peer
        self._enter(link, peer[0])
        self._joining.start("a connection", self._join(link, client), client.close)

    async def _join(self, link: TcpLink, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: link, client)
        except OSError as error:
            _LOGGER.debug("%s: %s has gone: %s", self._place.subject, link.url, error)
            client.close()
        finally:
            if link.closed:
                self._leave(link)

    def _enter(self, link: TcpLink, host: str) -> None:
        self._links[link] = host
        self._from[host] += 1
        self._files.take(Use.CLIENT)
        link.watch(lambda: self._leave(link))

    def recognise(self, link: TcpLink) -> None:
        """Stop counting a connection for its address, as its module is identified."""
        if host := self._links.get(link):
            self._links[link] = ""
            self._count_out(host)

    def is_recognised(self, link: TcpLink) -> bool:
        """Return whether `recognise` was called for a connection that is still open."""
        return self._links.get(link) == ""

    def _leave(self, link: TcpLink) -> None:
        host = self._links.pop(link, None)
        if host is not None:
            self._files.give_back(Use.CLIENT)
            self._count_out(host)

    def _count_out(self, host: str) -> None:
        self._from[host] -= 1
        if self._from[host] <= 0:
            del self._from[host]

    def _refusal(self, host: str) -> str | None:
        """Return the reason to refuse a client from `host`, or None; may end another connection."""
        limits = self._limits
        if not within(host, limits.networks):
            return _FOREIGN
        if (
            limits.max_connections_per_address is not None
            and self._from[host] >= limits.max_connections_per_address
        ):
            message = f"there are {limits.max_connections_per_address} connections from this address"
            return None if self._make_room(host) else message
        if len(self._links) >= limits.max_connections:
            return None if self._make_room(None) else f"there are {limits.max_connections} connections"
        refused = self._files.refusal(Use.CLIENT)
        return refused if refused is not None and not self._make_room(None) else None
