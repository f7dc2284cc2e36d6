"""The message storages of a simulated modem (3GPP TS 27.005 clause 3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms import SmsStatusReport, decode_pdu

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
        """Octets without the service centre's address."""
        return tpdu_length(self.pdu)

    def read(self) -> int:
        """Return the state before this call, which marks the message as read."""
        status = self.status
        if status == RECEIVED_UNREAD:
            self.status = RECEIVED_READ
        return status


def tpdu_length(pdu: str) -> int:
    """Return the octets of a PDU in hexadecimal without those of the service centre's address."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


class SimulatedMemory(ABC):
    """A storage of `size` places, numbered from 1."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of messages it can hold."""

    @property
    @abstractmethod
    def messages(self) -> dict[int, Stored]:
        """The messages by place."""

    @abstractmethod
    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU at the first free place and return that; None if the storage is full."""

    @abstractmethod
    def remove(self, place: int) -> None:
        """Delete the message at a place."""

    def listed(self, status: int) -> list[tuple[int, Stored, int]]:
        """Return place, message and previous state of those in `status` or ALL, and mark them as read."""
        found = [(n, m) for n, m in sorted(self.messages.items()) if status in (ALL, m.status)]
        return [(place, message, message.read()) for place, message in found]

    def clear(self, flag: int) -> None:
        """Delete the messages that <delflag> 1 to 4 selects."""
        for place, message in tuple(self.messages.items()):
            if message.status in _DELETES[flag]:
                self.remove(place)


class SimulatedStorage(SimulatedMemory):
    """A single storage."""

    def __init__(self, size: int = 20) -> None:
        self._size = size
        self._messages: dict[int, Stored] = {}

    @property
    def size(self) -> int:
        """Number of messages it can hold."""
        return self._size

    @property
    def messages(self) -> dict[int, Stored]:
        """The messages by place."""
        return self._messages

    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU at the first free place and return that; None if the storage is full."""
        place = next((n for n in range(1, self._size + 1) if n not in self._messages), None)
        if place is not None:
            self._messages[place] = Stored(status, pdu)
        return place

    def remove(self, place: int) -> None:
        """Delete the message at a place."""
        self._messages.pop(place, None)


class Joined(SimulatedMemory):
    """Several storages combined to one, each numbered after the one before: MT."""

    def __init__(self, *parts: SimulatedMemory) -> None:
        self._parts = parts

    @property
    def size(self) -> int:
        """Number of messages it can hold."""
        return sum(part.size for part in self._parts)

    @property
    def messages(self) -> dict[int, Stored]:
        """The messages by place."""
        return {before + n: m for part, before in self._numbered() for n, m in part.messages.items()}

    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU in the first part that has room and return its place; None if all are full."""
        for part, before in self._numbered():
            place = part.put(pdu, status)
            if place is not None:
                return before + place
        return None

    def remove(self, place: int) -> None:
        """Delete the message at a place."""
        for part, before in self._numbered():
            part.remove(place - before)

    def _numbered(self) -> Iterator[tuple[SimulatedMemory, int]]:
        before = 0
        for part in self._parts:
            yield part, before
            before += part.size


def user_data(memory: SimulatedMemory) -> dict[int, bytes]:
    """Return the user data of the messages in a storage by place; b"" for a report or an invalid PDU."""
    return {place: _data(message.pdu) for place, message in memory.messages.items()}


def _data(pdu: str) -> bytes:
    try:
        sms = decode_pdu(pdu)
    except DecodeError:
        return b""
    return b"" if isinstance(sms, SmsStatusReport) else sms.user_data.data
