"""Profiles as data: requests in words and in octets, the shapes of their replies, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import ConfigError, DecodeError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.model import Access, Module, Request, SmsData, timeout_s
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.vocabulary import Secret

FAMILY = family_of("energomera_gs04")
HEAD = """
profile: mine
family: energomera_gs04
verified: true
provenance: Captured from a module on a desk.
"""
BYTES = f"""{HEAD}
requests:
  extended_status:
    volatile: true
    timeout_s: 240
    send: {{bytes: "01 {{password}} 02 13 03", dcs: 8}}
    reply:
      starts: "02 13"
      length: 22
      fields:
        - {{offset: 2, length: 1, type: uint, value: registration, table: registration}}
        - {{offset: 3, length: 1, type: int, value: signal_dbm}}
        - {{offset: 4, length: 1, type: hex, value: sim, shift: 0}}
        - {{offset: 4, length: 1, type: hex, value: cenc, shift: 5, width: 3, table: cenc_state}}
        - {{offset: 5, length: 4, type: ipv4, value: ip}}
        - {{offset: 9, length: 8, type: bcd, value: imei}}
        - {{offset: 17, length: 2, type: uint_le, value: connect_period_s}}
        - {{offset: 19, type: ascii, value: firmware}}
  clock:
    transport: tcp
    send: {{text: "CLOCK"}}
    reply: {{pattern: 'OK (?P<ip>.+)', fields: [{{group: ip, value: ip}}]}}
"""
PROFILE = load_profile(BYTES, "mine.yaml", FAMILY)
STATUS = Request.read("extended_status")
REPLY = bytes.fromhex("0213 01 B9 49 0A141E28 861234567890123F 2C01 76312E")


def test_profile_encodes_octets_with_password_and_masks_it() -> None:
    sms = PROFILE.encode(STATUS, Secret("1234"))
    assert isinstance(sms, SmsData)
    assert sms.octets == b"\x01" + b"1234" + b"\x02\x13\x03"
    assert (sms.dcs, sms.masked) == (8, "01 *** 02 13 03")
    assert "1234" not in repr(sms)


def test_profile_decodes_every_type_of_field() -> None:
    reply = PROFILE.decode(STATUS, "", REPLY)
    assert {r.name: r.value for r in reply.readings} == {
        "registration": "home",
        "signal_dbm": -71,
        "sim": True,
        "cenc": "registered",
        "ip": "10.20.30.40",
        "imei": "861234567890123",
        "connect_period_s": 300,
        "firmware": "v1.",
    }
    assert reply.raw == REPLY.hex().upper()


def test_profile_keeps_code_without_meaning_raw() -> None:
    reply = PROFILE.decode(STATUS, "", REPLY[:2] + b"\x0e" + REPLY[3:])
    assert (reply.readings[0].value, reply.readings[0].raw) == ("unknown", "14")


@pytest.mark.parametrize(
    "octets", [b"", REPLY[:-1], b"\x03" + REPLY[1:], REPLY + b"x", REPLY[:19] + b"\xff\xff\xff"]
)
def test_profile_rejects_octets_that_do_not_match_reply(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        PROFILE.decode(STATUS, "", octets)


@given(st.binary(max_size=30), st.text(max_size=30))
def test_profile_decoder_raises_only_decode_error(octets: bytes, text: str) -> None:
    try:
        PROFILE.decode(STATUS, text, octets)
    except DecodeError:
        return


def test_profile_reads_by_sms_only_requests_of_that_transport() -> None:
    assert [r.name for r in PROFILE.reads("sms")] == ["extended_status"]
    assert list(PROFILE.requests) == ["extended_status", "clock"]


def test_profile_request_has_its_own_timeout() -> None:
    module = Module("hut", "Hut", FAMILY, "+79990000101", Access(Secret("1"), PROFILE))
    assert timeout_s(module, STATUS) == 240
    assert timeout_s(module, Request.read("mode")) is None


def test_profile_finds_request_by_name_or_text() -> None:
    assert PROFILE.parse("extended_status") == STATUS
    assert bundled_profile(FAMILY, "assumed_status").parse("status") == STATUS


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("offset: 3,", "offset: -3,", "extended_status", "value must be at least 0"),
        ("type: bcd", "type: bdc", "extended_status", "allowed: uint, uint_le"),
        ('"02 13"', '"02 1"', "extended_status.reply.starts", "not hexadecimal"),
        ('dcs: 8', 'dcs: 300', "extended_status.send.dcs", "0 to 255"),
        ("{bytes: ", "{text: hm, bytes: ", "extended_status.send", "either text or bytes"),
        ("transport: tcp", "transport: pigeon", "clock.transport", "sms, tcp"),
        ("transport: tcp", "delivery: tcp", "clock.delivery", "`delivery` is now `transport`"),
        ("timeout_s: 240", "timeout_s: 0", "extended_status.timeout_s", "1 to 86400"),
        ("{group: ip, value: ip}", "{group: op, value: ip}", "clock", "group 'op' is not in the pattern"),
        ("table: registration}", "table: nonsense}", "extended_status.reply.fields.0.table", "is no table"),
        ("table: registration}", "table: band}", "extended_status", "is no table of registration"),
        ("value: sim, shift: 0}", "value: sim, table: cenc_state}", "fields.2.table", "is no table of sim"),
        ("requests:", "questions:", "questions", "no such option"),
    ],
)  # fmt: skip
def test_profile_error_names_place_and_reason(old: str, new: str, place: str, message: str) -> None:
    assert old in BYTES
    with pytest.raises(ConfigError) as caught:
        load_profile(BYTES.replace(old, new), "mine.yaml", FAMILY)
    assert place in str(caught.value)
    assert message in str(caught.value)


TEXT = (
    HEAD
    + """
