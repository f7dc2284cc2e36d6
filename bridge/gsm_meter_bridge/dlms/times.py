"""Date and time as COSEM writes them in 12 octets (IEC 62056-62 clause 4.1.6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gsm_meter_bridge.dlms.data import Data
from gsm_meter_bridge.errors import DecodeError

_YEAR_UNSPECIFIED = 0xFFFF
_DEVIATION_UNSPECIFIED = -0x8000
_UNSPECIFIED = 0xFF


@dataclass(frozen=True, slots=True)
class CosemTime:
    """A moment by a meter's clock.

    `local`: what the clock shows, without a zone; None where a part of it is left open or is no date.
    `deviation_min`: as sent, None if unspecified; the standard means UTC minus local time, some meters send
    local time minus UTC. `status`: 0x01 invalid, 0x02 doubtful, 0x04 other base, 0x08 invalid status, 0x80
    summer time; 0xFF unspecified. `octets`: all twelve as sent.
    """

    local: datetime | None
    deviation_min: int | None
    status: int
    octets: bytes

    @classmethod
    def of(cls, data: Data) -> CosemTime:
        """Return the moment in an octet string or date-time; DecodeError where it has not 12 octets."""
        octets = data.octets
        if len(octets) != 12:
            raise DecodeError("date-time", f"has {len(octets)} octets, not 12")
        deviation = int.from_bytes(octets[9:11], signed=True)
        known = None if deviation == _DEVIATION_UNSPECIFIED else deviation
        return cls(_local(octets), known, octets[11], octets)


def _local(octets: bytes) -> datetime | None:
    year, month, day = int.from_bytes(octets[:2]), octets[2], octets[3]
    hour, minute, second, hundredths = octets[5:9]
    if year == _YEAR_UNSPECIFIED:
        return None
    second, hundredths = (0 if part == _UNSPECIFIED else part for part in (second, hundredths))
    try:
        return datetime(year, month, day, hour, minute, second, hundredths * 10_000)  # noqa: DTZ001
    except ValueError:
        return None


def encode_time(local: datetime, deviation_min: int | None = None, status: int = 0) -> bytes:
    """Return the twelve octets of a moment; see CosemTime."""
    deviation = _DEVIATION_UNSPECIFIED if deviation_min is None else deviation_min
    date = local.year.to_bytes(2) + bytes((local.month, local.day, local.isoweekday()))
    time = bytes((local.hour, local.minute, local.second, local.microsecond // 10_000))
    return date + time + deviation.to_bytes(2, signed=True) + bytes((status,))
