"""OBIS codes: the names of a meter's objects (IEC 62056-61)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gsm_meter_bridge.dlms.data import Data, Tag
from gsm_meter_bridge.errors import DecodeError, InvalidValueError


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """A logical name; `octets` are its value groups A to F, 0 to 255 each."""

    octets: bytes

    @classmethod
    def parse(cls, text: str) -> Obis:
        """Return the code in `1.0.1.8.0.255` or `1.0.1.8.0` (F is 255); InvalidValueError if invalid."""
        groups = [int(g) for g in text.split(".")] if re.fullmatch(r"\d{1,3}(\.\d{1,3}){4,5}", text) else []
        if not groups or max(groups) > 255:
            allowed = "five or six numbers from 0 to 255, as in 1.0.1.8.0.255"
            raise InvalidValueError("obis", text, allowed, shown=True)
        return cls(bytes([*groups, 255][:6]))

    @classmethod
    def of(cls, data: Data) -> Obis:
        """Return the logical name in an octet string; DecodeError if it does not have six octets."""
        if len(data.octets) != 6:
            raise DecodeError("logical name", f"has {len(data.octets)} octets, not 6")
        return cls(data.octets)

    @property
    def data(self) -> Data:
        """The octet string that names the object."""
        return Data(Tag.OCTET_STRING, self.octets)

    def __str__(self) -> str:
        return ".".join(map(str, self.octets))
