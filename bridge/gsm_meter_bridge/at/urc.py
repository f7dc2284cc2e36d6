"""Unsolicited result codes: the lines that a modem sends on its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class UrcRow:
    """One kind of unsolicited line.

    `name` is the text before the colon, or the whole line; `carries_pdu`: a line with a PDU follows;
    `restarted`: the modem has lost its settings; `source` is the clause or the vendors.
    """

    name: str
    source: str
    carries_pdu: bool = False
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class Urc:
    """An unsolicited line as it arrived; `pdu` is the hex line after it, None if there was none."""

    name: str
    text: str
    pdu: str | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that answers no command and is in no table: a late answer, or noise."""

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
    UrcRow("CALL READY", "SIMCom"),
    UrcRow("SMS Ready", "SIMCom"),
    UrcRow("SMS READY", "SIMCom"),
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
    UrcRow("^SSIM READY", "Cinterion"),
    UrcRow("#QSS", "Telit"),
    UrcRow("+EIND", "Neoway, MediaTek"),
    UrcRow("MODEM:STARTUP", "Neoway", restarted=True),
    UrcRow("^RSSI", "Huawei"),
    UrcRow("^HCSQ", "Huawei"),
    UrcRow("^MODE", "Huawei"),
    UrcRow("^BOOT", "Huawei"),
    UrcRow("^SIMST", "Huawei"),
    UrcRow("^SRVST", "Huawei"),
    UrcRow("^NWTIME", "Huawei"),
    UrcRow("^STIN", "Huawei"),
    UrcRow("^DSFLOWRPT", "Huawei"),
    UrcRow("+ZUSIMR", "ZTE"),
    UrcRow("+ZPASR", "ZTE"),
    UrcRow("+ZDONR", "ZTE"),
)

URCS = MappingProxyType({row.name: row for row in _ROWS})
"""Every kind of unsolicited line by its name."""
_WITH_COLON = tuple(name for name in URCS if ":" in name)

_BECOMES_READY = re.compile(
    r"(?:call|sms) ready|(?:sms|pb) done|\+pbready|\^ssim ready"
    r'|\+qind: *"?(?:sms|pb) (?:done|ready)"?'
    r"|\+cpin: *ready|\+wind: *[134]|#qss: *[23]|\^simst: *1(?:,.*)?|\+qusim: *1|\+eind: *(?:1|2|128)",
    re.IGNORECASE,
)


def becomes_ready(text: str) -> bool:
    """Return whether the line reports that SIM or messages are usable from now on, as after a restart."""
    return _BECOMES_READY.fullmatch(text.strip()) is not None


def name_of(text: str) -> str:
    """Return the text before the first colon of a line, or the whole line."""
    return text.partition(":")[0].strip()


def urc_row(text: str) -> UrcRow | None:
    """Return the row of an unsolicited line, or None if the line is in no table."""
    line = text.strip()
    return URCS.get(name_of(line)) or next(
        (URCS[name] for name in _WITH_COLON if line.startswith(name)), None
    )
