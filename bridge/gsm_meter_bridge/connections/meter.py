"""Reads the meter at the far end of a connection, by DLMS over HDLC or by IEC 62056-21, inside TCP."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from gsm_meter_bridge.connections.meter_dlms import dlms_serial, read_dlms
from gsm_meter_bridge.connections.meter_iec import iec_serial, read_iec
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Meter

_LOGGER = logging.getLogger(__name__)


async def read_meter(link: TcpLink, meter: Meter, report: MeterReport | None = None) -> MeterReport:
    """Read the meter into `report` (a new one by default) and return it; any reading means the link works.

    The report's memory is used and updated. Raises MeterLinkError, AssociationRefusedError,
    WrongPasswordError, IecError, DecodeError or LinkLostError if the meter does not answer, refuses, or the
    connection breaks off; the values received before are in the report.
    """
    report = MeterReport() if report is None else report
    await (read_dlms if meter.protocol == "dlms" else read_iec)(link, meter, report)
    return report


async def meter_serial(link: TcpLink) -> str | None:
    """Return the serial number that a meter reports without password, or None; never raises GsmMeterError."""
    asks: tuple[Callable[[TcpLink], Awaitable[str | None]], ...] = (iec_serial, dlms_serial)
    for ask in asks:
        try:
            if (serial := await ask(link)) is not None:
                return serial
        except GsmMeterError as error:
            _LOGGER.debug("%s: %s", link.url, error)
        if link.closed:
            return None
    return None
