"""How one module is reached over TCP or by a data call, and the meter behind it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from gsm_meter_bridge.model.request import Reading
from gsm_meter_bridge.vocabulary import Scalar, Secret

IpNetwork = IPv4Network | IPv6Network

METER_SERIAL = "meter_serial"


class Identification(Protocol):
    """The identification that a module sent when it connected."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The values in it."""
        ...

    @property
    def clock(self) -> datetime | None:
        """The module's time, with its time zone; None if not sent."""
        ...

    @property
    def rest(self) -> bytes:
        """The bytes received after it, which belong to the meter."""
        ...


class IdentificationReader(Protocol):
    """Reads the identification that a module sends first; one reader for each connection."""

    def feed(self, octets: bytes) -> Identification | None:
        """Return the identification once it is complete; DecodeError if it is invalid or too long."""
        ...

    def paused(self) -> Identification | None:
        """Return the identification if it is complete without further bytes, after a pause of the module."""
        ...


class Fit(Enum):
    """How far what is known of a client matches a configured module."""

    NONE = "none"
    BUT_FOR_METER = "but for meter"
    """All matches, but the number of its meter is not known yet."""
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What identifies a module that connects to the bridge: all given fields must match."""

    networks: tuple[IpNetwork, ...] = ()
    imei: str | None = None
    serial_number: str | None = None
    meter_serial: str | None = None

    @property
    def claims(self) -> dict[str, str]:
        """The values that the module and its meter must report, by name."""
        given = {
            "imei": self.imei,
            "serial_number": self.serial_number,
            METER_SERIAL: self.meter_serial,
        }
        return {name: value.strip() for name, value in given.items() if value is not None}

    @property
    def by_address(self) -> bool:
        """Whether its address alone identifies it."""
        return bool(self.networks) and not self.claims

    def fit(self, host: str, reported: Mapping[str, Scalar | None]) -> Fit:
        """Return how far a client at the address `host` that reports `reported` matches; compared as text."""
        claims = self.claims
        if (self.networks and not within(host, self.networks)) or not (claims or self.networks):
            return Fit.NONE
        texts = {name: str(reported[name]).strip() for name in claims if reported.get(name) is not None}
        wrong = {name for name, value in claims.items() if not value or texts.get(name) != value}
        if not wrong:
            return Fit.WHOLE
        is_open = wrong == {METER_SERIAL} and METER_SERIAL not in texts
        return Fit.BUT_FOR_METER if is_open else Fit.NONE


@dataclass(frozen=True, slots=True)
class Address:
    """The address to which the bridge connects: the module's, or (`via` cenc) that of a server.

    With cenc it is the module's port at a CE Net-Connection server. The bridge does not connect between the
    two `quiet_minutes` of the local day.
    """

    host: str
    port: int
    via: str = "tcp"
    quiet_minutes: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class DataCall:
    """The module takes data calls (CSD), which cost airtime; `polls`: polls may make them too."""

    polls: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    """The meter behind a module: `protocol` is dlms or iec.

    For DLMS, `client` is public, reader or configurator; `logical_device` and `address` (the physical one)
    make the HDLC address, in `address_octets` (1, 2, 4; None: as many as needed; 1 has no physical one).
    For IEC 62056-21, `iec_address` is sent unchanged; if `even_parity` is None, it is detected from received
    data. `current_limit_a` is the highest current of each phase in ampere, which bounds the growth of energy.
    If `exchanged` differs from before, there is another meter, whose counts start again.
    """

    protocol: str = "dlms"
    client: str = "public"
    password: Secret | None = None
    address: int = 16
    logical_device: int = 1
    address_octets: int | None = None
    iec_address: str | None = None
    even_parity: bool | None = None
    current_limit_a: int = 100
    exchanged: str | None = None


@dataclass(frozen=True, slots=True)
class TunnelConfig:
    """The local port that leads to a module, and the networks from which it may be used."""

    host: str
    port: int
    networks: tuple[IpNetwork, ...]


@dataclass(frozen=True, slots=True)
class DirectChannel:
    """A cable to the meter: its `url`, the meter's `password`, the `port` of its module (com1, com2).

    `address` is the meter's own, if several share the cable.
    """

    url: str
    password: Secret
    port: str = "com1"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Connectivity:
    """How a module is reached other than by SMS.

    `system_address` is its system address at its CE Net-Connection server, four bytes.
    """

    identify_by: ClientIdentity | None = None
    address: Address | None = None
    meter: Meter | None = None
    tunnel: TunnelConfig | None = None
    direct_channel: DirectChannel | None = None
    data_call: DataCall | None = None
    system_address: IPv4Address | None = None

    @property
    def listed_address(self) -> str | None:
        """The address by which a program selects the module at its server.

        It is the configured system address at its CE Net-Connection server, otherwise the port of its tunnel,
        which selects it at the bridge. None if neither is configured.
        """
        if self.system_address is not None:
            return str(self.system_address)
        return None if self.tunnel is None else str(self.tunnel.port)

    @property
    def by_tcp(self) -> bool:
        """Whether there can be a connection with it: TCP or a data call, other than SMS and a cable."""
        return self.identify_by is not None or self.address is not None or self.data_call is not None


def within(host: str, networks: tuple[IpNetwork, ...]) -> bool:
    """Return whether the address `host` is in one of `networks`; an IPv4 one may be mapped into IPv6."""
    address = address_of(host)
    return address is not None and any(address in network for network in networks)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return `host` as an address, an IPv4 one mapped into IPv6 as IPv4; None if it is not an address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
