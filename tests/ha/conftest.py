"""Everything real but the cellular network: broker, Home Assistant, simulated world, bridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ha.home_assistant import HomeAssistant
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator

COTTAGE, PUMP, POLE = "+79990000101", "+79990000201", "+79990000103"

WORLD: dict[str, Any] = {
    "network": {"delay_s": 0.05, "signal_csq": 20},
    "modules": {
        "cottage": {
            "family": "energomera_gs04",
            "msisdn": COTTAGE,
            "values": {"signal_dbm": -71, "band": "lte_7", "registration": "home", "ip": "10.20.30.41"}
            | {"imei": "861234567890101", "iccid": "8970199000000000101", "apn": "internet"},
        },
        "pump": {
            "family": "lers_gsm_mini",
            "msisdn": PUMP,
            "values": {"signal_dbm": -83, "imei": "865374036612201", "apn": "internet"},
            "faults": {"update_speed": 10},
        },
        "pole": {"family": "energomera_gs04", "msisdn": POLE, "faults": {"silent": True}},
    },
}


def bridge_config(device: Path, port: int) -> dict[str, Any]:
    """A bridge with the modules of the world."""
    assumed = {"profile": "assumed_status"}
    return {
        "bridge": {"id": "home", "name": "Bridge"},
        "mqtt": {"host": "127.0.0.1", "port": port, "birth_delay": 1},
        "modems": [{"id": "stick", "url": str(device), "status_interval": 2}],
        "sms": {"reply_timeout": 3, "deadline": "1 min"},
        "poll": {"initial_poll_spread": 0, "offline_after_missed_polls": 1},
        "latest_firmware": {"lers_gsm_mini": "M1.2.0"},
        "modules": [
            {"id": "cottage", "name": "Cottage", "family": "energomera_gs04", "number": COTTAGE} | assumed,
            {"id": "pump", "name": "Pump", "family": "lers_gsm_mini", "number": PUMP},
            {"id": "pole", "name": "Pole", "family": "energomera_gs04", "number": POLE} | assumed,
        ],
    }


@dataclass
class HomeAssistantStack:
    """All parts."""

    broker: Mosquitto
    home_assistant: HomeAssistant
    simulator: Simulator
    bridge: BridgeProcess


@contextmanager
def open_stack(
    folder: Path, world: dict[str, Any], config: Callable[[Path, int], dict[str, Any]]
) -> Iterator[HomeAssistantStack]:
    """All parts with that world, and a bridge so configured, for the port of its modem and the broker's."""
    simulator = Simulator(folder, world)
    with (
        Mosquitto(folder / "mosquitto") as broker,
        HomeAssistant(folder / "home-assistant") as home_assistant,
        simulator,
        BridgeProcess(folder, config(simulator.link, broker.port)) as bridge,
    ):
        yield HomeAssistantStack(broker, home_assistant, simulator, bridge)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantStack]:
    """One stack for the tests of a module; they run in their order."""
    with open_stack(tmp_path_factory.mktemp("stack"), WORLD, bridge_config) as stack:
        yield stack
