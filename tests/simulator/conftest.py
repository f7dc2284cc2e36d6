"""A network with a pump in it, and a terminal at a modem."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families.lers_gsm_mini import simulated
from gsm_meter_bridge.simulator.carrier import Carrier
from gsm_meter_bridge.simulator.modem_state import ModemIdentity
from gsm_meter_bridge.simulator.virtual_modem import VirtualModem
from tests.support.terminal import PUMP, Terminal


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
def terminal(carrier: Carrier) -> Terminal:
    carrier.attach_module(PUMP, simulated.SIMULATED("1234", {"apn": "internet"}, {}))
    terminal = Terminal(VirtualModem(carrier, ModemIdentity(), storage_size=3))
    terminal.ask("ATE0")
    return terminal
