"""Accepts modules that dial us: reads what they say of themselves, and finds out which one it is.

A caller is believed to be a module only where all that the configuration gives to know it by is so. Whoever
is not known is noted and left alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gsm_meter_bridge.delivery.directory import Directory
from gsm_meter_bridge.delivery.strangers import Strangers
from gsm_meter_bridge.delivery.switchboard import Switchboard
from gsm_meter_bridge.errors import DecodeError, GsmMeterError
from gsm_meter_bridge.family import Introduction, IntroductionReader, Module, Network, within
from gsm_meter_bridge.link import TcpLink, drop
from gsm_meter_bridge.vocabulary import Scalar

_LOGGER = logging.getLogger(__name__)
_TICK_S = 1.0
_STRANGERS_AT_MOST = 100
_STRANGER_OCTETS = 64 * 1024
_WARN_EVERY_S = 10.0
_STRANGER_S = 600.0
"""How long the connection of a caller that nobody knows is left open: closed at once, it would call again."""


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """Where to listen, whom to accept, and for how long each may keep us waiting.

    `ask_meters` is whether the meter behind a silent caller is asked for its number.
    """

    id: str
    host: str
    port: int
    networks: tuple[Network, ...]
    connections: int = 12_000
    per_address: int = 4
    greeting_timeout_s: float = 30.0
    ask_meters: bool = False


@dataclass
class _Guest:
    """A connection that nobody has recognised yet."""

    link: TcpLink
    readers: list[IntroductionReader]
    until: float


Introduced = Callable[[str, Introduction], None]
MeterSerial = Callable[[TcpLink], Awaitable[str | None]]


class Listener:
    """One port that modules dial; `on_introduced` hears what a recognised module said of itself."""

    def __init__(
        self,
        plan: ListenerPlan,
        modules: Mapping[str, Module],
        board: Switchboard,
        strangers: Strangers,
        on_introduced: Introduced,
        meter_serial: MeterSerial | None = None,
    ) -> None:
        self._plan = plan
        self._board = board
        self._strangers = strangers
        self._on_introduced = on_introduced
        self._meter_serial = meter_serial
        self._families = {m.family.id: m.family for m in modules.values()}
        self._directory = Directory(modules)
        self._guests: dict[TcpLink, _Guest] = {}
        self._from: Counter[str] = Counter()
        self._unknown: dict[TcpLink, float] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._warned_at = float("-inf")
        self.port = plan.port

    async def run(self) -> None:
        """Listen until cancelled; OSError where the port cannot be had."""
        loop = asyncio.get_running_loop()
        plan = self._plan
        server = await loop.create_server(
            lambda: TcpLink(self._opened), plan.host, plan.port, backlog=1024, reuse_address=True
        )
        self.port = server.sockets[0].getsockname()[1]
        _LOGGER.info("listening for modules at %s:%d", plan.host, self.port)
        try:
            while True:
                await asyncio.sleep(_TICK_S)
                self._give_up_waiting(time.monotonic())
        finally:
            server.close()
            for link in (*self._guests, *self._unknown):
                link.abort()
            for task in self._asking:
                task.cancel()

    def _opened(self, link: TcpLink) -> None:
        host = link.peer[0]
        refused = self._refusal(host)
        if refused is not None:
            self._warn("a connection from %s is refused: %s", host, refused)
            link.abort()
            return
        self._from[host] += 1
        link.watch(lambda: self._closed(link))
        readers = [r for f in self._families.values() if (r := f.introductions()) is not None]
        self._guests[link] = _Guest(link, readers, time.monotonic() + self._plan.greeting_timeout_s)
        link.take = lambda octets: self._greeted(link, octets)

    def _warn(self, words: str, *details: str) -> None:
        """Warn, but not so often that a flood of callers fills the log."""
        now = time.monotonic()
        is_due = now - self._warned_at >= _WARN_EVERY_S
        self._warned_at = now if is_due else self._warned_at
        _LOGGER.log(logging.WARNING if is_due else logging.DEBUG, words, *details)

    def _refusal(self, host: str) -> str | None:
        if not within(host, self._plan.networks):
            return "its network is not allowed"
        if self._from.total() >= self._plan.connections:
            return f"there are {self._plan.connections} connections"
        if self._from[host] >= self._plan.per_address:
            return f"there are {self._plan.per_address} connections from this address"
        return None

    def _closed(self, link: TcpLink) -> None:
        self._guests.pop(link, None)
        self._unknown.pop(link, None)
        host = link.peer[0]
        self._from[host] -= 1
        if self._from[host] <= 0:
            del self._from[host]

    def _greeted(self, link: TcpLink, octets: bytes) -> None:
        guest = self._guests[link]
        for reader in tuple(guest.readers):
            try:
                introduction = reader.feed(octets)
            except DecodeError:
                guest.readers.remove(reader)
                continue
            if introduction is not None:
                self._introduced(link, introduction)
                return
        if not guest.readers and not self._recognised_by_address(link):
            self._is_unknown(link)

    def _introduced(self, link: TcpLink, introduction: Introduction) -> None:
        says = {r.name: r.value for r in introduction.readings}
        module = self._directory.by_introduction(link.peer[0], says)
        if module is None:
            self._is_unknown(link, says)
            return
        self._let_in(link, module)
        link.unread = introduction.rest
        self._on_introduced(module, introduction)

    def _give_up_waiting(self, now: float) -> None:
        for link, guest in tuple(self._guests.items()):
            if guest.until > now:
                break  # the others came later
            if self._recognised_by_address(link):
                continue
            if self._meter_serial is not None and self._plan.ask_meters:
                self._ask(link)
            else:
                self._is_unknown(link)
        for link, until in tuple(self._unknown.items()):
            if until <= now:
                link.abort()

    def _ask(self, link: TcpLink) -> None:
        self._guests.pop(link, None)
        task = asyncio.get_running_loop().create_task(self._ask_meter(link))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_meter(self, link: TcpLink) -> None:
        serial = None
        try:
            if self._meter_serial is not None:
                serial = await self._meter_serial(link)
        except GsmMeterError as error:
            _LOGGER.info("the meter behind %s does not say who it is: %s", link.url, error)
        module = None if serial is None else self._directory.by_meter(link.peer[0], serial)
        if module is not None:
            self._let_in(link, module)
        elif not link.closed:
            self._is_unknown(link, {"meter_serial": serial})

    def _recognised_by_address(self, link: TcpLink) -> bool:
        module = self._directory.by_address(link.peer[0])
        if module is not None:
            self._let_in(link, module)
        return module is not None

    def _let_in(self, link: TcpLink, module: str) -> None:
        self._guests.pop(link, None)
        link.take = drop
        self._strangers.forget(link.peer[0])
        self._board.plug(module, link)

    def _is_unknown(self, link: TcpLink, claims: Mapping[str, Scalar | None] | None = None) -> None:
        self._guests.pop(link, None)
        link.take = lambda _: link.abort() if link.received > _STRANGER_OCTETS else None
        if self._strangers.note(link.peer[0], self._plan.id, time.time(), claims):
            _LOGGER.info("%s is none of our modules; it is told of in `callers` from now on", link.url)
        if len(self._unknown) >= _STRANGERS_AT_MOST:
            link.abort()
        else:
            self._unknown[link] = time.monotonic() + _STRANGER_S
