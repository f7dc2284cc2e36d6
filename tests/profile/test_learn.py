"""Drafts of profiles out of captured dialogues."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.family import Request
from gsm_meter_bridge.profile import Profile, load_profile
from gsm_meter_bridge.profile.learn import draft_profile
from gsm_meter_bridge.vocabulary import Secret

FAMILY = family_of("energomera_gs04")
PASSWORD = Secret("12345678")
TEXT = """
# a module on the desk
> 12345678 INFO
< CE308
< 000011223344556
< IMEI: 861234567890123
< Signal level: -71dBm (60%)

TX: 12345678 IP
RX: 10.1.2.3
> 12345678 INFO
< nothing # of the kind [today]
"""
HEX = "> 01 3132333435363738 02 10 03\n< 0210 38 36 31 32 33 34 35 36 37 38 39 30 31 32 33\n< 49 03\n"


def _draft(log: str, *, is_hex: bool = False) -> Profile:
    text = draft_profile(log, "learned", FAMILY.id, PASSWORD, is_hex=is_hex)
    assert "12345678 " not in text
    return load_profile(text, "draft", FAMILY)


def test_a_draft_of_texts_reads_what_it_was_drafted_from() -> None:
    profile = _draft(TEXT)
    assert [r.sends for r in profile.requests.values()] == [
        "{password} INFO",
        "{password} IP",
        "{password} INFO",
    ]
    reply = profile.decode(
        Request.read("info"), "CE308\r\n42\r\nIMEI: 861234567890124\r\nSignal level: -93dBm (16%)"
    )
    assert {r.name: r.value for r in reply.readings} == {"imei": "861234567890124", "signal_dbm": -93}
    (ip,) = profile.decode(Request.read("ip"), "10.9.8.7").readings
    assert (ip.name, ip.value) == ("ip", "10.9.8.7")
    assert profile.decode(Request.read("info_2"), "nothing # of the kind [today]").readings == ()


def test_a_draft_is_not_verified() -> None:
    profile = _draft(TEXT)
    assert not profile.verified
    assert "Drafted from 3" in profile.provenance


def test_a_draft_of_octets_finds_texts_in_them() -> None:
    profile = _draft(HEX, is_hex=True)
    sms = profile.encode(Request.read("request"), Secret("abcd"))
    assert sms.masked == "01 *** 02 10 03"
    reply = profile.decode(Request.read("request"), "", b"\x02\x10861234567890124I\x03")
    assert [(r.name, r.value) for r in reply.readings] == [("imei", "861234567890124")]


@pytest.mark.parametrize(
    ("log", "is_hex", "words"),
    [
        ("", False, "no line > "),
        ("> 1234 I\n", False, "no line > "),
        ("< Ok\n", False, "line 1 is received before"),
        ("> I\nhm\n", False, "line 2 begins with neither"),
        ("> 01 0\n< 02\n", True, "not hexadecimal"),
    ],
)
def test_what_is_no_log(log: str, is_hex: bool, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        draft_profile(log, "learned", FAMILY.id, PASSWORD, is_hex=is_hex)


LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@given(sent=LINE, came=st.lists(LINE, min_size=1, max_size=5))
def test_any_dialogue_gives_a_draft_that_reads_its_own_reply(sent: str, came: list[str]) -> None:
    log = "\n".join((f"> {sent}", *(f"< {line}" for line in came)))
    profile = load_profile(draft_profile(log, "x", FAMILY.id, PASSWORD, is_hex=False), "draft", FAMILY)
    (name,) = profile.requests
    assert profile.decode(Request.read(name), "\r\n".join(came)).raw
