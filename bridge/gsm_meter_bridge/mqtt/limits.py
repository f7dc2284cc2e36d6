"""Limits that a broker states in CONNACK (MQTT 5, clause 3.2.2.3), and how the bridge keeps to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

_IN_FLIGHT_AT_MOST = 20
_QOS = 1


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """The limits of one connection; the defaults are those of a broker that states nothing.

    `keep_alive_s` and `session_s` are None if the broker accepts the requested values. Limits of topic
    aliases and shared subscriptions are not kept, because the bridge uses neither.
    """

    receive_maximum: int = 65_535
    packet_bytes: int | None = None
    maximum_qos: int = 2
    retains: bool = True
    wildcards: bool = True
    keep_alive_s: int | None = None
    session_s: int | None = None

    @classmethod
    def of(cls, properties: object) -> BrokerLimits:
        """Return the limits in `properties` of a CONNACK, attributes with the specification's names."""
        return cls(
            getattr(properties, "ReceiveMaximum", 65_535),
            getattr(properties, "MaximumPacketSize", None),
            getattr(properties, "MaximumQoS", 2),
            bool(getattr(properties, "RetainAvailable", 1)),
            bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
            getattr(properties, "ServerKeepAlive", None),
            getattr(properties, "SessionExpiryInterval", None),
        )

    @property
    def window(self) -> int:
        """How many packets may be unacknowledged at a time."""
        return min(self.receive_maximum, _IN_FLIGHT_AT_MOST)

    @property
    def qos(self) -> int:
        """The QoS with which the bridge publishes: 1, or 0 if the broker supports no more."""
        return min(self.maximum_qos, _QOS)

    def but(self, size: int | None) -> BrokerLimits:
        """Return these limits, with `packet_bytes` lowered to `size` if that is less."""
        if size is None or (self.packet_bytes is not None and self.packet_bytes <= size):
            return self
        return replace(self, packet_bytes=size)

    def takes(self, topic: str, payload: str) -> str | None:
        """Return why a message exceeds the broker's packet size, as text; None if it does not."""
        if self.packet_bytes is None:
            return None
        size = publish_size(topic, payload, self.qos)
        if size <= self.packet_bytes:
            return None
        return f"it is {size} bytes long and the broker takes {self.packet_bytes}; it is not sent"

    def texts(self) -> Mapping[str, str | None]:
        """Return by subject the text of each limitation of this broker; None if there is none."""
        retained = (
            "the broker keeps no retained messages: a later subscriber receives nothing before Home "
            "Assistant's birth message or the next change"
        )
        qos = "the broker takes QoS 0 only: a message may get lost without notice"
        wildcards = "the broker allows no wildcards in subscriptions: requests are not received"
        return {
            "retained messages": None if self.retains else retained,
            "quality of service": None if self.maximum_qos >= _QOS else qos,
            "wildcards": None if self.wildcards else wildcards,
        }


def publish_size(topic: str, payload: str, qos: int) -> int:
    """Return the size in bytes of a PUBLISH packet of MQTT 5 without properties (clauses 2.1.4 and 3.3)."""
    identifier = 2 if qos else 0
    remaining = 2 + len(topic.encode()) + identifier + 1 + len(payload.encode())
    length_bytes = max(1, -(-remaining.bit_length() // 7))
    return 1 + length_bytes + remaining
