"""What each action asks of the bridge, and what is refused before anything is asked."""

from __future__ import annotations

from typing import Any

SURE = {"confirm": True}


def _list(name: str, *numbers: str) -> dict[str, str]:
    return {f"{name}.{x}": numbers[x] if x < len(numbers) else "" for x in range(10)}


CALLS: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("request_status", "hut", {}, "request_status", {}),
    ("request_identity", "pump", {}, "request_identity", {}),
    ("read_settings", "pump", {}, "read_settings", {}),
    ("snapshot", "pump", {}, "read_settings", {}),
    ("accept_drift", "pump", {}, "accept_drift", {}),
    ("set_apn", "pump", {"apn": "m2m.example"}, "apply", {"settings": {"apn": "m2m.example"}}),
    (
        "set_apn",
        "hut",
        {"apn": "a", "user": "u", "password": "p"},
        "apply",
        {"settings": {"apn": "a", "apn_user": "u", "apn_password": "p"}},
    ),
    ("set_mode", "hut", SURE | {"mode": "client"}, "apply", SURE | {"settings": {"mode": "client"}}),
    (
        "set_server",
        "hut",
        SURE | {"host": "a.example", "port": 20000},
        "apply",
        SURE | {"settings": {"server_host": "a.example", "server_port": 20000}},
    ),
    ("set_server", "hut", SURE | {"port": 9001}, "apply", SURE | {"settings": {"server_port": 9001}}),
    (
        "set_server",
        "pump",
        SURE | {"host": "a.example", "port": 20000},
        "apply",
        SURE | {"settings": {"server.0.address": "a.example:20000"}},
    ),
    (
        "set_server",
        "pump",
        SURE | {"host": "a.example", "port": 1, "server": 1, "enabled": False},
        "apply",
        SURE | {"settings": {"server.1.address": "a.example:1", "server.1.enabled": False}},
    ),
    (
        "set_connect_period",
        "hut",
        {"connect_period_s": 300},
        "apply",
        {"settings": {"connect_period_s": 300}},
    ),
    (
        "set_idle_restart_period",
        "hut",
        {"idle_restart_period_h": 12.0},
        "apply",
        {"settings": {"idle_restart_period_h": 12}},
    ),
    ("set_serial_port", "pump", {"serial_port": "CE 301"}, "apply", {"settings": {"serial_port": "CE 301"}}),
    (
        "set_server_rule",
        "pump",
        {"rule": 3, "start": "01:00:00", "end": "03:30:00", "every_min": 60},
        "apply",
        {"settings": {"server.0.rule.3": "01:00-03:30,60"}},
    ),
    (
        "set_server_rule",
        "pump",
        {"server": 1, "rule": 0, "start": "01:00", "end": "03:30"},
        "apply",
        {"settings": {"server.1.rule.0": "01:00-03:30"}},
    ),
    ("clear_server_rule", "pump", {"rule": 3}, "apply", {"settings": {"server.0.rule.3": ""}}),
    (
        "set_white_list",
        "pump",
        SURE | {"numbers": ["+79990000001", "+79990000002"]},
        "apply",
        SURE | {"settings": _list("white_list", "+79990000001", "+79990000002")},
    ),
    (
        "set_server_white_list",
        "pump",
        {"server": 1, "numbers": ["+79990000001"]},
        "apply",
        {"settings": _list("server.1.white_list", "+79990000001")},
    ),
    (
        "set_access_password",
        "pump",
        SURE | {"password": "4321"},
        "apply",
        SURE | {"settings": {"access_password": "4321"}},
    ),
    ("connect", "pump", {"server": 1}, "connect", {"server": 1}),
    ("disconnect", "pump", {}, "disconnect", {}),
    ("reboot", "pump", {}, "reboot", {}),
    ("call", "pump", {}, "call", {}),
    ("restore_factory_settings", "pump", SURE, "restore", SURE),
    ("update_firmware", "pump", SURE, "update", SURE),
    ("apply", "hut", {"settings": {"apn": "a"}}, "apply", {"settings": {"apn": "a"}}),
    ("apply", "hut", SURE | {"settings": {"mode": "sms"}}, "apply", SURE | {"settings": {"mode": "sms"}}),
]
"""Action, module, data of the call; action and fields of the request."""

NOT_ASKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("request_status", "nothing", {}, "unknown_device"),
    ("request_status", "stick", {}, "not_a_module"),
    ("send_raw", "pump", {"command": "AT"}, "not_a_modem"),
    ("reboot", "hut", {}, "action_missing"),
    ("set_mode", "pump", SURE | {"mode": "sms"}, "setting_missing"),
    ("apply", "pump", {"settings": {"colour": "red"}}, "setting_missing"),
    ("set_white_list", "pump", SURE | {"numbers": ["+79990000001"] * 11}, "setting_missing"),
    ("set_server", "hut", SURE | {"host": "a", "port": 1, "server": 1}, "setting_missing"),
    ("set_server", "pump", SURE | {"port": 1}, "setting_missing"),
    ("set_access_password", "hut", SURE | {"password": "4321"}, "setting_missing"),
    ("set_apn", "hut", {"apn": "a", "authentication": "pap"}, "setting_missing"),
    ("set_mode", "hut", {"mode": "sms"}, "confirm_needed"),
    ("restore_factory_settings", "pump", {"confirm": False}, "confirm_needed"),
    ("clear_sms_storage", "stick", {"memory": "SM"}, "confirm_needed"),
    ("read_master_sim", "pump", {"family": "energomera_gs04"}, "not_a_modem"),
]
"""Action, device, data, and the error."""

NO_FORM_SENDS: list[tuple[str, dict[str, Any]]] = [
    ("set_apn", {}),
    ("set_apn", {"apn": "a", "colour": "red"}),
    ("set_connect_period", {"connect_period_s": 59}),
    ("set_mode", SURE | {"mode": "sleep"}),
    ("request_status", {"device_id": []}),
]
"""Action and data that the schema refuses."""
