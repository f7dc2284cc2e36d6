"""One connection to the broker, with paho-mqtt in the event loop, from opening to end; not reusable.

Only the opening (DNS, TCP, TLS) takes a thread, because paho blocks there.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, Self

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gsm_meter_bridge.health import Door, Guard, Health
from gsm_meter_bridge.mqtt.arrivals import LARGEST_PAYLOAD, Incoming, Receipt
from gsm_meter_bridge.mqtt.endings import Ending, Stage
from gsm_meter_bridge.mqtt.limits import BrokerLimits
from gsm_meter_bridge.mqtt.opening import Opening

_ANSWER_S = 10.0
_GOODBYE_S = 2.0
_TICK_S = 1.0
_PAUSED_S = 10.0
"""Interval of single reads in a pause; shorter than the keep-alive, else paho takes the broker for lost."""
_NOT_WHAT_IS_RETAINED = 2
PACKETS_AT_ONCE = 20


class ConnectionListener(Protocol):
    """Callbacks of a connection, called in the event loop."""

    def accepted(self, limits: BrokerLimits) -> None:
        """Handle a CONNACK that accepts the connection; `limits` are those it states."""

    def answered(self, mid: int, code: int, reason: str) -> None:
        """Handle the acknowledgement or refusal of packet `mid`; codes from 0x80 on are refusals."""

    def arrived(self, message: Incoming) -> None:
        """Handle a received message."""

    def tick(self) -> None:
        """Handle the passing of another second."""


class Connection:
    """A connection as the module's docstring describes it; `run` is called once."""

    def __init__(self, opening: Opening, listener: ConnectionListener, health: Health) -> None:
        self._opening, self._listener, self._health = opening, listener, health
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Ending] = self._loop.create_future()
        self._accepted_at: float | None = None
        self._refusal: Ending | None = None
        self._own_end: Ending | None = None
        self._socket: Any = None
        self._packets = 0
        self._paused = False
        self._pause_checked_at = 0.0
        self._thread = threading.get_ident()
        self._paho = self._make()

    async def run(self) -> Ending:
        """Open the connection, serve it, and return how it ended; close it if cancelled."""
        try:
            failed = await self._open()
            if failed is not None:
                return failed
            self._attach()
            end_s = self._loop.time() + _ANSWER_S
            while not self._ended.done():
                await asyncio.wait([self._ended], timeout=_TICK_S)
                self._tick()
                if self._accepted_at is None and self._loop.time() >= end_s:
                    self._end(Ending(Stage.UNANSWERED, "no answer", silent=True))
            return self._ended.result()
        finally:
            self._close()

    def publish(self, topic: str, payload: str, *, qos: int, retain: bool) -> int:
        """Send a PUBLISH; return its packet identifier."""
        return self._paho.publish(topic, payload, qos=qos, retain=retain).mid

    def subscribe(self, topic: str, *, own: bool, qos: int = 1) -> int | None:
        """Send a SUBSCRIBE; return its packet identifier, None if the connection is gone."""
        if own or not self._opening.is_5:
            return self._paho.subscribe(topic, qos=qos)[1]
        options = SubscribeOptions(qos=qos, noLocal=True, retainHandling=_NOT_WHAT_IS_RETAINED)
        return self._paho.subscribe(topic, options=options)[1]

    def unsubscribe(self, topic: str) -> int | None:
        """Send an UNSUBSCRIBE; return its packet identifier, None if the connection is gone."""
        return self._paho.unsubscribe(topic)[1]

    def acknowledge(self, message: Receipt) -> None:
        """Acknowledge a message of this connection."""
        self._paho.ack(message.mid, message.qos)

    def pause(self) -> None:
        """Stop reading until `read_on`, but for one read every `_PAUSED_S`; the rest waits in TCP buffers."""
        if not self._paused:
            self._paused, self._pause_checked_at = True, self._loop.time()
            self._listen(wanted=False)

    def read_on(self) -> None:
        """Resume reading after `pause`."""
        if self._paused:
            self._paused = False
            self._listen(wanted=True)
            self._loop.call_soon(self._read)  # TLS may have buffered what the socket does not show

    def disconnect(self, code: int, cause: str, *, silent: bool = False) -> None:
        """Send a DISCONNECT with an MQTT 5 reason code; `cause` is why, `silent`: the broker was silent."""
        if self._own_end is not None:
            return
        self._own_end = replace(self._lost(cause), ours=True, silent=silent)
        reason = ReasonCode(PacketTypes.DISCONNECT, identifier=code) if code else None
        self._paho.disconnect(reason if self._opening.is_5 else None)
        self._loop.call_later(_GOODBYE_S, self._end, self._own_end)

    async def leave(self) -> None:
        """Send a DISCONNECT, and return when the connection is closed."""
        self.disconnect(0, "the bridge stops")
        await asyncio.wait([self._ended])

    # opening

    def _make(self) -> paho.Client:
        client = self._opening.make()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = lambda _c, _u, mid, reason, _p: self._answer(mid, reason)
        client.on_unsubscribe = lambda _c, _u, mid, *_: self._later(self._listener.answered, mid, 0, "")
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = lambda *_: self._detach()
        client.on_socket_register_write = lambda *_: self._want_write(wanted=True)
        client.on_socket_unregister_write = lambda *_: self._want_write(wanted=False)
        return client

    async def _open(self) -> Ending | None:
        """Connect in a daemon thread, which is never joined; return the ending if that failed, else None."""
        done: asyncio.Future[BaseException | None] = self._loop.create_future()

        def notify(error: BaseException | None) -> None:
            if done.done():
                self._close()
            else:
                done.set_result(error)

        def connect() -> None:
            with (kept := _Kept()):
                self._opening.connect(self._paho)
            try:
                self._loop.call_soon_threadsafe(notify, kept.error)
            except RuntimeError:  # the loop is closed: the connection is no longer needed
                self._close()

        threading.Thread(target=connect, name="connect to the broker", daemon=True).start()
        error = await done
        if error is None:
            return None
        with self._guard("connecting to the broker"):
            if not isinstance(error, OSError | UnicodeError):
                raise error
        return Ending(Stage.UNREACHED, str(error) or type(error).__name__)

    def _on_socket_open(self, _c: Any, _u: Any, opened: Any) -> None:
        # no Nagle delay: successive publishes do not wait for the TCP acknowledgement of the first
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = opened

    # the socket, in the event loop

    def _attach(self) -> None:
        if self._socket is None or self._socket.fileno() < 0:
            self._end(Ending(Stage.UNANSWERED, "closed"))
            return
        self._listen(wanted=True)
        self._want_write(wanted=self._paho.want_write())

    def _listen(self, *, wanted: bool) -> None:
        if self._socket is None or self._socket.fileno() < 0 or self._ended.done():
            return
        if wanted:
            self._loop.add_reader(self._socket, self._read)
        else:
            self._loop.remove_reader(self._socket)

    def _want_write(self, *, wanted: bool) -> None:
        if threading.get_ident() != self._thread:  # still opening; `_attach` asks want_write()
            return
        if self._socket is None or self._socket.fileno() < 0:
            return
        if wanted:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Read up to `PACKETS_AT_ONCE` packets; TLS may have buffered some that the socket does not show."""
        if self._paused or self._ended.done():
            return
        enough = self._packets + PACKETS_AT_ONCE  # one loop_read() reads as many packets as are in flight
        for _ in range(PACKETS_AT_ONCE):
            before = self._packets
            self._work(self._paho.loop_read)
            if self._ended.done() or not (self._packets > before or self._held_by_tls()):
                return
            if self._packets >= enough:
                break
        if self._held_by_tls():
            self._loop.call_soon(self._read)  # other callbacks run first

    def _held_by_tls(self) -> bool:
        pending = getattr(self._socket, "pending", None)
        return pending is not None and self._socket.fileno() >= 0 and pending() > 0

    def _write(self) -> None:
        self._work(self._paho.loop_write)

    def _tick(self) -> None:
        if not self._ended.done():
            if self._paused and self._loop.time() >= self._pause_checked_at + _PAUSED_S:
                self._pause_checked_at = self._loop.time()
                self._work(self._paho.loop_read)
            self._work(self._paho.loop_misc)
            self._do(self._listener.tick)
            if self._socket.fileno() < 0:
                self._end(self._lost("closed"))

    def _work(self, step: Callable[[], object]) -> None:
        guard = self._guard("what the broker sent")
        with guard:
            step()
        if guard.error is not None:
            self._end(self._lost("what it sent could not be understood"))

    def _end(self, ending: Ending) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._detach()
            with contextlib.suppress(OSError):
                self._socket.close()

    def _detach(self) -> None:
        if self._socket.fileno() >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    # callbacks of paho, called within its loop_*() methods

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: ReasonCode, stated: Properties | None) -> None:
        if reason.is_failure:
            self._refusal = Ending(Stage.REFUSED, str(reason), reason.value)
            return
        self._accepted_at = self._loop.time()
        self._later(self._accept, BrokerLimits.of(stated))

    def _accept(self, limits: BrokerLimits) -> None:
        guard = self._guard("the broker's welcome")
        with guard:
            self._listener.accepted(limits)
        if guard.error is not None:
            self._end(self._lost("an error of the bridge itself"))

    def _on_disconnect(
        self, _c: Any, _u: Any, flags: paho.DisconnectFlags, reason: ReasonCode, _p: Any
    ) -> None:
        code = reason.value if flags.is_disconnect_packet_from_server else None
        cause = str(reason) if code else _OWN_REASONS.get(reason.value, "closed")
        # acknowledgements that came before are reported before
        self._later(self._end, self._own_end or self._refusal or self._lost(cause, code or None))

    def _lost(self, reason: str, code: int | None = None) -> Ending:
        if self._accepted_at is None:
            return Ending(Stage.UNANSWERED, reason, code)
        return Ending(Stage.ACCEPTED, reason, code, lasted_s=self._loop.time() - self._accepted_at)

    def _on_subscribe(self, _c: Any, _u: Any, mid: int, reasons: Sequence[ReasonCode], _p: Any) -> None:
        # a SUBACK without a reason code has subscribed the bridge to nothing
        given = [*reasons] or [ReasonCode(PacketTypes.SUBACK, "Unspecified error")]
        self._answer(mid, next((r for r in given if r.is_failure), given[0]))

    def _answer(self, mid: int, reason: ReasonCode) -> None:
        self._packets += 1
        self._later(self._listener.answered, mid, reason.value, str(reason))

    def _on_message(self, _c: Any, _u: Any, m: paho.MQTTMessage) -> None:
        self._packets += 1
        try:
            topic = m.topic
        except UnicodeDecodeError:  # not one of the bridge's topics
            self._paho.ack(m.mid, m.qos)
            return
        payload = bytes(m.payload[:LARGEST_PAYLOAD])
        number = self._opening.number
        self._later(self._arrive, Incoming(topic, payload, m.retain, m.dup, m.mid, m.qos, number))

    def _arrive(self, message: Incoming) -> None:
        guard = self._guard("a message")
        with guard:
            self._listener.arrived(message)
        if guard.error is not None:
            self.acknowledge(message.receipt)

    def _later(self, call: Callable[..., None], *args: object) -> None:
        """Schedule a call for when paho has finished its current step, in the order of arrival."""
        self._loop.call_soon(self._do, call, *args)

    def _do(self, call: Callable[..., None], *args: object) -> None:
        with self._guard("what the broker sent"):
            call(*args)

    def _guard(self, what: str) -> Guard:
        return self._health.guard(Door.MQTT, what, passing=False)


_OWN_REASONS: Mapping[int, str] = MappingProxyType(
    {0x82: "what it sends is not this version of MQTT", 0x8D: "it no longer answers"}
)


class _Kept:
    """Context manager that keeps any exception raised within it, for another thread to raise."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _at: object) -> bool:
        self.error = error
        return True
