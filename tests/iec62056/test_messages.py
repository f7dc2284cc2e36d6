"""Octets of IEC 62056-21, worked out by hand, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.iec62056.checksum import Checksum, bcc, fitting
from gsm_meter_bridge.iec62056.client import digest
from gsm_meter_bridge.iec62056.messages import (
    MODELS,
    CommandMessage,
    ControlCharacter,
    IecFrame,
    IecIdentification,
    Message,
    Option,
    answer,
    frame,
    parse_identification,
    select,
    sign_on,
)
from gsm_meter_bridge.iec62056.reader import MAX_LINE_OCTETS, MAX_OCTETS, MessageReader
from gsm_meter_bridge.vocabulary import Secret

ADD, XOR = Checksum.ADD, Checksum.XOR


@pytest.mark.parametrize(
    ("command", "data", "method", "octets"),
    [
        (CommandMessage.BREAK, None, XOR, b"\x01B0\x03q"),
        (CommandMessage.BREAK, None, ADD, b"\x01B0\x03u"),
        (CommandMessage.READ, "ET0PE()", ADD, b"\x01R1\x02ET0PE()\x037"),
        (CommandMessage.READ, "ET0PE()", XOR, b"\x01R1\x02ET0PE()\x03W"),
        # as a public log of a CE307 has them
        (CommandMessage.PASSWORD, "(777777)", ADD, b"\x01P1\x02(777777)\x03!"),
        (CommandMessage.CHALLENGE, "(83BC249)", ADD, b"\x01P0\x02(83BC249)\x03e"),
        (CommandMessage.READ, "EMD01(0.0,1)", ADD, b"\x01R1\x02EMD01(0.0,1)\x03{"),
    ],
)
def test_frame_is_encoded_and_decoded(
    command: CommandMessage, data: str | None, method: Checksum, octets: bytes
) -> None:
    assert frame(command, data, method) == octets
    [found] = MessageReader().feed(octets)
    assert isinstance(found, IecFrame)
    assert (found.command, found.data) == (command, data or "")
    assert method in found.methods


def test_fitting_returns_every_checksum_method_that_matches() -> None:
    assert fitting(b"\x03", 3) == (ADD, XOR)
    assert fitting(b"\x03\x03", 6) == (ADD,)
    assert fitting(b"\x03\x03", 0) == (XOR,)
    assert fitting(b"\x03\x03", 1) == ()


@given(st.binary())
def test_checksum_has_seven_bits(octets: bytes) -> None:
    assert all(0 <= bcc(octets, method) <= 127 for method in Checksum)


def test_sign_on_and_option_select_encode_requests() -> None:
    assert sign_on() == b"/?!\r\n"
    assert sign_on("174000001") == b"/?174000001!\r\n"
    assert select(Option.PROGRAMMING, "5") == b"\x06051\r\n"
    assert select(Option.READOUT, "5") == b"\x06050\r\n"
    assert select(Option.HDLC, "5") == b"\x06252\r\n"


@pytest.mark.parametrize("address", ["", "1!", "1\r\n", "a b", "1" * 33])
def test_sign_on_rejects_invalid_address(address: str) -> None:
    with pytest.raises(InvalidValueError):
        sign_on(address)


@pytest.mark.parametrize(
    ("line", "identity", "platform", "version", "baud_rate"),
    [
        ("/EMRzCEv2.v4\r", IecIdentification("EMR", "z", has_dlms=False, model="CEv2.v4"), None, None, None),
        (r"/EMRz\2CEv2.v4", IecIdentification("EMR", "z", has_dlms=True, model="CEv2.v4"), None, None, None),
        (
            r"/EMR5\2CE3076.10",
            IecIdentification("EMR", "5", has_dlms=True, model="CE3076.10"),
            "3076",
            "10",
            9600,
        ),
        (
            "/EKT5CE301v11.8s4",
            IecIdentification("EKT", "5", has_dlms=False, model="CE301v11.8s4"),
            None,
            None,
            9600,
        ),
        ("/ABC0", IecIdentification("ABC", "0", has_dlms=False, model=""), None, None, 300),
    ],
)
def test_identity_is_parsed_from_identification_line(
    line: str, identity: IecIdentification, platform: str | None, version: str | None, baud_rate: int | None
) -> None:
    found = parse_identification(line)
    assert found == identity
    assert (found.platform, found.version, found.baud_rate) == (platform, version, baud_rate)


def test_platform_number_determines_meter_model() -> None:
    assert MODELS[parse_identification(r"/EMR5\2CE3080.11").platform or ""] == "CE308"


@pytest.mark.parametrize("line", ["", "/", "/?!", "/EM5CE", "EMR5CE3080.10", "/EMR5CE\x7f", "/EMR5/CE"])
def test_parse_identity_rejects_invalid_line(line: str) -> None:
    with pytest.raises(DecodeError):
        parse_identification(line)


def test_password_digest_is_crc32_jamcrc() -> None:
    # the check value of CRC-32/JAMCRC: begun with ones, not inverted at its end
    assert digest(Secret("123456789"), "(FFFFFFFF)") == "340BC6D9"
    assert digest(Secret(""), "(1a2b3c4d)") == "1A2B3C4D"


@pytest.mark.parametrize("challenge", ["", "()", "(123456789)", "(xyz)", "1234"])
def test_digest_rejects_invalid_challenge(challenge: str) -> None:
    with pytest.raises(DecodeError):
        digest(Secret("1"), challenge)


FEED = b"\x00/x/EMR5\\2CE3080.10\r\n\x06\x15\x01P0\x02(0012)\x03\x00\x02A(/1)\r\n\x03\x06\xff\x06"


def test_reader_skips_noise_between_messages() -> None:
    found = MessageReader().feed(FEED)
    assert found == [
        IecIdentification("EMR", "5", has_dlms=True, model="CE3080.10"),
        ControlCharacter.ACK,
        ControlCharacter.NAK,
        IecFrame(b"\x01", b"P0\x02(0012)\x03", 0),
        IecFrame(b"\x02", b"A(/1)\r\n\x03", 6),
        ControlCharacter.ACK,
    ]
    assert isinstance(found[4], IecFrame)
    assert (found[4].command, found[4].data, found[4].methods) == (None, "A(/1)\r\n", ())


@pytest.mark.parametrize(
    "noise", [b"\x02", b"\x01", b"\x01R1\x04", b"\x02abc", b"/", b"/EMR", b"\x01R1\x02ab", b"/\x80"]
)
def test_reader_finds_message_after_unfinished_one(noise: bytes) -> None:
    assert MessageReader().feed(noise + ControlCharacter.ACK.value) == [ControlCharacter.ACK]
    whole = answer("VOLTA(1)", ADD)
    assert MessageReader().feed(noise + whole)[-1] == IecFrame(b"\x02", whole[1:-1], whole[-1])


@given(st.lists(st.integers(0, len(FEED))))
def test_reader_finds_same_messages_however_octets_are_split(cuts: list[int]) -> None:
    reader, found, at = MessageReader(), list[Message](), 0
    for cut in [*sorted(cuts), len(FEED)]:
        found += reader.feed(FEED[at:cut])
        at = cut
    assert found == MessageReader().feed(FEED)


def test_reader_skips_endless_line_and_rejects_endless_frame() -> None:
    reader = MessageReader()
    assert reader.feed(b"/" + b"x" * 100_000 + b"\r\n/EMR5CE\r\n") == [
        IecIdentification("EMR", "5", has_dlms=False, model="CE")
    ]
    assert reader.feed(b"/EMR5" + b"x" * (MAX_LINE_OCTETS - 1) + b"\r\n") == []
    with pytest.raises(DecodeError):
        reader.feed(b"\x02" + b"x" * MAX_OCTETS)


@given(st.binary(max_size=300))
def test_reader_decodes_only_ascii_data_from_random_octets(octets: bytes) -> None:
    for message in MessageReader().feed(octets):
        if isinstance(message, IecFrame):
            assert message.data.isascii()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)), st.sampled_from(Checksum))
def test_reader_finds_every_encoded_frame(data: str, method: Checksum) -> None:
    for octets in (answer(data, method), frame(CommandMessage.READ, data, method)):
        [found] = MessageReader().feed(octets)
        assert isinstance(found, IecFrame)
        assert found.data == data
        assert method in found.methods
