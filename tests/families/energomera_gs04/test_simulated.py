"""What a simulated GS04 answers."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families.energomera_gs04.simulated import SimulatedGs04
from gsm_meter_bridge.model import SimulatedModule
from gsm_meter_bridge.vocabulary import Scalar

ME = "+79990000000"


def _ask(device: SimulatedModule, text: str, now_s: float = 0.0) -> str | None:
    replies = device.receive(ME, text, now_s)
    return replies[0].text if replies else None


def _device(faults: dict[str, Scalar] | None = None) -> SimulatedGs04:
    return SimulatedGs04("12345678", {}, faults or {})


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("12345678 MODE", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 MOD", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 mode", "CE308\r\n000011223344556\r\nMODE: 0"),
        ("12345678 APN a.b", "CE308\r\n000011223344556\r\nAPN: a.b\r\n\r\n"),
        ("12345678 MODE 9", "CE308\r\n000011223344556\r\nERROR 0x05"),
        ("12345678 FROB", "CE308\r\n000011223344556\r\nERROR 0x06"),
        ("12345678", None),
        ("87654321 MODE", None),
    ],
)
def test_simulated_gs04_replies_to_commands(text: str, reply: str | None) -> None:
    assert _ask(_device(), text) == reply


def test_simulated_gs04_is_silent_while_it_restarts() -> None:
    device = _device({"restart_s": 20})
    assert _ask(device, "12345678 MODE 2", 100.0) is not None
    assert _ask(device, "12345678 MODE", 119.0) is None
    assert str(_ask(device, "12345678 MODE", 121.0)).endswith("MODE: 2")
