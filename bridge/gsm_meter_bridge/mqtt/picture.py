"""Retained documents of the bridge, its modems and its modules: made from the database and published."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from gsm_meter_bridge.commands.actions import POLL
from gsm_meter_bridge.connections.unidentified_clients import UnidentifiedClients
from gsm_meter_bridge.health import Door, Guard
from gsm_meter_bridge.model import Module
from gsm_meter_bridge.model.facts import ConnectionStatus, ModuleFacts
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.mqtt import discovery, documents
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.entities import unexplained
from gsm_meter_bridge.mqtt.options import Discovery, GatewayModemView
from gsm_meter_bridge.mqtt.retained import Retained
from gsm_meter_bridge.mqtt.sources import Sources
from gsm_meter_bridge.storage import inbox
from gsm_meter_bridge.storage.overview import Overview, overviews
from gsm_meter_bridge.vocabulary import Document


class Picture:
    """Makes each document and publishes it retained if it changed."""

    def __init__(self, sources: Sources) -> None:
        self.retained = Retained(sources.client)
        self._client, self._topics, self._database = sources.client, sources.topics, sources.database
        who = sources.identity
        self._form = discovery.DiscoveryOptions(sources.topics, who.discovery, who.language)
        self._modules, self._who = sources.modules, sources.identity
        self._budgets, self._health = sources.budgets, sources.health
        self._now, self._dated = sources.now, sources.dated
        self._connections: Callable[[str], ConnectionStatus | None] = lambda _: None
        self._unidentified = UnidentifiedClients()
        if sources.connections is not None:
            self._connections = sources.connections.pool.status
            self._unidentified = sources.connections.unidentified
        self._online: dict[str, bool] = {}  # of the modules that have ever answered
        self._unexplained: dict[str, tuple[tuple[str, str], ...]] = {}

    def guard(self, document: str) -> Guard:
        """Return a context manager to make a document in: one that cannot be made affects no other."""
        return self._health.guard(Door.MQTT, f"the document of {document}")

    async def read(self, modules: Sequence[str]) -> dict[str, Overview]:
        """Return what the database holds of `modules` for their documents, by module."""
        async with self._database.reading() as tx:
            return await overviews(tx, modules, self._budgets, self._now(), without=POLL)

    def retain_bridge(self) -> None:
        """Publish `bridge/info`, and the discovery of the bridge."""
        who, modules = self._who, tuple(self._modules.values())
        with self.guard("the bridge's device"):
            # first: Home Assistant creates an unknown parent (via_device) as a stub and names it by itself
            uid = self._topics.bridge_uid()
            self._retain_device(uid, dump(discovery.bridge_device(self._form, who.name)))
        with self.guard("the bridge"):
            info = documents.bridge_info(who.bridge, who.name, modules, who.discovery, who.language)
            self.retained.put(self._topics.bridge_info, info)

    def retain_health(self) -> None:
        """Publish the health of the bridge, and its unidentified clients."""
        clients = self._unidentified.all()
        self.retained.put(self._topics.health, documents.bridge_health(self._health, self._dated))
        self.retained.put(
            self._topics.unidentified_clients, documents.unidentified_clients(clients, mask=self._who.mask)
        )

    async def retain_modem(self, modem: GatewayModemView) -> None:
        """Publish document and discovery of a gateway modem."""
        status, who = modem.status(), self._who
        async with self._database.reading() as tx:
            spending = await self._budgets.of_modem(tx, modem.id, self._now())
            messages = await inbox.counts(tx, modem.id)
        uid = self._topics.modem_uid(modem.id)
        message = discovery.modem_device(self._form, modem.id, modem.name, status)
        self._retain_device(uid, dump(message))
        paused_s = math.ceil(modem.paused_s() / 60) * 60.0
        document = documents.modem_state(
            status,
            spending,
            messages,
            mask=who.mask,
            price=who.price,
            paused_s=paused_s,
            language=who.language,
        )
        self.retained.put(self._topics.modem(modem.id), document)

    def retain_module(self, module: Module, overview: Overview) -> None:
        """Publish a module's discovery, document, availability, and an event if it was lost or regained."""
        facts = overview.facts
        online = self._is_online(facts)
        document = self.state(module, overview, overview.last)
        uid = self._topics.module_uid(module.id)
        codes = self._codes(module.id, document)
        self._retain_device(uid, discovery.module_payload(self._form, module, document, codes))
        self.retained.put(self._topics.module(module.id), document)
        self.retained.put(self._topics.availability(module.id), documents.bridge_state(online=online))
        if facts.last_seen_at is not None:
            self._publish_lost_or_regained(module.id, online=online)

    def _codes(self, module: str, document: Document) -> tuple[tuple[str, str], ...]:
        """Return pairs (name, label) of all values reported so far, also earlier, that no table explains.

        They stay options of its entities: Home Assistant logs an error for a state that is not an option.
        """
        earlier, now = self._unexplained.get(module, ()), unexplained(document)
        if now and not set(now) <= set(earlier):
            self._unexplained[module] = tuple(dict.fromkeys((*earlier, *now)))
        return self._unexplained.get(module, ())

    @property
    def masks(self) -> bool:
        """Whether identifiers and numbers are masked."""
        return self._who.mask

    def state(self, module: Module, overview: Overview, last: Job | None) -> Document:
        """Return the document of a module."""
        around = documents.Circumstances(
            self._who.latest_firmware.get(module.family.id),
            overview.spending,
            self._connections(module.id),
            overview.waiting,
            self._dated,
            self._who.language,
        )
        online, mask = self._is_online(overview.facts), self._who.mask
        return documents.module_state(module, overview.facts, last, around, online=online, mask=mask)

    def _retain_device(self, uid: str, message: str) -> None:
        """Publish the discovery of a device; if discovery is off, clear the retained message."""
        if self._who.discovery is Discovery.NONE:
            message = ""
        self.retained.put_payload(self._topics.discovery(uid), message)

    def _is_online(self, facts: ModuleFacts) -> bool:
        return facts.last_seen_at is not None and facts.missed < self._who.offline_after_missed_polls

    def _publish_lost_or_regained(self, module: str, *, online: bool) -> None:
        before = self._online.get(module, online)
        self._online[module] = online
        if before != online:
            kind = "module_regained" if online else "module_lost"
            self._client.publish(self._topics.event(module), dump({"event_type": kind}), retain=False)
