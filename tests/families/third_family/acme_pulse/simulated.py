"""A simulated Acme Pulse."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from gsm_meter_bridge.model import SimulatedReply, SimulatedTcp, simulated_state
from gsm_meter_bridge.vocabulary import Scalar
from gsm_meter_bridge.yaml_file.checks import Validator, flag

_FACTORY: Mapping[str, Scalar] = {
    "signal_dbm": -71,
    "battery_mv": 3600,
    "tamper": False,
    "imei": "861234567890123",
    "firmware": "2.0",
    "apn": "internet",
    "report_period_min": 60,
    "led": "auto",
    "ftp_password": "",
    "owner.0": "",
    "owner.1": "",
}
_WRITES = {
    "APN": ("apn", "[a-z0-9.]{0,30}"),
    "PERIOD": ("report_period_min", "[0-9]{1,4}"),
    "LED": ("led", "auto|off"),
    "FTP": ("ftp_password", "[a-z0-9.]{0,10}"),
    "OWNER0": ("owner.0", r"(?:\+[0-9]{11})?"),
    "OWNER1": ("owner.1", r"(?:\+[0-9]{11})?"),
}


class SimulatedPulse:
    """One module; `faults`: silent, jammed (it measures no signal)."""

    FAULTS: ClassVar[Mapping[str, Validator]] = MappingProxyType({"jammed": flag})

    def __init__(self, password: str, values: Mapping[str, Scalar], faults: Mapping[str, Scalar]) -> None:
        self._password, self._faults = password, faults
        self._values = simulated_state(_FACTORY, values)
        if faults.get("jammed"):
            self._values["signal_dbm"] = -113

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        password, sign, command = text.partition("#")
        if not sign or password != self._password or self._faults.get("silent"):
            return ()
        return (SimulatedReply(self._result(command), 0.0),)

    def _result(self, command: str) -> str:
        v = self._values
        match command:
            case "STATUS":
                return f"RSSI {v['signal_dbm']};BATT {v['battery_mv']};TAMPER {int(bool(v['tamper']))}"
            case "CONFIG":
                settings = ";".join(
                    f"{w} {v[n]}" for w, (n, _) in _WRITES.items() if not w.startswith("OWNER")
                )
                return f"IMEI {v['imei']};FW {v['firmware']};{settings}"
            case "OWNERS":
                return f"OWNER0 {v['owner.0']};OWNER1 {v['owner.1']}"
            case "BLINK":
                return "OK"
        return self._write(command)

    def _write(self, command: str) -> str:
        word, _, value = command.partition(" ")
        if word not in _WRITES:
            return "ERR 1"
        name, form = _WRITES[word]
        if re.fullmatch(form, value) is None:
            return "ERR 2"
        if name == "report_period_min" and not 5 <= int(value) <= 1440:
            return "ERR 2"
        self._values[name] = int(value) if name == "report_period_min" else value
        return "OK"

    def power_on(self, sim: Mapping[int, bytes], remove: Callable[[int], None]) -> None:
        """Leave the SIM as it is."""

    def state(self) -> Mapping[str, Scalar]:
        return self._values

    def codes(self) -> Mapping[str, str]:
        return {}

    def tcp(self, now_s: float, clock: datetime) -> SimulatedTcp:
        return None

    def greeting(self, clock: datetime) -> bytes:
        return b""

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Nothing: it has no connections."""

    def called(self, number: str) -> None:
        """Nothing: it takes no calls."""

    def data_called(self, number: str, now_s: float) -> float | None:
        return None

    def data_call_ended(self) -> None:
        """Nothing: it takes no calls."""


SIMULATED = SimulatedPulse
