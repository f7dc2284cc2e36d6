"""What the encoder makes, octet by octet (3GPP TS 23.040 clause 9.2.2), and where it cuts texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.sms import (
    EncodedPdu,
    SmsDeliver,
    UserData,
    decode_pdu,
    encode_data_deliver,
    encode_data_submit,
    encode_delivers,
    encode_status_report,
    encode_submits,
    is_single,
    join_parts,
)

AT = datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC)
STAMP = "62111221035100"
TO, NUMBER = "+7999", "0491 9799"
DAY = timedelta(days=1)


def _is(encoded: EncodedPdu, octets: str) -> bool:
    """Whether a PDU has these octets and counts those after the service centre's."""
    expected = "".join(octets.split())
    assert encoded.pdu == expected
    return encoded.tpdu_length == len(expected) // 2 - 1


@pytest.mark.parametrize(
    ("options", "octets"),
    [
        ({}, f"00 01 00 {NUMBER} 00 00 02 4121"),
        ({"tp_mr": 42}, f"00 01 2A {NUMBER} 00 00 02 4121"),
        ({"status_report": True}, f"00 21 00 {NUMBER} 00 00 02 4121"),
        ({"validity": DAY}, f"00 11 00 {NUMBER} 00 00 A7 02 4121"),
        ({"validity": timedelta(0)}, f"00 11 00 {NUMBER} 00 00 00 02 4121"),
        ({"validity": DAY, "status_report": True, "tp_mr": 255}, f"00 31 FF {NUMBER} 00 00 A7 02 4121"),
    ],
)
def test_submit_has_octets_that_its_options_ask_for(options: dict, octets: str) -> None:
    (encoded,) = encode_submits(TO, "AB", **options)
    assert _is(encoded, octets)


@pytest.mark.parametrize(
    ("options", "octets"),
    [
        ({}, f"00 01 00 {NUMBER} 00 04 03 00FF41"),
        ({"dcs": 0xF5}, f"00 01 00 {NUMBER} 00 F5 03 00FF41"),
        ({"validity": DAY, "status_report": True}, f"00 31 00 {NUMBER} 00 04 A7 03 00FF41"),
    ],
)
def test_submit_of_data_has_octets_that_its_options_ask_for(options: dict, octets: str) -> None:
    assert _is(encode_data_submit(TO, b"\x00\xffA", **options), octets)


def test_deliver_of_text_and_of_data_has_sender_scheme_and_time() -> None:
    assert _is(encode_delivers(TO, "AB", AT)[0], f"00 04 {NUMBER} 00 00 {STAMP} 02 4121")
    assert _is(encode_delivers("LE", "Ж", AT)[0], f"00 04 04D0CC22 00 08 {STAMP} 02 0416")
    assert _is(encode_data_deliver(TO, b"\xff", AT), f"00 04 {NUMBER} 00 04 {STAMP} 01 FF")
    assert _is(encode_data_deliver(TO, b"\xff", AT, dcs=0xF5), f"00 04 {NUMBER} 00 F5 {STAMP} 01 FF")


def test_status_report_has_both_times_and_status() -> None:
    report = encode_status_report(TO, 42, AT, AT + timedelta(seconds=3), 0x46)
    assert _is(report, f"00 06 2A {NUMBER} {STAMP} 62111221038100 46")


def test_data_are_refused_if_they_have_more_than_140_octets() -> None:
    assert encode_data_submit(TO, bytes(140)).tpdu_length == 1 + 1 + 4 + 2 + 1 + 140
    with pytest.raises(InvalidValueError, match=r"data: .* at most 140 octets"):
        encode_data_submit(TO, bytes(141))


