"""One bridge, as described by its retained documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from homeassistant.components import mqtt
from homeassistant.components.mqtt.models import ReceiveMessage
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from . import capabilities, contract
from .capabilities import BridgeInfo, ModuleInfo
from .const import LOGGER
from .contract import ContractError, Document, ModemState, ModuleState, Topics
from .exchanges import Exchanges


class Kind(Enum):
    """What a document, a device or an issue is about."""

    BRIDGE = "bridge"
    MODEM = "modem"
    MODULE = "module"
    PROFILE = "profile"


class Subject(NamedTuple):
    """A bridge, one of its modems or modules, or a profile of modules; `id` is that of the contract."""

    kind: Kind
    id: str


class Bridge:
    """Keeps what a bridge publishes and sends requests to it. Listeners get the subject that changed."""

    def __init__(self, hass: HomeAssistant, topics: Topics) -> None:
        self.hass = hass
        self.topics = topics
        self.exchanges = Exchanges(hass, topics)
        self.subject = Subject(Kind.BRIDGE, topics.bridge)
        self.info: BridgeInfo | None = None
        self.online: bool | None = None
        self.modems: dict[str, ModemState] = {}
        self.modules: dict[str, ModuleState] = {}
        self.documents: dict[str, Document] = {}
        self._informed = asyncio.Event()
        self._listeners: list[Callable[[Subject], None]] = []
        self._unsubscribe: list[CALLBACK_TYPE] = []

    async def async_start(self, timeout_s: float) -> None:
        """Subscribe, and return once the bridge is known; raises TimeoutError."""
        for topic, receive in (
            (self.topics.state, self._state),
            (self.topics.info, self._info),
            (f"{self.topics.root}/modem/+", self._modem),
            (f"{self.topics.root}/module/+", self._module),
            (self.topics.responses, self._response),
        ):
            done = await mqtt.async_subscribe(self.hass, topic, self._guarded(receive), qos=1)
            self._unsubscribe.append(done)
        async with asyncio.timeout(timeout_s):
            await self._informed.wait()

    @callback
    def stop(self) -> None:
        """Hear no more."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.exchanges.close()

    @callback
    def listen(self, listener: Callable[[Subject], None]) -> None:
        """Notify `listener` of every subject that changes, and of those that are known already."""
        self._listeners.append(listener)
        for subject in self.subjects():
            listener(subject)

    def subjects(self) -> list[Subject]:
        """Return the bridge and the devices that it has announced."""
        modems = [Subject(Kind.MODEM, n) for n in self.modems]
        return [self.subject, *modems, *(Subject(Kind.MODULE, m) for m in self.modules)]

    def identifiers(self) -> dict[str, Subject]:
        """Return the identifiers of the MQTT devices that the bridge publishes, and what they are of."""
        uid = f"gmm_{self.topics.bridge}"
        modules = {*(self.info.modules if self.info else ()), *self.modules}
        return {
            uid: self.subject,
            **{f"{uid}_modem_{n}": Subject(Kind.MODEM, n) for n in self.modems},
            **{f"{uid}_module_{m}": Subject(Kind.MODULE, m) for m in modules},
        }

    def module(self, module: str) -> ModuleInfo | None:
        """Return what a module is and can do; None if the bridge has not announced it."""
        return None if self.info is None else self.info.module(module, self.modules.get(module))

    def _guarded(self, receive: Callable[[str, Document], None]) -> Callable[[ReceiveMessage], None]:
        @callback
        def message_received(message: ReceiveMessage) -> None:
            try:
                document = contract.read_document(message.payload) if message.payload else {}
                receive(message.topic.rpartition("/")[2], document)
            except ContractError as error:
                LOGGER.warning("%s is not as the contract says: %s", message.topic, error)

        return message_received

    def _state(self, _: str, document: Document) -> None:
        was, self.online = self.online, contract.bridge_online(document)
        if was is not False and not self.online:
            LOGGER.warning("bridge %s is away", self.topics.root)
        elif was is False and self.online:
            LOGGER.info("bridge %s is back", self.topics.root)
        self._notify()

    def _info(self, _: str, document: Document) -> None:
        if not document:
            return
        self.info = capabilities.bridge_info(document)
        self.documents[self.topics.info] = document
        if self.info.lists_modules:
            for gone in self.modules.keys() - self.info.modules.keys():
                self._forget(Subject(Kind.MODULE, gone))
        self._notify()

    def _notify(self) -> None:
        if self.info is not None and self.online is not None:
            self._informed.set()
        self._changed(self.subject)

    def _modem(self, modem: str, document: Document) -> None:
        subject = Subject(Kind.MODEM, modem)
        if document:
            self.modems[modem] = contract.modem_state(document)
            self._keep(subject, document)
        else:
            self._forget(subject)

    def _module(self, module: str, document: Document) -> None:
        subject = Subject(Kind.MODULE, module)
        if document:
            self.modules[module] = contract.module_state(document)
            self._keep(subject, document)
        else:
            self._forget(subject)

    def _response(self, _: str, document: Document) -> None:
        self.exchanges.receive(contract.answer(document))

    def _keep(self, subject: Subject, document: Document) -> None:
        self.documents[f"{self.topics.root}/{subject.kind.value}/{subject.id}"] = document
        self._changed(subject)

    def _forget(self, subject: Subject) -> None:
        self.documents.pop(f"{self.topics.root}/{subject.kind.value}/{subject.id}", None)
        states = self.modems if subject.kind is Kind.MODEM else self.modules
        states.pop(subject.id, None)
        self._changed(subject)

    def _changed(self, subject: Subject) -> None:
        for listener in self._listeners:
            listener(subject)
