"""Objects of a simulated DLMS meter, as COSEM attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address

from gsm_meter_bridge.dlms import gsm
from gsm_meter_bridge.dlms.data import Data, Tag, array, structure
from gsm_meter_bridge.dlms.obis import Obis
from gsm_meter_bridge.dlms.objects import (
    ASSOCIATION,
    ASSOCIATION_LN,
    CLOCK,
    DATA,
    GPRS_SETUP,
    GSM_DIAGNOSTIC,
    IPV4_SETUP,
    REGISTER,
    WATT_HOUR,
)
from gsm_meter_bridge.dlms.service import Attribute
from gsm_meter_bridge.dlms.status import ENERGIES, LOGICAL_DEVICE_NAME, METER_CLOCK, SERIAL_NUMBER
from gsm_meter_bridge.dlms.times import encode_time

Attributes = Mapping[Attribute, Data]

_IPV4, _GPRS, _GSM = Obis.parse("0.0.25.1.0"), Obis.parse("0.0.25.4.0"), Obis.parse("0.0.25.6.0")


@dataclass(frozen=True, slots=True)
class SimulatedGsm:
    """An object of class 47; codes as in `dlms.gsm`. Version 0 reports neither network nor channel."""

    version: int = 1
    operator: str = "Simulated"
    registration: int = 1
    ps_status: int = 5
    cell: gsm.ServingCell = gsm.ServingCell(7001, 20, 4321, 0, 250, 99, 1300)  # noqa: RUF009 - frozen
    adjacent_cells: tuple[gsm.Cell, ...] = (gsm.Cell(7002, 11),)


@dataclass(frozen=True, slots=True)
class MeterValues:
    """Values of the meter; None, or a name of `dlms.ENERGIES` left out, if it does not have the object.

    `objects` holds values that it reports instead of the true ones: a fault of the meter.
    """

    clock: datetime
    serial_number: str = "009000000000101"
    logical_device_name: str = "SIM0000000000101"
    energies_wh: Mapping[str, int] = field(default_factory=dict)
    ip: IPv4Address | None = None
    apn: str | None = None
    gsm: SimulatedGsm | None = None
    objects: Mapping[Attribute, Data] = field(default_factory=dict)


def attributes(values: MeterValues) -> Attributes:
    """Return all attributes of a meter, including its object list."""
    found = {
        Attribute(DATA, LOGICAL_DEVICE_NAME, 2): _octets(values.logical_device_name.encode("ascii")),
        Attribute(DATA, SERIAL_NUMBER, 2): _octets(values.serial_number.encode("cp1251")),
        Attribute(CLOCK, METER_CLOCK, 2): _octets(encode_time(values.clock)),
    }
    for name, energy_wh in values.energies_wh.items():
        found[Attribute(REGISTER, ENERGIES[name], 2)] = Data(Tag.LONG64_UNSIGNED, energy_wh)
        scaler_unit = structure(Data(Tag.INTEGER, 0), Data(Tag.ENUM, WATT_HOUR))
        found[Attribute(REGISTER, ENERGIES[name], 3)] = scaler_unit
    if values.ip is not None:
        found[Attribute(IPV4_SETUP, _IPV4, 3)] = Data(Tag.DOUBLE_LONG_UNSIGNED, int(values.ip))
    if values.apn is not None:
        found[Attribute(GPRS_SETUP, _GPRS, 2)] = _octets(values.apn.encode("ascii"))
    if values.gsm is not None:
        found |= _diagnostic(values.gsm, values.clock)
    versions = {GSM_DIAGNOSTIC: values.gsm.version if values.gsm else 0, ASSOCIATION_LN: 1}
    listed = dict.fromkeys([(ASSOCIATION_LN, ASSOCIATION), *((a.class_id, a.obis) for a in found)])
    entries = (_entry(class_id, versions.get(class_id, 0), obis) for class_id, obis in listed)
    return {Attribute(ASSOCIATION_LN, ASSOCIATION, 2): array(*entries), **found, **values.objects}


def _diagnostic(simulated: SimulatedGsm, clock: datetime) -> Attributes:
    cell_type = Tag.DOUBLE_LONG_UNSIGNED if simulated.version else Tag.LONG_UNSIGNED
    adjacent = (
        structure(Data(cell_type, cell.cell_id), Data(Tag.UNSIGNED, cell.signal_quality))
        for cell in simulated.adjacent_cells
    )
    by_index = {
        gsm.OPERATOR: Data(Tag.VISIBLE_STRING, simulated.operator.encode("ascii")),
        gsm.STATUS: Data(Tag.ENUM, simulated.registration),
        gsm.CS_ATTACHMENT: Data(Tag.ENUM, 0),
        gsm.PS_STATUS: Data(Tag.ENUM, simulated.ps_status),
        gsm.CELL_INFO: _cell_info(simulated, cell_type),
        gsm.ADJACENT_CELLS: array(*adjacent),
        gsm.CAPTURE_TIME: _octets(encode_time(clock)),
    }
    return {Attribute(GSM_DIAGNOSTIC, _GSM, index): value for index, value in by_index.items()}


def _cell_info(gsm: SimulatedGsm, cell_type: Tag) -> Data:
    cell = gsm.cell
    parts = [
        Data(cell_type, cell.cell_id),
        Data(Tag.LONG_UNSIGNED, cell.location_id),
        Data(Tag.UNSIGNED, cell.signal_quality),
        Data(Tag.UNSIGNED, cell.bit_error_rate),
    ]
    if gsm.version:
        parts += [Data(Tag.LONG_UNSIGNED, number or 0) for number in (cell.mcc, cell.mnc)]
        parts.append(Data(Tag.DOUBLE_LONG_UNSIGNED, cell.channel or 0))
    return structure(*parts)


def _entry(class_id: int, version: int, obis: Obis) -> Data:
    access = structure(array(), array())
    return structure(Data(Tag.LONG_UNSIGNED, class_id), Data(Tag.UNSIGNED, version), obis.data, access)


def _octets(octets: bytes) -> Data:
    return Data(Tag.OCTET_STRING, octets)
