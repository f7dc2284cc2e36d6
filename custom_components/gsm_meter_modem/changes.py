"""What each action asks of the bridge: fields of a request, from the call's data. Pure.

The names and values of settings are those of docs/mqtt.md; the ranges are the bridge's to check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

type Data = Mapping[str, Any]
type Known = frozenset[str]

ENTRIES = 10
"""Rules and numbers in a list of a module."""


def apn(data: Data, _: Known) -> dict[str, Any]:
    """APN, with what it is given of its user, password and authentication."""
    names = {
        "apn": "apn",
        "user": "apn_user",
        "password": "apn_password",
        "authentication": "apn_authentication",
    }
    return _settings({setting: data[name] for name, setting in names.items() if name in data})


def mode(data: Data, _: Known) -> dict[str, Any]:
    """Mode of a module."""
    return _settings({"mode": data["mode"]})


def server(data: Data, known: Known) -> dict[str, Any]:
    """Address of the server, in the form that the module's family has for it.

    Without a host, only the port: a module in the mode server listens there.
    """
    port = int(data["port"])
    if "host" not in data:
        return _settings({"server_port": port})
    host = data["host"]
    if "server_host" in known and "server" not in data and "enabled" not in data:
        return _settings({"server_host": host, "server_port": port})
    index = int(data.get("server", 0))
    changed: dict[str, Any] = {f"server.{index}.address": f"{host}:{port}"}
    if "enabled" in data:
        changed[f"server.{index}.enabled"] = data["enabled"]
    return _settings(changed)


def connect_period(data: Data, _: Known) -> dict[str, Any]:
    """How often a module connects."""
    return _settings({"connect_period_s": int(data["connect_period_s"])})


def idle_restart_period(data: Data, _: Known) -> dict[str, Any]:
    """After how long without a connection a module restarts."""
    return _settings({"idle_restart_period_h": int(data["idle_restart_period_h"])})


def serial_port(data: Data, _: Known) -> dict[str, Any]:
    """Serial port of a module, as speed,bits,parity,stop bits or a meter's name."""
    return _settings({"serial_port": data["serial_port"]})


def server_rule(data: Data, _: Known) -> dict[str, Any]:
    """When a module connects: HH:MM-HH:MM[,minutes]."""
    window = f"{data['start'][:5]}-{data['end'][:5]}"
    every = f",{int(data['every_min'])}" if "every_min" in data else ""
    return _settings({_rule(data): window + every})


def no_server_rule(data: Data, _: Known) -> dict[str, Any]:
    """The rule is deleted."""
    return _settings({_rule(data): ""})


def white_list(data: Data, _: Known) -> dict[str, Any]:
    """The whole list of numbers that a module obeys."""
    return _settings(_entries("white_list", data["numbers"]))


def server_white_list(data: Data, _: Known) -> dict[str, Any]:
    """The whole list of numbers that make a module connect to a server."""
    return _settings(_entries(f"server.{int(data.get('server', 0))}.white_list", data["numbers"]))


def access_password(data: Data, _: Known) -> dict[str, Any]:
    """The password that the module wants in every message."""
    return _settings({"access_password": data["password"]})


def server_index(data: Data, _: Known) -> dict[str, Any]:
    """Which server to connect to; without one, the bridge takes the one that is enabled."""
    return {"server": int(data["server"])} if "server" in data else {}


def settings(data: Data, _: Known) -> dict[str, Any]:
    """Settings as the contract names them."""
    return _settings(dict(data["settings"]))


def job(data: Data, _: Known) -> dict[str, Any]:
    """The job to give up."""
    return {"job": data["job"]}


def operation(name: str) -> Callable[[Data, Known], dict[str, Any]]:
    """What is done with a modem's memory or SIM, beside what it is given."""
    return lambda data, _: {"operation": name, **data}


def _settings(changed: dict[str, Any]) -> dict[str, Any]:
    return {"settings": changed}


def _rule(data: Data) -> str:
    return f"server.{int(data.get('server', 0))}.rule.{int(data['rule'])}"


def _entries(name: str, numbers: Iterable[str]) -> dict[str, str]:
    given = [*numbers]
    places = max(ENTRIES, len(given))
    return {f"{name}.{x}": given[x] if x < len(given) else "" for x in range(places)}
