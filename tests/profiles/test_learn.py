"""Drafts of profiles out of captured dialogues."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.profiles.learn import draft_profile
from gsm_meter_bridge.vocabulary import Secret
from tests.profiles.drafting import FAMILY, NUMBER, PASSWORD, draft, drafted, values

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


def test_draft_of_texts_reads_replies_of_same_form() -> None:
    profile = draft(TEXT)
    assert [r.sends for r in profile.requests.values()] == [
        "{password} INFO",
        "{password} INFO",
        "{password} IP",
    ]
    reply = "CE308\r\n000011223344557\r\nIMEI: 861234567890124\r\nSignal level: -93dBm (16%)"
    assert values(profile, "info", reply) == {
        "meter_type": "CE308",
        "meter_serial": "000011223344557",
        "imei": "861234567890124",
        "signal_dbm": -93,
    }
    assert values(profile, "ip", "10.9.8.7") == {"ip": "10.9.8.7"}
    assert values(profile, "info_2", "nothing # of the kind [today]") == {}


def test_draft_is_not_verified() -> None:
    profile = draft(TEXT)
    assert not profile.verified
    assert "Drafted from 3" in profile.provenance


def test_draft_of_octets_finds_texts_in_them() -> None:
    profile = draft(HEX, is_hex=True)
    sms = profile.encode(Request.read("request"), Secret("abcd"))
    assert sms.masked == "01 *** 02 10 03"
    assert values(profile, "request", octets=b"\x02\x10861234567890124I\x03") == {"imei": "861234567890124"}


@pytest.mark.parametrize(
    ("log", "is_hex", "message"),
    [
        ("", False, "no line > "),
        ("> 1234 I\n", False, "no line > "),
        ("< Ok\n", False, "line 1 is received before"),
        ("> I\nhm\n", False, "line 2 begins with neither"),
        ("> 01 0\n< 02\n", True, "not hexadecimal"),
        ("AT+CMGS=23\n> 0001\n+CMGS: 7\nOK\n", False, "no SMS by AT commands"),
        ("> 12345678 MODE\n< CE308\n< 1\n< MODE: 1\n", False, "only what the family documents"),
        (
            "12:00 DEBUG   gsm_meter_bridge.link.trace: /dev/ttyUSB0 >> <40 bytes>\n",
            False,
            "log_level: debug",
        ),
    ],
)
def test_draft_rejects_invalid_log_with_reason(log: str, is_hex: bool, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        drafted(log, is_hex=is_hex)


LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@given(sent=LINE, came=st.lists(LINE, min_size=1, max_size=5))
def test_draft_of_any_dialogue_reads_its_own_reply(sent: str, came: list[str]) -> None:
    log = "\n".join((f"> ?{sent}", *(f"< {line}" for line in came)))
    draft = draft_profile([log], "x", FAMILY, [PASSWORD])
    profile = load_profile(draft.yaml, "draft", FAMILY)
    (name,) = profile.requests
    assert profile.decode(Request.read(name), "\r\n".join(came)).raw


@given(
    st.text(st.sampled_from('0189ABCDEFabIMCсигналdBm.-:=,;()№ \r\n>\x1a"+ATCMGSR^Z'), max_size=400),
    st.booleans(),
)
def test_draft_of_any_capture_is_loadable_or_raises_decode_error(text: str, is_hex: bool) -> None:
    for log in (text, f'AT+CMGS="{NUMBER}"\n{text}\n+CMGR: "REC READ","{NUMBER}"\n{text}\nOK\n'):
        try:
            draft = draft_profile([log], "x", FAMILY, [PASSWORD], is_hex=is_hex)
        except DecodeError:
            continue
        load_profile(draft.yaml, "draft", FAMILY)
