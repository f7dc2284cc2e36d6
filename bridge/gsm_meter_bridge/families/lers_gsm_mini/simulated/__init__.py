"""A simulated LERS GSM Mini: the setup SMS of Table 4.1, written independently from the manual.

Choices where the manual is silent: a wrong password, a sender who is not in the white list and a text that
does not fit one SMS are not answered; the results of several commands come in one SMS, one below the other;
`W0=` with one number writes entry 0 (B18).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from gsm_meter_bridge.families.lers_gsm_mini.simulated.commands import find, short
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.families.lers_gsm_mini.simulated.memory import ModuleMemory
from gsm_meter_bridge.families.lers_gsm_mini.simulated.tcp import Connector
from gsm_meter_bridge.model import SimulatedDial, SimulatedReply
from gsm_meter_bridge.sms import is_single
from gsm_meter_bridge.vocabulary import Scalar
from gsm_meter_bridge.yaml_file.checks import Validator, decimal, flag, one_of

_FACTORY_PASSWORD = "1234"  # noqa: S105
_REBOOTING = "The controller is rebooting…"
# Clause 5.5: seconds after which the messages of an update come; the times between are the manual's.
_UPDATE = ((20.0, "Update file starts downloading…"), (2_700.0, "Update file downloaded. Update begins…"))


class SimulatedGsmMini:
    """One simulated module.

    `faults`: silent, delay_s (each reply), duplicate, apart (each result in an SMS of its own), turned (the
    last result first), longest_reply (characters, after which it is cut off), speechless (a reply with more
    characters is not sent), restart_s (after a reboot), err (every change is refused), refuse (the command
    that is refused), one_word (a message is refused with one `Err` for all), update (no_update, ftp_error,
    download_error; otherwise it succeeds), update_speed (times faster), tcp_speed (divides the waits before
    the next connection).
    """

    FAULTS: ClassVar[Mapping[str, Validator]] = MappingProxyType(
        {
            "err": flag,
            "update": one_of("no_update", "ftp_error", "download_error"),
            "update_speed": decimal(0.001, 1_000_000),
        }
    )

    def __init__(self, password: str, values: Mapping[str, Scalar], faults: Mapping[str, Scalar]) -> None:
        self._password = password
        self._memory = ModuleMemory(values)
        self._faults = faults
        self._connector = Connector(self._memory, float(faults.get("tcp_speed", 1)))
        self._away_until_s = float("-inf")
        self._in_data_call = False

    def tcp(self, now_s: float, clock: datetime) -> SimulatedDial | None:
        """Return the server to connect to; None while the module restarts, or is in a data call."""
        if now_s < self._away_until_s or self._in_data_call:
            return None
        return self._connector.wanted_dial(now_s, clock)

    def greeting(self, clock: datetime) -> bytes:
        """Return the identification packet."""
        return encode(self._memory.values, clock, self._connector.reason)

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Schedule the next connection."""
        self._connector.disconnected(now_s, reached=reached)

    def called(self, number: str) -> None:
        """Connect if the number is in a server's list."""
        self._connector.called(number)

    def data_called(self, number: str, now_s: float) -> float | None:
        """Connect if the number is in a server's list; accept the call of any other it obeys (5.2, 5.3).

        The TCP connection is closed then, and none is made until the call is over.
        """
        if now_s < self._away_until_s or self._connector.called(number) or not self._memory.obeys(number):
            return None
        self._connector.hang_up(now_s)
        self._in_data_call = True
        return float(self._memory.values["csd_idle_timeout_s"])

    def data_call_ended(self) -> None:
        """Allow connections again."""
        self._in_data_call = False

    def codes(self) -> Mapping[str, str]:
        """Return nothing: the replies of the manual have no codes."""
        return {}

    def power_on(self, sim: Mapping[int, bytes], remove: Callable[[int], None]) -> None:
        """Leave the SIM as it is: the manual describes no settings on it."""

    def state(self) -> Mapping[str, Scalar]:
        """Return the true values by vocabulary name."""
        return {**self._memory.values, "access_password": self._password}

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS of a sender it obeys; none while the module restarts."""
        password, *commands = text.strip().split(";")
        if self._faults.get("silent") or password != self._password or now_s < self._away_until_s:
            return ()
        if not is_single(text) or not commands or not self._memory.obeys(sender):
            return ()
        later: list[tuple[float, str]] = []
        results = [self._result(command, now_s, later) for command in commands]
        results = results[::-1] if self._faults.get("turned") else results
        bodies = results if self._faults.get("apart") else ["\r\n".join(results)]
        if self._faults.get("one_word") and "Err" in results:
            bodies = ["Err"]
        delay_s, longest = (
            float(self._faults.get("delay_s", 0)),
            int(self._faults.get("longest_reply", 100_000)),
        )
        most = int(self._faults.get("speechless", 100_000))
        first = [SimulatedReply(body[:longest], delay_s) for body in bodies if len(body) <= most]
        first *= 2 if self._faults.get("duplicate") else 1
        return (*first, *(SimulatedReply(reply_text, delay_s + after_s) for after_s, reply_text in later))

    def _result(self, command: str, now_s: float, later: list[tuple[float, str]]) -> str:
        name, is_write, value = command.partition("=")
        name = short(name.upper())
        if name == self._faults.get("refuse") and (is_write or find(name)[0] is None):
            return "Err"
        if is_write:
            return self._write(name, value)
        match name:
            case "D":
                self._connector.hang_up(now_s)
                return "OK"
            case _ if re.fullmatch(r"C[0-9]", name):
                return self._connector.connect(name[1])
            case "REBOOT":
                return self._reboot(now_s)
            case "RESTORE":
                self._memory.restore()
                self._password = _FACTORY_PASSWORD
                return f"The controller settings have been reset.\r\n{self._reboot(now_s)}"
            case "UPDATE":
                later.extend(self._update(now_s))
                return "Ok"
            case _:
                read, _, groups = find(name)
                return read(self._memory, *groups) if read is not None else "Err"

    def _write(self, name: str, value: str) -> str:
        if self._faults.get("err"):
            return "Err"
        if name == "PASSWORD":  # clause 4.3.11: spaces are removed
            self._password = value.replace(" ", "") or self._password
            return "Ok"
        _, write, groups = find(name)
        if write is None or not write(self._memory, value, *groups):
            return "Err"
        return "PORT: PORT WRITE: OK" if name == "P" else "Ok"

    def _reboot(self, now_s: float) -> str:
        self._away_until_s = now_s + float(self._faults.get("restart_s", 30))
        self._connector.restart()
        return _REBOOTING

    def _update(self, now_s: float) -> tuple[tuple[float, str], ...]:
        speed = float(self._faults.get("update_speed", 1))
        outcomes = {"ftp_error": "FTP-server error", "no_update": "No update required"}
        fault = str(self._faults.get("update", ""))
        if fault in outcomes:
            return ((_UPDATE[0][0] / speed, outcomes[fault]),)
        steps = _UPDATE if fault != "download_error" else (_UPDATE[0], (_UPDATE[1][0], "Downloading error"))
        self._away_until_s = now_s + (_UPDATE[1][0] + (390.0 if not fault else 0.0)) / speed
        if not fault:
            self._memory.values["firmware"] = "M1.2.0"
        return tuple((after_s / speed, text) for after_s, text in steps)


SIMULATED = SimulatedGsmMini
