"""Which parts make one message (3GPP TS 23.040 clause 9.2.3.24.1). Pure.

References have 8 or 16 bits and are reused, and some modules always use the same one, so parts with equal
references may belong to different messages. The service centre's times distinguish them, however late they
are delivered. One case cannot be distinguished: two messages of one sender within minutes, equal in
reference, length and coding, each of which lacks the parts that came of the other. The joined text is then
no reply that the module's family can decode.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gsm_meter_bridge.sms import SmsDeliver

LONGEST_S = 300.0
"""The service centre receives all parts of one message within this time, by its own clock."""

OVERTAKES_S = 30.0
"""A later part is at most this many seconds ahead of an earlier one: they are sent one after the other."""

_OPEN_AT_MOST = 32
"""Number of the latest messages with equal `kin` that a part may belong to; more are not sent at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stored message that is one part of a longer one; `number` is that of its row in `messages`."""

    number: int
    modem: str
    received_at: float
    sms: SmsDeliver

    @property
    def at(self) -> float:
        """The Unix time when the service centre received it, or if not given, when the bridge did."""
        return self.received_at if self.sms.tp_scts is None else self.sms.tp_scts.timestamp()

    @property
    def sequence(self) -> int:
        """The number of this part in its message, from 1."""
        link = self.sms.user_data.concatenation
        return 1 if link is None else link.sequence

    @property
    def total(self) -> int:
        """The number of parts of its message."""
        link = self.sms.user_data.concatenation
        return 1 if link is None else link.total

    @property
    def kin(self) -> tuple[object, ...]:
        """The key that all parts of a message have in common."""
        link = self.sms.user_data.concatenation
        own = None if link is None else (link.reference, link.total, link.wide)
        sms = self.sms
        sender, form = (sms.tp_oa, sms.tp_oa_type), (sms.tp_pid, sms.tp_dcs)
        return self.modem, sender, form, own, sms.tp_scts is None

    @property
    def itself(self) -> tuple[object, ...]:
        """The key that it has in common only with a copy of itself that the network delivered again."""
        return self.kin, self.sequence, self.at, self.sms.user_data.data


def group(parts: Iterable[Part]) -> list[list[Part]]:
    """Return `parts` grouped by message, complete or not, in the order of the lowest number in each."""
    groups: dict[tuple[object, ...], list[list[Part]]] = {}
    homes: dict[tuple[object, ...], list[Part]] = {}
    for part in sorted(parts, key=lambda p: (p.at, p.number)):
        kin = groups.setdefault(part.kin, [])
        home = homes.get(part.itself) or _nearest(part, kin[-_OPEN_AT_MOST:])
        if home is None:
            kin.append(home := [])
        home.append(part)
        homes[part.itself] = home
    return sorted((g for kin in groups.values() for g in kin), key=lambda g: min(p.number for p in g))


def is_whole(message: Sequence[Part]) -> bool:
    """Return whether no part is missing."""
    return len({p.sequence for p in message}) == message[0].total


def _nearest(part: Part, groups: Iterable[list[Part]]) -> list[Part] | None:
    """Return the latest of `groups` that `part` may belong to; None if there is none.

    One that came through the same service centre is preferred but not required: in some networks several
    centres take turns.
    """
    fitting = (g for g in groups if _fits(part, g))
    return max(fitting, key=lambda g: (g[-1].sms.smsc == part.sms.smsc, g[-1].at), default=None)


def _fits(part: Part, message: Sequence[Part]) -> bool:
    """Return whether `message`, whose parts are not later, lacks `part` and is recent enough for it."""
    later = [p.at for p in message if p.sequence > part.sequence]
    return (
        part.at - message[0].at <= LONGEST_S
        and part.sequence not in {p.sequence for p in message}
        and part.at - min(later, default=part.at) <= OVERTAKES_S
    )
