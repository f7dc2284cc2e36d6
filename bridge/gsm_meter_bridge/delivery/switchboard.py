"""The connections with our modules, one for each: who has dialled it, and who may use it now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gsm_meter_bridge.errors import LinkLostError, SendRefusedError
from gsm_meter_bridge.family import Address, Module
from gsm_meter_bridge.link import TcpLink, dial, part

_LOGGER = logging.getLogger(__name__)

INBOUND, CSD = "inbound", "csd"
DIAL_TIMEOUT_S = 30.0
_SWEEP_S = 5.0


@dataclass
class Line:
    """The place of one module: its connection, how that came about, and who uses it.

    `way` is inbound, tcp, cenc or csd; `received` and `sent` count the octets of connections that are over.
    """

    link: TcpLink | None = None
    way: str | None = None
    since: float | None = None
    used_by: str | None = None
    received: int = 0
    sent: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class LineStatus:
    """What there is to show of a line; times are Unix times, octets are counted since the bridge started."""

    connected: bool
    way: str | None
    since: float | None
    received: int
    sent: int
    peer: str | None = None
    used_by: str | None = None
    used_at: float | None = None


DataCaller = Callable[[str], Awaitable[TcpLink]]
"""Makes a data call to a module; SendRefusedError where none can be made."""


async def no_modem(module: str) -> TcpLink:
    """Refuse: nobody makes data calls."""
    raise SendRefusedError(f"{module}: there is no modem that makes data calls")


class Switchboard:
    """Connects those who want a module with it. `on_change` hears of every line that opened or closed.

    `call` makes data calls.
    """

    def __init__(
        self,
        modules: Mapping[str, Module],
        idle_timeout_s: float = 600.0,
        now: Callable[[], float] = time.time,
        call: DataCaller = no_modem,
    ) -> None:
        self._modules = modules
        self._call = call
        self._idle_timeout_s = idle_timeout_s
        self._now = now
        self._lines: dict[str, Line] = {}
        self.on_change: Callable[[str], None] = lambda _: None

    def can_reach(self, module: str, *, calls: bool = True) -> bool:
        """Return whether `module` is connected, or could be dialled; by a data call only where it `calls`."""
        reach = self._modules[module].reach
        return self._connected(module) or reach.address is not None or (calls and reach.data_call is not None)

    def way(self, module: str) -> str:
        """Return how `module` is, or was last, connected: inbound, tcp, cenc or csd."""
        return self._line(module).way or INBOUND

    def status(self, module: str) -> LineStatus | None:
        """Return how the line of `module` is; None where it never had a connection."""
        line = self._lines.get(module)
        if line is None:
            return None
        link = line.link
        if link is None or link.closed:
            return LineStatus(
                connected=False, way=line.way, since=line.since, received=line.received, sent=line.sent
            )
        return LineStatus(
            connected=True,
            way=line.way,
            since=line.since,
            received=line.received + link.received,
            sent=line.sent + link.sent,
            peer=link.peer[0],
            used_by=line.used_by,
            used_at=self._now() - (time.monotonic() - link.used_at),
        )

    def plug(self, module: str, link: TcpLink, way: str = INBOUND) -> None:
        """Note that `module` is at the far end of `link`; a connection that it had before is closed.

        A module that lost its connection without a word comes back: the newest one is right.
        """
        line = self._line(module)
        if line.link is not None and not line.link.closed:
            _LOGGER.info("%s: a new connection takes the place of the old one", module)
            line.link.abort()
            self._count(line)
        line.link, line.way, line.since = link, way, self._now()
        link.watch(lambda: self._unplug(module, link))
        _LOGGER.info("%s: connected (%s, %s)", module, way, link.url)
        self.on_change(module)

    @asynccontextmanager
    async def seize(
        self, module: str, by: str, timeout_s: float = 10.0, *, calls: bool = True
    ) -> AsyncIterator[TcpLink]:
        """Give the connection with `module` to one user alone, dialling it where it must be.

        No data call is made unless it `calls`.
        SendRefusedError says why it cannot be had: it is in use for longer than `timeout_s`, not connected,
        or not to be reached.
        """
        line = self._line(module)
        try:
            async with asyncio.timeout(timeout_s):
                await line.busy.acquire()
        except TimeoutError as error:
            raise SendRefusedError(f"{module}: its connection is in use ({line.used_by})") from error
        line.used_by = by
        try:
            link, dialled = await self._link(module, line, calls=calls)
            self.on_change(module)
            try:
                yield link
            finally:
                part(link)
                if dialled:  # the module takes one client at a time: make room for the utility's
                    link.close()
        finally:
            line.used_by = None
            line.busy.release()
            self.on_change(module)

    async def run(self) -> None:
        """Close connections that nobody has used for too long, until cancelled."""
        try:
            while True:
                await asyncio.sleep(min(_SWEEP_S, self._idle_timeout_s / 2))
                self._close_idle()
        finally:
            for line in self._lines.values():
                if line.link is not None:
                    line.link.abort()

    def _close_idle(self) -> None:
        before = time.monotonic() - self._idle_timeout_s
        for module, line in self._lines.items():
            if line.link is not None and line.link.used_at < before and not line.busy.locked():
                _LOGGER.info("%s: nothing came or went for %.0f s", module, self._idle_timeout_s)
                line.link.close()

    async def _link(self, module: str, line: Line, *, calls: bool) -> tuple[TcpLink, bool]:
        if line.link is not None and not line.link.closed:
            return line.link, False
        reach = self._modules[module].reach
        if reach.address is not None:
            self.plug(module, await _dialled(module, reach.address), reach.address.via)
        elif reach.data_call is not None and calls:
            self.plug(module, await self._call(module), CSD)
        if line.link is None or line.link.closed:
            raise SendRefusedError(f"{module} is not connected")
        return line.link, True

    def _line(self, module: str) -> Line:
        return self._lines.setdefault(module, Line())

    def _connected(self, module: str) -> bool:
        line = self._lines.get(module)
        return line is not None and line.link is not None and not line.link.closed

    def _unplug(self, module: str, link: TcpLink) -> None:
        line = self._lines[module]
        if line.link is link:
            self._count(line)
            line.link = None
            _LOGGER.info("%s: its connection has ended", module)
            self.on_change(module)

    def _count(self, line: Line) -> None:
        if line.link is not None:
            line.received += line.link.received
            line.sent += line.link.sent


async def _dialled(module: str, address: Address) -> TcpLink:
    try:
        return await dial(address.host, address.port, DIAL_TIMEOUT_S)
    except LinkLostError as error:
        raise SendRefusedError(f"{module}: {error}") from error
