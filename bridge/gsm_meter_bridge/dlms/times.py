"""Date and time as COSEM encodes them in 12 octets (IEC 62056-62 clause 4.1.6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gsm_meter_bridge.dlms.data import Data
from gsm_meter_bridge.errors import DecodeError

_YEAR_UNSPECIFIED = 0xFFFF
_DEVIATION_UNSPECIFIED = -0x8000
_UNSPECIFIED = 0xFF
_LOWEST_WILDCARD = 0xFD
_LARGEST_DEVIATION_MIN = 14 * 60
"""In minutes; no time zone is further from UTC."""
_POSSIBLE_YEARS = range(2000, 2100)
"""A meter's clock that shows another year is not set, or broken."""


@dataclass(frozen=True, slots=True)
class CosemTime:
    """A moment by a meter's clock.

    `local`: the clock's time, without a zone; None if a part of it is unspecified or invalid.
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
        """Return the moment in an octet string or date-time; DecodeError if it does not have 12 octets."""
        octets = data.octets
        if len(octets) != 12:
            raise DecodeError("date-time", f"has {len(octets)} octets, not 12")
        deviation = int.from_bytes(octets[9:11], signed=True)
        known = None if deviation == _DEVIATION_UNSPECIFIED else deviation
        return cls(_local(octets), known, octets[11], octets)

    @property
    def fault(self) -> str | None:
        """What is impossible about it, as text; None if it is possible, or parts of it are unspecified."""
        if self.local is None:
            return None if _is_open(self.octets) else f"{self.octets.hex(' ')} is no date and time"
        if self.local.year not in _POSSIBLE_YEARS:
            return f"it shows the year {self.local.year}"
        if self.deviation_min is not None and abs(self.deviation_min) > _LARGEST_DEVIATION_MIN:
            return f"its zone is {self.deviation_min} min from UTC"
        return None


def _is_open(octets: bytes) -> bool:
    """Return whether a part of the date or time is unspecified, or a wildcard (such as the last day)."""
    year, parts = int.from_bytes(octets[:2]), octets[2:4] + octets[5:7]
    return year == _YEAR_UNSPECIFIED or any(part >= _LOWEST_WILDCARD for part in parts)


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
