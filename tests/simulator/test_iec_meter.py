"""The simulated meter by itself: what our own conversations never say to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.iec62056 import Checksum
from gsm_meter_bridge.iec62056.messages import CommandMessage, answer, frame
from gsm_meter_bridge.simulator.meter.iec import IecMeter
from gsm_meter_bridge.vocabulary import Secret

PASSWORD = Secret("s3cret")
ADD = Checksum.ADD
READ = frame(CommandMessage.READ, "SNUMB()", ADD)
SERIAL = answer("SNUMB(011888174000001)\r\n", ADD)


def _programming() -> IecMeter:
    meter = IecMeter(PASSWORD)
    meter.feed(b"/?!\r\n")
    assert meter.feed(b"\x06051\r\n").startswith(b"\x01P0\x02(")
    assert meter.feed(frame(CommandMessage.PASSWORD, "(s3cret)", ADD)) == b"\x06"
    return meter


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (READ, SERIAL),
        (READ[:-1] + b"\x00", b"\x15"),
        (b"\x01X9\x02\x03\x16", answer("(ERR11)", ADD)),
        (frame(CommandMessage.READ, "SNUMB", ADD), answer("(ERR13)", ADD)),
        (frame(CommandMessage.READ, "GRPNM()", ADD), answer("(ERR12)", ADD)),
        (frame(CommandMessage.WRITE, "ET0PE(1)", ADD), answer("(ERR12)", ADD)),
        (frame(CommandMessage.WRITE, "CMDDI(13C)", ADD), answer("(ERR17)", ADD)),
        (frame(CommandMessage.WRITE, "nothing", ADD), answer("(ERR13)", ADD)),
        (frame(CommandMessage.BREAK, None, ADD) + READ, b""),
    ],
)
def test_iec_meter_answers_requests_in_session(asked: bytes, expected: bytes) -> None:
    assert _programming().feed(asked) == expected


def test_iec_meter_answers_without_session_only_one_request_to_its_address() -> None:
    meter = IecMeter(PASSWORD)
    assert meter.feed(b"\x06051\r\n" + READ) == b""
    assert meter.feed(b"/?174000002!" + READ) == b""
    assert meter.feed(b"/?174000001!" + READ + READ) == SERIAL
    assert meter.feed(b"/?!" + frame(CommandMessage.WRITE, "STAT_(1)", ADD)) == answer("(ERR15)", ADD)


def test_iec_meter_ends_session_after_silence() -> None:
    meter = _programming()
    meter.silence(3.0)
    assert meter.feed(READ) == SERIAL
    meter.silence(4.5)
    assert meter.feed(READ) == b""


def test_iec_meter_sends_new_challenge_each_time() -> None:
    meter = IecMeter(PASSWORD)
    assert len({meter.feed(b"/?!\r\n\x06051\r\n") for _ in range(8)}) == 8


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_iec_meter_identifies_itself_after_any_octets(parts: list[bytes]) -> None:
    meter = _programming()
    meter.feed(b"/?\x01\x06" + b"x" * 10_000)
    for part in parts:
        meter.feed(part)
    assert meter.feed(b"\x03\x00\r\n/?!\r\n").endswith(b"/EMR5\\2CE3080.10\r\n")
