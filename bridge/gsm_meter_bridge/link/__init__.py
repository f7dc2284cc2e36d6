"""Byte streams to and from devices, addressed by URL; their content is not interpreted."""

from gsm_meter_bridge.link.base import Link
from gsm_meter_bridge.link.serial import open_link, redacted
from gsm_meter_bridge.link.tcp import TcpLink, dial, drop, join, part
from gsm_meter_bridge.link.trace import TracedLink

__all__ = ["Link", "TcpLink", "TracedLink", "dial", "drop", "join", "open_link", "part", "redacted"]
