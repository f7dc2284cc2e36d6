"""Reads a meter by DLMS over HDLC, over a connection."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from types import MappingProxyType

from gsm_meter_bridge.connections.conversation import converse
from gsm_meter_bridge.connections.meter_memory import MeterMemory
from gsm_meter_bridge.connections.meter_report import MeterReport
from gsm_meter_bridge.dlms import (
    Client,
    Dialogue,
    ExtendedStatus,
    Keys,
    KnownObjects,
    associate,
    poll,
    release,
    serial_number,
)
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import GsmMeterError, InvalidValueError
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.model import Meter
from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)
_RELEASE_TIMEOUT_S = 3.0
_REPEATS = 2
"""How often one poll repeats requests whose answers were lost."""


async def read_dlms(link: TcpLink, meter: Meter, report: MeterReport) -> None:
    """Read a meter into `report`; an interrupted poll keeps the values received so far.

    Raises MeterLinkError, AssociationRefusedError, WrongPasswordError, DecodeError, LinkLostError.
    """
    association = await converse(link, associate(client_of(meter)), repeats=1)
    now, asker = time.time(), _asker(meter)
    known = report.memory.known_to(asker, now)
    latest = ExtendedStatus()

    def on_status(status: ExtendedStatus) -> None:
        nonlocal latest
        latest = status

    def note() -> None:
        add_status(report, latest, now)
        report.memory = remembered(report.memory, latest, asker, now)

    try:
        rest = await converse(link, poll(association, known, on_status), repeats=_REPEATS)
        if rest is not None:
            note()
            await report.hand_on()
            await converse(link, rest(), repeats=_REPEATS)
    finally:
        for problem in latest.problems:
            _LOGGER.info("%s: %s cannot be read: %s", link.url, problem.attribute, problem.message)
        note()
    with contextlib.suppress(GsmMeterError):  # all values have been read
        await converse(link, release(association), _RELEASE_TIMEOUT_S)


async def dlms_serial(link: TcpLink) -> str | None:
    """Return the serial number that a meter reports to the public client, or None; raises as `read_dlms`."""
    return await converse(link, _serial())


def _serial() -> Dialogue[str | None]:
    return (yield from serial_number((yield from associate(Client.public()))))


def client_of(meter: Meter) -> Client:
    """Return the DLMS client for `meter`; InvalidValueError if that client needs a password and has none."""
    make: Mapping[str, Callable[[Keys], Client]] = MappingProxyType(
        {"reader": Client.reader, "configurator": Client.configurator}
    )
    if meter.client == "public":
        client = Client.public()
    elif meter.password is None:
        raise InvalidValueError("meter.password", None, f"the password of the client {meter.client}")
    else:
        client = make[meter.client](Keys(Secret(meter.password.reveal())))
    return client.at(meter.logical_device, meter.address, meter.address_octets)


def add_status(report: MeterReport, status: ExtendedStatus, now: float) -> None:
    """Replace the readings and problems of `report` by those of `status`, received at `now` (Unix time)."""
    report.readings.clear()
    report.problems.clear()
    report.add("meter_link", "ok")
    report.problems += [f"{p.attribute}: {p.message}" for p in status.problems if not p.refused]
    values = dict(status.values())
    if status.gsm is not None and status.gsm.ps_status is not None:
        values["radio"] = status.gsm.ps_status.word
    if status.gsm is not None and status.gsm.cell is not None:
        values["cell_id"] = status.gsm.cell.cell_id
        values["location_area"] = status.gsm.cell.location_id
    if status.clock is not None and status.clock.fault is not None:
        report.problems.append(f"its clock makes no sense: {status.clock.fault}")
    elif status.clock is not None and (difference := clock_difference_s(status.clock, now)) is not None:
        values["meter_clock_difference_s"] = difference
    for name, value in values.items():
        report.add(name, value)


def remembered(memory: MeterMemory, status: ExtendedStatus, asker: str, now: float) -> MeterMemory:
    """Return the memory to keep after a poll, complete or interrupted; `now` is a Unix time."""
    used = memory.known_to(asker, now)
    known = KnownObjects(status.serial_number or used.serial, status.objects or None, status.scalers)
    learned_at = memory.learned_at if known.objects == used.objects else now
    return replace(memory, known=known, asker=asker, learned_at=learned_at)


def clock_difference_s(clock: CosemTime, now: float) -> int | None:
    """Return how many seconds a meter's clock is ahead of `now` (Unix time).

    None if the clock is not set, or shows an impossible time. Makers read the sign of the zone in the
    standard differently, so the sign with the smaller difference is taken. Without a zone, the bridge's
    zone is assumed.
    """
    if clock.local is None or clock.fault is not None:
        return None
    if clock.deviation_min is None:
        return round(clock.local.astimezone().timestamp() - now)
    shifts = (timedelta(minutes=sign * clock.deviation_min) for sign in (1, -1))
    found = [round((clock.local + shift).replace(tzinfo=UTC).timestamp() - now) for shift in shifts]
    return min(found, key=abs)


def _asker(meter: Meter) -> str:
    """Return a key of client, meter address and exchange; the memory of one key is not valid for another."""
    place = f"{meter.logical_device} {meter.address} {meter.address_octets}"
    return f"{meter.client} {place} {meter.exchanged or ''}".rstrip()
