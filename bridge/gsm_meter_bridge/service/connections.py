"""All that has to do with connections: listeners, lines, tunnels, visits, and what callers say."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from itertools import islice

from gsm_meter_bridge.delivery.inbound import Listener, ListenerPlan, MeterSerial
from gsm_meter_bridge.delivery.strangers import Strangers
from gsm_meter_bridge.delivery.switchboard import INBOUND, DataCaller, Switchboard, no_modem
from gsm_meter_bridge.delivery.tunnel import Tunnel
from gsm_meter_bridge.family import Introduction, Module, Reading
from gsm_meter_bridge.job import Observation
from gsm_meter_bridge.service.visits import Observe, ReadMeter, Visits
from gsm_meter_bridge.waiting import Calm, run_together

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 100
_AGAIN_S = 1.0
_OTHER_FILES = 200
_FEW_FILES = "the listeners take up to %d connections, but this process may open only %d files (ulimit -n)"
_OPEN = "the listener %s takes connections from the whole network at %s; let a firewall keep others out"

Attempt = Callable[[Callable[[], Awaitable[None]]], Awaitable[bool]]
"""Does something with the database; False where that is out of order just now."""


class Connections:
    """The TCP side of a bridge."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        listeners: Sequence[ListenerPlan],
        idle_timeout_s: float,
        visits_s: Mapping[str, float],
        observe: Observe,
        no_visit: Callable[[str], Awaitable[None]],
        read_meter: ReadMeter,
        meter_serial: MeterSerial,
        attempt: Attempt,
        call: DataCaller = no_modem,
    ) -> None:
        self.board = Switchboard(modules, idle_timeout_s, call=call)
        self.strangers = Strangers()
        self.visits = Visits(modules, visits_s, self.board, read_meter, observe, no_visit)
        self._listeners = [
            Listener(plan, modules, self.board, self.strangers, self._on_introduced, meter_serial)
            for plan in listeners
        ]
        self._tunnels = [
            Tunnel(m.id, m.reach.tunnel, self.board) for m in modules.values() if m.reach.tunnel is not None
        ]
        self._observe = observe
        self._attempt = attempt
        self._introduced: dict[str, Observation] = {}
        self._news = asyncio.Event()
        for plan in listeners:
            if _is_open(plan.host):
                _LOGGER.warning(_OPEN, plan.id, plan.host)
        if listeners:
            _allow_connections(sum(plan.connections for plan in listeners))

    async def run(self, calm: Calm) -> None:
        """Work until cancelled."""
        works = {
            **{f"listener {n}": listener.run() for n, listener in enumerate(self._listeners)},
            **{f"tunnel {n}": tunnel.run() for n, tunnel in enumerate(self._tunnels)},
            "switchboard": self.board.run(),
            "visits": self.visits.run(),
            "introductions": self._take_introductions(),
        }
        await run_together(works, calm)

    def _on_introduced(self, module: str, introduction: Introduction) -> None:
        now = time.time()
        readings = [*introduction.readings]
        if introduction.clock is not None:
            readings.append(Reading("clock_difference_s", round(introduction.clock.timestamp() - now)))
        self._introduced[module] = Observation(module, tuple(readings), INBOUND, now)
        self._news.set()

    async def _take_introductions(self) -> None:
        """Store what modules said; while the database is out of order, the last of each is kept."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._introduced:
                said = tuple(islice(self._introduced.values(), _AT_ONCE))
                if not await self._attempt(lambda said=said: self._observe(said, status=True)):  # type: ignore[misc]
                    await asyncio.sleep(_AGAIN_S)
                    continue
                for one in said:
                    if self._introduced[one.module] is one:
                        del self._introduced[one.module]


def _is_open(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_unspecified or address.is_global


def _allow_connections(most: int) -> None:
    """Raise the soft limit of open files, which is 1,024 mostly, as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _LOGGER.warning(_FEW_FILES, most, allowed)
