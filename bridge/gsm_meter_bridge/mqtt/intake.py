"""Processes messages from the broker: each is handled, answered and acknowledged, whatever it holds.

Requests that become jobs are stored in batches; requests that send nothing, and those that wait for a gateway
modem, have a lane of their own. A message is acknowledged once its request is stored, or was rejected.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count

from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.health import BridgeProblemCode, Door, Health
from gsm_meter_bridge.model.job import Job
from gsm_meter_bridge.mqtt.arrivals import Receipt
from gsm_meter_bridge.mqtt.client import Incoming, MqttClient
from gsm_meter_bridge.mqtt.connection import PACKETS_AT_ONCE
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.requests import Lane, RequestHandler, RequestResult
from gsm_meter_bridge.mqtt.topics import TopicKind, Topics
from gsm_meter_bridge.storage.database import Database, is_unavailable
from gsm_meter_bridge.tasks import run_group

_LOGGER = logging.getLogger(__name__)
_TOGETHER = 25
"""Requests stored in one transaction; other requests wait for the database no longer than that takes."""
_MESSAGES_AT_MOST = {Lane.STORED: 10_000, Lane.AT_ONCE: 2_000, Lane.MODEM: 50}
_BYTES_AT_MOST = 16 * 1024 * 1024
_REPORTED_AT_MOST = 100
_BREATH = 2 * PACKETS_AT_ONCE
"""Messages sorted before other tasks run; fewer than are read meanwhile would let the queue grow."""
OVERLOADED = "overloaded"


class _OverloadedError(GsmMeterError):
    code = OVERLOADED


class Waiting:
    """Messages that wait in a lane, in order of arrival; bounded in number and bytes."""

    def __init__(self, messages: int, size: int = _BYTES_AT_MOST) -> None:
        self._messages_at_most, self._bytes_at_most = messages, size
        self._queue: deque[Incoming] = deque()
        self._unacknowledged: dict[tuple[int, str], bytes] = {}
        self._size = 0
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def holds(self, message: Incoming) -> bool:
        """Return whether `message` is the redelivery of one that still waits here to be acknowledged."""
        return (
            message.redelivered and self._unacknowledged.get((message.mid, message.topic)) == message.payload
        )

    def offer(self, message: Incoming) -> bool:
        """Queue `message`; return False if there is no room."""
        size = self._size + len(message.payload)
        if len(self._queue) >= self._messages_at_most or size > self._bytes_at_most:
            return False
        self._queue.append(message)
        self._size = size
        if message.qos:
            self._unacknowledged[message.mid, message.topic] = message.payload
        self._some.set()
        return True

    async def take(self, at_most: int) -> list[Incoming]:
        """Wait for messages and return the first ones, up to `at_most`."""
        await self._some.wait()
        taken = [self._queue.popleft() for _ in range(min(at_most, len(self._queue)))]
        for message in taken:
            self._size -= len(message.payload)
            self._unacknowledged.pop((message.mid, message.topic), None)
        if not self._queue:
            self._some.clear()
        return taken


@dataclass(frozen=True, slots=True)
class IntakeListener:
    """Callbacks for received messages.

    `others` handle messages that are not requests, by the kind of their topic. `publish_again` publishes the
    outcome of a job that had ended, or was announced, before its request came again. `touch` is called with
    each module that a request names.
    """

    others: Mapping[TopicKind, Callable[[Incoming], None]]
    publish_again: Callable[[Job], Awaitable[None]]
    touch: Callable[[str], None]


class Intake:
    """Sorts received messages into lanes and processes these."""

    def __init__(
        self,
        client: MqttClient,
        topics: Topics,
        database: Database,
        requests: RequestHandler,
        health: Health,
        listener: IntakeListener,
    ) -> None:
        self._client, self._topics, self._database = client, topics, database
        self._requests, self._health, self._listener = requests, health, listener
        self._lanes = {lane: Waiting(most) for lane, most in _MESSAGES_AT_MOST.items()}
        self._foreign: set[str] = set()
        self._refused: set[tuple[int, str, int]] = set()

    async def run(self) -> None:
        """Process messages until cancelled."""
        works = {
            "sort": self._sort(),
            "store": self._store(),
            "at once": self._one_by_one(Lane.AT_ONCE),
            "modem": self._one_by_one(Lane.MODEM),
        }
        await run_group(works, self._database.idle)

    async def _sort(self) -> None:
        for number in count(1):
            message = await self._client.incoming.get()
            is_waiting = False
            with self._health.guard(Door.MQTT, f"a message on {message.topic[:100]!r}"):
                is_waiting = self._is_waiting(message)
            if not is_waiting:
                self._client.acknowledge(message)
            if not number % _BREATH:
                await asyncio.sleep(0)

    def _is_waiting(self, message: Incoming) -> bool:
        """Put a message into its lane; return False if nothing is left to be done with it.

        This never waits: reading, also of acknowledgements, is held up until received messages are sorted.
        """
        place = self._topics.place(message.topic)
        if place.kind in self._listener.others:
            self._listener.others[place.kind](message)
            return False
        if place.kind is TopicKind.UNKNOWN:
            self._wonder(message.topic)
            return False
        if message.retained:
            _LOGGER.warning(
                "%.100r: a retained request is ignored; it would be repeated for ever", message.topic
            )
            return False
        lane = self._lanes[self._requests.lane(place)]
        return lane.holds(message) or lane.offer(message) or self._turn_away(message)

    def _turn_away(self, message: Incoming) -> bool:
        """Reject a message that has no room; return whether it is acknowledged only once that was published.

        So no more rejections wait than messages may be unacknowledged. A message with QoS 0 is dropped.
        """
        text = "there are more requests than can be carried out; some are refused"
        self._health.report(BridgeProblemCode.OVERLOADED, "mqtt", text)
        receipt = message.receipt
        name = receipt.mid, receipt.topic, receipt.digest
        if not message.qos or (message.redelivered and name in self._refused):
            return bool(message.qos)
        error = _OverloadedError("too much waits to be carried out; ask again later")
        outcome = self._requests.refuse(message, error)
        if outcome.document is None:
            return False
        self._refused.add(name)
        published = self._client.publish(outcome.topic, dump(outcome.document), retain=False)
        published.add_done_callback(partial(self._on_refusal_published, receipt))
        return True

    def _on_refusal_published(self, receipt: Receipt, _published: asyncio.Future[bool]) -> None:
        self._refused.discard((receipt.mid, receipt.topic, receipt.digest))
        self._client.acknowledge(receipt)

    def _wonder(self, topic: str) -> None:
        """Log a message on a foreign topic, once each: a subscription from before a change of topics."""
        if topic not in self._foreign and len(self._foreign) < _REPORTED_AT_MOST:
            self._foreign.add(topic)
            _LOGGER.warning("%.100r is not a topic of this bridge; messages there are ignored", topic)

    async def _store(self) -> None:
        lane = self._lanes[Lane.STORED]
        while True:
            messages = await lane.take(_TOGETHER)
            outcomes = await self._requests.handle_all(messages)
            for message, outcome in zip(messages, outcomes, strict=True):
                await self._finish(message, outcome)
            if not lane:
                self._health.clear(BridgeProblemCode.OVERLOADED, "mqtt")
            await self._client.wait_room()

    async def _one_by_one(self, lane: Lane) -> None:
        while True:
            for message in await self._lanes[lane].take(1):
                await self._finish(message, await self._requests.handle_alone(message))

    async def _finish(self, message: Incoming, outcome: RequestResult) -> None:
        """Respond and acknowledge; a response that cannot be published affects no other."""
        with self._health.guard(Door.MQTT, f"an answer to {message.topic[:100]!r}"):
            await self._answer(message, outcome)
        self._client.acknowledge(message)

    async def _answer(self, message: Incoming, outcome: RequestResult) -> None:
        document, job = outcome.document, outcome.job
        if job is not None:
            self._listener.touch(job.module)
        if document is not None:
            self._client.publish(outcome.topic, dump(document), retain=False)
            if job is None and document.get("status") == "ok" and "module" in document:
                self._listener.touch(document["module"])
        if document is not None and job is not None and (job.state.final or job.announced is not None):
            await self._repeat_outcome(job)

    async def _repeat_outcome(self, job: Job) -> None:
        try:
            await self._listener.publish_again(job)
        except Exception as error:
            if not is_unavailable(error):
                raise
            # the client has the response "accepted", and may repeat its request
            _LOGGER.warning("job %s: its outcome cannot be read at present", job.id)
