"""Accepts connections from modules, reads their identification and finds out which module each one is.

A client is accepted as a module only if it matches every field of that module's `identify_by`. Others are
listed as unidentified clients and otherwise ignored.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, takewhile
from types import MappingProxyType

from gsm_meter_bridge.connections.background import BackgroundTasks
from gsm_meter_bridge.connections.directory import Candidates, Directory
from gsm_meter_bridge.connections.files import Use
from gsm_meter_bridge.connections.pool import ConnectionPool
from gsm_meter_bridge.connections.port import ListeningAddress, Port, PortLimits
from gsm_meter_bridge.connections.seldom import Seldom
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.errors import DecodeError, GsmMeterError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.link import TcpLink, drop
from gsm_meter_bridge.model import METER_SERIAL, Identification, IdentificationReader, IpNetwork, Module
from gsm_meter_bridge.vocabulary import Scalar, printable

_LOGGER = logging.getLogger(__name__)
_TICK_S = 1.0
_PAUSE_S = 2.0
"""A client silent for so long in the middle of an identification may have sent all of it."""
_TIME_TO_GREET_S = 5.0
"""How long a client may take to identify itself before it may be dropped to make room for others."""
_FULL_FOR_S = 600.0
"""How long CLIENTS_REFUSED stays reported after the last refusal for want of places."""
_UNIDENTIFIED_AT_MOST = 100
_UNIDENTIFIED_BYTES = 64 * 1024
_ASKED_AT_ONCE = 32
_ASKED_FOR_S = 90.0
"""How long a meter may take to report its serial number, as other clients wait for the place."""
_SERIAL_AT_MOST = 64
_REST_AT_MOST = 4096
"""Bytes after an identification that are kept for the next user of the link: they are the meter's."""
_UNIDENTIFIED_S = 600.0
"""How long an unidentified client's connection stays open: if it were closed at once, it would reconnect.
Also how long a client may wait until its meter is asked for its serial number."""


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """Address, allowed networks, connection limits and identification time-out of a listener.

    `identify_by_meter`: whether to ask the meter behind a client for its serial number, if a module is
    identified by one.
    """

    id: str
    host: str
    port: int
    networks: tuple[IpNetwork, ...]
    max_connections: int = 12_000
    max_connections_per_address: int = 4
    identification_timeout_s: float = 30.0
    identify_by_meter: bool = False


@dataclass(slots=True)
class _Guest:
    """A connection that is not identified yet, with one identification reader for each family.

    `until` is the monotonic time of its time-out. The readers were notified of a pause after `paused` bytes.
    """

    readers: list[tuple[str, IdentificationReader]]
    until: float
    paused: int = 0


@dataclass(frozen=True, slots=True)
class _Claims:
    """The values that a client sent, and the family whose format it used; empty if it was silent."""

    family: str | None = None
    values: Mapping[str, Scalar | None] = field(default_factory=lambda: MappingProxyType({}))
    identification: Identification | None = None


_SILENCE = _Claims()

Identified = Callable[[str, Identification], None]
MeterSerial = Callable[[TcpLink], Awaitable[str | None]]


