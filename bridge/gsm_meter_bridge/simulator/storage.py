"""The message storages of a simulated modem (3GPP TS 27.005 clause 3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

RECEIVED_UNREAD, RECEIVED_READ, STORED_UNSENT, STORED_SENT, ALL = range(5)

_DELETES = MappingProxyType(
    {
        1: {RECEIVED_READ},
        2: {RECEIVED_READ, STORED_SENT},
        3: {RECEIVED_READ, STORED_SENT, STORED_UNSENT},
        4: {RECEIVED_READ, STORED_SENT, STORED_UNSENT, RECEIVED_UNREAD},
    }
)
"""<delflag> of AT+CMGD -> the states it deletes (clause 3.5.4)."""


@dataclass
class Stored:
    """One message: its state and its PDU."""

    status: int
    pdu: str

    @property
    def tpdu_length(self) -> int:
        """Octets without the service centre's."""
        return tpdu_length(self.pdu)

    def read(self) -> int:
        """Return the state so far; from now on the message counts as read."""
        status = self.status
        if status == RECEIVED_UNREAD:
            self.status = RECEIVED_READ
        return status


def tpdu_length(pdu: str) -> int:
    """Return the octets of a PDU in hexadecimal without those of the service centre's address."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


class Memory(ABC):
    """A storage of `size` places, numbered from 1."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many messages it can hold."""

    @property
    @abstractmethod
    def messages(self) -> dict[int, Stored]:
        """What is at which place."""

    @abstractmethod
    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU at the first free place; None where there is none."""

    @abstractmethod
    def remove(self, place: int) -> None:
        """Empty a place."""

    def listed(self, status: int) -> list[tuple[int, Stored, int]]:
        """Return place, message and its state so far, of those in `status` or ALL; they count as read."""
        found = [(n, m) for n, m in sorted(self.messages.items()) if status in (ALL, m.status)]
        return [(place, message, message.read()) for place, message in found]

    def clear(self, flag: int) -> None:
        """Delete what <delflag> 1 to 4 says."""
        for place, message in tuple(self.messages.items()):
            if message.status in _DELETES[flag]:
                self.remove(place)


class Storage(Memory):
    """A storage of its own."""

    def __init__(self, size: int = 20) -> None:
        self._size = size
        self._messages: dict[int, Stored] = {}

    @property
    def size(self) -> int:
        """How many messages it can hold."""
        return self._size

    @property
    def messages(self) -> dict[int, Stored]:
        """What is at which place."""
        return self._messages

    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU at the first free place; None where there is none."""
        place = next((n for n in range(1, self._size + 1) if n not in self._messages), None)
        if place is not None:
            self._messages[place] = Stored(status, pdu)
        return place

    def remove(self, place: int) -> None:
        """Empty a place."""
        self._messages.pop(place, None)


class Joined(Memory):
    """Several storages seen as one, the places of each after those of the one before: MT."""

    def __init__(self, *parts: Memory) -> None:
        self._parts = parts

    @property
    def size(self) -> int:
        """How many messages it can hold."""
        return sum(part.size for part in self._parts)

    @property
    def messages(self) -> dict[int, Stored]:
        """What is at which place."""
        return {before + n: m for part, before in self._numbered() for n, m in part.messages.items()}

    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU in the first part that has room; None where none has."""
        for part, before in self._numbered():
            place = part.put(pdu, status)
            if place is not None:
                return before + place
        return None

    def remove(self, place: int) -> None:
        """Empty a place."""
        for part, before in self._numbered():
            part.remove(place - before)

    def _numbered(self) -> Iterator[tuple[Memory, int]]:
        before = 0
        for part in self._parts:
            yield part, before
            before += part.size
