"""When a simulated GS04 connects or listens: decisions only, no socket and no clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.families.energomera_gs04.simulated import SimulatedGs04
from gsm_meter_bridge.model import SimulatedDial, SimulatedListen, SimulatedModule

ME = "+79990000000"
START = datetime(2026, 3, 1, tzinfo=UTC)


def _gs04(**values: Any) -> SimulatedGs04:
    return SimulatedGs04("12345678", {"server_port": 4059, **values}, {})


@pytest.mark.parametrize(
    ("values", "dial"),
    [
        ({"mode": "server"}, SimulatedListen(4059)),
        ({"mode": "client", "server_host": "127.0.0.1"}, SimulatedDial("127.0.0.1", 4059)),
        ({"mode": "client_cenc", "server_host": "127.0.0.1"}, SimulatedDial("127.0.0.1", 4059)),
        ({"mode": "client"}, None),
        ({"mode": "sms", "server_host": "127.0.0.1"}, None),
    ],
)
def test_simulated_gs04_dials_or_listens_according_to_mode(values: dict[str, Any], dial: object) -> None:
    device = _gs04(**values)
    assert device.tcp(0.0, START) == dial
    assert device.greeting(START) == b""
    device.called(ME)
    assert device.tcp(0.0, START) == dial


def test_simulated_gs04_redials_after_connect_period() -> None:
    device = _gs04(mode="client", server_host="127.0.0.1", connect_period_s=300)
    assert device.tcp(0.0, START) is not None
    device.disconnected(10.0, reached=True)
    assert device.tcp(309.0, START) is None
    assert device.tcp(310.0, START) is not None


def test_simulated_gs04_listens_only_after_restart_if_mode_changes() -> None:
    device = _gs04(mode="server")
    device.receive(ME, "12345678 MODE 0", 0.0)
    assert device.tcp(19.0, START) is None
    device.receive(ME, "12345678 MODE 2", 20.0)
    assert device.tcp(40.0, START) == SimulatedListen(4059)


def test_simulated_gs04_takes_no_data_call() -> None:
    device: SimulatedModule = _gs04()
    assert device.data_called(ME, 0.0) is None
