"""One TCP connection, or data call, as an asyncio protocol that passes on and counts bytes, unbuffered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import cast

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.health import Door, Guard, Health
from gsm_meter_bridge.link.serial import open_error_reason

Taker = Callable[[bytes], None]

_LARGEST_BACKLOG_BYTES = 64 * 1024
_ROOM = memoryview(bytearray(64 * 1024))
"""The receive buffer that all links share, as each passes its bytes on at once: no link needs a buffer of its
own, and no read returns more than 64 KiB."""

_CLOSES_WITHIN_S = 30.0
"""How long `close` waits for the far end to receive what was written before."""
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
"""Detects a far end that vanished without closing after 9 min; an idle connection sends 0.1 kB in 5 min."""
_HELD_LOOK_S = 1.0
_TCP_CLOSE = 7
"""The state of a socket whose far end reset the connection (tcp(7), TCP_INFO)."""
_NO_HEALTH = Health()
"""Default for links that were given no `health`: their errors are only logged."""


def drop(_data: bytes) -> None:
    """Discard bytes that no reader waits for."""


class TcpLink(asyncio.BufferedProtocol):
    """A connection. Received bytes go to `take`; `on_full` is called with whether the write buffer is full.

    There is no read buffer: a taker that cannot keep up calls `hold`. `unread` holds bytes received before
    there was a taker; the first call of `give_to` passes them on. `received` and `sent` count bytes,
    `used_at` is the monotonic time of the last one in either direction. `full`: the write buffer is full.

    An unforeseen exception in a callback ends this connection only, and is reported to `health`.
    """

    __slots__ = (
        "_closed",
        "_held",
        "_opened",
        "_transport",
        "_watchers",
        "full",
        "health",
        "on_full",
        "peer",
        "received",
        "sent",
        "take",
        "unread",
        "used_at",
    )

    def __init__(self, opened: Callable[[TcpLink], None] | None = None, health: Health | None = None) -> None:
        self.take: Taker = drop
        self.unread = b""
        self.full = False
        self.health = health or _NO_HEALTH
        self.on_full: Callable[[bool], None] | None = None
        self.peer = ("", 0)
        self.received = self.sent = 0
        self.used_at = time.monotonic()
        self._opened = opened
        self._closed = False
        self._held: asyncio.TimerHandle | None = None
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._transport: asyncio.Transport | None = None

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, or is closing."""
        return self._closed or self._transport is None or self._transport.is_closing()

    @property
    def url(self) -> str:
        """The far end: `tcp://host:port`, or `tel:+number` of a data call."""
        host, port = self.peer
        if host.startswith("+"):
            return f"tel:{host}"
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    def write(self, data: bytes) -> None:
        """Queue `data` for sending; LinkLostError if the connection has ended."""
        if self._transport is None or self.closed:
            raise LinkLostError(f"{self.url} was closed by the far end")
        self.sent += len(data)
        self.used_at = time.monotonic()
        self._transport.write(data)

    def give_to(self, taker: Taker) -> None:
        """Pass the unread bytes, and all that arrive from now on, to `taker`."""
        unread, self.unread = self.unread, b""
        self.take = taker
        if unread:
            taker(unread)

    def keep(self) -> None:
        """Keep received bytes in `unread` until `give_to`; reading pauses from 64 KiB on."""

        def take(data: bytes) -> None:
            self.unread += data
            if len(self.unread) >= _LARGEST_BACKLOG_BYTES:
                self.hold(on=True)

        self.take = take

    def hold(self, *, on: bool) -> None:
        """Pause reading (`on`) or resume it; while paused, a reset by the far end is still detected."""
        if self._held is not None:
            self._held.cancel()
            self._held = None
        if self._transport is None or self.closed:
            return
        if on:
            self._transport.pause_reading()
            self._held = asyncio.get_running_loop().call_later(_HELD_LOOK_S, self._look)
        else:
            self._transport.resume_reading()

    def _look(self) -> None:
        """End a paused connection that was reset: as it is not read, asyncio does not notice."""
        self._held = None
        if self._transport is None or self._closed:
            return
        if _is_reset(self._transport.get_extra_info("socket")):
            self.abort()
        else:
            self._held = asyncio.get_running_loop().call_later(_HELD_LOOK_S, self._look)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when the connection has ended; at once if it already has."""
        if self._closed:
            watcher()
        else:
            self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Remove `watcher`."""
        self._watchers = tuple(w for w in self._watchers if w is not watcher)

    def close(self) -> None:
        """Close the connection once all is sent, abort it after 30 s; may be called again."""
        if self._transport is not None and not self.closed:
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSES_WITHIN_S, self.abort)

    def abort(self) -> None:
        """End the connection at once; unsent bytes are lost."""
        if self._transport is not None:
            self._transport.abort()

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport and the peer address, then call `opened`."""
        self._transport = cast("asyncio.Transport", transport)
        with self._guard() as guard:
            self._transport.set_write_buffer_limits(high=_LARGEST_BACKLOG_BYTES)
            _keep_alive(transport.get_extra_info("socket"))
            peer = transport.get_extra_info("peername")
            self.peer = (str(peer[0]), int(peer[1])) if peer else self.peer
            if self._opened is not None:
                self._opened(self)
        self._abort_if(guard)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the shared receive buffer."""
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the received bytes to `take`."""
        self.received += nbytes
        self.used_at = time.monotonic()
        with self._guard() as guard:
            self.take(bytes(_ROOM[:nbytes]))
        self._abort_if(guard)

    def eof_received(self) -> None:
        """Close the connection: the far end sends no more, and may read no more (`close` limits the wait)."""
        self.close()

    def pause_writing(self) -> None:
        """Report through `on_full` that the write buffer is full."""
        self._report_full(full=True)

    def resume_writing(self) -> None:
        """Report through `on_full` that the write buffer has drained."""
        self._report_full(full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark the connection as closed and call the watchers."""
        self._closed = True
        self.take, self.on_full = drop, None
        watchers, self._watchers = self._watchers, ()
        for watcher in watchers:
            with self._guard():
                watcher()

    def _report_full(self, *, full: bool) -> None:
        self.full = full
        with self._guard() as guard:
            if self.on_full is not None:
                self.on_full(full)
        self._abort_if(guard)

    def _guard(self) -> Guard:
        return self.health.guard(Door.TCP, "a connection", passing=False)

    def _abort_if(self, guard: Guard) -> None:
        if guard.error is not None:
            self.abort()


