"""How one module is reached over TCP or by a data call, and the meter behind it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from gsm_meter_bridge.family.request import Reading
from gsm_meter_bridge.vocabulary import Scalar, Secret

Network = IPv4Network | IPv6Network


class Introduction(Protocol):
    """What a module said of itself when it connected."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What it said, value by value."""
        ...

    @property
    def clock(self) -> datetime | None:
        """Its time, with its zone."""
        ...

    @property
    def rest(self) -> bytes:
        """The octets that came behind it: they are the meter's."""
        ...


class IntroductionReader(Protocol):
    """Reads what a module sends first; one for each connection."""

    def feed(self, octets: bytes) -> Introduction | None:
        """Return what it says once that is complete; DecodeError where it is none, or too long."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """By what a module that connects to us is known: all that is given must be so."""

    networks: tuple[Network, ...] = ()
    imei: str | None = None
    serial_number: str | None = None
    meter_serial: str | None = None

    def is_at(self, host: str) -> bool:
        """Return whether a caller from the address `host` may be it."""
        return not self.networks or within(host, self.networks)

    @property
    def by_address(self) -> bool:
        """Whether its address alone tells."""
        return bool(self.networks) and not (self.imei or self.serial_number or self.meter_serial)

    def introduces_itself(self, says: Mapping[str, Scalar | None]) -> bool:
        """Return whether what a caller `says` is what this one would say."""
        wanted = {"imei": self.imei, "serial_number": self.serial_number}
        known = {name: value for name, value in wanted.items() if value is not None}
        return bool(known) and all(says.get(name) == value for name, value in known.items())


@dataclass(frozen=True, slots=True)
class Address:
    """Where a module is dialled: itself, or (`via` cenc) its port at a CE Net-Connection server.

    Nobody is dialled within `quiet_minutes` of the local day.
    """

    host: str
    port: int
    via: str = "tcp"
    quiet_minutes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class DataCall:
    """The module takes data calls (CSD), which cost airtime; `polls`: one may be made for a poll too."""

    polls: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    """The meter behind a module: `protocol` is dlms or iec.

    For DLMS, `client` is public, reader or configurator, `address` the physical HDLC address.
    """

    protocol: str = "dlms"
    client: str = "public"
    password: Secret | None = None
    address: int = 16


@dataclass(frozen=True, slots=True)
class TunnelPlan:
    """The local port that leads to a module, and from where it may be used."""

    host: str
    port: int
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class DirectChannel:
    """A cable to the meter: its `url`, the meter's `password`, the `port` that its module is at (com1, com2).

    `address` is the meter's own, where several share the cable.
    """

    url: str
    password: Secret
    port: str = "com1"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How a module is reached besides SMS."""

    caller: Caller | None = None
    address: Address | None = None
    meter: Meter | None = None
    tunnel: TunnelPlan | None = None
    direct: DirectChannel | None = None
    data_call: DataCall | None = None

    @property
    def by_tcp(self) -> bool:
        """Whether there is a connection with it at times: any way but SMS and a cable."""
        return self.caller is not None or self.address is not None or self.data_call is not None


def within(host: str, networks: tuple[Network, ...]) -> bool:
    """Return whether the address `host` is in one of `networks`; an IPv4 one may be mapped into IPv6."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
