"""Reading a meter: important values first; values known from the last poll are not read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from gsm_meter_bridge.dialogue import Dialogue
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
from gsm_meter_bridge.dlms.status import (
    ENERGIES,
    LOGICAL_DEVICE_NAME,
    METER_CLOCK,
    SERIAL_NUMBER,
    ExtendedStatus,
    GsmDiagnostic,
    UnreadObject,
)
from gsm_meter_bridge.dlms.times import CosemTime
from gsm_meter_bridge.errors import DecodeError, ReadRefusedError

T = TypeVar("T")

_DENIED, _ABSENT = (3, 13), (4, 9, 11)
"""Results that are no problem for an object read by name alone; the second ones end reading it."""

_ONE_OF_A_KIND = (IPV4_SETUP, GPRS_SETUP, GSM_DIAGNOSTIC)
_WANTED = frozenset(
    {
        *((DATA, name) for name in (SERIAL_NUMBER, LOGICAL_DEVICE_NAME)),
        (CLOCK, METER_CLOCK),
        *((kind, name) for kind in (REGISTER, EXTENDED_REGISTER) for name in ENERGIES.values()),
    }
)
BY_NAME = (
    ObjectEntry(DATA, 0, SERIAL_NUMBER),
    *(ObjectEntry(REGISTER, 0, name) for name in ENERGIES.values()),
    ObjectEntry(CLOCK, 0, METER_CLOCK),
    ObjectEntry(IPV4_SETUP, 0, Obis.parse("0.0.25.1.0")),
    ObjectEntry(GPRS_SETUP, 0, Obis.parse("0.0.25.4.0")),
    ObjectEntry(GSM_DIAGNOSTIC, 1, Obis.parse("0.0.25.6.0")),
)
"""Objects of SPODES meters, read by name if the meter lists nothing."""

OnStatus = Callable[[ExtendedStatus], None]
"""Called with all values read so far each time there are more, because the link may break."""


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """What does not change from poll to poll: the objects to read, and their scalers.

    `objects` None: the meter's objects are not known yet. `serial`: the meter's serial number.
    """

    serial: str | None = None
    objects: tuple[ObjectEntry, ...] | None = None
    scalers: Mapping[Obis, ScalerUnit] = field(default_factory=lambda: MappingProxyType({}))


def serial_number(association: Association) -> Dialogue[str | None]:
    """Return a meter's serial number, read by name alone; None if the meter does not give it."""
    reading = _Reading(association, BY_NAME)
    yield from reading.serial()
    return reading.status.serial_number


RestOfPoll = Callable[[], Dialogue[None]]
"""A later read of the object list and of the values found only by it."""


def poll(association: Association, known: KnownObjects, on_status: OnStatus) -> Dialogue[RestOfPoll | None]:
    """Read the serial number, then energy, then the clock, then the rest.

    If the meter's objects are not known, or another meter answers, objects are read by name; the returned
    function then reads the object list, which is long. If the meter refuses the list, the objects that
    answered replace it. `on_status` is called after each value. Raises MeterLinkError.
    """
    reading = _Reading(association, known.objects or BY_NAME, dict(known.scalers), on_status)
    reading.by_name = known.objects is None
    yield from reading.serial()
    if known.serial is not None and reading.status.serial_number not in (None, known.serial):
        reading = _Reading(association, BY_NAME, {}, on_status, reading.status)
        reading.by_name = True
    if not reading.by_name:
        reading.note(objects=known.objects)
    yield from reading.energies()
    yield from reading.clock()
    yield from reading.network()
    yield from reading.diagnostic(whole=False)
    if not reading.by_name:
        return None
    reading.note(objects=tuple(o for o in BY_NAME if o in reading.answered))
    return lambda: _learn(reading)


def extended_status(
    association: Association, objects: tuple[ObjectEntry, ...] | None = None
) -> Dialogue[ExtendedStatus]:
    """Return the meter's ExtendedStatus; `objects` is its object list, if it was read before.

    An object that is listed but cannot be read becomes an UnreadObject. Raises MeterLinkError and those of
    `object_list`.
    """
    listed = objects if objects is not None else (yield from object_list(association))
    reading = _Reading(association, listed)
    reading.note(objects=listed)
    name = yield from reading.one(reading.find((DATA,), LOGICAL_DEVICE_NAME), 2, lambda data: data.text)
    reading.note(logical_device_name=name)
    yield from reading.serial()
    yield from reading.clock()
    yield from reading.network()
    yield from reading.diagnostic(whole=True)
    yield from reading.energies()
    return reading.status


def _learn(reading: _Reading) -> Dialogue[None]:
    """Read the object list, and the values that were not found by name."""
    try:
        listed = yield from object_list(reading.association)
    except (ReadRefusedError, DecodeError):
        return  # the objects that answered are known
    reading.objects = tuple(o for o in wanted(listed) if o not in reading.answered)
    reading.by_name = False
    yield from reading.serial()
    yield from reading.energies()
    yield from reading.clock()
    yield from reading.network()
    if reading.status.gsm is None:
        yield from reading.diagnostic(whole=False)
    reading.note(objects=tuple(wanted(listed)))


def wanted(objects: Iterable[ObjectEntry]) -> Iterable[ObjectEntry]:
    """Yield the objects of a list that a poll reads: a few of many hundred."""
    return (o for o in objects if (o.class_id, o.obis) in _WANTED or o.class_id in _ONE_OF_A_KIND)


