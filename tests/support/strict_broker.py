"""A broker as strict as the big ones: states limits, keeps to them, refuses, ends connections, says nothing.

What it does is scripted by callables that a test replaces; it counts connections and remembers what came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from tests.support import mqtt_packets as mqtt
from tests.support.mqtt_packets import Connect, Published

TAKEN_OVER, TOO_MANY, TOO_LARGE = 0x8E, 0x93, 0x95
ALIAS_INVALID, NO_RETAIN, NO_QOS = 0x94, 0x9A, 0x9B


class Greeting(Enum):
    """What a CONNECT gets, where it is no reason code."""

    SILENCE = "silence"
    CLOSE = "close"
    OLD = "3.1.1's code 1"


@dataclass(frozen=True)
class End:
    """The connection is ended, with MQTT 5's reason code if there is one."""

    code: int | None = None


@dataclass
class Session:
    """One connection."""

    connect: Connect
    writer: asyncio.StreamWriter
    at: float
    filters: list[str] = field(default_factory=list)
    unanswered: int = 0
    mid: int = 0
    acknowledged: list[int] = field(default_factory=list)
    pings: int = 0
    left: int | None = None
    """The reason code of the client's own DISCONNECT."""

    @property
    def version(self) -> int:
        return self.connect.version

    def write(self, octets: bytes) -> None:
        with suppress(ConnectionError):
            self.writer.write(octets)

    def end(self, code: int | None) -> None:
        if code is not None and self.version == 5:
            self.write(mqtt.disconnect(code))
        self.writer.close()

    def deliver(self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False) -> None:
        self.mid += qos > 0
        self.write(mqtt.publish(self.version, topic, payload, qos, self.mid, retain=retain))


