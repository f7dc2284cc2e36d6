"""Reads a meter by IEC 62056-21, over a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from gsm_meter_bridge.connections.conversation import converse
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.dialogue import Dialogue
from gsm_meter_bridge.errors import DecodeError, GsmMeterError, IecError, LinkLostError
from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.client import identify, read_once
from gsm_meter_bridge.iec62056.data import DataSet
from gsm_meter_bridge.iec62056.energy import Energies, energies, energy_requests
from gsm_meter_bridge.iec62056.messages import MODELS, IecIdentification
from gsm_meter_bridge.iec62056.parity import Parity, over
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Meter

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)
_SERIAL_NUMBER = "SNUMB"


async def read_iec(link: TcpLink, meter: Meter, report: MeterReport) -> None:
    """Read a meter into `report`: serial number first, then energy.

    Raises LinkLostError, IecError or DecodeError if the meter does not answer or its answer is invalid; the
    values received before are in the report.
    """
    session = _Session(link, meter)
    identity = await session.ask(lambda: identify(meter.iec_address))
    report.add("meter_link", "ok")
    report.add("meter_type", MODELS.get(identity.platform or "", identity.model))
    serial = await session.read(_SERIAL_NUMBER, report)
    if serial is not None and serial.values and serial.values[0].strip():
        report.add("meter_serial", serial.values[0].strip())
    await _read_energy(session, identity, report)


async def iec_serial(link: TcpLink) -> str | None:
    """Return the serial number that a meter reports, or None; raises as `read_iec` does."""
    session = _Session(link, Meter("iec"), repeats=0)  # it may speak DLMS, which is tried next
    await session.ask(identify)
    found = await session.read_once(_SERIAL_NUMBER)
    return found.values[0] if found.values else None


async def _read_energy(session: _Session, identity: IecIdentification, report: MeterReport) -> None:
    failures: list[GsmMeterError] = []
    without: Energies | None = None
    for request in energy_requests(identity, report.memory.energy_request):
        try:
            found = await session.read_once(request)
        except (IecError, DecodeError, LinkLostError) as error:
            if session.link.closed:
                raise
            failures.append(error)  # try the next parameter
            continue
        parsed = energies(request, found.values)
        if not parsed.kwh:
            without = without or parsed
            continue
        _report_energies(parsed, session.link.url, report)
        report.memory = replace(report.memory, energy_request=request)
        return
    if without is not None:  # the meter answered, but with no energy
        _report_energies(without, session.link.url, report)
        return
    refused = all(isinstance(error, IecError) for error in failures)
    what = "the meter reports no energy by IEC 62056-21" if refused else "its energy cannot be read"
    report.problems.append(f"{what}: {'; '.join(map(str, failures))}")


def _report_energies(found: Energies, url: str, report: MeterReport) -> None:
    for name, kwh in found.kwh.items():
        report.add(name, kwh)
    for problem in found.problems:
        _LOGGER.warning("%s: %s", url, problem)
    report.problems += found.problems


class _Session:
    """Reads from one meter; a request whose answer is damaged or lost is sent again, once by default."""

    def __init__(self, link: TcpLink, meter: Meter, repeats: int = 1) -> None:
        self.link, self._address, self._repeats = link, meter.iec_address, repeats
        self._parity = Parity(even=meter.even_parity)
        self._checksums = tuple(Checksum)

    async def ask(self, dialogue: Callable[[], Dialogue[T]]) -> T:
        """Return the result of a dialogue; repeat it once after a DecodeError."""
        try:
            return await self._hold(dialogue())
        except DecodeError as error:
            _LOGGER.info("%s: %s; asked again", self.link.url, error)
            return await self._hold(dialogue())

    async def read_once(self, parameter: str) -> DataSet:
        """Return the values of a parameter. Raises IecError, DecodeError, LinkLostError.

        A meter that computes checksums differently answers NAK or nothing, so both methods are tried until
        the meter has answered one. If it answers neither, only the first is tried from then on, to save time.
        """
        failures: list[GsmMeterError] = []
        for checksum in self._checksums:
            try:
                found = await self.ask(partial(read_once, parameter, self._address, checksum))
            except IecError as error:
                failures.append(error)
                if error.number is not None:
                    self._checksums = (checksum,)
            except LinkLostError as error:
                failures.append(error)
            else:
                self._checksums = (checksum,)
                return found
            if self.link.closed or len(self._checksums) == 1:
                break
        if all(isinstance(error, LinkLostError) for error in failures):
            self._checksums = self._checksums[:1]
        raise failures[-1]

    async def read(self, name: str, report: MeterReport) -> DataSet | None:
        """Return the values of a parameter, None if unreadable: a problem unless the meter refused it."""
        try:
            return await self.read_once(name)
        except IecError as error:
            _LOGGER.info("%s: %s cannot be read: %s", self.link.url, name, error)
        except (DecodeError, LinkLostError) as error:
            if self.link.closed:
                raise
            report.problems.append(f"{name}: {error}")
        return None

    async def _hold(self, dialogue: Dialogue[T]) -> T:
        try:
            return await converse(self.link, over(self._parity, dialogue), repeats=self._repeats)
        except LinkLostError as error:
            if (complaint := self._parity.complaint) is not None:
                raise LinkLostError(f"{self.link.url}: {complaint}") from error
            raise
