"""The message storage of a simulated modem (3GPP TS 27.005 clause 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

RECEIVED_UNREAD, RECEIVED_READ, STORED_UNSENT = 0, 1, 2


@dataclass
class Stored:
    """One message: its state and its PDU."""

    status: int
    pdu: str

    @property
    def tpdu_length(self) -> int:
        """Octets without the service centre's."""
        return len(self.pdu) // 2 - 1 - int(self.pdu[:2], 16)


@dataclass
class Storage:
    """A storage of `size` places, numbered from 1."""

    size: int = 20
    messages: dict[int, Stored] = field(default_factory=dict)

    def put(self, pdu: str, status: int = RECEIVED_UNREAD) -> int | None:
        """Store a PDU at the first free place; None where there is none."""
        place = next((n for n in range(1, self.size + 1) if n not in self.messages), None)
        if place is not None:
            self.messages[place] = Stored(status, pdu)
        return place

    def listed(self, status: int) -> list[tuple[int, Stored, int]]:
        """Return place, message and its state so far, of those in `status` (4: all); they count as read."""
        found = [(n, m, m.status) for n, m in sorted(self.messages.items()) if status in (4, m.status)]
        for _, message, _ in found:
            if message.status == RECEIVED_UNREAD:
                message.status = RECEIVED_READ
        return found
