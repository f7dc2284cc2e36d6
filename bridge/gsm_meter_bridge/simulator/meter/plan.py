"""The meter behind a simulated module: what it holds, and one of its ends for each connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Protocol

from gsm_meter_bridge.dlms import Keys
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.gsm import ServingCell
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret

_PUBLIC, _READER = 16, 32
_TOTAL = "energy_import_kwh"


class MeterEnd(Protocol):
    """A meter's side of one connection."""

    def feed(self, octets: bytes) -> bytes:
        """Return what it answers to `octets`, in any cut."""
        ...


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """A meter that speaks DLMS and IEC 62056-21.

    `energies_kwh` are totals by the names of `dlms.ENERGIES`. Without `password` only what is public can be
    read. `operator` None: it has no GSM diagnostic (class 47); `signal_csq` as in AT+CSQ, 0 to 31.
    """

    serial_number: str = "009000000000101"
    energies_kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({_TOTAL: 1834.459}))
    password: Secret | None = None
    operator: str | None = None
    signal_csq: int = 20
    ip: str | None = None

    def end(self, clock: Callable[[], datetime]) -> MeterEnd:
        """Return its side of a new connection; `clock` tells its time with its zone."""
        return _Ends(DlmsMeter(self._values(clock()), self._setup()), self._iec(), clock)

    def _values(self, now: datetime) -> MeterValues:
        return MeterValues(
            now,
            self.serial_number,
            energies_wh={name: round(kwh * 1000) for name, kwh in self.energies_kwh.items()},
            ip=None if self.ip is None else IPv4Address(self.ip),
            gsm=None if self.operator is None else self._gsm(self.operator),
        )

    def _gsm(self, operator: str) -> SimulatedGsm:
        return SimulatedGsm(
            operator=operator, cell=ServingCell(70001, self.signal_csq, 4321, 0, 250, 99, 1300)
        )

    def _setup(self) -> MeterSetup:
        accounts = {_PUBLIC: Account()}
        if self.password is not None:
            accounts[_READER] = Account(Mechanism.LLS, Keys(self.password))
        return MeterSetup(accounts)

    def _iec(self) -> IecMeter:
        total = self.energies_kwh.get(_TOTAL)
        told = {"SNUMB": (self.serial_number,)}
        if total is not None:
            told["ET0PE"] = (f"{total:.5f}",)
        return IecMeter(self.password or Secret(""), told, address=self.serial_number[-9:])


class _Ends:
    """Hears everything with both protocols: what is one's frame is noise to the other."""

    def __init__(self, dlms: DlmsMeter, iec: IecMeter, clock: Callable[[], datetime]) -> None:
        self._dlms, self._iec, self._clock = dlms, iec, clock

    def feed(self, octets: bytes) -> bytes:
        self._dlms.values = replace(self._dlms.values, clock=self._clock())
        return self._dlms.feed(octets) + self._iec.feed(octets)
