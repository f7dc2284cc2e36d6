"""Messages received from the broker that wait to be handled, bounded in number and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

UNACKNOWLEDGED_AT_MOST = 8192
"""The Receive Maximum that the bridge states in CONNECT.

That many requests may wait here to be stored; with a lower maximum the broker would hold back, behind them,
requests that send nothing. MQTT 3.1.1 has no such property; there the broker's own limit, or the 65,535
packet identifiers, are the bound."""
WAITING_AT_MOST = 2000
WAITING_BYTES = 16 * 1024 * 1024
"""While this many messages or bytes wait to be sorted, nothing is read: the broker waits, nothing is lost."""
LARGEST_PAYLOAD = 128 * 1024
QOS_0_AT_MOST = 1000
QOS_0_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Receipt:
    """The part of a message that is needed to acknowledge it; `digest` is the hash of its payload."""

    topic: str
    digest: int
    redelivered: bool
    mid: int
    qos: int
    connection: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A received message; `redelivered` is MQTT's DUP flag, `connection` the number of its connection."""

    topic: str
    payload: bytes
    retained: bool
    redelivered: bool
    mid: int
    qos: int
    connection: int = 0

    @property
    def receipt(self) -> Receipt:
        """The receipt to acknowledge this message with once its payload is no longer needed."""
        digest = hash(self.payload)
        return Receipt(self.topic, digest, self.redelivered, self.mid, self.qos, self.connection)

    @property
    def size(self) -> int:
        """Approximate memory use: characters of the topic plus bytes of the payload."""
        return len(self.topic) + len(self.payload)


class Arrivals(asyncio.Queue[Incoming]):
    """Queue of messages to be sorted; while it is full the socket is not read, then `on_room` is called.

    What the current read step still delivers is bounded by that step. QoS 0 has no flow control, so beyond
    `QOS_0_AT_MOST` messages or `QOS_0_BYTES` the newest message is dropped and counted in `dropped`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_room: Callable[[], None] = lambda: None
        self.may_drop = True
        """Whether QoS 0 messages may be dropped; False if the caller knows that their number is finite."""
        self.dropped = 0
        self.size = 0
        self.qos_0 = 0
        self.qos_0_bytes = 0
        self._was_full = False
        self._taken = asyncio.Event()
        self._taken.set()

    @property
    def is_full(self) -> bool:
        """Whether the socket must not be read at the moment."""
        return self.qsize() >= WAITING_AT_MOST or self.size >= WAITING_BYTES

    def offer(self, message: Incoming) -> bool:
        """Queue a message; return False if it was dropped because there was no room for it."""
        if message.qos == 0:
            is_much = self.qos_0 >= QOS_0_AT_MOST or self.qos_0_bytes + message.size > QOS_0_BYTES
            if is_much and self.may_drop:
                self.dropped += 1
                return False
            self.qos_0 += 1
            self.qos_0_bytes += message.size
        self.put_nowait(message)
        return True

    async def wait_taken(self) -> None:
        """Return once the queue is empty."""
        await self._taken.wait()

    def _put(self, item: Incoming) -> None:
        super()._put(item)
        self.size += item.size
        self._was_full |= self.is_full
        self._taken.clear()

    def _get(self) -> Incoming:
        message = super()._get()
        self.size -= message.size
        if self.empty():
            self._taken.set()
        if message.qos == 0:
            self.qos_0 -= 1
            self.qos_0_bytes -= message.size
        if self._was_full and not self.is_full:
            self._was_full = False
            self.on_room()
        return message


class Unacknowledged:
    """QoS 1 messages of this connection that the bridge has not acknowledged yet, without payloads."""

    def __init__(self) -> None:
        self._held: dict[int, Receipt] = {}

    @property
    def too_many(self) -> bool:
        """Whether there are more than the stated Receive Maximum (MQTT 5, clause 3.1.2.11.3)."""
        return len(self._held) > UNACKNOWLEDGED_AT_MOST

    def add(self, receipt: Receipt) -> None:
        """Record a received message."""
        self._held[receipt.mid] = receipt

    def take(self, receipt: Receipt) -> bool:
        """Return whether a message is to be acknowledged; True only once for each message.

        A message of an earlier connection is acknowledged if the broker has redelivered it on this one, so
        it is handled only once.
        """
        held = self._held.get(receipt.mid)
        if held is None or (held.topic, held.digest) != (receipt.topic, receipt.digest):
            return False
        if held.connection != receipt.connection and not held.redelivered:
            return False
        del self._held[receipt.mid]
        return True
