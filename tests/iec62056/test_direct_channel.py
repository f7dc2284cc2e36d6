"""The pipe through a meter to its module."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import IecError, InvalidValueError
from gsm_meter_bridge.iec62056 import MeterPort, Pipe, identify, open_pipe
from gsm_meter_bridge.iec62056.direct_channel import CLOSE
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret
from tests.support.conversations import SilenceError, hold

PASSWORD = Secret("s3cret")


class Module:
    """Answers each octet with the next one; keeps what it was told."""

    def __init__(self) -> None:
        self.received = b""

    def feed(self, octets: bytes) -> bytes:
        self.received += octets
        return bytes((octet + 1) % 256 for octet in octets)


def _opened(silence_s: int = 60) -> tuple[IecMeter, Module]:
    module = Module()
    meter = IecMeter(PASSWORD, devices={1: module.feed})
    last = hold(open_pipe(Pipe(MeterPort.COM1, silence_s), PASSWORD), meter.feed)
    assert not meter.has_pipe
    assert meter.feed(last) == b""
    assert meter.has_pipe
    return meter, module


@pytest.mark.parametrize(
    ("pipe", "value"),
    [
        (Pipe(MeterPort.COM1, 60), "13C"),
        (Pipe(MeterPort.OPTICAL, 5), "5"),
        (Pipe(MeterPort.COM2, 255), "2FF"),
        (Pipe(MeterPort.COM1, 5), "105"),
    ],
)
def test_pipe_value_encodes_port_and_silence(pipe: Pipe, value: str) -> None:
    assert pipe.value == value


@pytest.mark.parametrize("silence_s", [0, 4, 256, -1])
def test_pipe_rejects_invalid_silence(silence_s: int) -> None:
    with pytest.raises(InvalidValueError):
        Pipe(silence_s=silence_s)


@given(st.lists(st.binary(max_size=20)))
def test_pipe_passes_octets_in_both_directions(parts: list[bytes]) -> None:
    octets = b"".join(parts).replace(b"!", b"")
    meter, module = _opened()
    assert b"".join(map(meter.feed, (part.replace(b"!", b"") for part in parts))) == Module().feed(octets)
    assert module.received == octets


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pipe_closes_after_four_exclamation_marks(size: int) -> None:
    meter, module = _opened()
    octets = b"!a!!!b" + CLOSE + b"/?!\r\n"
    answer = b"".join(meter.feed(octets[at : at + size]) for at in range(0, len(octets), size))
    assert not meter.has_pipe
    assert answer == b'"b"""c"""/EMR5\\2CE3080.10\r\n'
    assert module.received == b"!a!!!b!!!"


def test_pipe_closes_after_silence() -> None:
    meter, _ = _opened(silence_s=10)
    meter.silence(10)
    assert meter.has_pipe
    meter.silence(10.1)
    assert not meter.has_pipe
    assert hold(identify(), meter.feed).model == "CE3080.10"


def test_pipe_fails_if_port_has_no_device() -> None:
    meter = IecMeter(PASSWORD, devices={1: Module().feed})
    with pytest.raises(IecError, match="ERR17") as caught:
        hold(open_pipe(Pipe(MeterPort.COM2), PASSWORD), meter.feed)
    assert caught.value.what == "CMDDI"


def test_pipe_does_not_open_with_wrong_password() -> None:
    meter = IecMeter(PASSWORD, devices={1: Module().feed})
    with pytest.raises(IecError, match="password"):
        hold(open_pipe(Pipe(), Secret("777777")), meter.feed)
    with pytest.raises(SilenceError):
        hold(open_pipe(Pipe(), PASSWORD, "other1"), meter.feed)
    assert not meter.has_pipe
