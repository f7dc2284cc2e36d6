"""Where a reply begins to differ from what a profile expects, and how bytes become values."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError, UnknownNameError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Request, SmsText
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.profiles.forms import (
    FIELD_TYPES,
    BytesReply,
    Field,
    Octets,
    Profile,
    TextReply,
    normalised,
)
from gsm_meter_bridge.vocabulary import Secret

FAMILY = family_of("energomera_gs04")
TEXT = """
profile: mine
family: energomera_gs04
verified: false
provenance: Captured from a module.
requests:
  status:
    volatile: true
    send: {text: "{password} STATUS"}
    reply:
      pattern: |
        LEVEL\\ (?P<level>-?[0-9]+)(?:\\ of\\ (?P<sim>[01]))?\\n
        IP\\ (?P<ip>[^\\n]+)\\n
        (?!X)END(?![A-Z])
      fields:
        - {group: level, value: signal_dbm}
        - {group: ip, value: ip}
        - {group: sim, value: sim, shift: 0}
  clock: {transport: tcp, timeout_s: 5, send: {text: "CLOCK"}, reply: {pattern: "(?P<ip>.+)", fields: []}}
"""
PROFILE = load_profile(TEXT, "mine.yaml", FAMILY)
STATUS = Request.read("status")
FIRST = r"LEVEL\ (?P<level>-?[0-9]+)(?:\ of\ (?P<sim>[01]))?"
LONG = "x" * 101


def _reply(profile: Profile) -> TextReply:
    reply = profile.requests["status"].reply
    assert isinstance(reply, TextReply)
    return reply


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", rf"line 1 is to match {FIRST}, and is 'nothing'"),
        ("LEVEL -71", r"it ends after line 1; line 2 is to match IP\ (?P<ip>[^\n]+)"),
        ("LEVEL -71\r\nDNS 1", r"line 2 is to match IP\ (?P<ip>[^\n]+), and is 'DNS 1'"),
        ("LEVEL -71\nIP 10.1.2.3", "it ends after line 2; line 3 is to match END"),
        ("LEVEL -71\nIP 10.1.2.3\nMORE", "line 3 is to match END, and is 'MORE'"),
        (f"LEVEL -71\nIP 10.1.2.3\n{LONG}", f"line 3 is to match END, and is {LONG[:100] + '...'!r}"),
        (f"LEVEL -71\nIP 10.1.2.3\n{LONG[1:]}", f"line 3 is to match END, and is {LONG[1:]!r}"),
        ("LEVEL -71\nIP 1\nEND\nMORE", "there is more than the pattern takes, from line 3 on: 'END'"),
    ],
)
def test_difference_names_first_line_that_does_not_match(text: str, message: str) -> None:
    with pytest.raises(DecodeError, match="does not have the expected form"):
        PROFILE.decode(STATUS, text)
    assert _reply(PROFILE).difference(text) == message


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("LEVEL -71\nIP 10.1.2.3\nEND", {"signal_dbm": -71, "ip": "10.1.2.3"}),
        (" LEVEL -71 of 1 \r\n IP 10.1.2.3 \r END \n", {"signal_dbm": -71, "ip": "10.1.2.3", "sim": True}),
    ],
)
def test_reply_is_read_without_blanks_at_line_ends(text: str, values: dict[str, object]) -> None:
    reply = PROFILE.decode(STATUS, text)
    assert {r.name: r.value for r in reply.readings} == values
    assert reply.raw == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [("a\r\nb\rc\nd", "a\nb\nc\nd"), ("\n a \n\n b\n", "a\n\nb"), ("", "")],
)
def test_reply_has_plain_line_ends(text: str, lines: str) -> None:
    assert normalised(text) == lines


def _bytes_reply(length: int | None, *places: Octets) -> BytesReply:
    field = Field(FAMILY_VALUES["firmware"])
    return BytesReply(b"\x02\x13", length, tuple((place, field) for place in places))


FAMILY_VALUES = {
    field.observable.name: field.observable
    for name in ("firmware", "ip", "signal_dbm")
    for _, field in load_profile(
        f"{TEXT.partition('requests:')[0]}requests:\n  a:\n    send: {{text: a}}\n"
        f"    reply: {{pattern: '(?P<g>.+)', fields: [{{group: g, value: {name}}}]}}\n",
        "values.yaml",
        FAMILY,
    )
    .requests["a"]
    .reply.fields
}


@pytest.mark.parametrize(
    ("reply", "octets", "message"),
    [
        (_bytes_reply(None), "", "it starts with nothing, not with 02 13"),
        (_bytes_reply(None), "0314", "it starts with 03 14, not with 02 13"),
        (_bytes_reply(None), "03141516", "it starts with 03 14, not with 02 13"),
        (_bytes_reply(4), "021300", "it has 3 octets, not 4"),
        (_bytes_reply(None, Octets(2, 2, "hex")), "021300", "reply at octet 3: ends before octet 4"),
        (_bytes_reply(None, Octets(4, None, "hex")), "021300", "reply at octet 3: ends before octet 4"),
        (_bytes_reply(None, Octets(2, None, "ascii")), "0213FF", "reply at octet 2: is not ASCII"),
        (_bytes_reply(None, Octets(2, 1, "hex")), "021300", "it cannot be read"),
    ],
)
def test_difference_names_first_octet_that_does_not_match(
    reply: BytesReply, octets: str, message: str
) -> None:
    assert reply.difference("", bytes.fromhex(octets)) == message


@pytest.mark.parametrize(
    ("reply", "octets", "value"),
    [
        (_bytes_reply(None, Octets(2, 2, "hex")), "02130A0B", "0A0B"),
        (_bytes_reply(4, Octets(2, 2, "hex")), "02130A0B", "0A0B"),
        (_bytes_reply(None, Octets(3, None, "hex")), "0213000B0C", "0B0C"),
        (_bytes_reply(None, Octets(4, None, "hex")), "02130A0B", ""),
    ],
)
def test_octets_of_field_are_taken_from_their_place(reply: BytesReply, octets: str, value: str) -> None:
    (reading,) = reply.readings("", bytes.fromhex(octets))
    assert reading.value == value


@pytest.mark.parametrize(
    ("kind", "octets", "text"),
    [
        ("uint", "0102", "258"),
        ("uint_le", "0102", "513"),
        ("uint", "FF00", "65280"),
        ("int", "FF01", "-255"),
        ("int_le", "01FF", "-255"),
        ("hex", "0A1F", "0A1F"),
        ("bcd", "8601FF", "8601"),
        ("bcd", "861f", "861"),
        ("ascii", "413100FF", "A1"),
        ("ipv4", "0A010203", "10.1.2.3"),
    ],
)
def test_octets_become_text_by_their_type(kind: str, octets: str, text: str) -> None:
    assert FIELD_TYPES[kind](bytes.fromhex(octets)) == text


@pytest.mark.parametrize(
    ("shift", "text", "value"),
    [(0, "01", True), (0, "FE", False), (3, "08", True), (3, "F7", False)],
)
def test_bit_of_octet_is_a_flag(shift: int, text: str, *, value: bool) -> None:
    sim = next(field.observable for _, field in _reply(PROFILE).fields if field.shift is not None)
    reading = Field(sim, shift=shift).reading(text)
    assert (reading.value, reading.raw) == (value, text)


@pytest.mark.parametrize(
    ("text", "value", "raw"),
    [
        ("-71", -71, "-71"),
        ("+7", 7, "+7"),
        ("123456789", 123456789, "123456789"),
        ("1234567890", None, "1234567890"),
        ("-7.5", None, "-7.5"),
    ],
)
def test_integer_is_read_up_to_nine_digits(text: str, value: int | None, raw: str) -> None:
    reading = Field(FAMILY_VALUES["signal_dbm"]).reading(text)
    assert reading.raw == raw
    assert reading.value in (value, None)
    assert (reading.value is None) == (value is None or not FAMILY_VALUES["signal_dbm"].takes(value))


def test_requests_of_profile_are_found_and_encoded_by_transport() -> None:
    (status,), (clock,) = PROFILE.reads(), PROFILE.reads("tcp")
    assert (status.name, status.yields, status.volatile, status.timeout_s) == (
        "status",
        ("signal_dbm", "ip", "sim"),
        True,
        None,
    )
    assert (clock.name, clock.yields, clock.volatile, clock.timeout_s) == ("clock", (), False, 5)
    sms = PROFILE.encode(STATUS, Secret("1234"))
    assert isinstance(sms, SmsText)
    assert (sms.text, sms.masked) == ("1234 STATUS", "*** STATUS")
    for text in (" status ", "Clock"):
        assert PROFILE.parse(text) == Request.read(text.strip().lower())
    assert PROFILE.parse("nothing") is None
    with pytest.raises(UnknownNameError, match="request of profile mine"):
        PROFILE.encode(Request.read("nothing"), Secret("1234"))
