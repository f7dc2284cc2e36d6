"""Publishes changes to MQTT and runs the intake of requests; the only writer of the contract's topics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from gsm_meter_bridge.health import Guard
from gsm_meter_bridge.mqtt import documents
from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.generation import GenerationKeeper
from gsm_meter_bridge.mqtt.intake import Intake, IntakeListener
from gsm_meter_bridge.mqtt.options import GatewayModemView
from gsm_meter_bridge.mqtt.outcomes import OutcomePublisher
from gsm_meter_bridge.mqtt.picture import Picture
from gsm_meter_bridge.mqtt.requests import RequestHandler
from gsm_meter_bridge.mqtt.retained import StaleDevices
from gsm_meter_bridge.mqtt.sources import Sources
from gsm_meter_bridge.mqtt.topics import TopicKind
from gsm_meter_bridge.mqtt.upkeep import Upkeep
from gsm_meter_bridge.storage import store
from gsm_meter_bridge.storage.overview import Overview
from gsm_meter_bridge.tasks import run_group, wait_set

_LOGGER = logging.getLogger(__name__)
_AT_ONCE, _BREATH = 200, 10
_TICK_S = 1.0
_LEFT_OUT_S = 60.0
"""How long a document that could not be made is skipped."""
_ECHOED_AT_MOST = 500
"""Up to how many modules the bridge, with MQTT 3.1.1, subscribes to its own retained topics.