class StrictBroker:
    """See the module's words. `stated` is what CONNACK says, by the names of MQTT 5."""

    def __init__(self) -> None:
        self.port = 0
        self.stated: dict[str, int | str] = {}
        self.on_connect: Callable[[Connect], int | Greeting] = lambda _: 0
        self.on_publish: Callable[[Published], int | End | None] = lambda _: 0
        self.on_subscribe: Callable[[str], int | End | None] = lambda _: 1
        self.answer_s = 0.0
        self.connections: list[tuple[float, Connect]] = []
        self.sessions: list[Session] = []
        self.published: list[Published] = []
        self.violations: list[int] = []
        self.retained: dict[str, bytes] = {}
        self.largest_in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def topics(self) -> set[str]:
        """To what was published and taken."""
        return {p.topic for p in self.published}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            _, _, body, _ = await mqtt.read_packet(reader)
            connect = mqtt.parse_connect(body)
            now = asyncio.get_running_loop().time()
            self.connections.append((now, connect))
            session = Session(connect, writer, now)
            if await self._let_in(session, reader):
                self.sessions.append(session)
                await self._listen(session, reader)
        writer.close()

    async def _let_in(self, session: Session, reader: asyncio.StreamReader) -> bool:
        connect = session.connect
        greeting = self.on_connect(connect)
        if greeting is Greeting.SILENCE:
            await reader.read()
            return False
        if greeting is Greeting.CLOSE:
            return False
        if greeting is Greeting.OLD:
            session.write(bytes.fromhex("20020001"))
            return False
        assert isinstance(greeting, int)
        if not greeting and connect.version == 5 and connect.will_qos is not None:
            if connect.will_retain and self.stated.get("RetainAvailable") == 0:
                greeting = NO_RETAIN
            elif connect.will_qos > int(self.stated.get("MaximumQoS", 2)):
                greeting = NO_QOS
        session.write(mqtt.connack(connect.version, greeting, self.stated))
        if greeting:
            return False
        for other in self.sessions:
            if other.connect.client_id == connect.client_id and not other.writer.is_closing():
                other.end(TAKEN_OVER)
        return True

    async def _listen(self, session: Session, reader: asyncio.StreamReader) -> None:
        while not session.writer.is_closing():
            kind, flags, body, octets = await mqtt.read_packet(reader)
            if octets > int(self.stated.get("MaximumPacketSize", octets)):
                self._violated(session, TOO_LARGE)
            elif kind == mqtt.PUBLISH:
                self._take(session, mqtt.parse_publish(flags, body, session.version, octets))
            elif kind in (mqtt.SUBSCRIBE, mqtt.UNSUBSCRIBE):
                self._subscribe(session, kind, body)
            elif kind == mqtt.PUBACK:
                session.acknowledged.append(int.from_bytes(body[:2], "big"))
            elif kind == mqtt.PINGREQ:
                session.pings += 1
                session.write(mqtt.packet(mqtt.PINGRESP))
            elif kind == mqtt.DISCONNECT:
                session.left = body[0] if body else 0
                return

    def _take(self, session: Session, message: Published) -> None:
        session.unanswered += message.qos > 0
        self.largest_in_flight = max(self.largest_in_flight, session.unanswered)
        broken = self._broken(session, message)
        if broken is not None:
            self._violated(session, broken)
            return
        outcome = self.on_publish(message)
        if isinstance(outcome, End):
            session.end(outcome.code)
            return
        if outcome is None:
            return  # it is never acknowledged
        if outcome < 0x80:
            self.published.append(message)
            if message.retain:
                self.retained[message.topic] = message.payload
            self._route(message)
        if message.qos:
            task = asyncio.create_task(self._acknowledge(session, message.mid, outcome))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, session: Session, mid: int, code: int) -> None:
        await asyncio.sleep(self.answer_s)
        session.unanswered -= 1
        session.write(mqtt.puback(session.version, mid, code))

    def _broken(self, session: Session, message: Published) -> int | None:
        stated = self.stated
        if session.unanswered > int(stated.get("ReceiveMaximum", 65_535)):
            return TOO_MANY
        if message.qos > int(stated.get("MaximumQoS", 2)):
            return NO_QOS
        if message.retain and stated.get("RetainAvailable") == 0:
            return NO_RETAIN
        return ALIAS_INVALID if message.aliased and not stated.get("TopicAliasMaximum") else None

    def _violated(self, session: Session, code: int) -> None:
        self.violations.append(code)
        session.end(code)

    def _route(self, message: Published) -> None:
        for session in self.sessions:
            if not session.writer.is_closing() and any(_matches(f, message.topic) for f in session.filters):
                session.deliver(message.topic, message.payload)

    def _subscribe(self, session: Session, kind: int, body: bytes) -> None:
        mid, filters = mqtt.parse_filters(body, session.version, options=kind == mqtt.SUBSCRIBE)
        if kind == mqtt.UNSUBSCRIBE:
            session.filters = [f for f in session.filters if f not in filters]
            session.write(mqtt.suback(session.version, mid, [0], mqtt.UNSUBACK))
            return
        outcomes = [self.on_subscribe(f) for f in filters]
        for outcome in outcomes:
            if isinstance(outcome, End):
                session.end(outcome.code)
                return
        codes = [o for o in outcomes if isinstance(o, int)]
        if session.version != 5:
            codes = [0x80 if c >= 0x80 else c for c in codes]
        session.write(mqtt.suback(session.version, mid, codes))
        for name, code in zip(filters, codes, strict=False):
            if code < 0x80:
                session.filters.append(name)
                for topic, payload in self.retained.items():
                    if _matches(name, topic):
                        session.deliver(topic, payload, retain=True)


def _matches(wanted: str, topic: str) -> bool:
    """Whether a filter takes a topic (MQTT 5, clause 4.7)."""
    wants, levels = wanted.split("/"), topic.split("/")
    if wants[-1] == "#":
        wants, levels = wants[:-1], levels[: len(wants) - 1]
    return len(wants) == len(levels) and all(
        w == "+" or fnmatchcase(level, w) for w, level in zip(wants, levels, strict=True)
    )


@asynccontextmanager
async def strict_broker() -> AsyncIterator[StrictBroker]:
    """A strict broker on a free port of loopback, without any limits yet."""
    broker = StrictBroker()
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(broker.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
