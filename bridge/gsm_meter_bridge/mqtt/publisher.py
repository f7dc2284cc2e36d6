"""Writes what changed to MQTT, and brings wishes in. The only writer of the contract's topics."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence

from gsm_meter_bridge.delivery.strangers import Strangers
from gsm_meter_bridge.delivery.switchboard import LineStatus
from gsm_meter_bridge.family import Module
from gsm_meter_bridge.job import Job, State
from gsm_meter_bridge.jobs import inbox, store
from gsm_meter_bridge.jobs.budgets import Budgets
from gsm_meter_bridge.jobs.database import Database
from gsm_meter_bridge.jobs.observations import ModuleFacts
from gsm_meter_bridge.jobs.overview import Overview, overviews
from gsm_meter_bridge.mqtt import answers, discovery, documents
from gsm_meter_bridge.mqtt.client import Client, Incoming
from gsm_meter_bridge.mqtt.form import Document, dump
from gsm_meter_bridge.mqtt.identity import Identity, OurModem
from gsm_meter_bridge.mqtt.requests import Requests
from gsm_meter_bridge.mqtt.retained import Retained, StaleDevices
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.service.actions import POLL, READ_SETTINGS, REQUEST_IDENTITY, REQUEST_STATUS
from gsm_meter_bridge.service.connections import Connections
from gsm_meter_bridge.waiting import run_together, wait_set

_LOGGER = logging.getLogger(__name__)
_AT_ONCE, _BREATH = 200, 10
_TICK_S = 1.0


class Publisher:
    """Keeps the broker's picture of the bridge equal to the database's."""

    def __init__(
        self,
        client: Client,
        topics: Topics,
        database: Database,
        modules: Mapping[str, Module],
        identity: Identity,
        requests: Requests,
        modems: Sequence[OurModem],
        budgets: Budgets | None = None,
        now: Callable[[], float] = time.time,
        connections: Connections | None = None,
    ) -> None:
        self._client = client
        self._topics = topics
        self._database = database
        self._modules = modules
        self._who = identity
        self._requests = requests
        self._modems = tuple(modems)
        self._budgets = budgets or Budgets()
        self._now = now
        self._lines: Callable[[str], LineStatus | None] = lambda _: None
        self._strangers = Strangers()
        if connections is not None:
            self._lines, self._strangers = connections.board.status, connections.strangers
            connections.board.on_change = self.touch
        self._retained = Retained(client)
        self._dirty, self._modems_changed = set(modules), True
        uids = (
            topics.bridge_uid(),
            *(topics.modem_uid(modem.id) for modem in modems),
            *map(topics.module_uid, modules),
        )
        self._stale = StaleDevices(client, topics, frozenset(map(topics.discovery, uids)))
        self._online: dict[str, bool] = {}  # of those that have ever answered
        self._wake = asyncio.Event()
        self._refresh_at: float | None = None
        self._tick_at = 0.0
        client.on_connected = self._on_connected

    def touch(self, module: str | None = None) -> None:
        """Look at `module` (and our modem) again soon, because something about it changed."""
        if module is not None:
            self._dirty.add(module)
        else:
            self._modems_changed = True
        self._wake.set()

    async def run(self) -> None:
        """Publish and take in until cancelled."""
        works = {
            "take in": self._take_in(),
            "forget stale": self._stale.search(),
            "publish": self._publish_changes(),
        }
        await run_together(works, self._database.calm)

    async def say_goodbye(self) -> None:
        """Publish `offline` before an orderly end; the last will is for the other kind."""
        if self._client.connected:
            payload = dump(documents.bridge_state(online=False))
            async with asyncio.timeout(2.0):
                await self._client.publish(self._topics.bridge_state, payload, retain=True)

    def _on_connected(self) -> None:
        for topic in (self._topics.request("+"), self._topics.module_set("+"), self._topics.status):
            self._client.subscribe(topic)
        self._publish_again()

    def _publish_again(self) -> None:
        """Publish every retained topic anew: the broker may have lost them, or Home Assistant."""
        self._retained.forget()
        self._retained.put(self._topics.bridge_state, documents.bridge_state(online=True))
        self._dirty.update(self._modules)
        self._modems_changed = True
        self._wake.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._client.wait_connected()
            self._wake.clear()
            if self._topics.bridge_info not in self._retained:
                self._retain_bridge()
            await self._database.attempt(self._publish_all)
            await self._pause()

    async def _publish_all(self) -> None:
        if self._modems_changed:
            self._modems_changed = False
            for modem in self._modems:
                await self._publish_modem(modem)
            strangers = self._strangers.all()
            self._retained.put(self._topics.callers, documents.callers(strangers, mask=self._who.mask))
        while await self._publish_some():
            pass

    async def _publish_some(self) -> bool:
        """Publish modules that changed and tell what became of jobs; return whether there is more."""
        modules = sorted(self._dirty)[:_AT_ONCE]
        async with self._database.reading() as tx:
            found = await overviews(tx, modules, self._budgets, self._now(), without=POLL)
            ended = await store.to_announce(tx, self._who.bridge, self._now())
        for n, (module, overview) in enumerate(found.items(), start=1):
            self._publish_module(self._modules[module], overview)
            self._dirty.discard(module)
            await self._client.wait_room()
            if not n % _BREATH:
                await asyncio.sleep(0)
        for job in ended:
            await self._announce(job, found.get(job.module))
        return bool(self._dirty)

    async def _pause(self) -> None:
        await wait_set(self._wake, _TICK_S)
        if (now := asyncio.get_running_loop().time()) < self._tick_at:
            return
        self._tick_at = now + _TICK_S
        self._modems_changed = True  # what their SIM has sent by now, and who has called
        if self._refresh_at is not None and self._now() >= self._refresh_at:
            self._refresh_at = None
            self._publish_again()

    def _retain_bridge(self) -> None:
        who, modules = self._who, tuple(self._modules.values())
        # the bridge's device comes first: Home Assistant names a parent it does not know after itself
        self._retained.put(
            self._topics.discovery(self._topics.bridge_uid()), discovery.bridge_device(self._topics, who.name)
        )
        self._retained.put(
            self._topics.bridge_info, documents.bridge_info(who.bridge, who.name, modules, mask=who.mask)
        )

    async def _publish_modem(self, modem: OurModem) -> None:
        status, who = modem.status(), self._who
        async with self._database.reading() as tx:
            spending = await self._budgets.of_modem(tx, modem.id, self._now())
            messages = await inbox.counts(tx, modem.id)
        uid = self._topics.modem_uid(modem.id)
        self._retained.put(
            self._topics.discovery(uid), discovery.modem_device(self._topics, modem.id, modem.name, status)
        )
        paused_s = math.ceil(modem.paused_s() / 60) * 60.0
        document = documents.modem_state(
            status, spending, messages, mask=who.mask, price=who.price, paused_s=paused_s
        )
        self._retained.put(self._topics.modem(modem.id), document)

    def _publish_module(self, module: Module, overview: Overview) -> None:
        facts = overview.facts
        online = self._is_online(facts)
        document = self._state(module, overview, overview.last)
        uid = self._topics.module_uid(module.id)
        message = discovery.module_payload(self._topics, module, document)
        self._retained.put_payload(self._topics.discovery(uid), message)
        self._retained.put(self._topics.module(module.id), document)
        self._retained.put(self._topics.availability(module.id), documents.bridge_state(online=online))
        if facts.last_seen_at is not None:
            self._tell_lost_or_regained(module.id, online=online)

    def _state(self, module: Module, overview: Overview, last: Job | None) -> Document:
        return documents.module_state(
            module,
            overview.facts,
            last,
            online=self._is_online(overview.facts),
            mask=self._who.mask,
            latest_firmware=self._who.latest_firmware.get(module.family.id),
            spending=overview.spending,
            line=self._lines(module.id),
        )

    def _is_online(self, facts: ModuleFacts) -> bool:
        return facts.last_seen_at is not None and facts.missed < self._who.missed_polls

    def _tell_lost_or_regained(self, module: str, *, online: bool) -> None:
        before = self._online.get(module, online)
        self._online[module] = online
        if before != online:
            kind = "module_regained" if online else "module_lost"
            self._client.publish(self._topics.event(module), dump({"event_type": kind}), retain=False)

    async def _announce(self, job: Job, overview: Overview | None) -> None:
        """Tell an outcome, once: noted as told only when the broker has it."""
        if not self._client.connected:
            return
        if job.action != POLL and job.module in self._modules:
            await self._tell_outcome(job, overview)
        async with self._database.transaction() as tx:
            await store.mark_announced(tx, job)

    async def _tell_outcome(self, job: Job, overview: Overview | None) -> None:
        if overview is None:
            overview = await self._overview(job.module)
            self._publish_module(self._modules[job.module], overview)
        event = dump(answers.command_event(job))
        told = self._client.publish(self._topics.event(job.module), event, retain=False)
        if job.transaction is not None and job.announced is None:
            await self._answer(job.action, self._outcome(job, overview))
        await told

    async def _overview(self, module: str) -> Overview:
        async with self._database.reading() as tx:
            return (await overviews(tx, (module,), self._budgets, self._now(), without=POLL))[module]

    def _outcome(self, job: Job, overview: Overview) -> Document:
        if (
            job.action not in (REQUEST_STATUS, REQUEST_IDENTITY, READ_SETTINGS)
            or job.state is not State.VERIFIED
        ):
            return answers.outcome(job)
        state = self._state(self._modules[job.module], overview, job)
        return answers.outcome(job, {k: v for k, v in state.items() if k != "last_result"})

    async def _answer(self, action: str, document: Document) -> None:
        await self._client.publish(self._topics.response(action), dump(document), retain=False)

    async def _take_in(self) -> None:
        while True:
            message = await self._client.incoming.get()
            if message.topic == self._topics.status:
                self._on_birth(message)
            elif message.topic.startswith(f"{self._topics.discovery_prefix}/"):
                self._stale.look(message)
            elif message.retained:
                _LOGGER.warning(
                    "%s: a retained wish is ignored; it would be repeated for ever", message.topic
                )
            else:
                await self._wish(message)
            self._client.acknowledge(message)

    async def _wish(self, message: Incoming) -> None:
        answer, job = await self._requests.handle(
            message.topic, message.payload, redelivered=message.redelivered
        )
        if answer is None:
            return
        topic, document = answer
        # acknowledged and answered right here: by now it is stored
        sent = self._client.publish(topic, dump(document), retain=False)
        if job is None and document["status"] == "ok" and "module" in document:
            self.touch(document["module"])
        if job is not None and (job.state.final or job.announced is not None):
            await sent
            await self._answer(job.action, self._outcome(job, await self._overview(job.module)))

    def _on_birth(self, message: Incoming) -> None:
        if message.payload == b"online":
            self._refresh_at = self._now() + self._who.birth_delay_s
