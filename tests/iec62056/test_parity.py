"""Parity made in software: recognised in whatever cut and noise, and never where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.iec62056.checksum import Checksum
from gsm_meter_bridge.iec62056.client import identify, read_once
from gsm_meter_bridge.iec62056.messages import answer
from gsm_meter_bridge.iec62056.parity import Parity, over
from tests.support.dlms import carry_out

LINE = rb"/EMR5\2CE3080.10" + b"\r\n"
EVEN = Parity(even=True)


def _even(octets: bytes) -> bytes:
    return EVEN.send(octets)


def test_even_parity_of_identification_is_added_and_removed() -> None:
    assert _even(LINE).startswith(bytes.fromhex("AF C5 4D D2 35 5C B2"))
    assert Parity(even=True).take(_even(LINE)) == LINE


@pytest.mark.parametrize("noise", [b"", b"\x00", b"\xff\xfe", b"\x7f\xaf", b"\xaf\xc5", b"garbage\r\n"])
@pytest.mark.parametrize("size", [1, 3, 64])
def test_even_parity_is_recognised_and_used_for_sending(noise: bytes, size: int) -> None:
    parity = Parity()
    came = noise + _even(LINE)
    taken = b"".join(parity.take(came[at : at + size]) for at in range(0, len(came), size))
    assert taken.endswith(LINE)
    assert parity.even
    assert parity.complaint is None
    assert parity.send(b"\x06" + b"051\r\n") == _even(b"\x06" + b"051\r\n")


@given(st.binary(max_size=40).map(lambda o: bytes(x & 0x7F for x in o)))
def test_octets_without_parity_stay_as_they_are(octets: bytes) -> None:
    parity = Parity()
    assert parity.take(octets + LINE) == octets + LINE
    assert parity.even is None
    assert parity.complaint is None


def test_damaged_octet_is_replaced_by_zero() -> None:
    even = bytearray(_even(answer("ET0PE(1.5)", Checksum.ADD)))
    even[6] ^= 0x01
    assert Parity(even=True).take(bytes(even))[6] == 0


def test_meter_is_identified_and_read_over_even_parity_line() -> None:
    parity, asked = Parity(), []

    def feed(octets: bytes) -> bytes:
        asked.append(octets)
        return _even(
            LINE if b"R1" not in Parity(even=True).take(octets) else answer("SNUMB(7)", Checksum.ADD)
        )

    assert carry_out(over(parity, identify()), feed, lambda o: (bytes((x,)) for x in o)).platform == "3080"
    assert carry_out(over(parity, read_once("SNUMB")), feed).values == ("7",)
    assert asked[0] == b"/?!\r\n"
    assert asked[1] == _even(Parity(even=True).take(asked[1]))


def _odd(octets: bytes) -> bytes:
    return bytes(octet ^ 0x80 for octet in _even(octets))


OTHER_OCTETS = {
    "odd parity": (_odd(LINE), "to 7O1"),
    "odd parity, its beginning lost": (_odd(LINE)[3:], "to 7O1"),
    "odd parity, noise before": (b"\xff" + _odd(LINE + LINE), "to 7O1"),
    "odd parity, an octet damaged": (_odd(LINE)[:8] + b"\x03" + _odd(LINE)[9:], "to 7O1"),
    "even parity, its beginning lost": (_even(LINE)[1:], "to 7E1"),
    "even parity, noise before and the beginning lost": (b"\x01" + _even(LINE)[1:], "to 7E1"),
    "mark parity": (bytes(octet | 0x80 for octet in LINE), "bit 8 is set in each"),
    "another speed": (b"\x9f\xe3\x80\x01\xfc\x03\x70\x38", "speed and parity"),
    "too few to say": (b"\x80", "speed and parity"),
    "few odd ones": (_odd(LINE)[:4], "speed and parity"),
}


@pytest.mark.parametrize(("octets", "message"), OTHER_OCTETS.values(), ids=OTHER_OCTETS)
@pytest.mark.parametrize("size", [1, 64])
def test_parity_complaint_suggests_setting_for_unexpected_octets(
    octets: bytes, message: str, size: int
) -> None:
    parity = Parity()
    for at in range(0, len(octets), size):
        parity.take(octets[at : at + size])
    assert message in (parity.complaint or "")


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (_odd(LINE), "set the module's port to 7O1"),
        (LINE, "leave out parity: even"),
        (_even(LINE), None),
        (b"", None),
    ],
)
def test_parity_complaint_appears_if_octets_differ_from_configuration(
    octets: bytes, message: str | None
) -> None:
    parity = Parity(even=True)
    parity.take(octets)
    if message is None:
        assert parity.complaint is None
    else:
        assert message in (parity.complaint or "")


@given(st.binary(min_size=6, max_size=60).map(lambda o: bytes(x & 0x7F for x in o)))
def test_parity_complaint_never_suggests_opposite_parity(octets: bytes) -> None:
    for made, other in ((_even, "7O1"), (_odd, "7E1")):
        parity = Parity(even=False)
        parity.take(made(octets))
        assert other not in (parity.complaint or "")
