"""Memory of a simulated LERS GSM Mini, with its replies and setters (clauses 4.3.1 to 4.3.16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gsm_meter_bridge.model import simulated_state
from gsm_meter_bridge.vocabulary import Scalar

SERVERS, ENTRIES = "01", "0123456789"
SETTINGS: Mapping[str, Scalar] = {
    "apn": "",
    "apn_user": "",
    "apn_password": "",
    "serial_port": "9600,8,N,1",
    "reboot_period_min": 0,
    "csd_idle_timeout_s": 60,
    **{f"server.{n}.address": "" for n in SERVERS},
    **{f"server.{n}.enabled": False for n in SERVERS},
    **{f"server.{n}.{kind}.{x}": "" for n in SERVERS for kind in ("rule", "white_list") for x in ENTRIES},
    **{f"white_list.{x}": "" for x in ENTRIES},
}
_FACTORY: Mapping[str, Scalar] = {
    "model": "LERS GSM Mini",
    "serial_number": "00001",
    "firmware": "M1.1.0",
    "imei": "865374036612912",
    "signal_dbm": -71,
    **SETTINGS,
}
_PORT = re.compile(
    r"(?:300|600|1200|2400|3600|4800|9600|19200|38400|57600|115200),[5-8],[NEO],[12](?:,0,0)?", re.IGNORECASE
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
RULE = re.compile(rf"{_TIME}-{_TIME}(?:,[0-9]{{1,4}})?")
NUMBER = re.compile(r"\+[0-9]{11}")


class ModuleMemory:
    """Settings and state by vocabulary name; a setter returns whether it accepted the value."""

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        self.values: dict[str, Any] = simulated_state(_FACTORY, values)

    def restore(self) -> None:
        """Reset the settings to the factory's (clause 4.3.14)."""
        self.values |= SETTINGS

    def obeys(self, sender: str) -> bool:
        """Return whether the module obeys `sender` (clause 4.3.15): all senders if the list is empty."""
        numbers = [self.values[f"white_list.{x}"] for x in ENTRIES]
        return not any(numbers) or sender in numbers

    def info(self) -> str:
        """Return the reply of clause 4.3.1; the percentage fits both samples of the manual."""
        v = self.values
        percent = min(100, max(0, 2 * (int(v["signal_dbm"]) + 101)))
        return (
            f"{v['model']}\r\nSN: {v['serial_number']}\r\nFW: {v['firmware']}\r\nIMEI: {v['imei']}\r\n"
            f"Signal level: {v['signal_dbm']}dBm ({percent}%)"
        )

    def apn(self) -> str:
        """Return the reply of clause 4.3.10."""
        v = self.values
        return f"APN: {v['apn']}\r\nUSR: {v['apn_user']}\r\nPSW: {v['apn_password']}"

    def set_apn(self, value: str) -> bool:
        """Set the APN (clause 4.3.10): what is left out becomes empty (B33)."""
        apn, user, password = [*value.split(","), "", ""][:3]
        self.values |= {"apn": apn, "apn_user": user, "apn_password": password}
        return True

    def set_port(self, value: str) -> bool:
        """Set the serial port (clause 4.3.2); of six fields the last two are dropped (B9)."""
        if _PORT.fullmatch(value) is None:
            return False
        self.values["serial_port"] = ",".join(value.upper().split(",")[:4])
        return True

    def set_number(self, value: str, name: str, least: int, most: int) -> bool:
        """Set a number from `least` to `most`, or 0."""
        if not re.fullmatch(r"[0-9]{1,6}", value) or not (least <= int(value) <= most or int(value) == 0):
            return False
        self.values[name] = int(value)
        return True

    def server(self, n: str) -> str:
        """Return a server's reply of clause 4.3.3."""
        v = self.values
        rules, numbers = (
            sum(bool(v[f"server.{n}.{kind}.{x}"]) for x in ENTRIES) for kind in ("rule", "white_list")
        )
        enabled = int(v[f"server.{n}.enabled"])
        lines = (f"Server: {v[f'server.{n}.address']}", f"Enabled: {enabled}", f"Rules: {rules}")
        return "\r\n".join((*lines, f"White-list: {numbers}"))

    def delete_server(self, value: str, n: str) -> bool:
        """Delete a server (clause 4.3.3): `Sn=` without a value."""
        if value:
            return False
        self.values |= {k: v for k, v in SETTINGS.items() if k.startswith(f"server.{n}.")}
        return True

    def set_address(self, value: str, n: str) -> bool:
        """Set a server's address (clause 4.3.4)."""
        if re.fullmatch(r"[\w.-]+:[0-9]{1,5}", value) is None:
            return False
        self.values[f"server.{n}.address"] = value
        return True

    def set_enabled(self, value: str, n: str) -> bool:
        """Enable or disable a server (clause 4.3.5)."""
        if value in ("0", "1"):
            self.values[f"server.{n}.enabled"] = value == "1"
        return value in ("0", "1")

    def entries(self, heading: str, prefix: str) -> str:
        """Return a whole list, empty entries included."""
        lines = (f"{x}: {self.values[f'{prefix}.{x}']}".rstrip() for x in ENTRIES)
        return "\r\n".join((f"{heading}:", *lines))

    def set_entry(self, value: str, name: str, allowed: re.Pattern[str]) -> bool:
        """Set one entry of a list; an empty value deletes it."""
        value = value.replace(" ", "")
        if value and allowed.fullmatch(value) is None:
            return False
        self.values[name] = value
        return True

    def set_entries(self, value: str, prefix: str, allowed: re.Pattern[str]) -> bool:
        """Set a whole list; an empty value deletes it."""
        values = value.replace(" ", "").split(",") if value else []
        if len(values) > 10 or not all(allowed.fullmatch(v) for v in values):
            return False
        self.values |= {f"{prefix}.{x}": "" for x in ENTRIES}
        self.values |= {f"{prefix}.{x}": v for x, v in enumerate(values)}
        return True

    def set_white_list_entry(self, value: str, x: str) -> bool:
        """Set an entry of the white list (4.3.15); `W0=` with several numbers sets the whole list (B18)."""
        if x == "0" and "," in value:
            return self.set_entries(value, "white_list", NUMBER)
        return self.set_entry(value, f"white_list.{x}", NUMBER)

    def value(self, name: str) -> str:
        """Return one value without a label."""
        return str(self.values[name])
