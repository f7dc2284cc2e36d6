"""Table 4.1 for a simulated LERS GSM Mini: command names, and what each reads and writes."""

from __future__ import annotations

import re
from collections.abc import Callable

from gsm_meter_bridge.families.lers_gsm_mini.simulated.memory import NUMBER, RULE, SERVERS, ModuleMemory

_Read = Callable[..., str] | None
_Write = Callable[..., bool] | None
_N, _X = "([01])", r"([0-9])"

# Table 4.1: long words and their short forms; clause 4.3.13 for RESET and RESTART.
_REPLIES = {
    "APN": "A",
    "INFO": "I",
    "DISCONNECT": "D",
    "PORT": "P",
    "REBOOTPERIOD": "RP",
    "RESET": "REBOOT",
    "RESTART": "REBOOT",
    "SERVER": "S",
    "TIMEOUT": "T",
    "WHITELIST": "W",
}
_PARTS = (
    ("^CONNECT", "C"),
    ("^SERVER", "S"),
    ("WHITELIST", "W"),
    ("RULE", "R"),
    ("ENABLED?$", "E"),
    ("SERVER$", "S"),
)


def short(name: str) -> str:
    """Return the short form of a command's name."""
    if name in _REPLIES:
        return _REPLIES[name]
    if re.search(r"[0-9]", name):
        for part, letter in _PARTS:
            name = re.sub(part, letter, name)
    return name


def find(name: str) -> tuple[_Read, _Write, tuple[str, ...]]:
    """Return how a command reads and writes the memory (None: it does not), and its indexes."""
    for pattern, read, write in _COMMANDS:
        found = re.fullmatch(pattern, name)
        if found is not None:
            return read, write, found.groups()
    return None, None, ()


_COMMANDS: tuple[tuple[str, _Read, _Write], ...] = (
    ("A", ModuleMemory.apn, ModuleMemory.set_apn),
    ("I", ModuleMemory.info, None),
    ("P", lambda m: f"PORT: {m.value('serial_port')}", ModuleMemory.set_port),
    (
        "RP",
        lambda m: m.value("reboot_period_min"),
        lambda m, v: m.set_number(v, "reboot_period_min", 5, 600_000),
    ),
    ("S", lambda m: "\r\n".join(f"{n}: {m.value(f'server.{n}.address')}" for n in SERVERS), None),
    (f"S{_N}", ModuleMemory.server, ModuleMemory.delete_server),
    (f"S{_N}S", lambda m, n: m.value(f"server.{n}.address"), ModuleMemory.set_address),
    (
        f"S{_N}E",
        lambda m, n: f"Enabled: {int(m.values[f'server.{n}.enabled'])}",
        ModuleMemory.set_enabled,
    ),
    (
        f"S{_N}R",
        lambda m, n: m.entries("Rules", f"server.{n}.rule"),
        lambda m, v, n: not v and m.set_entries(v, f"server.{n}.rule", RULE),
    ),
    (
        f"S{_N}R{_X}",
        lambda m, n, x: m.value(f"server.{n}.rule.{x}"),
        lambda m, v, n, x: m.set_entry(v, f"server.{n}.rule.{x}", RULE),
    ),
    (
        f"S{_N}W",
        lambda m, n: m.entries("White list", f"server.{n}.white_list"),
        lambda m, v, n: m.set_entries(v, f"server.{n}.white_list", NUMBER),
    ),
    (
        f"S{_N}W{_X}",
        lambda m, n, x: f"White list {x}: {m.value(f'server.{n}.white_list.{x}')}",
        lambda m, v, n, x: m.set_entry(v, f"server.{n}.white_list.{x}", NUMBER),
    ),
    (
        "T",
        lambda m: f"Timeout CSD: {m.value('csd_idle_timeout_s')} sec",
        lambda m, v: m.set_number(v, "csd_idle_timeout_s", 5, 600),
    ),
    (
        "W",
        lambda m: m.entries("SMS and CSD white list", "white_list"),
        lambda m, v: not v and m.set_entries(v, "white_list", NUMBER),
    ),
    (
        f"W{_X}",
        lambda m, x: f"SMS white list {x}:\r\n{m.value(f'white_list.{x}')}",
        ModuleMemory.set_white_list_entry,
    ),
)