class _Reading:
    """Reads the objects' values, and notes failures; `by_name`: the objects are assumed, not listed."""

    def __init__(
        self,
        association: Association,
        objects: Sequence[ObjectEntry],
        scalers: dict[Obis, ScalerUnit] | None = None,
        on_status: OnStatus = lambda _: None,
        status: ExtendedStatus | None = None,
    ) -> None:
        self.association, self.objects = association, objects
        self.status = status or ExtendedStatus()
        self.by_name = False
        self.answered: set[ObjectEntry] = set()
        self._absent: set[ObjectEntry] = set()
        self._scalers = scalers or {}
        self._on_status = on_status

    def note(self, **changes: Any) -> None:
        """Add to the values read so far."""
        self.status = replace(self.status, **changes, scalers=MappingProxyType(dict(self._scalers)))
        self._on_status(self.status)

    def find(self, class_ids: Sequence[int], obis: Obis | None = None) -> ObjectEntry | None:
        """Return the first listed object of one of the classes, by name if one is given."""
        found = (o for o in self.objects if o.class_id in class_ids and obis in (None, o.obis))
        return min(found, key=lambda entry: entry.obis, default=None)

    def one(self, entry: ObjectEntry | None, index: int, take: Callable[[Data], T]) -> Dialogue[T | None]:
        """Return an object's attribute; None if there is no such object, or it cannot be read.

        A number too large to compute with (a scaler of 10**18) counts as one that cannot be decoded.
        """
        if entry is None or entry in self._absent:
            return None
        attribute = Attribute(entry.class_id, entry.obis, index)
        try:
            data = yield from read(self.association, attribute)
            self.answered.add(entry)
            return take(data)
        except ReadRefusedError as error:
            if self.by_name and error.result in _ABSENT:
                self._absent.add(entry)
            if not self.by_name or error.result not in (*_ABSENT, *_DENIED):
                self._problem(attribute, str(error), refused=True)
        except DecodeError as error:
            self._problem(attribute, str(error))
        except (ArithmeticError, ValueError, LookupError, TypeError) as error:
            self._problem(attribute, f"makes no sense ({type(error).__name__})")
        return None

    def _problem(self, attribute: Attribute, message: str, *, refused: bool = False) -> None:
        self.note(problems=(*self.status.problems, UnreadObject(attribute, message, refused)))

    def serial(self) -> Dialogue[None]:
        """Read the serial number unless it is known already."""
        if self.status.serial_number is None:
            entry = self.find((DATA,), SERIAL_NUMBER)
            self.note(serial_number=(yield from self.one(entry, 2, _serial_number)))

    def clock(self) -> Dialogue[None]:
        """Read the clock."""
        if self.status.clock is None:
            self.note(clock=(yield from self.one(self.find((CLOCK,), METER_CLOCK), 2, CosemTime.of)))

    def energies(self) -> Dialogue[None]:
        """Read the registers of ENERGIES that exist and were not read yet."""
        for name, obis in ENERGIES.items():
            if name in self.status.energies_kwh:
                continue
            kwh = yield from self._energy(obis)
            if kwh is not None:
                self.note(energies_kwh=MappingProxyType({**self.status.energies_kwh, name: kwh}))

    def _energy(self, obis: Obis) -> Dialogue[float | None]:
        entry = self.find((REGISTER, EXTENDED_REGISTER), obis)
        scaler_unit = self._scalers.get(obis)
        if scaler_unit is None:
            scaler_unit = yield from self.one(entry, 3, ScalerUnit.of_energy)
        if scaler_unit is None:
            return None
        self._scalers[obis] = scaler_unit
        return (yield from self.one(entry, 2, lambda data: Register.of(data, scaler_unit).kwh))

    def network(self) -> Dialogue[None]:
        """Read IP address and access point name of the meter's own modem."""
        if self.status.ip is None:
            self.note(ip=(yield from self.one(self.find((IPV4_SETUP,)), 3, take_ipv4)))
        if self.status.apn is None:
            self.note(apn=(yield from self.one(self.find((GPRS_SETUP,)), 2, lambda data: data.text)))

    def diagnostic(self, *, whole: bool) -> Dialogue[None]:
        """Read the first object of class 47: the values to publish, or all if `whole`."""
        entry = self.find((GSM_DIAGNOSTIC,))
        if entry is None:
            return
        diagnostic = GsmDiagnostic(entry.version)
        for name, (index, take) in _diagnostic(entry.version, whole=whole).items():
            found: Any = yield from self.one(entry, index, take)
            if found is not None:
                diagnostic = replace(diagnostic, **{name: found})
            if entry in self.answered:
                self.note(gsm=diagnostic)


def _serial_number(data: Data) -> str | None:
    """Return a serial number; None for blank memory, which does not mean another meter."""
    is_blank = isinstance(data.value, bytes) and set(data.value) <= {0x00, 0x20, 0xFF}
    return None if is_blank else data.text or None


def _diagnostic(version: int, *, whole: bool) -> Mapping[str, tuple[int, Callable[[Data], Any]]]:
    """Return index and parser of the attributes of class 47, by names of GsmDiagnostic."""
    published: dict[str, tuple[int, Callable[[Data], Any]]] = {
        "operator": (gsm.OPERATOR, lambda data: data.text),
        "registration": (gsm.STATUS, gsm.take_registration),
        "ps_status": (gsm.PS_STATUS, lambda data: gsm.take_ps_status(data, version)),
        "cell": (gsm.CELL_INFO, gsm.take_cell_info),
    }
    rest: dict[str, tuple[int, Callable[[Data], Any]]] = {
        "cs_attachment": (gsm.CS_ATTACHMENT, gsm.take_cs_attachment),
        "adjacent_cells": (gsm.ADJACENT_CELLS, gsm.take_adjacent_cells),
        "captured_at": (gsm.CAPTURE_TIME, CosemTime.of),
    }
    return {**published, **rest} if whole else published
