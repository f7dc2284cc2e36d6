"""Packets of MQTT 3.1.1 and 5 as a broker reads and writes them: no more than the tests need."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14

# MQTT 5, table 2-4: identifiers and the struct format of their values
_PROPERTIES = {
    "SessionExpiryInterval": (0x11, "!I"),
    "AssignedClientIdentifier": (0x12, ""),
    "ServerKeepAlive": (0x13, "!H"),
    "ReceiveMaximum": (0x21, "!H"),
    "TopicAliasMaximum": (0x22, "!H"),
    "MaximumQoS": (0x24, "!B"),
    "RetainAvailable": (0x25, "!B"),
    "MaximumPacketSize": (0x27, "!I"),
    "WildcardSubscriptionAvailable": (0x28, "!B"),
}
_TOPIC_ALIAS = 0x23


@dataclass(frozen=True)
class Connect:
    """What a client says first."""

    version: int
    client_id: str
    keep_alive_s: int
    clean: bool
    will_qos: int | None
    will_retain: bool


@dataclass(frozen=True)
class Published:
    """A message that a client sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    mid: int
    octets: int
    aliased: bool = False


class Reader:
    """Takes a packet's fields one after the other."""

    def __init__(self, body: bytes) -> None:
        self.rest = body

    def take(self, count: int) -> bytes:
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, octets: int) -> int:
        return int.from_bytes(self.take(octets), "big")

    def text(self) -> str:
        return self.take(self.number(2)).decode()

    def properties(self) -> bytes:
        length, shift = 0, 0
        while True:
            octet = self.number(1)
            length |= (octet & 0x7F) << shift
            shift += 7
            if not octet & 0x80:
                return self.take(length)


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes, int]:
    """Return type, flags, body and the octets of the whole packet."""
    first = (await reader.readexactly(1))[0]
    length, shift, octets = 0, 0, 1
    while True:
        octet = (await reader.readexactly(1))[0]
        octets += 1
        length |= (octet & 0x7F) << shift
        shift += 7
        if not octet & 0x80:
            break
    return first >> 4, first & 0x0F, await reader.readexactly(length), octets + length


def parse_connect(body: bytes) -> Connect:
    reader = Reader(body)
    reader.text()
    version, flags, keep_alive_s = reader.number(1), reader.number(1), reader.number(2)
    if version == 5:
        reader.properties()
    will = bool(flags & 0x04)
    return Connect(
        version,
        reader.text(),
        keep_alive_s,
        bool(flags & 0x02),
        (flags >> 3) & 0x03 if will else None,
        bool(flags & 0x20),
    )


def parse_publish(flags: int, body: bytes, version: int, octets: int) -> Published:
    reader = Reader(body)
    topic, qos = reader.text(), (flags >> 1) & 0x03
    mid = reader.number(2) if qos else 0
    properties = reader.properties() if version == 5 else b""
    aliased = bool(properties) and properties[0] == _TOPIC_ALIAS
    return Published(topic, reader.rest, qos, bool(flags & 1), bool(flags & 8), mid, octets, aliased)


def parse_filters(body: bytes, version: int, *, options: bool) -> tuple[int, list[str]]:
    """Return packet identifier and filters of SUBSCRIBE (with options) or UNSUBSCRIBE."""
    reader = Reader(body)
    mid = reader.number(2)
    if version == 5:
        reader.properties()
    filters = []
    while reader.rest:
        filters.append(reader.text())
        if options:
            reader.take(1)
    return mid, filters


def packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    length, octets = len(body), b""
    while True:
        octets += bytes([length % 128 | (0x80 if length >= 128 else 0)])
        length //= 128
        if not length:
            return bytes([kind << 4 | flags]) + octets + body


def connack(version: int, code: int, stated: dict[str, int | str], *, present: bool = False) -> bytes:
    body = bytes([int(present), code])
    if version == 5:
        properties = b""
        for name, value in stated.items():
            identifier, form = _PROPERTIES[name]
            octets = _text(value) if isinstance(value, str) else struct.pack(form, value)
            properties += bytes([identifier]) + octets
        body += bytes([len(properties)]) + properties
    return packet(CONNACK, body)


def puback(version: int, mid: int, code: int) -> bytes:
    return packet(PUBACK, mid.to_bytes(2, "big") + (bytes([code]) if version == 5 and code else b""))


def suback(version: int, mid: int, codes: list[int], kind: int = SUBACK) -> bytes:
    tail = bytes(codes) if version == 5 or kind == SUBACK else b""
    return packet(kind, mid.to_bytes(2, "big") + (b"\0" if version == 5 else b"") + tail)


def publish(
    version: int, topic: str, payload: bytes, qos: int = 0, mid: int = 0, *, retain: bool = False
) -> bytes:
    head = _text(topic) + (mid.to_bytes(2, "big") if qos else b"") + (b"\0" if version == 5 else b"")
    return packet(PUBLISH, head + payload, qos << 1 | retain)


def disconnect(code: int) -> bytes:
    return packet(DISCONNECT, bytes([code]) if code else b"")


def _text(value: str) -> bytes:
    octets = value.encode()
    return len(octets).to_bytes(2, "big") + octets
