"""Finds the packet that makes the broker disconnect, by sending doubtful ones alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_STRIKES, _STRIKES_WITHOUT_CODE = 2, 3
_LEVELS_PROVEN = 3


class Key(NamedTuple):
    """A kind of packet - `publish`, `subscribe` or `unsubscribe` - and its topic or filter."""

    what: str
    topic: str


class Suspects:
    """Learns from connections that ended, and from packets that the broker acknowledged.

    Packets in flight when a connection ended are doubtful. One that was alone in flight gets a strike: after
    3 strikes in a row it is guilty, after 2 if the broker gave a reason. If two topics below a common one get
    strikes and nothing below it was ever acknowledged, everything below it is guilty (`a/b/#`). If two
    packets with strikes are larger than all that were acknowledged, or the broker gives the size of one as
    its reason, the size is the cause.
    """

    def __init__(self) -> None:
        self._doubtful: set[Key] = set()
        self._strikes: dict[Key, int] = {}
        self._guilty: set[str] = set()
        self._proven: set[str] = set()
        self._largest_passed = 0
        self._large: dict[Key, int] = {}
        self.bytes_at_most: int | None = None
        """The largest packet that may be sent, in bytes, as far as it is known."""

    def __bool__(self) -> bool:
        return bool(self._doubtful or self._guilty)

    def is_doubtful(self, key: Key) -> bool:
        """Return whether a packet is to be sent after all others, and alone."""
        return key in self._doubtful or self._below_guilty(key) is not None

    def ended(self, in_flight: Sequence[Key], *, has_code: bool, size: int = 0) -> Key | None:
        """Record the packets in flight when a connection ended; return the guilty one, `a/#` for a group.

        `has_code` is whether the broker gave a reason, `size` that of a packet alone in flight, in bytes.
        Returns None if none is guilty yet.
        """
        self._doubtful.update(in_flight)
        if len(in_flight) != 1:
            return None
        [key] = in_flight
        group = self._below_guilty(key) or self._common(key)
        self._strikes = {other: n for other, n in self._strikes.items() if other == key or has_code}
        self._strikes[key] = self._strikes.get(key, 0) + 1
        if group is None:
            self._weigh(key, size)
        else:
            self._guilty.add(group)
            return Key(key.what, f"{group}/#")
        return key if self._strikes[key] >= (_STRIKES if has_code else _STRIKES_WITHOUT_CODE) else None

    def too_large(self, size: int) -> None:
        """Record that a packet of `size` bytes is too large, unless the broker acknowledged one as large.

        The limit is assumed to be the next lower power of two, as limits usually are; if a larger packet was
        acknowledged, `size` - 1.
        """
        if size <= self._largest_passed:
            return
        power = 1 << (size - 1).bit_length() - 1
        learnt = power if self._largest_passed <= power else size - 1
        self.bytes_at_most = min(learnt, self.bytes_at_most or learnt)

    def _weigh(self, key: Key, size: int) -> None:
        if size > self._largest_passed:
            self._large[key] = size
        if len(self._large) >= _STRIKES:
            self.too_large(min(self._large.values()))

    def broker_was_away(self) -> None:
        """Forget strikes: a broker that restarts ends connections for reasons of its own."""
        self._strikes.clear()
        self._large.clear()

    def passed(self, key: Key, size: int = 0) -> None:
        """Record that the broker acknowledged a packet of `size` bytes."""
        if size > self._largest_passed:
            self._largest_passed = size
            self._large = {other: n for other, n in self._large.items() if n > size}
        if key.what == "publish":
            levels = key.topic.split("/")[:-1][:_LEVELS_PROVEN]
            self._proven.update("/".join(levels[:n]) for n in range(1, len(levels) + 1))
        if self:
            self._doubtful.discard(key)
            self._strikes.pop(key, None)
            self._guilty.difference_update(_above(key.topic))

    def _common(self, key: Key) -> str | None:
        """Return the topic above `key` and another one with strikes below which no packet ever passed."""
        if key.what != "publish":
            return None
        above = set(_above(key.topic))
        for other in self._strikes:
            shared = [t for t in _above(other.topic) if t in above]
            if other != key and other.what == "publish" and shared and shared[-1] not in self._proven:
                return shared[-1]
        return None

    def _below_guilty(self, key: Key) -> str | None:
        if key.what != "publish" or not self._guilty:
            return None
        return next((t for t in _above(key.topic) if t in self._guilty), None)


def _above(topic: str) -> list[str]:
    """Return the topics above one, the shortest first: `a` and `a/b` for `a/b/c`."""
    levels = topic.split("/")
    return ["/".join(levels[:n]) for n in range(1, len(levels))]
