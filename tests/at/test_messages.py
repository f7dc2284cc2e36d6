"""Messages in a memory and routed ones: limits of lengths and places (TS 27.005 clauses 3.1 and 4)."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.at.messages import (
    MessagePlace,
    MessageStatus,
    StoredMessage,
    is_hex,
    parse_cmgl,
    parse_cmgr,
    parse_place,
    pdu_fits,
)
from gsm_meter_bridge.errors import DecodeError


@pytest.mark.parametrize(
    ("text", "hexadecimal"),
    [
        ("00", True),
        (" 0aF1 ", True),
        ("", False),
        ("0", False),
        ("0g", False),
        ("00 11", False),
        ("OK", False),
    ],
)
def test_octets_in_hex_are_recognised(text: str, hexadecimal: bool) -> None:
    assert is_hex(text) is hexadecimal


# The length in the header counts the TPDU: the service centre's address, at most 12 octets, comes before it.
@pytest.mark.parametrize(
    ("length", "octets", "fits"),
    [
        ("13", 12, False),  # no SMS-DELIVER is shorter than 13 octets
        ("12", 12, False),
        ("13", 13, True),
        ("13", 25, True),
        ("13", 26, False),
        ("30", 29, False),
        ("30", 30, True),
        ("30", 42, True),
        ("30", 43, False),
        ("", 13, True),  # a header without a length fits any message
        ("", 12, False),
        ("x", 13, True),
    ],
)
def test_pdu_fits_length_with_service_centre_or_without(length: str, octets: int, fits: bool) -> None:
    for header in (f"+CMT: ,{length}", f'+CMT: "a:b",{length}', f"+CDS: {length}"):
        assert pdu_fits(header, " " + "00" * octets + " ") is fits


@pytest.mark.parametrize(
    ("length", "pdu", "fits"),
    [
        ("13", "00" * 14, True),
        ("13", "00" * 13, False),
        ("13", "00" * 15, False),
        ("13", "07" + "00" * 20, True),
        ("13", "07" + "00" * 19, False),
        ("13", "0B" + "00" * 24, True),
        ("13", "10" + "00" * 29, True),
        ("13", "FF" * 14, False),
        ("", "00" * 14, False),
        ("11", "00" * 12, False),
    ],
)
def test_pdu_fits_exactly_if_its_first_octet_counts_the_service_centre(
    length: str, pdu: str, fits: bool
) -> None:
    assert pdu_fits(f"+CMT: ,{length}", pdu, exactly=True) is fits


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('+CMTI: "SM",0', MessagePlace("SM", 0)),
        ('+CMTI:"ME",255', MessagePlace("ME", 255)),
        ("+CMTI: SM,3", MessagePlace("SM", 3)),
        ('+CMTI: "SM_P",12,1', MessagePlace("SM_P", 12)),
        ('+CMTI: "SM345678",1', MessagePlace("SM345678", 1)),
        ('+CMTI: "SM",-1', None),
        ("+CMTI: ,-1", None),
        ("+CMTI: ,1", None),
        ('+CMTI: "S",1', None),
        ('+CMTI: "sm",1', None),
        ('+CMTI: "SM3456789",1', None),
        ('+CMTI: "SM"', None),
        ('+CDSI: "SM",1', None),
    ],
)
def test_place_has_memory_and_index_from_0(text: str, place: MessagePlace | None) -> None:
    if place is not None:
        assert parse_place(text, "+CMTI") == place
        return
    with pytest.raises(DecodeError, match=r"\+CMTI"):
        parse_place(text, "+CMTI")


def test_place_error_says_what_is_missing() -> None:
    with pytest.raises(DecodeError, match=r"\+CMTI: no place of a message"):
        parse_place('+CMTI: "SM",-1', "+CMTI")
    with pytest.raises(DecodeError, match=r"\+CMTI: parameter 2 is '', expected a number"):
        parse_place('+CMTI: "SM"', "+CMTI")


def test_message_status_has_numbers_of_the_standard() -> None:
    assert [status.name for status in sorted(MessageStatus)] == [
        "RECEIVED_UNREAD",
        "RECEIVED_READ",
        "STORED_UNSENT",
        "STORED_SENT",
        "ALL",
    ]
    assert sorted(MessageStatus) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("length", "octets", "is_short"),
    [
        ("20", 19, True),
        ("20", 20, False),
        ("20", 28, False),
        ("0", 1, False),
        ("999", 998, True),
        ("1000", 20, False),
        ("", 20, False),
        ("x", 20, False),
    ],
)
def test_stored_message_is_short_if_octets_are_missing(length: str, octets: int, is_short: bool) -> None:
    pdu = "00" * octets
    (listed,) = parse_cmgl((f"+CMGL: 3,1,,{length}", pdu))
    read = parse_cmgr((f"+CMGR: 1,,{length}", pdu), 3)
    assert read == listed == StoredMessage(3, 1, pdu)
    assert (listed.is_short, read.is_short) == (is_short, is_short)


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (("+CMGL: 1,0,,1", "aa", "bb"), [(1, 0, "AA")]),  # one PDU for each header
        (("+CMGL: 1,0,,1", "+CMGL: 2,1,,1", "BB"), [(2, 1, "BB")]),
        (("+CMGL: 1,x,,1", "AA", "+CMGL: 2,1,,1", "BB"), [(2, 1, "BB")]),
        (("+CMGL: 1", "AA"), []),
        (("AA",), []),
        (("+cmgl: 1,0,,1", "AA"), [(1, 0, "AA")]),
        (("+CMGL: 0,4,,1", "OK?", "AA"), [(0, 4, "AA")]),
        ((), []),
    ],
)
def test_list_has_message_for_each_header_with_pdu(
    lines: tuple[str, ...], messages: list[tuple[int, int, str]]
) -> None:
    assert list(parse_cmgl(lines)) == [StoredMessage(*message) for message in messages]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("AA", "+CMGR: 0,,1", "BB", "CC"), (5, 0, "BB")),
        (("+CMGR: 0,,1", "noise", "BB"), (5, 0, "BB")),
        (("+CMGR: 0,,0",), None),
        (("BB",), None),
    ],
)
def test_message_that_is_read_is_first_pdu_behind_header(
    lines: tuple[str, ...], message: tuple[int, int, str] | None
) -> None:
    assert parse_cmgr(lines, 5) == (message and StoredMessage(*message))


def test_message_that_is_read_needs_its_status() -> None:
    with pytest.raises(DecodeError, match=r"\+CMGR: parameter 1"):
        parse_cmgr(("+CMGR: x,,1", "AA"), 5)
