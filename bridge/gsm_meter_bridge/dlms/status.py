"""The extended status of a meter and its modem: its object list first, then only what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import TypeVar

from gsm_meter_bridge.dlms import gsm
from gsm_meter_bridge.dlms.client import Association, object_list, read
from gsm_meter_bridge.dlms.data import Data
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.objects import (
    CLOCK,
    DATA,
    EXTENDED_REGISTER,
    GPRS_SETUP,
    GSM_DIAGNOSTIC,
    IPV4_SETUP,
    REGISTER,
    ObjectEntry,
    Register,
    ScalerUnit,
    take_ipv4,
)
from gsm_meter_bridge.dlms.service import Attribute
from gsm_meter_bridge.dlms.session import Dialogue
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import DecodeError, ReadRefusedError
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
"""Active energy since the meter was made: imported, by tariff, and exported."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is listed and yet could not be read, and why in words."""

    attribute: Attribute
    words: str


@dataclass(frozen=True, slots=True)
class GsmDiagnostic:
    """What an object of class 47 tells; None for what it does not."""

    version: int
    operator: str | None = None
    registration: gsm.Code | None = None
    cs_attachment: gsm.Code | None = None
    ps_status: gsm.Code | None = None
    cell: gsm.ServingCell | None = None
    adjacent_cells: tuple[gsm.Cell, ...] = ()
    captured_at: CosemTime | None = None

    def values(self) -> dict[str, Scalar]:
        """What it tells, by names of the vocabulary."""
        found: dict[str, Scalar | None] = {"operator": self.operator or None}
        if self.registration is not None:
            found["registration"] = self.registration.word
        if self.cell is not None:
            found["signal_dbm"] = self.cell.signal_dbm
            found["band"] = self.cell.band(self.ps_status) if self.ps_status is not None else None
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ExtendedStatus:
    """What a meter told; None, or no key, for what it has not. `energies_kwh` has the names of ENERGIES."""

    objects: tuple[ObjectEntry, ...]
    logical_device_name: str | None = None
    serial_number: str | None = None
    clock: CosemTime | None = None
    ip: IPv4Address | None = None
    apn: str | None = None
    gsm: GsmDiagnostic | None = None
    energies_kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[Problem, ...] = ()

    def values(self) -> dict[str, Scalar]:
        """What there is to publish: names of the vocabulary and of ENERGIES; an address 0.0.0.0 is none."""
        found: dict[str, Scalar] = {**self.energies_kwh, **(self.gsm.values() if self.gsm else {})}
        if self.serial_number:
            found["meter_serial"] = self.serial_number
        if self.apn:
            found["apn"] = self.apn
        if self.ip is not None and int(self.ip):
            found["ip"] = str(self.ip)
        return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads what is listed, and notes what cannot be read instead of ending."""

    association: Association
    objects: Sequence[ObjectEntry]
    problems: list[Problem] = field(default_factory=list)

    def find(self, class_ids: Sequence[int], obis: Obis | None = None) -> ObjectEntry | None:
        """The first listed object of one of the classes, by name where one is given."""
        found = (o for o in self.objects if o.class_id in class_ids and obis in (None, o.obis))
        return min(found, key=lambda entry: entry.obis, default=None)

    def one(self, entry: ObjectEntry | None, index: int, take: Callable[[Data], T]) -> Dialogue[T | None]:
        """The attribute of an object; None where there is no such object, or it cannot be read."""
        if entry is None:
            return None
        attribute = Attribute(entry.class_id, entry.obis, index)
        try:
            return take((yield from read(self.association, attribute)))
        except (ReadRefusedError, DecodeError) as error:
            self.problems.append(Problem(attribute, str(error)))
            return None

    def energy(self, obis: Obis) -> Dialogue[float | None]:
        """The register's value in kWh."""
        entry = self.find((REGISTER, EXTENDED_REGISTER), obis)
        scaler_unit = yield from self.one(entry, 3, ScalerUnit.of)
        if scaler_unit is None:
            return None
        return (yield from self.one(entry, 2, lambda data: Register.of(data, scaler_unit).kwh))

    def energies(self) -> Dialogue[Mapping[str, float]]:
        """Those registers of ENERGIES that there are."""
        found: dict[str, float] = {}
        for name, obis in ENERGIES.items():
            kwh = yield from self.energy(obis)
            if kwh is not None:
                found[name] = kwh
        return MappingProxyType(found)

    def diagnostic(self) -> Dialogue[GsmDiagnostic | None]:
        """The first object of class 47."""
        entry = self.find((GSM_DIAGNOSTIC,))
        if entry is None:
            return None
        version = entry.version
        return GsmDiagnostic(
            version,
            (yield from self.one(entry, gsm.OPERATOR, lambda data: data.text)),
            (yield from self.one(entry, gsm.STATUS, gsm.take_registration)),
            (yield from self.one(entry, gsm.CS_ATTACHMENT, gsm.take_cs_attachment)),
            (yield from self.one(entry, gsm.PS_STATUS, lambda data: gsm.take_ps_status(data, version))),
            (yield from self.one(entry, gsm.CELL_INFO, gsm.take_cell_info)),
            (yield from self.one(entry, gsm.ADJACENT_CELLS, gsm.take_adjacent_cells)) or (),
            (yield from self.one(entry, gsm.CAPTURE_TIME, CosemTime.of)),
        )


def extended_status(
    association: Association, objects: tuple[ObjectEntry, ...] | None = None
) -> Dialogue[ExtendedStatus]:
    """Read what the meter has of ExtendedStatus; `objects`: its list, where it was read before.

    What is listed and cannot be read becomes a Problem. Raises MeterLinkError, and what `object_list` raises.
    """
    listed = objects if objects is not None else (yield from object_list(association))
    reading = _Reading(association, listed)
    return ExtendedStatus(
        listed,
        (yield from reading.one(reading.find((DATA,), LOGICAL_DEVICE_NAME), 2, lambda data: data.text)),
        (yield from reading.one(reading.find((DATA,), SERIAL_NUMBER), 2, lambda data: data.text)),
        (yield from reading.one(reading.find((CLOCK,), METER_CLOCK), 2, CosemTime.of)),
        (yield from reading.one(reading.find((IPV4_SETUP,)), 3, take_ipv4)),
        (yield from reading.one(reading.find((GPRS_SETUP,)), 2, lambda data: data.text)),
        (yield from reading.diagnostic()),
        (yield from reading.energies()),
        tuple(reading.problems),
    )
