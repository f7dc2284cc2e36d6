"""A simulated LERS GSM Mini: the setup SMS of clauses 4.2 and 4.3 that the bridge uses by now.

What the manual leaves open is chosen here: a wrong password and a text over 160 characters are met with
silence; the results of several commands come in one SMS, one below the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gsm_meter_bridge.family import SimulatedReply, simulated_state
from gsm_meter_bridge.vocabulary import Scalar

_FACTORY: Mapping[str, Scalar] = {
    "model": "LERS GSM Mini",
    "serial_number": "00001",
    "firmware": "M1.1.0",
    "imei": "865374036612912",
    "signal_dbm": -71,
    "apn": "",
    "apn_user": "",
    "apn_password": "",
}
_REBOOTING = "The controller is rebooting…"


class SimulatedGsmMini:
    """One modem; `faults`: silent, delay_s (each reply), duplicate, restart_s (after a reboot)."""

    def __init__(self, password: str, values: Mapping[str, Scalar], faults: Mapping[str, Scalar]) -> None:
        self._password = password
        self._values: dict[str, Any] = simulated_state(_FACTORY, values)
        self._faults = faults
        self._restarts_until_s = float("-inf")

    def state(self) -> Mapping[str, Scalar]:
        """Return the true values by vocabulary name."""
        return dict(self._values)

    def receive(self, sender: str, text: str, now_s: float) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS of anybody who knows the password; none while it restarts."""
        password, *commands = text.strip().split(";")
        if self._faults.get("silent") or password != self._password or now_s < self._restarts_until_s:
            return ()
        if len(text) > 160 or not commands:
            return ()
        body = "\r\n".join(self._result(command, now_s) for command in commands)
        reply = SimulatedReply(body, float(self._faults.get("delay_s", 0)))
        return (reply, reply) if self._faults.get("duplicate") else (reply,)

    def _result(self, command: str, now_s: float) -> str:
        name, is_write, value = command.partition("=")
        match name.upper(), bool(is_write):
            case ("I" | "INFO", False):
                return self._info()
            case ("A" | "APN", False):
                v = self._values
                return f"APN: {v['apn']}\r\nUSR: {v['apn_user']}\r\nPSW: {v['apn_password']}"
            case ("A" | "APN", True):
                apn, user, password = [*value.split(","), "", ""][:3]
                self._values |= {"apn": apn, "apn_user": user, "apn_password": password}
                return "Ok"
            case ("REBOOT" | "RESET" | "RESTART", False):
                self._restarts_until_s = now_s + float(self._faults.get("restart_s", 30))
                return _REBOOTING
            case _:
                return "Err"

    def _info(self) -> str:
        """Clause 4.3.1; the percentage fits both samples of the manual."""
        v = self._values
        percent = min(100, max(0, 2 * (int(v["signal_dbm"]) + 101)))
        return (
            f"{v['model']}\r\nSN: {v['serial_number']}\r\nFW: {v['firmware']}\r\nIMEI: {v['imei']}\r\n"
            f"Signal level: {v['signal_dbm']}dBm ({percent}%)"
        )


SIMULATED = SimulatedGsmMini
