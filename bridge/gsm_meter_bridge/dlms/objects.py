"""Values of the attributes of a meter's objects (COSEM classes 1, 3, 8, 15 and 42, IEC 62056-62)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address

from gsm_meter_bridge.dlms.data import Data
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.vocabulary import impossible_energy

DATA, REGISTER, EXTENDED_REGISTER, CLOCK, ASSOCIATION_LN = 1, 3, 4, 8, 15
IPV4_SETUP, GPRS_SETUP, GSM_DIAGNOSTIC = 42, 45, 47
"""Class numbers."""

ASSOCIATION = Obis.parse("0.0.40.0.0.255")
"""The current association, whose attribute 2 lists the objects."""

WATT_HOUR = 30
_SCALERS = range(-6, 7)
"""Valid scalers of energies, from microwatt-hours to megawatt-hours."""

UNITS: Mapping[int, str] = {
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    35: "V",
    44: "Hz",
    255: "",
}
"""Units that electricity meters use (IEC 62056-62 clause 4.3.2); others are kept as numbers."""


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One object that a meter lists; access rights are left out."""

    class_id: int
    version: int
    obis: Obis


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """Scaler and unit of a register: its number times ten to the `scaler`, in `unit` (UNITS)."""

    scaler: int
    unit: int

    @classmethod
    def of(cls, data: Data) -> ScalerUnit:
        """Return attribute 3 of a register."""
        if len(data.parts) != 2:
            raise DecodeError("scaler and unit", f"has {len(data.parts)} parts, not 2")
        scaler, unit = data.parts
        return cls(scaler.number, unit.number)

    @classmethod
    def of_energy(cls, data: Data) -> ScalerUnit:
        """Return attribute 3 of a register of active energy; DecodeError if it cannot be one."""
        found = cls.of(data)
        if found.unit != WATT_HOUR:
            raise DecodeError("unit", f"is {UNITS.get(found.unit, f'unit {found.unit}')}, not Wh")
        if found.scaler not in _SCALERS:
            raise DecodeError("scaler", f"{found.scaler} is none of an energy")
        return found


@dataclass(frozen=True, slots=True)
class Register:
    """A quantity: `value` in the unit of code `unit`, exact."""

    value: Decimal
    unit: int

    @classmethod
    def of(cls, value: Data, scaler_unit: ScalerUnit) -> Register:
        """Return attribute 2 of a register, scaled by its attribute 3.

        DecodeError if its octets are all ones: a register without a value.
        """
        if value.is_all_ones:
            raise DecodeError("register", "holds no value: all ones")
        number = value.value if isinstance(value.value, float) else value.number
        return cls(Decimal(str(number)).scaleb(scaler_unit.scaler), scaler_unit.unit)

    @property
    def unit_name(self) -> str:
        """The unit's symbol, or its number if it is unknown."""
        return UNITS.get(self.unit, f"unit {self.unit}")

    @property
    def kwh(self) -> float:
        """Active energy in kWh; DecodeError of a register of anything else."""
        if self.unit != WATT_HOUR:
            raise DecodeError("unit", f"is {self.unit_name}, not Wh")
        kwh = float(self.value.scaleb(-3))
        if (fault := impossible_energy(kwh)) is not None:
            raise DecodeError("register", f"holds {kwh:.12g} kWh, which {fault}")
        return abs(kwh)


def take_object_list(data: Data) -> tuple[ObjectEntry, ...]:
    """Return attribute 2 of an association: its object list."""
    return tuple(_entry(entry) for entry in data.parts)


def _entry(data: Data) -> ObjectEntry:
    if len(data.parts) < 3:
        raise DecodeError("object list", f"has an entry of {len(data.parts)} parts")
    class_id, version, name = data.parts[:3]
    return ObjectEntry(class_id.number, version.number, Obis.of(name))


def take_ipv4(data: Data) -> IPv4Address:
    """Return an address of class 42: a number of 32 bits, or four octets."""
    octets = data.value if isinstance(data.value, bytes) else data.number
    if isinstance(octets, bytes) and len(octets) != 4:
        raise DecodeError("IP address", f"has {len(octets)} octets, not 4")
    if isinstance(octets, int) and not 0 <= octets < 1 << 32:
        raise DecodeError("IP address", f"{octets} is none")
    return IPv4Address(octets)
