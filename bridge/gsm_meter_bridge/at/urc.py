"""Unsolicited result codes: which lines a modem sends without being asked."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class UrcRow:
    """One kind of unsolicited line.

    `name` is what stands before the colon, or the whole line; `carries_pdu` says that a line with a PDU
    follows; `restarted` that the modem has forgotten its settings; `source` is the clause or the vendors.
    """

    name: str
    source: str
    carries_pdu: bool = False
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Urc:
    """An unsolicited line as it came; `pdu` is the hex line behind it, None where none came."""

    name: str
    text: str
    pdu: str | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that answers nothing and is in no table: an answer that came too late, or noise."""

    text: str


_ROWS = (
    UrcRow("+CMTI", "TS 27.005 3.4.1"),
    UrcRow("+CDSI", "TS 27.005 3.4.1"),
    UrcRow("+CBMI", "TS 27.005 3.4.1"),
    UrcRow("+CMT", "TS 27.005 3.4.1", carries_pdu=True),
    UrcRow("+CDS", "TS 27.005 3.4.1", carries_pdu=True),
    UrcRow("+CBM", "TS 27.005 3.4.1", carries_pdu=True),
    UrcRow("+CREG", "TS 27.007 7.2"),
    UrcRow("+CGREG", "TS 27.007 10.1.20"),
    UrcRow("+CEREG", "TS 27.007 10.1.22"),
    UrcRow("+C5GREG", "TS 27.007 10.1.47"),
    UrcRow("+CPIN", "SIMCom, Quectel"),
    UrcRow("+CFUN", "SIMCom, Quectel"),
    UrcRow("+CRING", "TS 27.007 6.11"),
    UrcRow("+CLIP", "TS 27.007 7.6"),
    UrcRow("+CCWA", "TS 27.007 7.12"),
    UrcRow("+CUSD", "TS 27.007 7.15"),
    UrcRow("+CSSI", "TS 27.007 7.17"),
    UrcRow("+CSSU", "TS 27.007 7.17"),
    UrcRow("+CTZV", "TS 27.007 8.41"),
    UrcRow("+CTZE", "TS 27.007 8.41"),
    UrcRow("+CIEV", "TS 27.007 8.10"),
    UrcRow("+CGEV", "TS 27.007 10.1.19"),
    UrcRow("RING", "V.250 6.3"),
    UrcRow("NO CARRIER", "V.250 6.3"),
    UrcRow("BUSY", "V.250 6.3"),
    UrcRow("NO ANSWER", "V.250 6.3"),
    UrcRow("RDY", "SIMCom, Quectel", restarted=True),
    UrcRow("APP RDY", "Quectel"),
    UrcRow("START", "SIMCom", restarted=True),
    UrcRow("^SYSSTART", "Cinterion", restarted=True),
    UrcRow("*ATREADY", "SIMCom", restarted=True),
    UrcRow("Call Ready", "SIMCom"),
    UrcRow("SMS Ready", "SIMCom"),
    UrcRow("SMS DONE", "SIMCom"),
    UrcRow("PB DONE", "SIMCom, Quectel"),
    UrcRow("NORMAL POWER DOWN", "SIMCom"),
    UrcRow("POWERED DOWN", "Quectel"),
    UrcRow("UNDER-VOLTAGE WARNNING", "SIMCom"),
    UrcRow("OVER-VOLTAGE WARNNING", "SIMCom"),
    UrcRow("*PSUTTZ", "SIMCom"),
    UrcRow("*PSNWID", "SIMCom"),
    UrcRow("DST", "SIMCom"),
    UrcRow("+STIN", "SIMCom"),
    UrcRow("+QIND", "Quectel"),
    UrcRow("+QUSIM", "Quectel"),
    UrcRow("+QSIMSTAT", "Quectel"),
    UrcRow("+SIND", "Sierra Wireless"),
    UrcRow("+WIND", "Sierra Wireless"),
    UrcRow("+PBREADY", "Cinterion"),
    UrcRow("^RSSI", "Huawei"),
    UrcRow("^HCSQ", "Huawei"),
    UrcRow("^MODE", "Huawei"),
    UrcRow("^BOOT", "Huawei"),
    UrcRow("^SIMST", "Huawei"),
    UrcRow("^SRVST", "Huawei"),
    UrcRow("^NWTIME", "Huawei"),
    UrcRow("^STIN", "Huawei"),
    UrcRow("^DSFLOWRPT", "Huawei"),
    UrcRow("+ZPASR", "ZTE"),
    UrcRow("+ZDONR", "ZTE"),
)

URCS = MappingProxyType({row.name: row for row in _ROWS})
"""Every kind of unsolicited line by its name."""


def name_of(text: str) -> str:
    """Return what stands before the first colon of a line, or the whole line."""
    return text.partition(":")[0].strip()


def urc_row(text: str) -> UrcRow | None:
    """Return the row of an unsolicited line, or None where the line is in no table."""
    return URCS.get(name_of(text))
