"""Parameters of a connection to the broker, and the paho client made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gsm_meter_bridge.mqtt.arrivals import LARGEST_PAYLOAD, UNACKNOWLEDGED_AT_MOST
from gsm_meter_bridge.mqtt.broker import Broker

_KEEP_ALIVE_S = 30
_LARGEST_PACKET = LARGEST_PAYLOAD + 1024


@dataclass(frozen=True, slots=True)
class Will:
    """The last will, which the broker publishes when the connection breaks."""

    topic: str
    payload: str
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Opening:
    """Parameters of a connection; `version` is 5 or 3.1.1, `session_s` the session expiry in seconds."""

    broker: Broker
    client_id: str
    version: str
    will: Will | None
    session_s: int
    number: int

    @property
    def is_5(self) -> bool:
        """Whether the version is MQTT 5."""
        return self.version == "5"

    def make(self) -> paho.Client:
        """Return a client that connects once and acknowledges nothing by itself."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            self.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if self.is_5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
            # in MQTT 5 this is an argument of connect()
            clean_session=None if self.is_5 else self.session_s == 0,
        )
        if self.will is not None:
            client.will_set(self.will.topic, self.will.payload, qos=self.will.qos, retain=self.will.retain)
        if self.broker.username is not None:
            password = self.broker.password
            client.username_pw_set(self.broker.username, password.reveal() if password else None)
        if self.broker.tls is not None:
            client.tls_set_context(self.broker.tls)
        client.max_inflight_messages_set(0)  # no limit in paho: the outbox keeps it
        return client

    def connect(self, client: paho.Client) -> None:
        """Resolve, connect by TCP and TLS, and send CONNECT; blocks, and raises whatever paho raises."""
        extra: dict[str, Any] = {}
        if self.is_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self.session_s
            properties.ReceiveMaximum = UNACKNOWLEDGED_AT_MOST
            properties.MaximumPacketSize = _LARGEST_PACKET
            extra = {"clean_start": self.session_s == 0, "properties": properties}
        client.connect(self.broker.host, self.broker.port, keepalive=_KEEP_ALIVE_S, **extra)
