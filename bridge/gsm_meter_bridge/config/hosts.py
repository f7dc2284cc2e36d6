"""Names and addresses of hosts: their syntax (RFC 1123, RFC 5890), and which are the same. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import voluptuous as vol

from gsm_meter_bridge.yaml_file.checks import scalar_of

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST = 253
_LONGEST_ADDRESS = 100
_ALLOWED = "allowed: a text like mqtt.example or 192.0.2.1, the name or the address of a host"
_LOOPBACK = frozenset(("127.0.0.1", "::1"))


def host(value: object) -> str:
    """Return the name or the address of a host, an IPv6 address without brackets; vol.Invalid if neither."""
    scalar = scalar_of(value)
    written = "" if scalar is None or scalar.is_null else scalar.text
    if "://" in written:
        raise vol.Invalid(f"allowed: a name or an address alone; {_meant_by(written)}")
    if re.fullmatch(r"[^:]+:[0-9]+", written, re.ASCII) or re.fullmatch(r"\[.*\]:[0-9]+", written, re.ASCII):
        raise vol.Invalid("allowed: a name or an address alone; write the port as port: in a line of its own")
    bare = written[1:-1] if written.startswith("[") and written.endswith("]") else written
    if not is_host(bare) or (bare != written and ":" not in bare):
        raise vol.Invalid(_ALLOWED)
    return bare.removesuffix(".")  # names in certificates have no dot at the end


def is_host(text: str) -> bool:
    """Return whether `text` can be an address or the name of a host."""
    if _address(text) is not None:
        return True
    name = text.removesuffix(".")
    if len(name) > _LONGEST:
        return False  # before it is encoded, which takes long
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    labels = ascii_name.split(".")
    if all(label.isdigit() for label in labels):
        return False  # an invalid address
    return len(ascii_name) <= _LONGEST and all(_LABEL.fullmatch(label) for label in labels)


EVERYWHERE = "*"


def places(text: str) -> frozenset[str]:
    """Return the addresses that a listener on host `text` binds; EVERYWHERE for all addresses."""
    address = _address(text)
    if address is None:
        return _LOOPBACK if text.lower().removesuffix(".") == "localhost" else frozenset((text.lower(),))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    return frozenset((EVERYWHERE,)) if address.is_unspecified else frozenset((str(address),))


_TCP, _TLS = 1883, 8883
_WEB_SOCKETS = frozenset((80, 443, 8080, 8083, 8084, 9001))


def doubtful_port(port: int, *, tls: bool) -> str | None:
    """Return what a broker's port is usually for if the configuration differs; None otherwise."""
    if port == _TLS and not tls:
        return "mqtt.port: 8883 is usually for TLS, and tls: is not there; write tls: true, or port: 1883"
    if port == _TCP and tls:
        return "mqtt.port: 1883 is usually the port without TLS, and tls: is there; write port: 8883"
    if port in _WEB_SOCKETS:
        return f"mqtt.port: {port} is usually for WebSocket, which is not spoken; look for 1883 or 8883"
    return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text) if text.isascii() and len(text) <= _LONGEST_ADDRESS else None
    except ValueError:
        return None


def _meant_by(url: str) -> str:
    """Return what to write instead of a URL, which is not cited because it may hold a password."""
    scheme, _, rest = url.partition("://")
    tls = scheme.lower() in ("mqtts", "ssl", "tls", "wss", "https")
    if scheme.lower() in ("ws", "wss", "http", "https"):
        return "brokers are spoken to over TCP, not over WebSocket: write host:, and port: 1883 or 8883"
    at = rest.rpartition("@")[2].partition("/")[0]
    name = re.fullmatch(r"([A-Za-z0-9.-]{1,80}|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", at, re.ASCII)
    if name is None or not is_host(name[1].strip("[]")):
        parts = ["host: and port:"]
    else:
        parts = [f"host: {name[1].strip('[]')}", *([f"port: {name[2]}"] if name[2] else [])]
    login = ["username: and password:"] if "@" in rest else []
    return f"write {', '.join([*parts, *login, *(['tls: true'] if tls else [])])}"