class Listener:
    """One port that modules connect to.

    `on_identified` is called with a module's id and its identification; `meter_serial` reads the serial
    number of the meter behind a client.
    """

    def __init__(
        self,
        plan: ListenerConfig,
        modules: Mapping[str, Module],
        pool: ConnectionPool,
        unidentified: UnidentifiedClients,
        on_identified: Identified,
        meter_serial: MeterSerial | None = None,
        health: Health | None = None,
    ) -> None:
        self._plan = plan
        self._pool = pool
        self._unidentified = unidentified
        self._on_identified = on_identified
        self._meter_serial = meter_serial if plan.identify_by_meter else None
        self._health = health or Health()
        self._families = {m.family.id: m.family for m in modules.values()}
        self._directory = Directory(modules)
        self._guests: dict[TcpLink, _Guest] = {}
        self._to_ask: dict[TcpLink, tuple[float, _Claims]] = {}
        self._unknown: dict[TcpLink, float] = {}
        self._asking = BackgroundTasks(self._health, Door.METER)
        self._mute = Seldom(_LOGGER)
        code = BridgeProblemCode.LISTENER_CLOSED
        self._subject = f"listener {plan.id}"
        place = ListeningAddress(plan.host, plan.port, Use.LISTENER, code, self._subject, "modules")
        limits = PortLimits(plan.networks, plan.max_connections, plan.max_connections_per_address)
        self._port = Port(
            place, limits, self._opened, self._health, pool.files, self._make_room, self._on_refused
        )
        self._full_at: float | None = None

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return self._port.port

    async def run(self) -> None:
        """Listen until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._port.run())
                while True:
                    await asyncio.sleep(_TICK_S)
                    with self._health.guard(Door.TCP, "clients that wait", passing=False):
                        self._tick(time.monotonic())
        finally:
            self._asking.cancel()

    # connections opened and closed

    def _opened(self, link: TcpLink) -> None:
        link.watch(lambda: self._forget(link))
        readers = [(f.id, r) for f in self._families.values() if (r := f.identification_reader()) is not None]
        self._guests[link] = _Guest(readers, time.monotonic() + self._plan.identification_timeout_s)
        link.take = lambda data: self._greeted(link, lambda reader: reader.feed(data))

    def _forget(self, link: TcpLink) -> None:
        for of in (self._guests, self._to_ask, self._unknown):
            of.pop(link, None)

    def _make_room(self, host: str | None) -> bool:
        """Make room for a new connection (among those from `host`, if given); return whether there is room.

        Clients silent for _TIME_TO_GREET_S are judged now, and their meters asked if that may identify them.
        No connection is ended before that: silent modules behind one address would displace each other
        forever. Then one connection is ended: the oldest unidentified one, else the newest of those waiting
        for their meter to be asked, else the oldest that had time and has not identified itself.
        """
        slow = [
            link for link, guest in takewhile(lambda one: self._has_had_time(one[1]), self._guests.items())
        ]
        for link in (link for link in slow if not link.received and _is_from(host, link)):
            self._guarded(link, lambda link=link: self._judge(link, _SILENCE))  # type: ignore[misc]
            if link in self._unknown:
                break
            if host is not None and self._port.is_recognised(link):
                return True
        return self._end_first(host, chain(self._unknown, reversed(self._to_ask), slow))

    def _end_first(self, host: str | None, links: Iterable[TcpLink]) -> bool:
        """End the first of `links` (from `host`, if given) that is not identified; return whether one was."""
        known = (self._guests, self._to_ask, self._unknown)
        waiting = (link for link in links if any(link in of for of in known))
        first = next((link for link in waiting if _is_from(host, link)), None)
        if first is None:
            return False
        self._forget(first)
        first.abort()
        return True

    def _has_had_time(self, guest: _Guest) -> bool:
        return guest.until - self._plan.identification_timeout_s + _TIME_TO_GREET_S <= time.monotonic()

    def _on_refused(self, host: str, why: str, full: bool) -> None:
        self._unidentified.note(host, self._plan.id, time.time(), problem=f"refused: {why}", refused=True)
        if full:
            message = (
                f"clients are refused, and may be modules: {why}; `bridge/unidentified_clients` lists them"
            )
            if self._full_at is None:
                self._health.report(BridgeProblemCode.CLIENTS_REFUSED, self._subject, message)
            self._full_at = time.monotonic()

    def _tick(self, now: float) -> None:
        """Handle pauses, time-outs and the queue of meters to ask; `now` is a monotonic time."""
        for link, guest in tuple(self._guests.items()):
            if link.received > guest.paused and now - link.used_at >= _PAUSE_S:
                guest.paused = link.received
                self._guarded(link, lambda link=link: self._greeted(link, lambda reader: reader.paused()))  # type: ignore[misc]
        silent = takewhile(lambda one: one[1].until <= now, self._guests.items())  # oldest first
        for link, _ in tuple(silent):
            self._guarded(link, lambda link=link: self._judge(link, _SILENCE))  # type: ignore[misc]
        late = [link for link, (until, _) in self._to_ask.items() if until <= now]
        for link in late:
            self._guarded(link, lambda link=link: self._is_unknown(link, self._to_ask[link][1].values))  # type: ignore[misc]
        for link in [link for link, until in self._unknown.items() if until <= now]:
            link.abort()
        self._ask_next()
        if self._full_at is not None and now - self._full_at > _FULL_FOR_S:
            self._full_at = None
            self._health.clear(BridgeProblemCode.CLIENTS_REFUSED, self._subject)

    def _guarded(self, link: TcpLink, judge: Callable[[], None]) -> None:
        with self._health.guard(Door.TCP, "a client", passing=False) as guard:
            judge()
        if guard.error is not None:
            link.abort()

    # identification

    def _greeted(self, link: TcpLink, read: Callable[[IdentificationReader], Identification | None]) -> None:
        """Run `read` on each reader; judge once one returns an identification, or all have failed."""
        guest = self._guests[link]
        for one in tuple(guest.readers):
            family, reader = one
            try:
                identification = read(reader)
            except DecodeError:
                guest.readers.remove(one)
                continue
            if identification is not None:
                link.unread = identification.rest[:_REST_AT_MOST]
                claims = {r.name: r.value for r in identification.readings}
                self._judge(link, _Claims(family, claims, identification))
                return
        if not guest.readers:
            self._judge(link, _SILENCE)

    def _judge(self, link: TcpLink, claims: _Claims, *, was_asked: bool = False) -> None:
        """Accept a client that is one module; else ask its meter, if that may identify it; else list it."""
        found = self._directory.find(link.peer[0], claims.values, claims.family)
        if found.module is not None:
            self._let_in(link, found.module, claims)
        elif found.by_meter and not found.fit and not was_asked and self._meter_serial is not None:
            self._forget(link)
            link.take = _little_of(link)
            self._to_ask[link] = time.monotonic() + _UNIDENTIFIED_S, claims
            self._ask_next()
        else:
            self._is_unknown(link, claims.values, _problem(found))

    def _ask_next(self) -> None:
        while self._to_ask and len(self._asking) < _ASKED_AT_ONCE:
            link = next(iter(self._to_ask))
            _, claims = self._to_ask.pop(link)
            self._asking.start("the meter of a client", self._ask_meter(link, claims), link.abort)

    async def _ask_meter(self, link: TcpLink, claims: _Claims) -> None:
        serial = None
        try:
            if self._meter_serial is not None:
                async with asyncio.timeout(_ASKED_FOR_S):
                    serial = await self._meter_serial(link)
        except (GsmMeterError, TimeoutError) as error:
            message = "the meter behind %s does not report its serial number: %s"
            self._mute.log(logging.INFO, message, link.url, str(error) or f"not within {_ASKED_FOR_S:.0f} s")
        if not link.closed:
            reported = {} if serial is None else {METER_SERIAL: printable(serial.strip(), _SERIAL_AT_MOST)}
            self._judge(
                link,
                _Claims(claims.family, {**claims.values, **reported}, claims.identification),
                was_asked=True,
            )

    def _let_in(self, link: TcpLink, module: str, claims: _Claims) -> None:
        self._forget(link)
        link.take = drop
        self._port.recognise(link)
        self._unidentified.forget(link.peer[0])
        self._pool.attach(module, link)
        if claims.identification is not None:
            self._on_identified(module, claims.identification)

    def _is_unknown(
        self, link: TcpLink, claims: Mapping[str, Scalar | None], problem: str | None = None
    ) -> None:
        self._forget(link)
        link.unread, link.take = b"", _little_of(link)
        if self._unidentified.note(link.peer[0], self._plan.id, time.time(), claims, problem):
            message = "unidentified client %s (listed in `bridge/unidentified_clients`)%s"
            _LOGGER.info(message, link.url, f": {problem}" if problem else "")
        if len(self._unknown) >= _UNIDENTIFIED_AT_MOST:
            self._end_first(None, self._unknown)
        self._unknown[link] = time.monotonic() + _UNIDENTIFIED_S


def _is_from(host: str | None, link: TcpLink) -> bool:
    return host in (None, link.peer[0])


def _little_of(link: TcpLink) -> Callable[[bytes], None]:
    """Return a taker that discards bytes, and ends the connection after more than _UNIDENTIFIED_BYTES."""

    def take(_data: bytes) -> None:
        if link.received > _UNIDENTIFIED_BYTES:
            link.abort()

    return take


def _problem(found: Candidates) -> str | None:
    if len(found.fit) > 1:
        return f"it fits more than one module: {', '.join(found.fit[:5])}"
    return "its meter has not reported its serial number" if found.by_meter else None
