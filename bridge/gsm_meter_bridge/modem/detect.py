"""Finds modems among the serial ports of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import serialx

from gsm_meter_bridge.errors import GsmMeterError
from gsm_meter_bridge.modem.engine import Timeouts
from gsm_meter_bridge.modem.probe import ProbeReport, probe

BAUD_RATES = (115200, 9600)
"""In bit/s, tried in this order: the speed of most modems, then those that vendors set."""

_IMPATIENT = Timeouts(command_s=2.0, resync_s=1.0, resync_tries=3)

OnPortTried = Callable[[str, str], None]
"""Called with a port and the result of trying it."""


def serial_ports() -> tuple[str, ...]:
    """Return the serial ports of this machine, by a persistent name if there is one."""
    return tuple(port.device for port in serialx.list_serial_ports())


async def detect(
    ports: Iterable[str], notify: OnPortTried, *, timeouts: Timeouts = _IMPATIENT
) -> tuple[tuple[int, ProbeReport], ...]:
    """Return baud rate and report of each port with a modem; only commands without side effects are sent."""
    found = []
    for port in ports:
        for baudrate in BAUD_RATES:
            notify(port, f"asking at {baudrate} baud")
            try:
                report = await probe(port, baudrate=baudrate, timeouts=timeouts)
            except GsmMeterError as error:
                notify(port, str(error))
                continue
            notify(
                port, f"{report.manufacturer} {report.model}, {'usable' if report.usable else 'not usable'}"
            )
            found.append((baudrate, report))
            break
    return tuple(found)
