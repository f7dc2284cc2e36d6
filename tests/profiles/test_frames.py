"""Frames of settings: what is encoded, what is refused, and where a frame that came does not fit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.profiles.frame import Parameter, ParameterFrame
from gsm_meter_bridge.vocabulary import Scalar, Secret

FRAME = ParameterFrame(
    name="mine",
    verified=False,
    provenance="the test's",
    head=(b"\x01", b"\x02"),
    between=b"\x17",
    end=b"\x18\x03",
    pad_to_even=b"\0",
    dcs=4,
    parameters={
        "small": Parameter(0x21, "u8"),
        "middle": Parameter(0x22, "u16"),
        "large": Parameter(0x23, "u32"),
        "text": Parameter(0x24, "text"),
        "more": Parameter(0x25, "text"),
        "mode": Parameter(0x26, "u8", {"off": 0, "on": 7}),
    },
)
PASSWORD = Secret("AB")


@pytest.mark.parametrize(
    ("changes", "octets"),
    [
        ({"small": 0}, "01 4142 02 2100 1803"),
        ({"small": 255}, "01 4142 02 21FF 1803"),
        ({"middle": 65535}, "01 4142 02 22FFFF 1803 00"),
        ({"large": 4294967295}, "01 4142 02 23FFFFFFFF 1803 00"),
        ({"text": ""}, "01 4142 02 2400 1803"),
        ({"text": "Z"}, "01 4142 02 245A00 1803 00"),
        ({"mode": "on", "small": 1}, "01 4142 02 2101 17 2607 1803 00"),
    ],
)
def test_frame_is_encoded_in_order_of_its_parameters(changes: Mapping[str, Scalar], octets: str) -> None:
    assert FRAME.encode(changes, PASSWORD) == bytes.fromhex(octets)
    assert FRAME.decode(bytes.fromhex(octets)) == (PASSWORD, changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "at least one setting and its value"),
        ({"small": -1}, "0 to 255"),
        ({"small": 256}, "0 to 255"),
        ({"middle": 65536}, "0 to 65535"),
        ({"large": 4294967296}, "0 to 4294967295"),
        ({"mode": "half"}, "off, on"),
        ({"text": "x" * 133}, "at most 140 octets; set less at a time"),
    ],
)
def test_frame_is_refused_if_value_does_not_fit(changes: Mapping[str, Scalar], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        FRAME.encode(changes, PASSWORD)


def test_frame_has_140_octets_at_most() -> None:
    assert len(FRAME.encode({"text": "x" * 132}, PASSWORD)) == 140
    assert len(FRAME.encode({"text": "x" * 131}, PASSWORD)) == 140, "with what makes their number even"


def test_frame_refuses_setting_that_it_does_not_know() -> None:
    for method in (FRAME.encode, FRAME.batches):
        with pytest.raises(UnknownNameError, match="parameter of mine") as caught:
            method({"small": 1, "volume": 2}, PASSWORD)
        assert caught.value.code == "unsupported_setting"


@pytest.mark.parametrize(
    ("changes", "batches"),
    [
        ({}, ()),
        ({"mode": "on", "small": 1}, ({"small": 1, "mode": "on"},)),
        ({"text": "x" * 100, "more": "y" * 29}, ({"text": "x" * 100, "more": "y" * 29},)),
        ({"text": "x" * 100, "more": "y" * 30}, ({"text": "x" * 100}, {"more": "y" * 30})),
        (
            {"large": 1, "text": "x" * 127, "more": "y" * 100, "mode": "off"},
            ({"large": 1}, {"text": "x" * 127}, {"more": "y" * 100, "mode": "off"}),
        ),
    ],
)
def test_frames_are_as_few_as_their_order_allows(
    changes: dict[str, Scalar], batches: tuple[dict[str, Scalar], ...]
) -> None:
    assert FRAME.batches(changes, PASSWORD) == batches


@pytest.mark.parametrize(
    ("octets", "at", "message"),
    [
        ("02 4142 02 2100 1803", 0, "does not begin with 01, a password and 02"),
        ("01 4142 2100 1803", 0, "does not begin with 01, a password and 02"),
        ("01 41FF 02 2100 1803", 1, "is not ASCII"),
        ("01 4142 02", 4, "ends without 18 03"),
        ("01 4142 02 2100 17", 7, "ends without 18 03"),
        ("01 4142 02 99 1803", 4, "parameter code 99 is not known"),
        ("01 4142 02 2100 2101 1803", 6, "has no 17 behind a parameter"),
        ("01 4142 02 21", 5, "small is cut off"),
        ("01 4142 02 23 010203", 5, "large is cut off"),
        ("01 4142 02 24 4142", 5, "text is cut off"),
        ("01 4142 02 24 41FF00 1803", 5, "text is not ASCII"),
        ("01 4142 02 26 05 1803", 5, "mode 5 is none of 0, 7"),
        ("01 4142 02 2100 1803 01", 8, "goes on behind its end"),
    ],
)
def test_frame_that_came_is_refused_with_the_place(octets: str, at: int, message: str) -> None:
    with pytest.raises(DecodeError, match=message) as caught:
        FRAME.decode(bytes.fromhex(octets))
    assert caught.value.offset == at


def test_frame_is_shown_without_secrets() -> None:
    assert FRAME.shown({"small": 1, "mode": "on"}) == "mine ***: small=1, mode=on"