requests:
  status:
    send: {{text: "S"}}
    reply: {{pattern: '(?P<g>.+)', fields: [{{group: g, value: {}}}]}}
"""
)


@pytest.mark.parametrize(
    ("observable", "reply", "value", "raw"),
    [
        ("registration", "home", "home", None),
        ("registration", "1", "unknown", "1"),
        ("registration", "Home network", "unknown", "Home network"),
        ("band", "lte_77", "unknown", "lte_77"),
        ("sim", "0", None, "0"),
        ("sim", "yes", None, "yes"),
        ("signal_dbm", "-71", -71, "-71"),
        ("signal_dbm", "strong", None, "strong"),
        ("energy_import_kwh", "4711.25", 4711.25, "4711.25"),
        ("energy_import_kwh", "12", 12.0, "12"),
        ("energy_import_kwh", "999999999.5", None, "999999999.5"),
        ("energy_import_kwh", "-1", None, "-1"),
        ("energy_import_kwh", "much", None, "much"),
        ("operator", "MTS", "MTS", None),
    ],
)
def test_profile_keeps_text_raw_if_it_is_no_value_of_observable(
    observable: str, reply: str, value: object, raw: str | None
) -> None:
    profile = load_profile(TEXT.format(observable), "mine.yaml", FAMILY)
    (reading,) = profile.decode(Request.read("status"), reply, b"").readings
    assert (reading.value, reading.raw) == (value, raw)


FRAME = """
config_frame:
  start: "AA {password} BB"
  between: "CC"
  end: "DD"
  parameters:
    connect_period_s: {code: "01", type: u16}
    network_mode: {code: "02", type: u8, values: {auto: 0, lte_only: 7}}
"""


def test_profile_frame_can_have_codes_that_bundled_frame_lacks() -> None:
    frame = load_profile(HEAD + FRAME, "mine.yaml", FAMILY).frame
    assert frame is not None
    octets = frame.encode({"network_mode": "lte_only", "connect_period_s": 300}, Secret("x"))
    assert octets == bytes.fromhex("AA 78 BB 01 012C CC 02 07 DD")
    assert frame.decode(octets) == (Secret("x"), {"connect_period_s": 300, "network_mode": "lte_only"})
    assert frame.shown({"connect_period_s": 300}) == "mine ***: connect_period_s=300"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"AA {password} BB"', '"AA BB"', "expected {password} once"),
        ('code: "01"', 'code: "0102"', "one octet"),
        ("type: u16", "type: u24", "allowed: u8, u16, u32, text"),
        ("connect_period_s:", "volume:", "no setting of energomera_gs04"),
    ],
)
def test_profile_frame_error_names_reason(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_profile(HEAD + FRAME.replace(old, new), "mine.yaml", FAMILY)
    assert message in str(caught.value)


def test_profile_is_rejected_if_it_has_no_requests_and_no_frame() -> None:
    with pytest.raises(ConfigError, match="expected requests or a config_frame"):
        load_profile(HEAD, "mine.yaml", FAMILY)