# TP-UDL and lengths of the parts' texts; a header takes seven septets, or eight if the reference has 16 bits.
@pytest.mark.parametrize(
    ("text", "wide", "lengths", "cuts"),
    [
        ("a" * 160, False, [160], [160]),
        ("a" * 161, False, [160, 15], [153, 8]),
        ("a" * 306, False, [160, 160], [153, 153]),
        ("a" * 307, False, [160, 160, 8], [153, 153, 1]),
        ("a" * 161, True, [160, 17], [152, 9]),
        ("a" * 152 + "€" + "a" * 10, False, [159, 19], [152, 11]),  # an escape stays with its code
        ("a" * 151 + "€" + "a" * 10, False, [160, 17], [152, 10]),
        ("a" * 151 + "€" + "a" * 10, True, [159, 20], [151, 11]),
        ("a" * 152 + "€" + "a" * 151, False, [159, 160], [152, 152]),
        ("a" * 158 + "€", False, [160], [159]),
        ("ж" * 70, False, [140], [70]),
        ("ж" * 71, False, [140, 14], [67, 4]),
        ("ж" * 134, False, [140, 140], [67, 67]),
        ("ж" * 71, True, [139, 17], [66, 5]),  # 133 octets are left: 132 are whole characters
        ("ж" * 66 + "😀" + "ж" * 4, False, [138, 18], [66, 5]),  # a pair stays together
        ("ж" * 65 + "😀" + "ж" * 4, False, [140, 14], [66, 4]),
        ("ж" * 65 + "\U00010000" + "ж" * 4, False, [140, 14], [66, 4]),
        ("ж" * 66 + "\ud7ff" + "ж" * 4, False, [140, 14], [67, 4]),  # next to what makes a pair
        ("ж" * 66 + "\ue000" + "ж" * 4, False, [140, 14], [67, 4]),
        ("ж" * 66 + "\U0010ffff" + "ж" * 4, False, [138, 18], [66, 5]),
        ("ж" * 66 + "\U00010000" + "ж" * 4, False, [138, 18], [66, 5]),
        ("", False, [0], [0]),
    ],
)
def test_text_is_cut_where_a_message_is_full(
    text: str, wide: bool, lengths: list[int], cuts: list[int]
) -> None:
    parts = _parts(encode_delivers(TO, text, AT, reference=300, wide_reference=wide))
    udl_at = 1 + 1 + 4 + 2 + 7
    pdus = [bytes.fromhex(p.pdu) for p in encode_delivers(TO, text, AT, reference=300, wide_reference=wide)]
    assert [pdu[udl_at] for pdu in pdus] == lengths
    assert [len(part.text or "") for part in parts] == cuts
    assert join_parts(parts) == text


def test_text_is_cut_behind_half_a_pair_only_if_more_follows() -> None:
    half = "\ud83d"
    lengths = [bytes.fromhex(p.pdu)[15] for p in encode_delivers(TO, "ж" * 133 + half, AT)]
    assert lengths == [140, 140]


@pytest.mark.parametrize(
    ("wide", "reference", "headers"),
    [
        (False, 7, ["05000307 0201", "05000307 0202"]),
        (False, 300, ["0500032C 0201", "0500032C 0202"]),  # its lower eight bits
        (True, 300, ["060804012C 0201", "060804012C 0202"]),
        (True, 0x1FFFF, ["060804FFFF 0201", "060804FFFF 0202"]),
    ],
)
def test_parts_have_header_with_reference_and_number(wide: bool, reference: int, headers: list[str]) -> None:
    pdus = encode_delivers(TO, "ж" * 71, AT, reference=reference, wide_reference=wide)
    firsts = [bytes.fromhex(p.pdu)[1] for p in pdus]
    starts = [bytes.fromhex(p.pdu)[1 + 1 + 4 + 2 + 7 + 1 :].hex().upper() for p in pdus]
    expected = ["".join(header.split()) for header in headers]
    assert firsts == [0x44, 0x44]
    assert [start[: len(header)] for start, header in zip(starts, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("options", "first"), [({}, 0x41), ({"status_report": True}, 0x61), ({"validity": DAY}, 0x51)]
)
def test_parts_that_are_sent_tell_of_their_header(options: dict, first: int) -> None:
    """Bit 6 of the first octet is TP-UDHI."""
    assert [bytes.fromhex(p.pdu)[1] for p in encode_submits(TO, "a" * 161, **options)] == [first, first]


def test_parts_have_reference_0_and_8_bits_by_default() -> None:
    for pdus in (encode_submits(TO, "a" * 161), encode_delivers(TO, "a" * 161, AT)):
        assert all("0500030002" in p.pdu for p in pdus)


@pytest.mark.parametrize(("character", "most"), [("a", 153 * 255), ("ж", 67 * 255)])
def test_text_is_refused_if_it_needs_more_than_255_parts(character: str, most: int) -> None:
    assert len(encode_submits(TO, character * most)) == 255
    with pytest.raises(
        InvalidValueError, match="parts of the text: 256 is not allowed; expected at most 255"
    ):
        encode_submits(TO, character * (most + 1))


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ("", True),
        ("a" * 160, True),
        ("a" * 161, False),
        ("€" * 80, True),
        ("€" * 81, False),
        ("ж" * 70, True),
        ("ж" * 71, False),
        ("a" * 100_000, False),  # more than any message can carry
    ],
)
def test_text_is_single_if_one_message_carries_it(text: str, single: bool) -> None:
    assert is_single(text) is single


def _parts(pdus: tuple[EncodedPdu, ...]) -> list[UserData]:
    return [sms.user_data for sms in (decode_pdu(p.pdu) for p in pdus) if isinstance(sms, SmsDeliver)]
