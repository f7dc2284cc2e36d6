"""A cellular world whose modules use TCP: they dial, wait to be dialled, or are known by their meters."""

from __future__ import annotations

from typing import Any

OURS, PUMP, UNIDENTIFIED, HUT, BARN, SHED, BELL, CELLAR, WELL = (f"+7999000{n:04d}" for n in range(9))
PUMP_IMEI, VISITOR_IMEI = "865374036612201", "865374036612299"


def dials(msisdn: str, port: int, source: str, **values: Any) -> dict[str, Any]:
    """A module that connects to a port from an address of its own."""
    where = {"server.0.address": f"127.0.0.1:{port}", "server.0.enabled": True}
    return {
        "family": "lers_gsm_mini",
        "msisdn": msisdn,
        "values": {**where, "server.0.rule.0": "00:00-23:59,0", **values},
        "faults": {"tcp_speed": 200},
        "tcp": {"source": source},
    }


def tcp_world(listener: int, hut: int, shed: int, silent: int) -> dict[str, Any]:
    """The world whose modules are told of four ports: of the listeners, and their own."""
    server = {"mode": "server"}
    there = {
        "operator": "SimTel",
        "signal_csq": 20,
        "serial_number": "009000000000101",
        "password": "s3same77",
    }
    return {
        "network": {"delay_s": 0.02},
        "modules": {
            "pump": dials(PUMP, listener, "127.0.0.11", imei=PUMP_IMEI, signal_dbm=-83),
            "unidentified": dials(UNIDENTIFIED, listener, "127.0.0.12", serial_number="66666"),
            "hut": {
                "family": "energomera_gs04",
                "msisdn": HUT,
                "values": {**server, "server_port": hut},
                "tcp": {},
                "meter": {**there, "energies_kwh": {"energy_import_kwh": 1834.459, "energy_export_kwh": 0.5}},
            },
            "shed": {
                "family": "energomera_gs04",
                "msisdn": SHED,
                "values": {**server, "server_port": shed, "meter_serial": "009000000000202"},
                "tcp": {"octet_s": 0.0002},
                "meter": {"serial_number": "009000000000202"},
            },
            "barn": {"family": "energomera_gs04", "msisdn": BARN},
            "cellar": {
                "family": "energomera_gs04",
                "msisdn": CELLAR,
                "values": {"mode": "client", "server_host": "127.0.0.1", "server_port": silent},
                "faults": {"tcp_speed": 600},
                "tcp": {},
                "meter": {"serial_number": "009000000000303"},
            },
            "well": {
                "family": "lers_gsm_mini",
                "msisdn": WELL,
                "values": {"white_list.0": OURS},
                "meter": {"serial_number": "009000000000404"},
            },
            "bell": dials(
                BELL, listener, "127.0.0.15", **{"server.0.rule.0": "", "server.0.white_list.2": OURS}
            ),
        },
    }
