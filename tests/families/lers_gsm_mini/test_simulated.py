"""What a simulated LERS GSM Mini answers."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.families.lers_gsm_mini import FAMILY
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.model import Access, Refusal, Request, SimulatedModule
from gsm_meter_bridge.vocabulary import Scalar, Secret

ME = "+79990000000"


def _ask(device: SimulatedModule, text: str, now_s: float = 0.0) -> str | None:
    replies = device.receive(ME, text, now_s)
    return replies[0].text if replies else None


def _device(
    values: dict[str, Scalar] | None = None, faults: dict[str, Scalar] | None = None
) -> SimulatedGsmMini:
    return SimulatedGsmMini("1234", values or {}, faults or {})


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("1234;A", "APN: net\r\nUSR: \r\nPSW: "),
        ("1234;A=x,u,p", "Ok"),
        ("1234;A=x;A", "Ok\r\nAPN: x\r\nUSR: \r\nPSW: "),
        ("1234;FROB", "Err"),
        ("1234", None),
        ("0000;A", None),
        ("1234;" + "A;" * 80, None),
    ],
)
def test_simulated_gsm_mini_replies_to_commands(text: str, reply: str | None) -> None:
    assert _ask(_device({"apn": "net"}), text) == reply


def test_simulated_gsm_mini_applies_silent_duplicate_and_delay_faults() -> None:
    assert _device(faults={"silent": True}).receive(ME, "1234;I", 0.0) == ()
    twice = _device(faults={"duplicate": True, "delay_s": 2}).receive(ME, "1234;I", 0.0)
    assert [r.after_s for r in twice] == [2.0, 2.0]


def test_simulated_gsm_mini_refusal_is_decoded_as_refusal() -> None:
    reply = _ask(_device(), "1234;FROB")
    assert isinstance(FAMILY.decode(Request.read("info"), reply or "", Access(Secret("1234"))), Refusal)
