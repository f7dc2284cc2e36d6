"""The simulated DLMS meter is read by gurux-dlms, a process of its own, over a real TCP socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gsm_meter_bridge.dlms import Keys, Mechanism
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.vocabulary import Secret

READER = Path(__file__).parents[2] / "dlms" / "gurux_client.py"
SECRET = "1234567812345678"
VALUES = MeterValues(
    datetime.fromisoformat("2026-11-21T12:30:15"),
    energies_wh={"energy_import_kwh": 1234567, "energy_export_kwh": 89},
    ip=IPv4Address("10.20.30.40"),
    apn="m2m.example",
    gsm=SimulatedGsm(),
)
CELL = {
    "cellId": 7001,
    "locationId": 4321,
    "signalQuality": 20,
    "ber": 0,
    "mobileCountryCode": 250,
    "mobileNetworkCode": 99,
    "channelNumber": 1300,
}
EXPECTED = {
    "0.0.40.0.0.255": [],
    "0.0.42.0.0.255": ["SIM0000000000101"],
    "0.0.96.1.0.255": ["009000000000101"],
    "0.0.1.0.0.255": ["2026-11-21T12:30:15"],
    "1.0.1.8.0.255": [[1.0, 30], 1234567],
    "1.0.2.8.0.255": [[1.0, 30], 89],
    "0.0.25.1.0.255": ["10.20.30.40"],
    "0.0.25.4.0.255": ["m2m.example"],
    "0.0.25.6.0.255": [
        "Simulated",
        1,
        0,
        5,
        CELL,
        [{"cellId": 7002, "signalQuality": 11}],
        "2026-11-21T12:30:15",
    ],
}
"""As gurux has it: a register's scaler as a factor, and its unit."""


@pytest.mark.parametrize(
    ("name", "mechanism", "max_info", "pdu"),
    [
        ("NONE", Mechanism.NONE, 128, 512),
        ("LOW", Mechanism.LLS, 60, 100),
        ("HIGH", Mechanism.HLS, 128, 200),
        ("HIGH_GMAC", Mechanism.HLS_GMAC, 128, 512),
        ("HIGH_SHA256", Mechanism.HLS_SHA256, 128, 512),
        ("HIGH_MD5", Mechanism.HLS_MD5, 128, 512),
        ("HIGH_SHA1", Mechanism.HLS_SHA1, 250, 4096),
    ],
)
def test_gurux_reads_everything(name: str, mechanism: Mechanism, max_info: int, pdu: int):
    accounts = {48: Account(mechanism, Keys(Secret(SECRET), Secret(SECRET)))}
    meter = DlmsMeter(VALUES, MeterSetup(accounts, max_info_octets=max_info, max_pdu_octets=pdu))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        port = str(listener.getsockname()[1])
        command = [sys.executable, str(READER), port, name, "48", SECRET, str(max_info)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
            try:
                connection, _ = listener.accept()
                with connection:
                    while octets := connection.recv(4096):
                        connection.sendall(meter.feed(octets))
                assert reader.stdout is not None
                data = json.loads(reader.stdout.read())
            finally:
                reader.kill()
    assert data == EXPECTED
