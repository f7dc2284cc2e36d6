"""A thin asyncio face of paho-mqtt that acknowledges a message only when told to."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)

_LARGEST_PACKET = 128 * 1024
_UNACKNOWLEDGED_AT_MOST = 100
_WAITING_AT_MOST = 1000
_UNSUPPORTED_VERSION = frozenset({"Unsupported protocol version", "Unacceptable protocol version"})


@dataclass(frozen=True, slots=True)
class Broker:
    """How to reach the broker. `protocol` is auto, 5 or 3.1.1; with a TLS context, it always verifies."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: ssl.SSLContext | None = None
    protocol: str = "auto"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A received message; `redelivered` is MQTT's DUP flag."""

    topic: str
    payload: bytes
    retained: bool
    redelivered: bool
    mid: int
    qos: int


class Client:
    """One connection that comes back by itself; messages wait in `incoming` until acknowledged.

    `on_connected` is called in the event loop after every (re)connection, `on_refused` with the reason of
    every try that fails, `on_denied` with `subscribe` or `publish` and the reason of what the broker does not
    let us do; these two warn where nobody else listens. `will` is the topic and payload
    that the broker retains when the connection breaks, `session_s` how long the broker keeps what waits for
    this client id while it is away (0: not at all).
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: tuple[str, str] | None = None,
        session_s: int = 0,
    ) -> None:
        self.incoming: asyncio.Queue[Incoming] = asyncio.Queue()
        self.on_connected: Callable[[], None] = lambda: None
        self.on_refused: Callable[[str], None] = self._warn_of_refusal
        self.on_denied: Callable[[str, str], None] = self._warn_of_denial
        self._broker = broker
        self._client_id = client_id
        self._will = will
        self._session_s = session_s
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._acked: deque[int] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._connected = asyncio.Event()
        self._denials: set[tuple[str, str]] = set()
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        self._version = _first_version(broker.protocol)
        self._paho = self._make()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the connection stands."""
        return self._connected.is_set()

    @property
    def protocol(self) -> str:
        """The version of MQTT that is spoken or tried."""
        return "5" if self._version is MQTTProtocolVersion.MQTTv5 else "3.1.1"

    async def wait_connected(self) -> None:
        """Return once the broker has accepted us."""
        await self._connected.wait()

    def start(self) -> None:
        """Begin to connect; goes on trying until `stop`."""
        extra: dict[str, Any] = {}
        if self._version is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self._session_s
            properties.ReceiveMaximum = _UNACKNOWLEDGED_AT_MOST
            properties.MaximumPacketSize = _LARGEST_PACKET
            extra = {"clean_start": self._session_s == 0, "properties": properties}
        self._paho.connect_async(self._broker.host, self._broker.port, keepalive=30, **extra)
        self._paho.loop_start()

    async def stop(self) -> None:
        """Disconnect and end the network thread."""
        self._stopping = True
        self._paho.disconnect()
        await asyncio.to_thread(self._paho.loop_stop)

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1; to be called from `on_connected`."""
        self._paho.subscribe(topic, qos=1)

    def unsubscribe(self, topic: str) -> None:
        """End a subscription."""
        self._paho.unsubscribe(topic)

    def publish(self, topic: str, payload: str, *, retain: bool) -> asyncio.Future[None]:
        """Publish with QoS 1, now or once connected; the future is done when the broker has acknowledged."""
        done: asyncio.Future[None] = self._loop.create_future()
        info = self._paho.publish(topic, payload, qos=1, retain=retain)
        self._acks[info.mid] = done
        if len(self._acks) >= _WAITING_AT_MOST:
            self._room.clear()
        return done

    async def wait_room(self) -> None:
        """Return once few enough messages wait for the broker; whoever has many does not heap them up."""
        await self._room.wait()

    def acknowledge(self, message: Incoming) -> None:
        """Tell the broker that `message` need not be delivered again."""
        self._paho.ack(message.mid, message.qos)

    def _make(self) -> paho.Client:
        # in MQTT 5 it is the connect call that says so
        clean = None if self._version is MQTTProtocolVersion.MQTTv5 else self._session_s == 0
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            protocol=self._version,
            manual_ack=True,
            clean_session=clean,
        )
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=True)
        client.reconnect_delay_set(1, 15)
        if self._broker.username is not None:
            password = self._broker.password
            client.username_pw_set(self._broker.username, password.reveal() if password else None)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        client.on_connect = self._on_connect
        # paho calls this while it handles the exception that says why
        client.on_connect_fail = lambda *_: self._post(
            self._refused, f"no connection to the broker: {sys.exception()}"
        )
        client.on_socket_open = _without_delay
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        return client

    # what follows is called in paho's thread and only hands over to the event loop

    def _post(self, call: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *args)

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if not reason.is_failure:
            self._post(self._accepted)
        elif str(reason) in _UNSUPPORTED_VERSION and self._broker.protocol == "auto":
            self._post(self._fall_back, client)
        else:
            self._post(self._refused, f"the broker refuses the connection: {reason}")

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._post(self._gone, str(reason))

    def _on_subscribe(self, _c: Any, _u: Any, _mid: int, reasons: Sequence[ReasonCode], _p: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._post(self._denied_to, "subscribe", str(reason))

    def _on_publish(self, _c: Any, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            self._post(self._denied_to, "publish", str(reason))
        # many come together; the loop is told of them once
        self._acked.append(mid)
        if len(self._acked) == 1:
            self._post(self._take_acks)

    def _on_message(self, _c: Any, _u: Any, m: paho.MQTTMessage) -> None:
        message = Incoming(m.topic, bytes(m.payload), m.retain, m.dup, m.mid, m.qos)
        self._post(self.incoming.put_nowait, message)

    # from here on in the event loop

    def _accepted(self) -> None:
        _LOGGER.info(
            "connected to the broker %s:%d with MQTT %s", self._broker.host, self._broker.port, self.protocol
        )
        self._connected.set()
        self.on_connected()

    def _refused(self, words: str) -> None:
        self.on_refused(words)

    def _denied_to(self, what: str, reason: str) -> None:
        self.on_denied(what, reason)

    def _warn_of_denial(self, what: str, reason: str) -> None:
        if (what, reason) not in self._denials:  # each message would say so
            self._denials.add((what, reason))
            _LOGGER.warning("the broker does not let us %s: %s", what, reason)

    def _warn_of_refusal(self, words: str) -> None:
        _LOGGER.warning("%s (%s:%d); trying again", words, self._broker.host, self._broker.port)

    def _gone(self, reason: str) -> None:
        if self._connected.is_set() and not self._stopping:
            _LOGGER.warning("the connection to the broker is lost: %s", reason)
        self._connected.clear()

    def _fall_back(self, refused: paho.Client) -> None:
        if refused is not self._paho or self._version is not MQTTProtocolVersion.MQTTv5:
            return
        _LOGGER.warning("the broker does not speak MQTT 5; Home Assistant needs it from 2027.1. Using 3.1.1")
        refused.loop_stop()
        self._version = MQTTProtocolVersion.MQTTv311
        self._paho = self._make()
        self.start()

    def _take_acks(self) -> None:
        while self._acked:
            self._acknowledged(self._acked[0])
            self._acked.popleft()

    def _acknowledged(self, mid: int) -> None:
        done = self._acks.pop(mid, None)
        if len(self._acks) < _WAITING_AT_MOST:
            self._room.set()
        if done is not None and not done.done():
            done.set_result(None)


def _without_delay(_c: Any, _u: Any, connection: Any) -> None:
    """Let what is published one after the other not wait for the acknowledgement of the first."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _first_version(protocol: str) -> MQTTProtocolVersion:
    return MQTTProtocolVersion.MQTTv311 if protocol == "3.1.1" else MQTTProtocolVersion.MQTTv5


def tls_context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and name; `ca_file` replaces the system's."""
    context = ssl.create_default_context(cafile=ca_file)
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file)
    return context
