"""A simulated GS04: the text commands of clause 9, written independently from the manual.

Choices where the manual is silent: a wrong password is not answered, a bad value is answered with
`ERROR 0x05`, an unknown command with `ERROR 0x06` (codes of appendix A). STATUS, IMEI, IP and ICCID are
those of the profile `assumed_status`, the binary frame that of `gs01_binary`; no vendor document has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.families.energomera_gs04.simulated.frame import parse
from gsm_meter_bridge.model import (
    CodeTable,
    SimulatedDial,
    SimulatedListen,
    SimulatedReply,
    SimulatedTcp,
    simulated_state,
)
from gsm_meter_bridge.vocabulary import Scalar
from gsm_meter_bridge.yaml_file.checks import Validator

# Clause 6, Table 2: the factory settings; below them the values of a module without faults.
_FACTORY: Mapping[str, Scalar] = {
    "mode": "sms",
    "apn": "internet",
    "apn_user": "",
    "apn_password": "",
    "server_host": "",
    "server_port": 8000,
    "connect_period_s": 300,
    "idle_restart_period_h": 24,
    "meter_type": "CE308",
    "meter_serial": "000011223344556",
    "imei": "861234567890123",
    "iccid": "8970100000000000001",
    "ip": "10.20.30.40",
    "firmware": "c1.0v1.4.8420.1.1.1",
    "signal_dbm": -71,
    "band": "lte_7",
    "registration": "home",
    "gprs": "registered_at_cenc",
    "meter_link": "ok",
    "sim": True,
    "internet": True,
    "tcp": True,
    "cenc": "registered",
}
_CODED: Mapping[str, CodeTable] = {
    "mode": tables.MODE,
    "band": tables.BAND,
    "registration": tables.REGISTRATION,
    "gprs": tables.GPRS_STATE,
    "meter_link": tables.METER_LINK,
    "cenc": tables.CENC_STATE,
}
_BAD_VALUE, _BAD_COMMAND = "ERROR 0x05", "ERROR 0x06"


def _text(longest: int, *, dash_empties: bool = False) -> Callable[[str], Scalar]:
    def check(value: str) -> Scalar:
        if len(value) > longest:
            raise ValueError(value)
        return "" if dash_empties and value == "-" else value

    return check


def _number(least: int, most: int) -> Callable[[str], Scalar]:
    def check(value: str) -> Scalar:
        if not least <= int(value) <= most:
            raise ValueError(value)
        return int(value)

    return check


def _mode(value: str) -> Scalar:
    if value not in tables.MODE.rows:
        raise ValueError(value)
    return tables.MODE.rows[value]


# Clauses 9.2 to 9.9: command to setting and the check of its one parameter.
_COMMANDS: Mapping[str, tuple[str, Callable[[str], Scalar]]] = {
    "MODE": ("mode", _mode),
    "APN": ("apn", _text(50)),
    "USER": ("apn_user", _text(32, dash_empties=True)),
    "PSW": ("apn_password", _text(32, dash_empties=True)),
    "DNS": ("server_host", _text(50)),
    "PORT": ("server_port", _number(1, 65535)),
    "TIMEOUT": ("connect_period_s", _number(60, 65535)),
    "RESET": ("idle_restart_period_h", _number(1, 24)),
}


class SimulatedGs04:
    """One simulated module.

    `faults`: silent, delay_s (each reply), duplicate, restart_s (after a change of mode), tcp_speed (divides
    the waits before the next connection).
    """

    FAULTS: ClassVar[Mapping[str, Validator]] = MappingProxyType({})

    def __init__(self, password: str, values: Mapping[str, Scalar], faults: Mapping[str, Scalar]) -> None:
        self._password = password
        self._values: dict[str, Any] = simulated_state(_FACTORY, values, _CODED)
        self._faults = faults
        self._restarts_until_s = self._not_before_s = float("-inf")
        self._empty_sim: Callable[[], None] = lambda: None

    def power_on(self, sim: Mapping[int, bytes], remove: Callable[[int], None]) -> None:
        """Apply the settings on a Master SIM (clause 6.4.2), if they are in frames of `gs01_binary`."""
        masters = {place: frame for place, octets in sim.items() if (frame := parse(octets)) is not None}
        for _, frame in sorted(masters.items()):
            self._take(*frame, float("-inf"))

        def empty() -> None:
            while masters:
                remove(masters.popitem()[0])

        self._empty_sim = empty

    def tcp(self, now_s: float, clock: datetime) -> SimulatedTcp:
        """Return the connection that its mode requires (clause 4); None while it restarts."""
        if now_s < self._restarts_until_s:
            return None
        host, port = self._values["server_host"], self._values["server_port"]
        match self._values["mode"]:
            case "server":
                return SimulatedListen(port)
            case "client" | "client_cenc" if host and now_s >= self._not_before_s:
                return SimulatedDial(host, port)
        return None

    def greeting(self, clock: datetime) -> bytes:
        """Return nothing: it sends no packet of its own; its protocol for CE Net-Connection is not known."""
        return b""

    def disconnected(self, now_s: float, *, reached: bool) -> None:
        """Connect again after the configured period (clause 9.8)."""
        self._not_before_s = now_s + self._values["connect_period_s"] / float(
            self._faults.get("tcp_speed", 1)
        )

    def called(self, number: str) -> None:
        """Do nothing: the manual describes no calls."""

    def data_called(self, number: str, now_s: float) -> None:
        """Reject the call: the manual describes none."""

    def data_call_ended(self) -> None:
        """Do nothing: the module accepts no calls."""

    def state(self) -> Mapping[str, Scalar]:
        """Return the true values by vocabulary name."""
        return dict(self._values)

    def codes(self) -> Mapping[str, str]:
        """Return the status octet (appendix A), the groups of Table 6 and the digit of the mode (9.2)."""
        return {
            "octet": f"{self._octet():02X}",
            "group_1": self._group_1(),
            "group_2": self._group_2(),
            "mode_digit": tables.MODE.code_of(self._values["mode"]),
        }

    def receive(
        self, sender: str, text: str, now_s: float, octets: bytes = b""
    ) -> tuple[SimulatedReply, ...]:
        """Return the replies to an SMS with the password from any sender; none while the module restarts."""
        if self._faults.get("silent") or now_s < self._restarts_until_s:
            return ()
        if (frame := parse(octets)) is not None:
            if self._take(*frame, now_s):
                self._empty_sim()
            return ()  # the reply to a frame is not known
        password, _, rest = text.strip().partition(" ")
        command, _, parameter = rest.partition(" ")
        if password != self._password:
            return ()
        body = self._answer(command.upper(), parameter, now_s)
        if body is None:
            return ()
        head = f"{self._values['meter_type']}\r\n{self._values['meter_serial']}\r\n"
        reply = SimulatedReply(head + body, float(self._faults.get("delay_s", 0)))
        return (reply, reply) if self._faults.get("duplicate") else (reply,)

    def _take(self, password: str, changes: list[tuple[str, str]], now_s: float) -> bool:
        """Apply `changes` if the password is right; return whether any was set."""
        done = [self._set(*change, now_s) for change in changes if password == self._password]
        return any(done)

    def _answer(self, command: str, parameter: str, now_s: float) -> str | None:
        if not command:
            return None
        assumed = self._assumed(command)
        if assumed is not None:
            return assumed
        word = next((w for w in _COMMANDS if len(command) >= 3 and w.startswith(command)), None)
        if word is None:
            return _BAD_COMMAND
        if parameter:
            if not self._set(word, parameter, now_s):
                return _BAD_VALUE
            self._empty_sim()  # clause 6.4.2
        return self._block(word)

    def _set(self, word: str, parameter: str, now_s: float) -> bool:
        name, check = _COMMANDS[word]
        try:
            self._values[name] = check(parameter.partition(",")[0])
        except ValueError:
            return False
        if word == "MODE":
            self._restarts_until_s = now_s + float(self._faults.get("restart_s", 20))
        return True

    def _block(self, word: str) -> str:
        v = self._values
        match word:
            case "APN" | "USER" | "PSW":
                return f"APN: {v['apn']}\r\n{v['apn_user']}\r\n{v['apn_password']}"
            case "DNS" | "PORT":
                return f"DNS: {v['server_host']}:{v['server_port']}"
            case "MODE":
                return f"MODE: {tables.MODE.code_of(v['mode'])}"
            case _:
                return f"{word}: {v[_COMMANDS[word][0]]}"

    def _assumed(self, command: str) -> str | None:
        v = self._values
        if command == "STATUS":
            return (
                f"STATUS: {self._octet():02X} {self._group_1()} {self._group_2()}\r\nVERSION: {v['firmware']}"
            )
        if command in ("IMEI", "IP", "ICCID"):
            return f"{command}: {v[command.lower()]}"
        return None

    def _octet(self) -> int:
        v = self._values
        cenc = int(tables.CENC_STATE.code_of(v["cenc"]))
        return int(v["sim"]) | int(v["internet"]) << 1 | int(v["tcp"]) << 3 | cenc << 5

    def _group_1(self) -> str:
        v = self._values
        gprs, link = tables.GPRS_STATE.code_of(v["gprs"]), tables.METER_LINK.code_of(v["meter_link"])
        return f"{int(v['sim'])}{gprs}{link}"

    def _group_2(self) -> str:
        v = self._values
        csq = max(0, (int(v["signal_dbm"]) + 113) // 2)
        level = min(9, (csq + 1) // 3)
        return f"{tables.REGISTRATION.code_of(v['registration'])}{tables.BAND.code_of(v['band'])}{level}"


SIMULATED = SimulatedGs04
