"""The values of a meter and its modem that DLMS provides: their names, and the results of reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import TypeVar

from gsm_meter_bridge.dlms import gsm
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.objects import (
    ObjectEntry,
    ScalerUnit,
)
from gsm_meter_bridge.dlms.service import Attribute
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.vocabulary import Scalar

T = TypeVar("T")

SERIAL_NUMBER = Obis.parse("0.0.96.1.0")
LOGICAL_DEVICE_NAME = Obis.parse("0.0.42.0.0")
METER_CLOCK = Obis.parse("0.0.1.0.0")

ENERGIES: Mapping[str, Obis] = {
    "energy_import_kwh": Obis.parse("1.0.1.8.0"),
    "energy_import_t1_kwh": Obis.parse("1.0.1.8.1"),
    "energy_import_t2_kwh": Obis.parse("1.0.1.8.2"),
    "energy_import_t3_kwh": Obis.parse("1.0.1.8.3"),
    "energy_import_t4_kwh": Obis.parse("1.0.1.8.4"),
    "energy_export_kwh": Obis.parse("1.0.2.8.0"),
}
"""Total active energy: imported, by tariff, and exported."""


@dataclass(frozen=True, slots=True)
class UnreadObject:
    """An object that is listed but could not be read, and why; `refused`: the meter refused it."""

    attribute: Attribute
    message: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class GsmDiagnostic:
    """The values of an object of class 47; None if the meter does not give one."""

    version: int
    operator: str | None = None
    registration: gsm.Code | None = None
    cs_attachment: gsm.Code | None = None
    ps_status: gsm.Code | None = None
    cell: gsm.ServingCell | None = None
    adjacent_cells: tuple[gsm.Cell, ...] = ()
    captured_at: CosemTime | None = None

    def values(self) -> dict[str, Scalar]:
        """Return the values to publish, by names of the vocabulary."""
        found: dict[str, Scalar | None] = {"operator": self.operator or None}
        if self.registration is not None:
            found["registration"] = self.registration.word
        if self.cell is not None:
            found["signal_dbm"] = self.cell.signal_dbm
            found["band"] = self.cell.band(self.ps_status) if self.ps_status is not None else None
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ExtendedStatus:
    """The values of a meter; None, or no key, if it lacks one. `energies_kwh` has the names of ENERGIES."""

    objects: tuple[ObjectEntry, ...] = ()
    logical_device_name: str | None = None
    serial_number: str | None = None
    clock: CosemTime | None = None
    ip: IPv4Address | None = None
    apn: str | None = None
    gsm: GsmDiagnostic | None = None
    energies_kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[UnreadObject, ...] = ()
    scalers: Mapping[Obis, ScalerUnit] = field(default_factory=lambda: MappingProxyType({}))

    def values(self) -> dict[str, Scalar]:
        """Return the values to publish, by names of the vocabulary; no IP of all zeros or ones."""
        found: dict[str, Scalar] = {**self.energies_kwh, **(self.gsm.values() if self.gsm else {})}
        if self.serial_number:
            found["meter_serial"] = self.serial_number
        if self.apn:
            found["apn"] = self.apn
        if self.ip is not None and int(self.ip) not in (0, 0xFFFFFFFF):
            found["ip"] = str(self.ip)
        return found
