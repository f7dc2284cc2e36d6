"""One TCP connection as a link that gives octets away as they come, and counts them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import cast

from gsm_meter_bridge.errors import LinkLostError
from gsm_meter_bridge.link.serial import words_of

Taker = Callable[[bytes], None]

_LARGEST_BACKLOG_OCTETS = 64 * 1024
_ROOM = memoryview(bytearray(64 * 1024))
"""Where octets come in, of all links: each takes its own at once. So no link keeps room, and what comes at a
time is limited."""


def drop(_octets: bytes) -> None:
    """Take octets that nobody waits for."""


class TcpLink(asyncio.BufferedProtocol):
    """A connection. Octets that come go to `take`; `on_full` hears when the far end takes no more (True).

    There is no buffer of our own: whoever takes octets and cannot keep them calls `hold`. `unread` are those
    that came before anybody wanted them; the first who takes gets them. `received` and `sent` count octets,
    `used_at` is the monotonic time of the last one either way.
    """

    __slots__ = (
        "_closed",
        "_opened",
        "_transport",
        "_watchers",
        "on_full",
        "peer",
        "received",
        "sent",
        "take",
        "unread",
        "used_at",
    )

    def __init__(self, opened: Callable[[TcpLink], None] | None = None) -> None:
        self.take: Taker = drop
        self.unread = b""
        self.on_full: Callable[[bool], None] | None = None
        self.peer = ("", 0)
        self.received = self.sent = 0
        self.used_at = time.monotonic()
        self._opened = opened
        self._closed = False
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._transport: asyncio.Transport | None = None

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._closed or self._transport is None or self._transport.is_closing()

    @property
    def url(self) -> str:
        """The far end: an address, or the number that was called."""
        host, port = self.peer
        if host.startswith("+"):
            return f"tel:{host}"
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    def write(self, octets: bytes) -> None:
        """Send `octets`, as soon as the far end takes them; LinkLostError where the connection has ended."""
        if self._transport is None or self.closed:
            raise LinkLostError(f"{self.url} was closed by the far end")
        self.sent += len(octets)
        self.used_at = time.monotonic()
        self._transport.write(octets)

    def give_to(self, taker: Taker) -> None:
        """Give what is unread, and what comes from now on, to `taker`."""
        unread, self.unread = self.unread, b""
        self.take = taker
        if unread:
            taker(unread)

    def keep(self) -> None:
        """Keep what comes, and let the far end wait, until somebody takes it."""

        def take(octets: bytes) -> None:
            self.unread += octets
            self.hold(on=True)

        self.take = take

    def hold(self, *, on: bool) -> None:
        """Let the far end wait, or take again what it sends."""
        if self._transport is None or self.closed:
            return
        if on:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when the connection has ended; at once where it already has."""
        if self._closed:
            watcher()
        else:
            self._watchers = (*self._watchers, watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` no more."""
        self._watchers = tuple(w for w in self._watchers if w is not watcher)

    def close(self) -> None:
        """End the connection once all is sent; may be called again."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the far end."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_LARGEST_BACKLOG_OCTETS)
        peer = transport.get_extra_info("peername")
        self.peer = (str(peer[0]), int(peer[1])) if peer else self.peer
        if self._opened is not None:
            self._opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give room for what comes."""
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        """Give octets away."""
        self.received += nbytes
        self.used_at = time.monotonic()
        self.take(bytes(_ROOM[:nbytes]))

    def pause_writing(self) -> None:
        """Tell that the far end takes no more."""
        if self.on_full is not None:
            self.on_full(True)  # noqa: FBT003

    def resume_writing(self) -> None:
        """Tell that the far end takes more again."""
        if self.on_full is not None:
            self.on_full(False)  # noqa: FBT003

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it has ended."""
        self._closed = True
        self.take = drop
        for watcher in self._watchers:
            watcher()


async def dial(host: str, port: int, timeout_s: float) -> TcpLink:
    """Return a connection to `host`; LinkLostError says in words why there is none within `timeout_s`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, link = await loop.create_connection(TcpLink, host, port)
    except OSError as error:
        raise LinkLostError(f"tcp://{host}:{port} cannot be reached: {words_of(error)}") from error
    return link


def join(one: TcpLink, other: TcpLink) -> None:
    """Pass all octets of each to the other; the one that sends waits for the one that takes."""
    for from_, to in ((one, other), (other, one)):
        to.on_full = _holding(from_)
        from_.give_to(_passing(to))


def part(link: TcpLink) -> None:
    """Pass nothing on any more."""
    link.take, link.on_full = drop, None
    link.hold(on=False)


def _passing(to: TcpLink) -> Taker:
    def take(octets: bytes) -> None:
        with contextlib.suppress(LinkLostError):
            to.write(octets)

    return take


def _holding(link: TcpLink) -> Callable[[bool], None]:
    def full(is_full: bool) -> None:
        link.hold(on=is_full)

    return full
