"""Packets to send: in order, within the broker's window, the doubtful ones last and one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count, takewhile

from gsm_meter_bridge.mqtt.limits import publish_size
from gsm_meter_bridge.mqtt.suspects import Key, Suspects


@dataclass(eq=False, frozen=True, slots=True)
class OutgoingPacket:
    """A message, or a filter to subscribe to or unsubscribe from.

    `done` becomes True when the broker has taken it, False if it has not and it will not be sent again.
    `own=False` is a subscription to what other clients publish from now on; `qos` is that of a subscription.
    """

    key: Key
    done: asyncio.Future[bool]
    payload: str = ""
    retain: bool = False
    own: bool = True
    qos: int = 1

    @property
    def size(self) -> int:
        """The size of the PUBLISH packet in bytes; 0 for other packets."""
        return publish_size(self.key.topic, self.payload, 1) if self.key.what == "publish" else 0

    def end(self, *, taken: bool) -> None:
        """Resolve `done`, unless it is resolved."""
        if not self.done.done():
            self.done.set_result(taken)


class Outbox:
    """Packets waiting and in flight; a waiting retained message is replaced by a newer one of its topic."""

    def __init__(self) -> None:
        self.suspects = Suspects()
        self.trial = False
        """If set, one packet at a time is sent, to find out which one makes the broker disconnect."""
        self._numbers = count()
        self._waiting: dict[Key | int, OutgoingPacket] = {}
        self._doubtful: dict[Key | int, OutgoingPacket] = {}
        self._in_flight: dict[int, OutgoingPacket] = {}
        self._sent_at: dict[int, float] = {}
        self._overtaken: set[int] = set()
        self._lost: dict[int, OutgoingPacket] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._doubtful) + len(self._in_flight)

    @property
    def in_flight(self) -> tuple[Key, ...]:
        """Keys of the packets that the broker has not acknowledged, the oldest first."""
        return tuple(o.key for o in self._in_flight.values())

    @property
    def lost(self) -> int:
        """Number of packets given up; they count towards the Receive Maximum until the connection ends."""
        return len(self._lost)

    @property
    def size(self) -> int:
        """The size of the messages in flight, in bytes."""
        return sum(o.size for o in self._in_flight.values())

    def add(self, outgoing: OutgoingPacket) -> None:
        """Queue a packet."""
        place = self._doubtful if self.suspects.is_doubtful(outgoing.key) else self._waiting
        name: Key | int = outgoing.key if outgoing.retain else next(self._numbers)
        other = self._waiting if place is self._doubtful else self._doubtful
        older = place.get(name) or other.pop(name, None)
        place[name] = outgoing
        if older is not None:
            outgoing.done.add_done_callback(lambda done: _follow(older, done))

    def next(self, window: int) -> OutgoingPacket | None:
        """Remove and return the packet to send now; None if none waits, or none may be sent yet."""
        if len(self._in_flight) >= (1 if self.trial else window):
            return None
        if self.suspects and any(self.suspects.is_doubtful(key) for key in self.in_flight):
            return None
        if self._waiting:
            return self._waiting.pop(next(iter(self._waiting)))
        if self._doubtful and not self._in_flight:
            return self._doubtful.pop(next(iter(self._doubtful)))
        return None

    def sent(self, mid: int, outgoing: OutgoingPacket, now: float) -> None:
        """Record that a packet was sent with identifier `mid` at `now`, in seconds of `give_up`'s clock."""
        self._in_flight[mid], self._sent_at[mid] = outgoing, now

    def answered(self, mid: int) -> OutgoingPacket | None:
        """Return the packet that is acknowledged with `mid`; None if no such packet was sent."""
        if mid in self._in_flight:
            what = self._in_flight[mid].key.what
            earlier = takewhile(lambda other: other != mid, self._in_flight)
            self._overtaken.update(other for other in earlier if self._in_flight[other].key.what == what)
        self._forget(mid)
        return self._in_flight.pop(mid, None) or self._lost.pop(mid, None)

    def give_up(self, before: float) -> list[OutgoingPacket]:
        """Return the unacknowledged packets sent before a time and overtaken; they are then not in flight.

        A packet is overtaken if a later one of its kind was acknowledged, so the broker is not just slow.
        """
        overdue = [mid for mid in self._overtaken if self._sent_at[mid] < before]
        for mid in overdue:
            self._forget(mid)
            self._lost[mid] = self._in_flight.pop(mid)
        return [self._lost[mid] for mid in overdue]

    def _forget(self, mid: int) -> None:
        self._sent_at.pop(mid, None)
        self._overtaken.discard(mid)

    def connection_ended(self) -> None:
        """Queue the messages in flight again, before all others; end subscriptions, which are made again."""
        again = [*self._in_flight.values(), *self._waiting.values(), *self._doubtful.values()]
        self._in_flight, self._waiting, self._doubtful = {}, {}, {}
        self._sent_at, self._lost, self._overtaken = {}, {}, set()
        for outgoing in again:
            if outgoing.key.what == "publish":
                self.add(outgoing)
            else:
                outgoing.end(taken=False)


def _follow(older: OutgoingPacket, done: asyncio.Future[bool]) -> None:
    older.end(taken=not done.cancelled() and done.result())
