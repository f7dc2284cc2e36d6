"""Runs listeners, connection pool, tunnels and meter polling together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from itertools import islice
from typing import Protocol

from gsm_meter_bridge.connections.files import Files
from gsm_meter_bridge.connections.listener import Listener, ListenerConfig, MeterSerial
from gsm_meter_bridge.connections.meter_notes import MeterNotes
from gsm_meter_bridge.connections.meter_polling import MeterPoller, MeterPolling, ReadMeter
from gsm_meter_bridge.connections.pool import INBOUND, ConnectionPool
from gsm_meter_bridge.connections.tunnel import Tunnel
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.health import Door, Health
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Identification, Module, Reading
from gsm_meter_bridge.model.job import Observation
from gsm_meter_bridge.tasks import IdleGuard, run_group
from gsm_meter_bridge.vocabulary import printable

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 100
_AGAIN_S = 1.0
_LONGEST_VALUE = 255
_LARGEST_NUMBER = 2**63
_FILES_OF_A_PORT = 2
"""A host name may have an IPv4 and an IPv6 address."""
_OPEN = "the listener %s takes connections from the whole network at %s; let a firewall keep others out"


class ConnectionHost(Protocol):
    """The interface that the connections need from the bridge."""

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        """Store readings that arrived over connections; with `status` they answer pending status requests."""
        ...

    async def poll_failed(self, module: str) -> None:
        """Handle a failed meter poll: a pending status request for the module may be sent by SMS."""
        ...

    async def run_guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Run `work`, which uses the database; return False if the database is unavailable now."""
        ...

    async def data_call(self, module: str) -> TcpLink:
        """Make a data call (CSD) to a module; SendRefusedError if that fails."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionsConfig:
    """Configuration of connections: listeners, idle time-out, meter poll intervals by module (seconds)."""

    listeners: Sequence[ListenerConfig] = ()
    idle_timeout_s: float = 600.0
    meter_intervals_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeterAccess:
    """Access to meters: reading one, reading an unidentified client's serial number, and the stores."""

    read: ReadMeter
    serial: MeterSerial
    notes: MeterNotes = field(default_factory=MeterNotes)


class ConnectionSupervisor:
    """The TCP side of a bridge."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        config: ConnectionsConfig,
        host: ConnectionHost,
        meters: MeterAccess,
        *,
        health: Health | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now, self._host = now, host
        self._health = health = health or Health()
        files = _files_for(modules, config.listeners)
        idle_s = config.idle_timeout_s
        self.pool = ConnectionPool(modules, idle_s, now, host.data_call, health, files)
        self.unidentified = UnidentifiedClients()
        polling = MeterPolling(config.meter_intervals_s, meters.read, meters.notes)
        self.meter_poller = MeterPoller(modules, self.pool, polling, self, now=now, health=health)
        self._listeners = [
            Listener(one, modules, self.pool, self.unidentified, self._on_identified, meters.serial, health)
            for one in config.listeners
        ]
        self._tunnels = [
            Tunnel(m.id, m.connectivity.tunnel, self.pool, health, idle_s)
            for m in modules.values()
            if m.connectivity.tunnel is not None
        ]
        self._observations: dict[tuple[str, str, str], Observation] = {}
        self._wake = asyncio.Event()
        for one in config.listeners:
            if _is_open(one.host):
                _LOGGER.warning(_OPEN, one.id, one.host)

    async def run(self, idle: IdleGuard) -> None:
        """Run all parts until cancelled or one fails."""
        works = {
            **{f"listener {n}": listener.run() for n, listener in enumerate(self._listeners)},
            **{f"tunnel {n}": tunnel.run() for n, tunnel in enumerate(self._tunnels)},
            "pool": self.pool.run(),
            "polls of meters": self.meter_poller.run(),
            "observations": self._store_observations(),
        }
        await run_group(works, idle)

    def is_connected(self, module: str) -> bool:
        """Return whether `module` has an open inbound connection."""
        line = self.pool.status(module)
        return line is not None and line.connected and line.transport == INBOUND

    def _on_identified(self, module: str, identification: Identification) -> None:
        now = self._now()
        readings = [*identification.readings]
        if identification.clock is not None:
            readings.append(Reading("clock_difference_s", round(identification.clock.timestamp() - now)))
        self._put(Observation(module, tuple(readings), INBOUND, now), "identification")

    async def readings_received(self, observations: Sequence[Observation], *, status: bool) -> None:
        """Keep readings of a meter until they are stored."""
        for one in observations:
            self._put(one, "meter")

    def _put(self, observation: Observation, by: str) -> None:
        """Keep readings of a module or its meter until they are stored; the last of each source."""
        readings = tuple(sound for r in observation.readings if (sound := _sound(r)) is not None)
        self._observations[observation.module, observation.source, by] = replace(
            observation, readings=readings
        )
        self._wake.set()

    async def _store_observations(self) -> None:
        """Store pending readings; while the database is unavailable, the last of each source is kept."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._observations:
                reported = dict(islice(self._observations.items(), _AT_ONCE))
                if not await self._store(tuple(reported.values())):
                    await asyncio.sleep(_AGAIN_S)
                    continue
                for key, one in reported.items():
                    if self._observations[key] is one:
                        del self._observations[key]

    async def _store(self, observations: tuple[Observation, ...]) -> bool:
        """Store observations; False if the database is unavailable. What can never be stored is dropped."""
        with self._health.guard(Door.TCP, "an observation from a connection") as guard:
            return await self._host.run_guarded(
                lambda: self._host.readings_received(observations, status=True)
            )
        if guard.error is not None and len(observations) > 1:
            for one in observations:
                if not await self._store((one,)):
                    return False
        return True

    async def poll_failed(self, module: str) -> None:
        """Pass a failed meter poll on to the bridge."""
        await self._host.poll_failed(module)


def _files_for(modules: Mapping[str, Module], listeners: Sequence[ListenerConfig]) -> Files:
    """Return the counter of files for ports and connections; unlimited if none are configured."""
    tunnels = sum(m.connectivity.tunnel is not None for m in modules.values())
    dialled = sum(m.connectivity.address is not None for m in modules.values())
    ports = _FILES_OF_A_PORT * (len(listeners) + tunnels)
    wanted = ports + sum(plan.max_connections for plan in listeners) + tunnels + dialled
    return Files.of_process(wanted, dialled) if wanted else Files()


def _sound(reading: Reading) -> Reading | None:
    """Return a reading that can be stored and published; None if its number is too large or not finite."""
    value, raw = reading.value, reading.raw
    if isinstance(value, str):
        value = printable(value, _LONGEST_VALUE)
    elif isinstance(value, (int, float)) and not abs(value) < _LARGEST_NUMBER:  # also true of NaN
        return None
    return Reading(reading.name, value, raw and printable(raw, _LONGEST_VALUE))


def _is_open(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_unspecified or address.is_global
