"""What arrives over MQTT, for scripts/fuzz: topics, payloads of requests and entities, retained discovery."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

from sqlalchemy import delete

from gsm_meter_bridge.commands.actions import ACTIONS
from gsm_meter_bridge.commands.handler import CommandEnvironment, Commands
from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.families import families
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.jobs.context import BridgeContext
from gsm_meter_bridge.jobs.outcome import Policy
from gsm_meter_bridge.model import Access, Module
from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.payload import read_payload
from gsm_meter_bridge.mqtt.requests import Lane, RequestHandler
from gsm_meter_bridge.mqtt.retained import StaleDevices
from gsm_meter_bridge.mqtt.topics import TopicKind, Topics, conflict
from gsm_meter_bridge.storage import schema
from gsm_meter_bridge.storage.database import Database
from gsm_meter_bridge.vocabulary import Secret

NOW = 1_790_000_000.0
TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
_LONGEST_SENTENCE = 300
_UIDS = (TOPICS.module_uid("old"), TOPICS.modem_uid("old"), TOPICS.bridge_uid(), "somebody")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _topics(data: bytes) -> None:
    """Topics that a user chose, and one on which something arrives; cut at NUL."""
    base, bridge, prefix, status, topic, *_ = [*_text(data).split("\0"), "", "", "", "", ""]
    topics = Topics(base, bridge, prefix, status)
    topics.place(topic)
    topics.module_behind(topic)
    topics.device_topics(topic)
    if conflict(topics) is None:
        assert topics.place(topics.request("set")).kind is TopicKind.REQUEST
        assert topics.place(topics.module_set("pump")).kind is TopicKind.SET


def _payload(data: bytes) -> None:
    """A payload: refused as a whole, or something that can be stored and published."""
    payload = read_payload(data)
    if payload.fault is None:
        json.dumps(dict(payload.fields), ensure_ascii=False, allow_nan=False).encode()
    for read in (
        payload.required_transaction,
        payload.deadline_at,
        lambda: (payload.server, payload.confirmed),
    ):
        assert len(_refusal(read)) <= _LONGEST_SENTENCE


def _refusal(read: Callable[[], object]) -> str:
    try:
        read()
    except GsmMeterError as error:
        return str(error)
    return ""


class _Broker:
    def __init__(self) -> None:
        self.published: list[str] = []

    def publish(self, topic: str, _payload: str, *, retain: bool) -> None:
        assert retain
        self.published.append(topic)


def _discovery(data: bytes) -> None:
    """Something retained where a device is discovered."""
    if not data:
        return
    uid = _UIDS[data[0] % len(_UIDS)]
    broker = _Broker()
    stale = StaleDevices(broker, TOPICS, frozenset({TOPICS.discovery(TOPICS.bridge_uid())}))  # type: ignore[arg-type]
    stale.look(_message(TOPICS.discovery(uid), data[1:]))
    assert set(broker.published) <= set(TOPICS.device_topics(uid)), broker.published


def _message(topic: str, payload: bytes, *, redelivered: bool = False) -> Incoming:
    return Incoming(topic, payload, retained=False, redelivered=redelivered, mid=1, qos=1)


class Door:
    """Carries out what arrives, on a database in memory."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._database = self._loop.run_until_complete(Database.open(None))
        modules = {
            f"m{n}": Module(f"m{n}", f"M{n}", family, f"+7999000010{n}", Access(Secret("1234")))
            for n, family in enumerate(families().values())
        }
        commands = Commands(
            BridgeContext("fuzz", self._database, modules, Policy(), lambda: NOW),
            CommandEnvironment(),
            lambda: None,
        )
        everything_passes = Health(passes=lambda _: True)  # so that the fuzzer sees it
        self._requests = RequestHandler(TOPICS, commands, health=everything_passes)
        self._places = [TOPICS.request(a) for a in (*ACTIONS, "x")] + [TOPICS.module_set(m) for m in modules]

    def octets(self, data: bytes) -> None:
        """Any payload at any topic of ours."""
        if data:
            self._run(data[0], data[1:])

    def fields(self, data: bytes) -> None:
        """A request that is one but for what stands in its fields."""
        if data:
            name, _, value = _text(data[1:]).partition("\0")
            fields = f'{{"transaction": "t", "module": "m{data[0] % 2}", {json.dumps(name)}: {value or 0}}}'
            self._run(data[0] >> 1, fields.encode())

    def entity(self, data: bytes) -> None:
        """An entity's command with any name and value."""
        if data:
            name, _, value = _text(data[1:]).partition("\0")
            payload = f"{{{json.dumps(name)}: {value or 0}}}".encode()
            self._loop.run_until_complete(self._handle(TOPICS.module_set(f"m{data[0] % 2}"), payload))

    def _run(self, which: int, payload: bytes) -> None:
        self._loop.run_until_complete(self._handle(self._places[which % len(self._places)], payload))

    async def _handle(self, topic: str, payload: bytes) -> None:
        async with self._database.transaction() as tx:
            for table in (schema.transitions, schema.jobs):
                await tx.execute(delete(table))
        message = _message(topic, payload)
        place = TOPICS.place(topic)
        is_stored = self._requests.lane(place) is Lane.STORED
        handle = self._requests.handle if is_stored else self._requests.handle_alone
        outcome = await handle(message)
        if outcome.document is not None:
            dump(outcome.document).encode()
            if "error" in outcome.document:
                assert len(outcome.document["error"]["message"]) <= _LONGEST_SENTENCE


def decoders() -> list[Callable[[bytes], object]]:
    """Return what octets are thrown at."""
    logging.disable(logging.CRITICAL)
    door = Door()
    return [_topics, _payload, _discovery, door.octets, door.fields, door.entity]
