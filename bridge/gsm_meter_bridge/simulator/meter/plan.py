"""The meter behind a simulated module: its values, and one endpoint for each connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Protocol

from gsm_meter_bridge.dlms import Attribute, Keys
from gsm_meter_bridge.dlms.acse import Mechanism
from gsm_meter_bridge.dlms.gsm import ServingCell
from gsm_meter_bridge.dlms.hdlc import HdlcAddress
from gsm_meter_bridge.dlms.objects import ASSOCIATION, ASSOCIATION_LN
from gsm_meter_bridge.iec62056.data import NAME_CHARS
from gsm_meter_bridge.iec62056.energy import NAMES, TOTALS, energy_requests
from gsm_meter_bridge.iec62056.messages import parse_identification
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret

_PUBLIC, _READER = 16, 32
_TOTAL = "energy_import_kwh"


class MeterEnd(Protocol):
    """A meter's side of one connection."""

    def feed(self, octets: bytes) -> bytes:
        """Return the answer to `octets`, however they are cut."""
        ...


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """A meter that supports DLMS and IEC 62056-21.

    `energies_kwh` are totals by the names of `dlms.ENERGIES`. Without `password` only public attributes can
    be read. `operator` None: it has no GSM diagnostic (class 47); `signal_csq` as in AT+CSQ, 0 to 31.

    By IEC it identifies as `iec_identity` and has the energy parameters of such a meter, with that many
    `decimals`, at `iec_address` (None: the serial number's last digits). `parity` even: IEC only, at 7E1.
    `object_list` false: no client may read the object list. After that many `answers` (None: no limit) it is
    silent.
    """

    serial_number: str = "009000000000101"
    energies_kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({_TOTAL: 1834.459}))
    password: Secret | None = None
    operator: str | None = None
    signal_csq: int = 20
    ip: str | None = None
    logical_device: int = 1
    address: int = 16
    iec_address: str | None = None
    iec_identity: str = r"/EMR5\2CE3080.10"
    decimals: int = 5
    parity: str = "none"
    object_list: bool = True
    answers: int | None = None

    def end(self, clock: Callable[[], datetime]) -> MeterEnd:
        """Return its side of a new connection; `clock` returns the meter's time with its zone."""
        dlms = DlmsMeter(self._values(clock()), self._setup()) if self.parity == "none" else None
        return _Ends(dlms, self._iec(clock()), clock, self.answers)

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
        denied = frozenset() if self.object_list else frozenset({Attribute(ASSOCIATION_LN, ASSOCIATION, 2)})
        return MeterSetup(accounts, HdlcAddress.server(self.logical_device, self.address), denied=denied)

    def _iec(self, now: datetime) -> IecMeter:
        total, *tariffs = (self.energies_kwh.get(name) for name in NAMES)
        shown = [f"{kwh or 0:.{self.decimals}f}" for kwh in (total, *tariffs)]
        dated = (f"{now:%d.%m.%y},{shown[0]}", *shown[1:])
        request = energy_requests(parse_identification(self.iec_identity))[0]
        values: dict[str, tuple[str, ...]] = {"SNUMB": (self.serial_number,)}
        if total is not None:
            values[request[:NAME_CHARS]] = tuple(shown) if request == TOTALS else dated
        return IecMeter(
            self.password or Secret(""),
            values,
            address=self.serial_number[-9:] if self.iec_address is None else self.iec_address,
            identity=self.iec_identity,
            even_parity=self.parity == "even",
        )


class _Ends:
    """Passes all data to both protocols: a frame of one is noise to the other."""

    def __init__(
        self, dlms: DlmsMeter | None, iec: IecMeter, clock: Callable[[], datetime], answers: int | None
    ) -> None:
        self._dlms, self._iec, self._clock, self._answers = dlms, iec, clock, answers

    def feed(self, octets: bytes) -> bytes:
        answer = self._iec.feed(octets)
        if self._dlms is not None:
            self._dlms.values = replace(self._dlms.values, clock=self._clock())
            answer = self._dlms.feed(octets) + answer
        if answer and self._answers is not None:
            self._answers -= 1
            return answer if self._answers >= 0 else b""
        return answer
