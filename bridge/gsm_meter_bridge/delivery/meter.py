"""What is asked of the meter at the far end of a connection."""

from __future__ import annotations

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.family import Meter, Reading
from gsm_meter_bridge.link import TcpLink


async def read_meter(link: TcpLink, meter: Meter) -> tuple[Reading, ...]:
    """Return what the meter tells of itself and its module."""
    raise DecodeError("meter", f"{link.url} {meter.protocol}")


async def meter_serial(link: TcpLink) -> str | None:
    """Return the number of the meter behind `link`."""
    raise DecodeError("meter", link.url)
