"""MQTT client: reconnects, keeps messages until acknowledged, reports whether the broker took a publish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from gsm_meter_bridge.health import BridgeProblemCode, Door, Guard, Health
from gsm_meter_bridge.mqtt.arrivals import Arrivals, Incoming, Receipt, Unacknowledged
from gsm_meter_bridge.mqtt.attempts import Attempts
from gsm_meter_bridge.mqtt.broker import Broker, tls_context
from gsm_meter_bridge.mqtt.connection import Connection
from gsm_meter_bridge.mqtt.endings import DENIED, LASTS_S, TOO_LARGE, Ending, Stage
from gsm_meter_bridge.mqtt.limits import BrokerLimits
from gsm_meter_bridge.mqtt.opening import Will
from gsm_meter_bridge.mqtt.outbox import Outbox, OutgoingPacket
from gsm_meter_bridge.mqtt.refusals import Refusals
from gsm_meter_bridge.mqtt.suspects import Key

__all__ = ["Broker", "Incoming", "MqttClient", "tls_context"]

_LOGGER = logging.getLogger(__name__)

_WAITING_AT_MOST = 1000
_LOGGED_EVERY_S = 60.0
_TOO_MANY = 0x93
_GIVEN_UP = 0x83
_SILENT_S = 45.0
"""How long a broker may leave everything unacknowledged; shorter than `LASTS_S`."""
_UNANSWERED = "the broker does not acknowledge it, and does what else is sent"
_STEP_AT_MOST_S = 2.0
"""The most that one tick adds to the time in which the bridge has read; in a longer one the loop stalled."""
_FAILURE = 0x80
_AFTER_AN_ERROR_S = 15.0


class MqttClient:
    """An MQTT client that reconnects by itself; received messages stay in `incoming` until acknowledged.

    `on_connected` is called after every (re)connection, `on_ended` with the ending of each connection or
    attempt, `on_denied` with `subscribe` or `publish`, the topic and the reason if the broker denies it.
    Lasting problems are reported to `health`. `will` is the topic and payload that the broker publishes
    retained when the connection breaks. `session_s` is the session expiry interval in seconds: how long the
    broker keeps messages for this client id while it is away (0: not at all).
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: tuple[str, str] | None = None,
        session_s: int = 0,
        health: Health | None = None,
    ) -> None:
        self.incoming = Arrivals()
        self.incoming.on_room = self._read_on
        self.on_connected: Callable[[], object] = lambda: None
        self.on_ended: Callable[[Ending], None] = lambda _: None
        self.on_denied: Callable[[str, str, str], None] = lambda *_: None
        self.limits = BrokerLimits()
        self._health = health or Health()
        self._refusals = Refusals(self._health)
        self._attempts = Attempts(
            broker, client_id, None if will is None else Will(*will), session_s, self._health
        )
        self._outbox = Outbox()
        self._room = asyncio.Event()
        self._room.set()
        self._connected = asyncio.Event()
        self._leaving = False
        self._accepted_at = self._answered_at = self._looked_at = 0.0
        self._listened_s = 0.0
        self._unacknowledged = Unacknowledged()
        self._logged = 0, 0.0
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it is still open."""
        return self._connected.is_set()

    @property
    def protocol(self) -> str:
        """The version of MQTT that is in use or attempted: 5 or 3.1.1."""
        return self._attempts.current.version

    async def wait_connected(self) -> None:
        """Return once the broker has accepted the connection."""
        await self._connected.wait()

    def start(self) -> None:
        """Start connecting in a task, which retries until `stop`."""
        self._task = asyncio.create_task(self._run(), name="MQTT")

    async def stop(self) -> None:
        """Disconnect and stop reconnecting."""
        self._leaving = True
        if self._connection is not None and self.connected:
            await self._connection.leave()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def subscribe(self, topic: str, *, own: bool = True, qos: int = 1) -> asyncio.Future[bool]:
        """Subscribe to a topic filter; the future becomes True once the broker has granted it, False if not.

        With `own=False` the broker leaves out the bridge's own messages and those already retained. MQTT
        3.1.1 has no such options.
        """
        outgoing = OutgoingPacket(Key("subscribe", topic), self._loop.create_future(), own=own, qos=qos)
        if "+" in topic and not self.limits.wildcards:
            outgoing.end(taken=False)
        else:
            self._add(outgoing)
        return outgoing.done

    def unsubscribe(self, topic: str) -> None:
        """Unsubscribe from a topic filter."""
        self._add(OutgoingPacket(Key("unsubscribe", topic), self._loop.create_future()))

    def publish(self, topic: str, payload: str, *, retain: bool) -> asyncio.Future[bool]:
        """Publish with QoS 1 (0 if the broker allows no more), now or once connected.

        The future becomes True once the broker has acknowledged the message, and False if the broker refuses
        it or its stated limits or earlier refusals rule it out.
        """
        outgoing = OutgoingPacket(Key("publish", topic), self._loop.create_future(), payload, retain)
        self._add(outgoing)
        return outgoing.done

    def waits(self, topic: str, payload: str | None = None) -> bool:
        """Return whether the broker recently refused a message on `topic`, so that it is not retried yet."""
        return self._refusals.waits(Key("publish", topic), payload)

    def is_unreceived(self, topic: str) -> bool:
        """Return whether the broker recently refused the subscription to `topic`."""
        return self._refusals.waits(Key("subscribe", topic), None)

    async def wait_room(self) -> None:
        """Return once fewer than `_WAITING_AT_MOST` messages wait to be sent; bounds callers with many."""
        await self._room.wait()

    def acknowledge(self, message: Incoming | Receipt) -> None:
        """Acknowledge `message`, so that the broker does not deliver it again."""
        receipt = message.receipt if isinstance(message, Incoming) else message
        if receipt.qos and self._connection is not None and self._unacknowledged.take(receipt):
            self._connection.acknowledge(receipt)

    # connections, one after the other

    async def _run(self) -> None:
        while not self._leaving:
            ending = Ending(Stage.UNREACHED, "an error of the bridge itself")
            with self._guard("the connection to the broker"):
                ending = await self._connect()
            if self._leaving:
                return
            delay_s = _AFTER_AN_ERROR_S
            with self._guard("the end of a connection to the broker"):
                delay_s = self._ended(ending)
            await asyncio.sleep(delay_s)
            if self._unacknowledged.too_many and self.protocol == "5":  # else the broker redelivers it all
                await self.incoming.wait_taken()

    async def _connect(self) -> Ending:
        self._unacknowledged = Unacknowledged()
        self._connection = Connection(self._attempts.next(), self, self._health)
        try:
            ending = await self._connection.run()
        finally:
            self._connected.clear()
            self._connection = None
        return replace(ending, in_flight=tuple(key.topic for key in self._outbox.in_flight))

    def _ended(self, ending: Ending) -> float:
        """Process the ending of a connection; return the seconds until the next attempt."""
        try:
            verdict, delay_s = self._attempts.ended(ending)
            if ending.stage is Stage.UNREACHED:
                self._outbox.suspects.broker_was_away()
            if verdict.blames:
                self._blame(ending)
        finally:
            self._outbox.connection_ended()
        self.on_ended(ending)
        return delay_s

    def _blame(self, ending: Ending) -> None:
        self._outbox.trial = True
        keys, size, suspects = self._outbox.in_flight, self._outbox.size, self._outbox.suspects
        guilty = suspects.ended(keys, has_code=ending.code is not None, size=size)
        if ending.code == TOO_LARGE and len(keys) == 1:
            suspects.too_large(size)
        if guilty is None:
            return
        sentence = f"the broker ends the connection when we {guilty.what} it ({ending.reason})"
        self._leave_out(guilty, _UNANSWERED if ending.silent else sentence, ending.reason, ending.code)

    def _leave_out(self, key: Key, sentence: str, reason: str, ended_with: int | None = DENIED) -> None:
        """Stop sending a message or subscription, or a group (`a/#`), for some time, and report why."""
        code = BridgeProblemCode.BROKER_DENIED if ended_with == DENIED else BridgeProblemCode.BROKER_LIMIT
        self._refusals.note(key, code, f"{sentence}; it is left out", harmful=True)
        self.on_denied(key.what, key.topic, reason)

    # callbacks of the connection

    def accepted(self, limits: BrokerLimits) -> None:
        """Process the broker's CONNACK: keep its limits, subscribe and start sending."""
        self.limits = limits
        self._accepted_at = self._looked_at = self._loop.time()
        self._answered_at = self._listened_s
        self._attempts.accepted(limits)
        self._connected.set()
        self.on_connected()
        self._pump()

    def answered(self, mid: int, code: int, reason: str) -> None:
        """Process the acknowledgement of packet `mid`; codes from 0x80 on are refusals."""
        self._answered_at = self._listened_s
        outgoing = self._outbox.answered(mid)
        if outgoing is not None:
            key, taken = outgoing.key, code < _FAILURE
            self._outbox.suspects.passed(key, outgoing.size)
            if taken:
                self._refusals.over(key)
            else:
                sentence = f"the broker does not let us {key.what}: {reason}"
                self._refusals.note(key, BridgeProblemCode.BROKER_DENIED, sentence)
                self.on_denied(key.what, key.topic, reason)
            outgoing.end(taken=taken)
        self._pump()

    def arrived(self, message: Incoming) -> None:
        """Queue a received message; disconnect if the broker (MQTT 5) exceeds the Receive Maximum."""
        if message.qos:
            self._unacknowledged.add(message.receipt)
        if self._unacknowledged.too_many and self.protocol == "5":
            self._give_up(_TOO_MANY, "it sends more than may be unacknowledged")
            return
        self.incoming.offer(message)
        if self.incoming.is_full and self._connection is not None:
            self._connection.pause()

    def _read_on(self) -> None:
        """Read from the broker again, because `incoming` has room."""
        if self._connection is not None:
            self._connection.read_on()

    def tick(self) -> None:
        """Check time-outs once a second, and retry subscriptions that the broker refused a while ago."""
        now = self._loop.time()
        dropped, at = self._logged
        if self.incoming.dropped > dropped and now >= at + _LOGGED_EVERY_S:
            message = "%d messages with QoS 0 were dropped, because more came than can be handled"
            _LOGGER.warning(message, self.incoming.dropped - dropped)
            self._logged = self.incoming.dropped, now
        if not self.connected:
            return
        if now >= self._accepted_at + LASTS_S:
            self._outbox.trial = False
            self._attempts.lasted()
        self._listen_on(now)
        self._look_for_silence(self._listened_s)
        for topic in self._refusals.due("subscribe"):
            self.subscribe(topic)

    def _listen_on(self, now: float) -> None:
        """Count the seconds in which the socket was read: only during these can the broker be silent."""
        passed_s, self._looked_at = now - self._looked_at, now
        if not self.incoming.is_full:
            self._listened_s += min(passed_s, _STEP_AT_MOST_S)

    def _look_for_silence(self, now: float) -> None:
        """Give up on missing acknowledgements: of everything sent (disconnect), or of single packets."""
        if not self._outbox.in_flight:
            self._answered_at = now
        if now >= self._answered_at + _SILENT_S or self._outbox.lost >= self.limits.receive_maximum:
            self._give_up(_GIVEN_UP, "it acknowledges nothing of what we send", silent=True)
            return
        for outgoing in self._outbox.give_up(now - _SILENT_S):
            outgoing.end(taken=False)
            self._leave_out(outgoing.key, _UNANSWERED, _UNANSWERED)
        self._pump()

    def _give_up(self, code: int, reason: str, *, silent: bool = False) -> None:
        if self._connection is not None and self.connected:
            self._connected.clear()
            self._connection.disconnect(code, reason, silent=silent)

    # sending

    def _add(self, outgoing: OutgoingPacket) -> None:
        self._outbox.add(outgoing)
        self._pump()

    def _pump(self) -> None:
        """Send from the outbox as much as the broker's window allows."""
        while self._connection is not None and self.connected:
            window = min(self.limits.window, self.limits.receive_maximum - self._outbox.lost)
            outgoing = self._outbox.next(window)
            if outgoing is None:
                break
            with self._guard(f"what is to be sent to {outgoing.key.topic[:100]!r}") as guard:
                self._send(self._connection, outgoing)
            if guard.error is not None:
                outgoing.end(taken=False)
        if len(self._outbox) < _WAITING_AT_MOST:
            self._room.set()
        else:
            self._room.clear()

    def _send(self, connection: Connection, outgoing: OutgoingPacket) -> None:
        key = outgoing.key
        if self._refusals.harms(key):
            outgoing.end(taken=False)
            return
        if key.what == "publish":
            self._send_message(connection, outgoing)
            return
        if key.what == "subscribe":
            mid = connection.subscribe(key.topic, own=outgoing.own, qos=outgoing.qos)
        else:
            mid = connection.unsubscribe(key.topic)
        if mid is not None:
            self._outbox.sent(mid, outgoing, self._listened_s)

    def _send_message(self, connection: Connection, outgoing: OutgoingPacket) -> None:
        topic, payload = outgoing.key.topic, outgoing.payload
        limits = self.limits.but(self._outbox.suspects.bytes_at_most)
        too_large = limits.takes(topic, payload)
        if too_large is not None:
            self._refusals.note(outgoing.key, BridgeProblemCode.BROKER_LIMIT, too_large, payload=payload)
            outgoing.end(taken=False)
            return
        retain = outgoing.retain and limits.retains
        mid = connection.publish(topic, payload, qos=limits.qos, retain=retain)
        self._outbox.sent(mid, outgoing, self._listened_s)

    def _guard(self, what: str) -> Guard:
        """Return a context manager that catches and reports every exception."""
        return self._health.guard(Door.MQTT, what, passing=False)
