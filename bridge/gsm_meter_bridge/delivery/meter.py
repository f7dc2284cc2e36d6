"""What is asked of the meter at the far end of a connection, over HDLC or IEC 62056-21 inside TCP."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from types import MappingProxyType

from gsm_meter_bridge.delivery.conversation import Dialogue, converse
from gsm_meter_bridge.dlms import Client, ExtendedStatus, Keys, associate, extended_status, release
from gsm_meter_bridge.dlms.client import Association
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import DecodeError, GsmMeterError, IecError, InvalidValueError, LinkLostError
from gsm_meter_bridge.family import Meter, Reading
from gsm_meter_bridge.iec62056.client import identify, read_once
from gsm_meter_bridge.iec62056.messages import MODELS, Identity
from gsm_meter_bridge.link import TcpLink
from gsm_meter_bridge.vocabulary import Secret

_LOGGER = logging.getLogger(__name__)
_RELEASE_TIMEOUT_S = 3.0
_SERIAL_NUMBER, _ENERGY = "SNUMB", "ET0PE"
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_TARIFFS = ("", "_t1", "_t2", "_t3", "_t4")


async def read_meter(link: TcpLink, meter: Meter) -> tuple[Reading, ...]:
    """Return what the meter tells; that it told anything means that the module's link to it works.

    Raises MeterLinkError, IecError, DecodeError, LinkLostError: it does not answer, or refuses.
    """
    told = await (_read_dlms if meter.protocol == "dlms" else _read_iec)(link, meter)
    return (Reading("meter_link", "ok"), *told)


async def meter_serial(link: TcpLink) -> str | None:
    """Return the number that the meter behind an unknown caller tells without a password, or None."""
    asks: tuple[Callable[[], Dialogue[str | None]], ...] = (_serial_by_iec, _serial_by_dlms)
    for ask in asks:
        try:
            if (serial := await converse(link, ask())) is not None:
                return serial
        except GsmMeterError as error:
            _LOGGER.debug("%s: %s", link.url, error)
        if link.closed:
            return None
    return None


async def _read_dlms(link: TcpLink, meter: Meter) -> tuple[Reading, ...]:
    association, status = await converse(link, _dlms_visit(meter))
    with contextlib.suppress(GsmMeterError):  # what we wanted to know, we know
        await converse(link, release(association), _RELEASE_TIMEOUT_S)
    for problem in status.problems:
        _LOGGER.info("%s: %s cannot be read: %s", link.url, problem.attribute, problem.words)
    return _of_status(status, time.time())


def _dlms_visit(meter: Meter) -> Dialogue[tuple[Association, ExtendedStatus]]:
    association = yield from associate(_client(meter))
    status = yield from extended_status(association)
    return association, status


def _client(meter: Meter) -> Client:
    make: Mapping[str, Callable[[Keys], Client]] = MappingProxyType(
        {"reader": Client.reader, "configurator": Client.configurator}
    )
    if meter.client == "public":
        client = Client.public()
    elif meter.password is None:
        raise InvalidValueError("meter.password", None, f"the password of the client {meter.client}")
    else:
        client = make[meter.client](Keys(Secret(meter.password.reveal())))
    return client.at(1, meter.address)


def _of_status(status: ExtendedStatus, now: float) -> tuple[Reading, ...]:
    values = dict(status.values())
    if status.gsm is not None and status.gsm.ps_status is not None:
        values["radio"] = status.gsm.ps_status.word
    if status.gsm is not None and status.gsm.cell is not None:
        values["cell_id"] = status.gsm.cell.cell_id
        values["location_area"] = status.gsm.cell.location_id
    if status.clock is not None and (difference := clock_difference_s(status.clock, now)) is not None:
        values["meter_clock_difference_s"] = difference
    return tuple(Reading(name, value) for name, value in values.items())


def clock_difference_s(clock: CosemTime, now: float) -> int | None:
    """Return how many seconds a meter's clock is ahead of `now` (Unix time); None where it is not set.

    Its zone has either sign, by the maker's reading of the standard: the nearer one is taken. Without a zone,
    it is ours.
    """
    if clock.local is None:
        return None
    if clock.deviation_min is None:
        return round(clock.local.astimezone().timestamp() - now)
    shifts = (timedelta(minutes=sign * clock.deviation_min) for sign in (1, -1))
    found = [round((clock.local + shift).replace(tzinfo=UTC).timestamp() - now) for shift in shifts]
    return min(found, key=abs)


async def _read_iec(link: TcpLink, _meter: Meter) -> tuple[Reading, ...]:
    identity = await converse(link, identify())
    readings = [Reading("meter_type", _model(identity))]
    for name, make in ((_SERIAL_NUMBER, _serial_reading), (_ENERGY, _energy_readings)):
        try:
            data = await converse(link, read_once(name))
        except (IecError, DecodeError, LinkLostError) as error:
            _LOGGER.info("%s: %s cannot be read: %s", link.url, name, error)
            if link.closed:
                break
            continue
        readings += make(data.values)
    return tuple(readings)


def _model(identity: Identity) -> str:
    return MODELS.get(identity.platform or "", identity.model)


def _serial_reading(values: tuple[str, ...]) -> list[Reading]:
    return [Reading("meter_serial", values[0])] if values and values[0] else []


def _energy_readings(values: tuple[str, ...]) -> list[Reading]:
    """Return the total and the tariffs of a reply in kWh; a value that is no number is left out."""
    readings = []
    for tariff, value in zip(_TARIFFS, values, strict=False):
        if _NUMBER.fullmatch(value):
            readings.append(Reading(f"energy_import{tariff}_kwh", float(value)))
    return readings


def _serial_by_iec() -> Dialogue[str | None]:
    yield from identify()
    data = yield from read_once(_SERIAL_NUMBER)
    return data.values[0] if data.values else None


def _serial_by_dlms() -> Dialogue[str | None]:
    association = yield from associate(Client.public())
    return (yield from extended_status(association)).serial_number