MQTT 3.1.1 has no option No Local, so the broker sends back everything that the bridge publishes there.
"""


class Publisher:
    """Keeps the retained documents at the broker equal to the state in the database."""

    def __init__(
        self, sources: Sources, requests: RequestHandler, modems: Sequence[GatewayModemView]
    ) -> None:
        client, topics, database = sources.client, sources.topics, sources.database
        modules = sources.modules
        self._client, self._topics, self._database = client, topics, database
        self._modules, self._who = modules, sources.identity
        self._modems = tuple(modems)
        self._now, self._dated = sources.now, sources.dated
        if sources.connections is not None:
            sources.connections.pool.on_change = self.touch
        self._health = sources.health
        self._health.on_change = self.touch
        self._picture = Picture(sources)
        self.generation = (
            None
            if sources.continuity is None
            else GenerationKeeper(client, topics, self._picture.retained, database, sources.continuity)
        )
        self._outcomes = OutcomePublisher(client, topics, database, modules, self._picture)
        self._upkeep = Upkeep(self._health)
        self._dirty, self._modems_changed, self._bridge_changed = set(modules), True, True
        uids = (
            topics.bridge_uid(),
            *(topics.modem_uid(modem.id) for modem in modems),
            *map(topics.module_uid, modules),
        )
        self._stale = StaleDevices(client, topics, frozenset(map(topics.discovery, uids)))
        self._searched = self._is_presented = False
        self._wake = asyncio.Event()
        self._refresh_at: float | None = None
        self._tick_at = 0.0
        self._left_out: dict[str, float] = {}  # until when, by document
        listener = IntakeListener(
            {
                TopicKind.STATUS: self._on_birth,
                TopicKind.DISCOVERY: self._on_discovery,
                TopicKind.STATE: self._on_state,
            },
            self._outcomes.publish_again,
            self.touch,
        )
        self._intake = Intake(client, topics, database, requests, self._health, listener)
        client.on_connected = self._on_connected

    def touch(self, module: str | None = None) -> None:
        """Publish `module`, or the gateway modems if it is None, again soon, because something changed."""
        if module is not None:
            if module in self._modules:  # jobs may be for ad-hoc modules, which have no documents
                self._dirty.add(module)
        else:
            self._modems_changed = True
        self._wake.set()

    async def run(self) -> None:
        """Publish changes and process requests until cancelled."""
        works = {
            "take in": self._intake.run(),
            "look around": self._look_around(),
            "publish": self._publish_changes(),
        }
        if self.generation is not None:
            works["generation"] = self.generation.run()
        await run_group(works, self._database.idle)

    async def say_goodbye(self) -> None:
        """Publish `offline` before an orderly end; the last will is for a broken connection.

        Raises TimeoutError if the broker does not acknowledge it within 2 s.
        """
        if self._client.connected:
            payload = dump(documents.bridge_state(online=False))
            async with asyncio.timeout(2.0):
                await self._client.publish(self._topics.bridge_state, payload, retain=True)

    def _on_connected(self) -> None:
        for topic in (self._topics.request("+"), self._topics.module_set("+"), self._topics.status):
            self._client.subscribe(topic)
        # the broker publishes the bridge's own last will as if the bridge had
        self._client.subscribe(self._topics.bridge_state)
        if self._searched:
            self._watch()
        self._publish_again()

    async def _look_around(self) -> None:
        await self._stale.search()
        self._searched = True
        self._watch()

    def _watch(self) -> None:
        """Subscribe to what other clients write to the bridge's retained topics."""
        if self._client.protocol != "5" and len(self._modules) > _ECHOED_AT_MOST:
            return
        for topic in self._topics.kept:
            self._client.subscribe(topic, own=False)

    def _publish_again(self) -> None:
        """Publish every retained topic again: the broker or Home Assistant may have lost them."""
        self._picture.retained.forget()
        self._look_again()

    def _look_again(self) -> None:
        """Publish what the broker does not have yet."""
        if self._is_presented:
            self._picture.retained.put(self._topics.bridge_state, documents.bridge_state(online=True))
        self._dirty.update(self._modules)
        self._modems_changed = self._bridge_changed = True
        self._wake.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._client.wait_connected()
            self._wake.clear()
            if self._picture.retained.due():
                self._look_again()
            if self._bridge_changed:
                self._bridge_changed = False
                self._retain_bridge()
            errors = self._health.internal_errors
            with self._picture.guard("what changed"):
                await self._database.run_guarded(self._publish_all)
            if not self._is_presented:
                # only now: entities discovered in another language are unavailable while they change
                self._is_presented = True
                self._picture.retained.put(self._topics.bridge_state, documents.bridge_state(online=True))
            if self._health.internal_errors > errors:  # reporting it would wake this loop at once
                await asyncio.sleep(_TICK_S)
            await self._pause()

    async def _publish_all(self) -> None:
        if self._modems_changed:
            self._modems_changed = False
            for modem in self._modems:
                if not self._is_left_out(name := f"modem {modem.id}"):
                    with self._picture.guard(name) as guard:
                        await self._picture.retain_modem(modem)
                    self._leave_out(name, guard)
            if not self._is_left_out("bridge"):
                with self._picture.guard("bridge") as guard:
                    self._picture.retain_health()
                self._leave_out("bridge", guard)
        while await self._publish_some():
            pass

    def _is_left_out(self, name: str) -> bool:
        return self._left_out.get(name, 0.0) > time.monotonic()

    def _leave_out(self, name: str, guard: Guard) -> None:
        if guard.error is None:
            self._left_out.pop(name, None)
        else:
            self._left_out[name] = time.monotonic() + _LEFT_OUT_S

    async def _publish_some(self) -> bool:
        """Publish some of the changed modules and the outcome of jobs; return whether there is more."""
        modules = sorted(self._dirty)[:_AT_ONCE]
        found = await self._overviews(modules)
        for n, (module, overview) in enumerate(found.items(), start=1):
            self._dirty.discard(module)
            with self._picture.guard(module) as guard:
                self._picture.retain_module(self._modules[module], overview)
            self._leave_out(module, guard)
            await self._client.wait_room()
            if not n % _BREATH:
                await asyncio.sleep(0)
        self._dirty.difference_update(modules)
        async with self._database.reading() as tx:
            ended = await store.to_announce(tx, self._who.bridge, self._now())
        for job in (replace(job, ended_at=self._dated(job.ended_at)) for job in ended):
            await self._outcomes.announce(job, found.get(job.module))
        return bool(self._dirty)

    async def _overviews(self, modules: Sequence[str]) -> dict[str, Overview]:
        """Return the overviews of `modules`; without those whose rows cannot be read."""
        if not modules:
            return {}
        with self._picture.guard("several modules"):
            return await self._picture.read(modules)
        found: dict[str, Overview] = {}
        for module in modules:
            with self._picture.guard(module) as guard:
                found |= await self._picture.read([module])
            self._leave_out(module, guard)
        return found

    async def _pause(self) -> None:
        await wait_set(self._wake, _TICK_S)
        if (now := asyncio.get_running_loop().time()) < self._tick_at:
            return
        self._tick_at = now + _TICK_S
        self._modems_changed = True  # SMS sent by now, unidentified clients
        for topic in self._upkeep.due():
            self._put_right(topic)
        for name in [n for n in self._left_out if n in self._modules and not self._is_left_out(n)]:
            del self._left_out[name]
            self._dirty.add(name)
        if self._refresh_at is not None and now >= self._refresh_at:
            self._refresh_at = None
            self._publish_again()

    def _put_right(self, topic: str) -> None:
        _LOGGER.info("%s is not what the bridge has put there; it is published again", topic)
        self._picture.retained.forget(topic)
        module = self._topics.module_behind(topic)
        if module is not None and module in self._modules:
            self._dirty.add(module)
        elif topic == self._topics.bridge_state:
            self._picture.retained.put(topic, documents.bridge_state(online=True))
        else:
            self._retain_bridge()

    def _retain_bridge(self) -> None:
        self._picture.retain_bridge()
        if self.generation is not None:
            self.generation.put()

    def _on_birth(self, message: Incoming) -> None:
        if message.payload == b"online" and self._refresh_at is None:
            self._refresh_at = asyncio.get_running_loop().time() + self._who.birth_delay_s

    def _on_discovery(self, message: Incoming) -> None:
        if self._stale.owns(message.topic):
            self._on_state(message)
        else:
            self._stale.look(message)

    def _on_state(self, message: Incoming) -> None:
        if self.generation is not None and message.topic == self._topics.generation:
            self.generation.received(message)
        self._stale.look_at_state(message)
        differs = self._picture.retained.differs(message.topic, message.payload)
        self._upkeep.look(message.topic, differs=differs)
