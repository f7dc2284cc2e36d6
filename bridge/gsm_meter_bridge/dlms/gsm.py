"""Class 47, GSM diagnostic, versions 0 to 2: a meter's report on its own modem (DLMS UA 1000-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gsm_meter_bridge.dlms.data import Data
from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.vocabulary import UNKNOWN, Band, Registration

OPERATOR, STATUS, CS_ATTACHMENT, PS_STATUS, CELL_INFO, ADJACENT_CELLS, CAPTURE_TIME = range(2, 9)
"""Attribute indexes."""

REGISTRATIONS: Mapping[int, str] = {
    0: Registration.NOT_REGISTERED,
    1: Registration.HOME,
    2: Registration.SEARCHING,
    3: Registration.DENIED,
    4: Registration.UNKNOWN,
    5: Registration.ROAMING,
}
CS_ATTACHMENTS: Mapping[int, str] = {0: "inactive", 1: "incoming_call", 2: "active"}
PS_STATUSES: Mapping[int, str] = {
    0: "inactive",
    1: "gprs",
    2: "edge",
    3: "umts",
    4: "hsdpa",
    5: "lte",
    6: "cdma",
    7: "lte_cat_m1",
    8: "lte_cat_nb1",
    9: "lte_cat_nb2",
}
PS_STATUSES_V0 = {code: PS_STATUSES[code] for code in range(5)}
"""Version 0 defines no code after HSDPA."""

_GSM, _WCDMA, _LTE = ("gprs", "edge"), ("umts", "hsdpa"), ("lte", "lte_cat_m1", "lte_cat_nb1", "lte_cat_nb2")
_CHANNELS = (
    (_GSM, range(125), Band.GSM_900),
    (_GSM, range(975, 1024), Band.GSM_900),
    (_GSM, range(512, 886), Band.GSM_1800),
    (_WCDMA, range(10562, 10839), Band.WCDMA_2100),
    (_WCDMA, range(2937, 3089), Band.WCDMA_900),
    (_LTE, range(600), Band.LTE_1),
    (_LTE, range(1200, 1950), Band.LTE_3),
    (_LTE, range(2400, 2650), Band.LTE_5),
    (_LTE, range(2750, 3450), Band.LTE_7),
    (_LTE, range(3450, 3800), Band.LTE_8),
    (_LTE, range(6150, 6450), Band.LTE_20),
    (_LTE, range(9870, 9920), Band.LTE_31),
    (_LTE, range(37750, 38250), Band.LTE_38),
)
"""Downlink channel numbers: 3GPP TS 45.005 clause 2, TS 25.101 clause 5.4.3, TS 36.101 table 5.7.3-1."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code with its name, `unknown` if it is in no table."""

    number: int
    word: str

    @classmethod
    def of(cls, data: Data, labels: Mapping[int, str]) -> Code:
        """Return the code in `data`."""
        return cls(data.number, labels.get(data.number, UNKNOWN))


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: `signal_quality` 0 to 31 and 99 unknown, as in AT+CSQ (3GPP TS 27.007 clause 8.5)."""

    cell_id: int
    signal_quality: int

    @property
    def signal_dbm(self) -> int | None:
        """The level in dBm, -113 (or less) to -51 (or more); None if unknown."""
        return 2 * self.signal_quality - 113 if 0 <= self.signal_quality <= 31 else None


@dataclass(frozen=True, slots=True)
class ServingCell(Cell):
    """The cell in use; `bit_error_rate` 0 to 7 and 99 unknown. Version 0 has neither network nor channel."""

    location_id: int
    bit_error_rate: int
    mcc: int | None = None
    mnc: int | None = None
    channel: int | None = None

    def band(self, ps_status: Code) -> Band | None:
        """Return the band of the channel number with the radio technology in use; None if unknown."""
        if self.channel is None:
            return None
        found = (
            b for kinds, channels, b in _CHANNELS if ps_status.word in kinds and self.channel in channels
        )
        return next(found, None)


def take_registration(data: Data) -> Code:
    """Return attribute 3; its names are the vocabulary's."""
    return Code.of(data, REGISTRATIONS)


def take_cs_attachment(data: Data) -> Code:
    """Return attribute 4, the circuit-switched attachment."""
    return Code.of(data, CS_ATTACHMENTS)


def take_ps_status(data: Data, version: int) -> Code:
    """Return attribute 5, the packet-switched status, of an object of that version."""
    return Code.of(data, PS_STATUSES if version else PS_STATUSES_V0)


def take_cell_info(data: Data) -> ServingCell:
    """Return attribute 6: four numbers in version 0, seven from version 1 on."""
    numbers = [part.number for part in data.parts]
    if len(numbers) not in (4, 7):
        raise DecodeError("cell info", f"has {len(numbers)} parts, neither 4 nor 7")
    cell_id, location_id, quality, errors = numbers[:4]
    return ServingCell(cell_id, quality, location_id, errors, *numbers[4:])


def take_adjacent_cells(data: Data) -> tuple[Cell, ...]:
    """Return attribute 7, the adjacent cells."""
    return tuple(_adjacent(part) for part in data.parts)


def _adjacent(data: Data) -> Cell:
    if len(data.parts) != 2:
        raise DecodeError("adjacent cell", f"has {len(data.parts)} parts, not 2")
    cell_id, quality = data.parts
    return Cell(cell_id.number, quality.number)
