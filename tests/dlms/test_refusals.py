"""Meters that refuse, stumble or talk nonsense: every end is an error of ours, with a message."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms import (
    Client,
    Keys,
    Mechanism,
    associate,
    read,
    release,
)
from gsm_meter_bridge.dlms.acse import Aare
from gsm_meter_bridge.dlms.data import Data, Tag
from gsm_meter_bridge.dlms.hdlc import Control, FrameType, HdlcAddress, HdlcFrame
from gsm_meter_bridge.dlms.parameters import Parameters
from gsm_meter_bridge.dlms.service import ActionResponse, GetBlock, GetResponse, ServiceError
from gsm_meter_bridge.dlms.session import LLC_RESPONSE, MAX_POLLS
from gsm_meter_bridge.errors import (
    AssociationRefusedError,
    DecodeError,
    DlmsError,
    InvalidValueError,
    MeterLinkError,
    ReadRefusedError,
    WrongPasswordError,
)
from gsm_meter_bridge.simulator.meter.dlms import DlmsMeter, MeterSetup
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dlms import (
    ACCEPTED,
    CLIENTS,
    FULL,
    KEYS,
    METER,
    PASSWORD,
    READER,
    SERIAL,
    ScriptedMeter,
    carry_out,
    meter_for,
)

LAST, NOT_LAST = True, False
ENDLESS = [GetBlock(NOT_LAST, number, bytes(2000)).encode() for number in range(1, 140)]


@pytest.mark.parametrize("client", CLIENTS[1:], ids=lambda client: client.mechanism.name)
def test_wrong_password_is_named_and_not_shown(client: Client):
    other = Keys(Secret("0x" + "77" * 16), Secret("0x" + "d0" * 16))
    with pytest.raises(WrongPasswordError) as caught:
        carry_out(associate(replace(client, keys=other)), meter_for(client).feed)
    assert "77" not in str(caught.value)
    assert caught.value.code == "meter_wrong_password"


def test_unknown_client_is_refused_with_hint():
    with pytest.raises(AssociationRefusedError, match="authentication required; is it the right client"):
        carry_out(associate(Client.public()), meter_for(Client.reader(PASSWORD)).feed)


@pytest.mark.parametrize(
    "client",
    [
        Client(32, Mechanism.LLS),
        Client.configurator(Keys(Secret("x" * 17))),
        Client.configurator(KEYS, Mechanism.HLS_GMAC),
        replace(Client.configurator(KEYS, Mechanism.HLS_GMAC), counter=1 << 32),
    ],
)
def test_invalid_password_is_refused_before_anything_is_sent(client: Client):
    with pytest.raises(InvalidValueError):
        next(associate(client))


PENDING = Aare(0, 14, challenge=b"challenge").encode()


@pytest.mark.parametrize(
    ("apdus", "error", "message"),
    [
        (
            [PENDING, ActionResponse(0, Data(Tag.OCTET_STRING, bytes(20))).encode()],
            AssociationRefusedError,
            "another",
        ),
        ([PENDING, ActionResponse(0).encode()], AssociationRefusedError, "did not prove"),
        ([PENDING, ActionResponse(99).encode()], WrongPasswordError, "data access result 99"),
        ([PENDING, ServiceError(0xD8, b"\x01\x01").encode()], WrongPasswordError, "service not allowed"),
        ([ACCEPTED], AssociationRefusedError, "no challenge"),
    ],
)
def test_association_fails_if_meter_does_not_prove_itself(
    apdus: list[bytes], error: type[Exception], message: str
):
    client = Client(32, Mechanism.HLS_SHA1, KEYS)
    with pytest.raises(error, match=message):
        carry_out(associate(client), ScriptedMeter(*apdus).feed)


@pytest.mark.parametrize(
    ("apdus", "error", "message"),
    [
        ([Aare(1, 1).encode()], AssociationRefusedError, "rejected for good: no reason given"),
        ([Aare(2, 250).encode()], AssociationRefusedError, "rejected for now: diagnostic 250"),
        ([Aare(1, 13).encode()], WrongPasswordError, "does not take the password"),
        ([ServiceError(0xD8, b"\x01\x02").encode()], AssociationRefusedError, "service not allowed"),
        ([ActionResponse(0).encode()], DecodeError, "no AARE"),
        ([b"\x62\x00"], DecodeError, "response"),
        ([ACCEPTED, *ENDLESS], DecodeError, "longer than 262144"),
        ([ACCEPTED, GetResponse(None, 4).encode()], ReadRefusedError, "no such object"),
        ([ACCEPTED, GetResponse(None, 99).encode()], ReadRefusedError, "data access result 99"),
        (
            [ACCEPTED, ServiceError(0xD8, b"\x02\x63").encode()],
            ReadRefusedError,
            "service unknown: service error 99",
        ),
        ([ACCEPTED, ActionResponse(0).encode()], DecodeError, "answers no reading"),
        ([ACCEPTED, GetBlock(NOT_LAST, 2, b"\x00").encode()], DecodeError, "not 1"),
        ([ACCEPTED, GetBlock(NOT_LAST, 1, b"").encode()], DecodeError, "0 octets"),
        (
            [ACCEPTED, GetBlock(NOT_LAST, 1, b"\x11").encode(), GetResponse(None, 17).encode()],
            ReadRefusedError,
            "long",
        ),
        ([ACCEPTED, GetBlock(LAST, 1, b"", 250).encode()], ReadRefusedError, "other reason"),
    ],
)
def test_error_describes_refusal_or_wrong_answer_of_meter(
    apdus: list[bytes], error: type[Exception], message: str
):
    meter = ScriptedMeter(*apdus)
    with pytest.raises(error, match=message):
        carry_out(read(carry_out(associate(Client.reader(PASSWORD)), meter.feed), SERIAL), meter.feed)


def answer(
    kind: FrameType, receive: int = 0, send: int = 0, information: bytes = b"", *, segmented: bool = False
):
    return HdlcFrame(READER, METER, Control(kind, receive, send), information, segmented).encode()


UA = answer(FrameType.UA)
SMALL = Parameters(16, 16).encode()


@pytest.mark.parametrize("mirrored", [b"%s", b"before%safter"])
@pytest.mark.parametrize("client", CLIENTS[2:], ids=lambda client: client.mechanism.name)
def test_association_is_refused_if_meter_mirrors_challenge(client: Client, mirrored: bytes):
    pending = Aare(0, 14, challenge=mirrored % b"a challenge", system_title=client.system_title)
    meter = ScriptedMeter(pending.encode())
    with pytest.raises(AssociationRefusedError, match="our own challenge"):
        carry_out(associate(replace(client, address=32), b"a challenge\0\0"), meter.feed)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([answer(FrameType.DM)], "does not open"),
        ([UA, answer(FrameType.DM)], "closed its HDLC link .DM"),
        ([answer(FrameType.UA, information=SMALL), answer(FrameType.I, 1, 0)], "finish what we say"),
        ([UA, answer(FrameType.FRMR)], "closed its HDLC link .FRMR"),
        ([UA, answer(FrameType.I, 1, 3, ACCEPTED)], "out of step"),
        ([UA, answer(FrameType.I, 5, 0, ACCEPTED)], "out of step"),
        ([UA, *[answer(FrameType.RR, 1)] * (MAX_POLLS + 1)], "does not come to the end"),
        (
            [UA, *[answer(FrameType.I, 1, n & 7, segmented=True) for n in range(MAX_POLLS + 1)]],
            "does not come to the end",
        ),
    ],
)
def test_association_raises_meter_link_error_if_hdlc_link_fails(answers: list[bytes], message: str):
    replies = iter(answers)
    with pytest.raises(MeterLinkError, match=message):
        carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(replies))


def test_association_succeeds_despite_delays_and_foreign_frames():
    """Garbage, a frame to somebody else, a late answer of an earlier link, and RR before the answer."""
    stranger = HdlcFrame(METER, READER, Control(FrameType.DM)).encode()
    replies = iter(
        [
            b"\x00\xff~" + stranger + answer(FrameType.I, 1, 3) + UA,
            answer(FrameType.RR, 1),
            answer(FrameType.RNR, 1) + b"\x55",
            answer(FrameType.I, 1, 0, LLC_RESPONSE + ACCEPTED),
        ]
    )
    association = carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(replies))
    assert association.max_pdu_octets == 0


def test_answer_without_llc_header_raises_decode_error():
    replies = iter([UA, answer(FrameType.I, 1, 0, ACCEPTED)])
    with pytest.raises(DecodeError, match="LLC"):
        carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(replies))


def test_release_ignores_late_frame_of_meter():
    client = Client.public().at(logical=1, physical=300)
    meter = DlmsMeter(FULL, MeterSetup(address=client.server))
    association = carry_out(associate(client), meter.feed)
    late = HdlcFrame(HdlcAddress(16), client.server, Control(FrameType.RR)).encode()
    carry_out(release(association), lambda octets: late + meter.feed(octets))


def test_release_fails_if_meter_gives_another_answer():
    meter = ScriptedMeter(ACCEPTED, ACCEPTED)
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    with pytest.raises(DecodeError, match="RLRE"):
        carry_out(release(association, with_request=True), meter.feed)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_association_raises_only_own_errors_for_any_octets(chunks: list[bytes]):
    dialogue = associate(Client.reader(PASSWORD))
    next(dialogue)
    with contextlib.suppress(DlmsError, DecodeError, StopIteration):
        for chunk in [UA, *chunks]:
            dialogue.send(chunk)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.booleans())
def test_reading_raises_only_own_errors_for_any_apdus(apdus: list[bytes], accepted: bool):
    meter = ScriptedMeter(*([ACCEPTED] if accepted else []), *apdus, *[GetResponse(None, 4).encode()] * 3)
    with contextlib.suppress(DlmsError, DecodeError, IndexError):
        association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
        assert carry_out(read(association, SERIAL), meter.feed).tag in Tag
