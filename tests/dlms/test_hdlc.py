"""HDLC frames: check values, a frame seen on a line, round trips, and a stream of frames and garbage."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms.hdlc import (
    MAX_FRAME_OCTETS,
    Control,
    Deframer,
    FrameType,
    HdlcAddress,
    HdlcFrame,
    check_sequence,
)
from gsm_meter_bridge.dlms.parameters import Parameters
from gsm_meter_bridge.errors import DecodeError

KINDS = [kind for kind in FrameType if kind is not FrameType.UNKNOWN]
seven, fourteen = st.integers(0, 127), st.integers(0, 16383)
addresses = (
    st.builds(HdlcAddress, seven)
    | st.builds(HdlcAddress, seven, seven, st.just(2))
    | st.builds(HdlcAddress, fourteen, fourteen, st.just(4))
)


@st.composite
def controls(draw: st.DrawFn) -> Control:
    kind, numbers = draw(st.sampled_from(KINDS)), st.integers(0, 7)
    receive = draw(numbers) if kind in (FrameType.I, FrameType.RR, FrameType.RNR) else 0
    return Control(kind, receive, draw(numbers) if kind is FrameType.I else 0, draw(st.booleans()))


frames = st.builds(HdlcFrame, addresses, addresses, controls(), st.binary(max_size=300), st.booleans())
STARTS = ("7e", "7ea7ff", "7e7ea02003", "7eafff02", "7ea00b")
garbage = st.binary(max_size=40) | st.sampled_from([bytes.fromhex(start) for start in STARTS])


def test_check_sequence_matches_catalogue_value_of_nine_digits():
    """CRC-16/X-25 of `123456789` is 0x906E in every catalogue; it goes low octet first."""
    assert check_sequence(b"123456789") == bytes.fromhex("6e90")


def test_check_sequence_over_checked_octets_is_constant():
    """ISO/IEC 13239: octets with their FCS behind them give 0xF0B8 before the complement."""
    octets = b"any octets"
    assert check_sequence(octets + check_sequence(octets)) == (0xF0B8 ^ 0xFFFF).to_bytes(2, "little")


def test_frame_captured_from_line_is_decoded_and_encoded():
    seen = bytes.fromhex("7ea00802cf6153d5487e")
    (frame,) = Deframer().feed(seen)
    assert frame == HdlcFrame(HdlcAddress(1, 103, 2), HdlcAddress(48), Control(FrameType.DISC))
    assert frame.encode() == seen


def test_addresses_of_meter_and_clients_are_encoded():
    assert HdlcAddress.server(1, 16).encode() == b"\x02\x21"
    assert HdlcAddress.server(1, 200).encode() == bytes.fromhex("00020291")
    assert [HdlcAddress(n).encode().hex() for n in (16, 32, 48)] == ["21", "41", "61"]


@given(frames)
def test_frame_survives_encoding_and_decoding(frame: HdlcFrame):
    assert Deframer().feed(frame.encode()) == [frame]
    assert HdlcFrame.decode(frame.encode()[1:-1]) == frame


@given(st.integers(0, 255))
def test_control_octet_survives_decoding_and_encoding(octet: int):
    assert Control.decode(octet).encode() == octet


@given(st.lists(st.tuples(garbage, frames), max_size=5), st.lists(st.integers(0, 2000), max_size=20))
def test_deframer_finds_all_frames_despite_garbage_and_cuts(
    parts: list[tuple[bytes, HdlcFrame]], cuts: list[int]
):
    """A start of garbage is seen through as soon as a header's octets are there."""
    data = b"".join(rubbish + frame.encode() for rubbish, frame in parts) + bytes(13)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    deframer = Deframer()
    found = [frame for a, b in pairwise(edges) for frame in deframer.feed(data[a:b])]
    assert found == [frame for _, frame in parts]


def test_deframer_finds_frames_that_share_a_flag():
    one = HdlcFrame(HdlcAddress(32), HdlcAddress(1, 16, 2), Control(FrameType.RR))
    assert Deframer().feed(one.encode()[:-1] + one.encode()) == [one, one]


@given(frames, st.integers(1, 5), st.integers(0, 7))
def test_deframer_drops_frame_with_changed_bit(frame: HdlcFrame, place: int, bit: int):
    changed = bytearray(frame.encode())
    changed[place] ^= 1 << bit
    assert Deframer().feed(bytes(changed)) == []


@given(st.lists(st.binary(max_size=600) | st.just(b"\x7e\xa7\xff\x03\x03\x13"), max_size=30))
def test_deframer_holds_at_most_one_frame(chunks: list[bytes]):
    deframer = Deframer()
    for chunk in chunks:
        deframer.feed(chunk)
        assert len(deframer._held) <= MAX_FRAME_OCTETS + 2


@given(st.binary(max_size=64))
def test_frame_decoder_refuses_arbitrary_octets(octets: bytes):
    with pytest.raises(DecodeError):
        HdlcFrame.decode(octets)


@given(st.sampled_from([b"", b"\x81\x80"]), st.binary(max_size=40))
def test_parameters_decoder_raises_only_decode_error_for_any_octets(head: bytes, octets: bytes):
    with contextlib.suppress(DecodeError):
        parameters = Parameters.decode(head + octets)
        assert all(8 <= size <= 2030 for size in (parameters.max_transmit, parameters.max_receive))


def test_frame_decoder_names_wrong_header_check():
    frame = bytearray(
        HdlcFrame(HdlcAddress(32), HdlcAddress(1, 16, 2), Control(FrameType.I), b"abc").encode()[1:-1]
    )
    frame[6] ^= 0xFF
    frame[-2:] = check_sequence(frame[:-2])
    with pytest.raises(DecodeError, match="HCS"):
        HdlcFrame.decode(bytes(frame))


sizes = st.integers(8, 2030)


@given(st.builds(Parameters, sizes, sizes, st.integers(1, 7), st.integers(1, 7)))
def test_parameters_survive_encoding_and_decoding(parameters: Parameters):
    assert Parameters.decode(parameters.encode()) == parameters


def test_parameters_are_decoded_if_sizes_take_one_octet_or_are_missing():
    assert Parameters.decode(bytes.fromhex("8180060501400601c8")) == Parameters(64, 200)
    assert Parameters.decode(b"") == Parameters(128, 128, 1, 1)