def _is_reset(connection: socket.socket | None) -> bool:
    """Return whether the far end reset the connection; False for a data call, which has no socket."""
    if connection is None:
        return False
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE
    except OSError:
        return True


def _keep_alive(connection: socket.socket | None) -> None:
    """Enable TCP keep-alive; a data call has no socket."""
    if connection is not None:
        with contextlib.suppress(OSError):
            for option in _KEEP_ALIVE:
                connection.setsockopt(*option)


async def dial(host: str, port: int, timeout_s: float, health: Health | None = None) -> TcpLink:
    """Return a connection to `host`; LinkLostError with the reason if there is none within `timeout_s`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, link = await loop.create_connection(lambda: TcpLink(health=health), host, port)
    except UnicodeError as error:
        raise LinkLostError(f"tcp://{host}:{port} cannot be reached: that is no name of a host") from error
    except OSError as error:
        raise LinkLostError(f"tcp://{host}:{port} cannot be reached: {open_error_reason(error)}") from error
    return link


def join(one: TcpLink, other: TcpLink) -> None:
    """Pass all bytes of each link to the other; reading from one pauses while the other cannot be written."""
    for from_, to in ((one, other), (other, one)):
        to.on_full = _holding(from_)
        from_.give_to(_passing(to))
        from_.hold(on=to.full)  # earlier writes may still fill its buffer


def part(link: TcpLink) -> None:
    """Stop passing bytes on: discard what arrives from now on."""
    link.take, link.on_full = drop, None
    link.hold(on=False)


def _passing(to: TcpLink) -> Taker:
    def take(data: bytes) -> None:
        with contextlib.suppress(LinkLostError):
            to.write(data)

    return take


def _holding(link: TcpLink) -> Callable[[bool], None]:
    def full(is_full: bool) -> None:
        link.hold(on=is_full)

    return full
