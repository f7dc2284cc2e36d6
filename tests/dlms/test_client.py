"""The client against the simulated meter, and against meters that refuse, stumble or talk nonsense."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.dlms import (
    ENERGIES,
    Attribute,
    Client,
    Keys,
    Mechanism,
    Obis,
    associate,
    extended_status,
    object_list,
    read,
    release,
)
from gsm_meter_bridge.dlms.acse import Aare
from gsm_meter_bridge.dlms.data import Data, Tag, array, encode_data, structure
from gsm_meter_bridge.dlms.hdlc import Address, Control, Frame, Kind
from gsm_meter_bridge.dlms.parameters import Parameters
from gsm_meter_bridge.dlms.service import ActionResponse, GetBlock, GetResponse, Refusal
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
from gsm_meter_bridge.simulator.meter.dlms import Account, DlmsMeter, MeterSetup
from gsm_meter_bridge.simulator.meter.dlms_objects import MeterValues, SimulatedGsm
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dlms import METER, READER, ScriptedMeter, carry_out

PASSWORD = Keys(Secret("12345678"))
KEYS = Keys(Secret("0x000102030405060708090a0b0c0d0e0f"), Secret("0x" + "d0" * 16))
CLOCK = datetime.fromisoformat("2026-11-21T12:30:15")
FULL = MeterValues(
    CLOCK,
    energies_wh={name: 1_000_001 * (n + 1) for n, name in enumerate(ENERGIES)},
    ip=IPv4Address("10.20.30.40"),
    gsm=SimulatedGsm(),
)
SERIAL = Attribute(1, Obis.parse("0.0.96.1.0"), 2)
ACCEPTED = Aare(0).encode()
LAST, NOT_LAST = True, False
ENDLESS = [GetBlock(NOT_LAST, number, bytes(2000)).encode() for number in range(1, 140)]
CLIENTS = [
    Client.public(),
    Client.reader(PASSWORD),
    *(Client.configurator(KEYS, mechanism) for mechanism in Mechanism if mechanism > Mechanism.LLS),
]


def one_by_one(octets: bytes) -> Iterable[bytes]:
    return (bytes((octet,)) for octet in octets)


def meter_for(client: Client, values: MeterValues = FULL, frame: int = 128, pdu: int = 512) -> DlmsMeter:
    accounts = {client.address: Account(client.mechanism, client.keys)}
    return DlmsMeter(values, MeterSetup(accounts, client.server, frame, pdu))


def titled(client: Client) -> Client:
    return Client(client.address, client.mechanism, client.keys, system_title=b"CLIENT01")


@pytest.mark.parametrize(
    "client", [titled(client) for client in CLIENTS], ids=lambda client: client.mechanism.name
)
def test_every_mechanism_reads_everything(client: Client):
    meter = meter_for(client)
    association = carry_out(associate(client), meter.feed)
    status = carry_out(extended_status(association), meter.feed)
    assert status.problems == ()
    assert status.values() == {
        **{name: pytest.approx(1000.001 * (n + 1)) for n, name in enumerate(ENERGIES)},
        "operator": "Simulated",
        "registration": "home",
        "signal_dbm": -73,
        "band": "lte_3",
        "meter_serial": "009000000000101",
        "ip": "10.20.30.40",
    }
    assert (status.clock and status.clock.local, status.logical_device_name) == (CLOCK, "SIM0000000000101")
    carry_out(release(association, with_request=True), meter.feed)
    with pytest.raises(MeterLinkError, match="closed"):
        carry_out(read(association, SERIAL), meter.feed)


@pytest.mark.parametrize(("frame", "pdu"), [(16, 64), (40, 4096), (128, 100), (2030, 4096)])
@pytest.mark.parametrize("offered", [128, 1000])
def test_segments_and_blocks_of_any_size(frame: int, pdu: int, offered: int):
    client = Client(32, Mechanism.LLS, PASSWORD, max_info_octets=offered)
    meter = meter_for(client, FULL, frame, pdu)
    association = carry_out(associate(client), meter.feed, one_by_one)
    listed = carry_out(object_list(association), meter.feed, one_by_one)
    assert {entry.class_id for entry in listed} == {1, 3, 8, 15, 42, 47}
    assert len(carry_out(extended_status(association, listed), meter.feed).energies_kwh) == len(ENERGIES)


def test_only_what_is_listed_is_asked_for():
    client = Client.reader(PASSWORD)
    asked: list[bytes] = []
    meter = meter_for(client, MeterValues(CLOCK, energies_wh={"energy_import_kwh": 5}))

    def feed(octets: bytes) -> bytes:
        asked.append(octets)
        return meter.feed(octets)

    association = carry_out(associate(client), feed)
    status = carry_out(extended_status(association), feed)
    assert (status.gsm, status.ip, status.problems) == (None, None, ())
    assert status.values() == {"energy_import_kwh": 0.005, "meter_serial": "009000000000101"}
    wanted = len(("SNRM", "AARQ", "object list", "name", "serial", "clock", "scaler", "energy"))
    assert len(asked) == wanted


@pytest.mark.parametrize("version", [0, 1, 2])
def test_versions_of_the_gsm_diagnostic(version: int):
    client = Client.public()
    meter = meter_for(
        client, MeterValues(CLOCK, gsm=SimulatedGsm(version=version, ps_status=5, registration=9))
    )
    status = carry_out(extended_status(carry_out(associate(client), meter.feed)), meter.feed)
    assert status.gsm is not None
    assert status.gsm.version == version
    assert (status.gsm.registration and status.gsm.registration.word) == "unknown"
    assert (status.gsm.ps_status and status.gsm.ps_status.word) == ("lte" if version else "unknown")
    assert (status.gsm.cell and status.gsm.cell.channel) == (1300 if version else None)
    assert ("band" in status.values()) is bool(version)
    assert (status.gsm.captured_at and status.gsm.captured_at.local) == CLOCK


def test_a_listed_object_that_cannot_be_read_is_a_problem_and_no_end():
    entries = [(1, "0.0.42.0.0"), (1, "0.0.96.1.0"), (42, "0.0.25.1.0"), (3, "1.0.1.8.0")]
    listed = array(
        *(
            structure(
                Data(Tag.LONG_UNSIGNED, number), Data(Tag.UNSIGNED, 0), Obis.parse(name).data, structure()
            )
            for number, name in entries
        )
    )
    meter = ScriptedMeter(
        ACCEPTED,
        GetResponse(listed).encode(),
        GetResponse(None, 3).encode(),
        GetResponse(None, 77).encode(),
        GetResponse(Data(Tag.BOOLEAN, value=True)).encode(),
        GetResponse(structure(Data(Tag.INTEGER, 0), Data(Tag.ENUM, 27))).encode(),
        GetResponse(Data(Tag.LONG_UNSIGNED, 5)).encode(),
    )
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    status = carry_out(extended_status(association), meter.feed)
    assert status.values() == {}
    words = [problem.words for problem in status.problems]
    assert len(words) == 4
    assert "0.0.42.0.0.255 attribute 2 (class 1): read or write denied" in words[0]
    assert "data access result 77" in words[1]
    assert "BOOLEAN" in words[2]
    assert "W, not Wh" in words[3]


def wrong(client: Client, keys: Keys) -> Client:
    return Client(client.address, client.mechanism, keys, system_title=b"CLIENT01")


@pytest.mark.parametrize("client", CLIENTS[1:], ids=lambda client: client.mechanism.name)
def test_a_wrong_password_is_named_and_not_shown(client: Client):
    other = Keys(Secret("0x" + "77" * 16), Secret("0x" + "d0" * 16))
    with pytest.raises(WrongPasswordError) as caught:
        carry_out(associate(wrong(client, other)), meter_for(client).feed)
    assert "77" not in str(caught.value)
    assert caught.value.code == "meter_wrong_password"


def test_a_client_that_the_meter_does_not_know():
    with pytest.raises(AssociationRefusedError, match="authentication required; is it the right client"):
        carry_out(associate(Client.public()), meter_for(Client.reader(PASSWORD)).feed)


@pytest.mark.parametrize("client", [Client(32, Mechanism.LLS), Client.configurator(Keys(Secret("x" * 17)))])
def test_a_password_that_is_missing_or_does_not_fit_is_told_before_anything_is_sent(client: Client):
    with pytest.raises(InvalidValueError):
        next(associate(client))


PENDING = Aare(0, 14, challenge=b"challenge").encode()


@pytest.mark.parametrize(
    ("apdus", "error", "words"),
    [
        (
            [PENDING, ActionResponse(0, Data(Tag.OCTET_STRING, bytes(20))).encode()],
            AssociationRefusedError,
            "another",
        ),
        ([PENDING, ActionResponse(0).encode()], AssociationRefusedError, "did not prove"),
        ([PENDING, ActionResponse(99).encode()], WrongPasswordError, "data access result 99"),
        ([PENDING, Refusal(0xD8, b"\x01\x01").encode()], WrongPasswordError, "service not allowed"),
        ([ACCEPTED], AssociationRefusedError, "no challenge"),
    ],
)
def test_a_meter_that_proves_nothing_is_not_believed(apdus: list[bytes], error: type[Exception], words: str):
    client = Client(32, Mechanism.HLS_SHA1, KEYS)
    with pytest.raises(error, match=words):
        carry_out(associate(client), ScriptedMeter(*apdus).feed)


@pytest.mark.parametrize(
    ("apdus", "error", "words"),
    [
        ([Aare(1, 1).encode()], AssociationRefusedError, "rejected for good: no reason given"),
        ([Aare(2, 250).encode()], AssociationRefusedError, "rejected for now: diagnostic 250"),
        ([Aare(1, 13).encode()], WrongPasswordError, "does not take the password"),
        ([Refusal(0xD8, b"\x01\x02").encode()], AssociationRefusedError, "service not allowed"),
        ([ActionResponse(0).encode()], DecodeError, "no AARE"),
        ([b"\x62\x00"], DecodeError, "response"),
        ([ACCEPTED, *ENDLESS], DecodeError, "longer than 262144"),
        ([ACCEPTED, GetResponse(None, 4).encode()], ReadRefusedError, "no such object"),
        ([ACCEPTED, GetResponse(None, 99).encode()], ReadRefusedError, "data access result 99"),
        (
            [ACCEPTED, Refusal(0xD8, b"\x02\x63").encode()],
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
def test_refusals_have_words(apdus: list[bytes], error: type[Exception], words: str):
    meter = ScriptedMeter(*apdus)
    with pytest.raises(error, match=words):
        carry_out(read(carry_out(associate(Client.reader(PASSWORD)), meter.feed), SERIAL), meter.feed)


def test_a_value_in_blocks():
    octets = encode_data(Data(Tag.OCTET_STRING, b"one value"))
    blocks = [GetBlock(n == len(octets), n, octets[n - 1 : n]) for n in range(1, len(octets) + 1)]
    meter = ScriptedMeter(ACCEPTED, *(block.encode() for block in blocks))
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    assert carry_out(read(association, SERIAL), meter.feed).text == "one value"


def answer(kind: Kind, receive: int = 0, send: int = 0, information: bytes = b"", *, segmented: bool = False):
    return Frame(READER, METER, Control(kind, receive, send), information, segmented).encode()


UA = answer(Kind.UA)
SMALL = Parameters(16, 16).encode()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([answer(Kind.DM)], "does not open"),
        ([UA, answer(Kind.DM)], "closed its HDLC link .DM"),
        ([answer(Kind.UA, information=SMALL), answer(Kind.I, 1, 0)], "finish what we say"),
        ([UA, answer(Kind.FRMR)], "closed its HDLC link .FRMR"),
        ([UA, answer(Kind.I, 1, 3, ACCEPTED)], "out of step"),
        ([UA, answer(Kind.I, 5, 0, ACCEPTED)], "out of step"),
        ([UA, *[answer(Kind.RR, 1)] * (MAX_POLLS + 1)], "does not come to the end"),
        (
            [UA, *[answer(Kind.I, 1, n & 7, segmented=True) for n in range(MAX_POLLS + 1)]],
            "does not come to the end",
        ),
    ],
)
def test_links_that_fail(answers: list[bytes], words: str):
    said = iter(answers)
    with pytest.raises(MeterLinkError, match=words):
        carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(said))


def test_a_meter_that_needs_time_and_is_not_alone_on_the_line():
    """Garbage, a frame to somebody else, a late answer of an earlier link, and RR before the answer."""
    stranger = Frame(METER, READER, Control(Kind.DM)).encode()
    said = iter(
        [
            b"\x00\xff~" + stranger + answer(Kind.I, 1, 3) + UA,
            answer(Kind.RR, 1),
            answer(Kind.RNR, 1) + b"\x55",
            answer(Kind.I, 1, 0, LLC_RESPONSE + ACCEPTED),
        ]
    )
    association = carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(said))
    assert association.max_pdu_octets == 0


def test_an_answer_without_its_link_layer_head():
    said = iter([UA, answer(Kind.I, 1, 0, ACCEPTED)])
    with pytest.raises(DecodeError, match="LLC"):
        carry_out(associate(Client.reader(PASSWORD)), lambda octets: next(said))


def test_a_meter_of_another_address_is_released_past_what_it_still_says():
    client = Client.public().at(logical=1, physical=300)
    meter = DlmsMeter(FULL, MeterSetup(address=client.server))
    association = carry_out(associate(client), meter.feed)
    late = Frame(Address(16), client.server, Control(Kind.RR)).encode()
    carry_out(release(association), lambda octets: late + meter.feed(octets))


def test_another_answer_to_the_release_is_no_release():
    meter = ScriptedMeter(ACCEPTED, ACCEPTED)
    association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
    with pytest.raises(DecodeError, match="RLRE"):
        carry_out(release(association, with_request=True), meter.feed)


def test_a_dialogue_waits_without_sending():
    dialogue = associate(Client.public())
    assert next(dialogue)
    assert [dialogue.send(octets) for octets in (b"", b"\x00", b"~\xa0")] == [b"", b"", b""]
    dialogue.close()


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_octets_end_in_an_error_of_ours_or_in_waiting(chunks: list[bytes]):
    dialogue = associate(Client.reader(PASSWORD))
    next(dialogue)
    with contextlib.suppress(DlmsError, DecodeError, StopIteration):
        for chunk in [UA, *chunks]:
            dialogue.send(chunk)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.booleans())
def test_any_apdus_end_in_an_error_of_ours_or_a_value(apdus: list[bytes], accepted: bool):
    meter = ScriptedMeter(*([ACCEPTED] if accepted else []), *apdus, *[GetResponse(None, 4).encode()] * 3)
    with contextlib.suppress(DlmsError, DecodeError, IndexError):
        association = carry_out(associate(Client.reader(PASSWORD)), meter.feed)
        assert carry_out(read(association, SERIAL), meter.feed).tag in Tag
