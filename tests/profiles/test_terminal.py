"""SMS in the traffic with a modem: numbers, texts, times, and whether a message had been there before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.profiles.terminal import RecordedSms, Source, messages_in
from gsm_meter_bridge.sms import encode_delivers

NUMBER = "+79990000101"
TIME = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
SEND = f'AT+CMGS="{NUMBER}"\n'
_HEAD = f'"{NUMBER}",,"26/11/26,10:00:00+00"'


def _found(text: str) -> list[RecordedSms]:
    found = messages_in(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("written", "body"),
    [
        (f"{SEND}> ask\x1a", "ask"),
        (f"{SEND}ask^Z\n+CMGS: 1\nOK", "ask"),
        (f"{SEND}> a\n> b\x1a\n> b\x1a\nOK", "a\nb"),
        (f"{SEND}{SEND}> ask\x1aOK", "ask"),
        (f"{SEND}> ask\nAT+CMGF=1\nmore", "ask"),
        (f"{SEND}>   \n> ask", "ask"),
        (f"{SEND}OK", ""),
        (SEND + "".join(f"> {n}\n" for n in range(21)), "\n".join(map(str, range(20)))),
        (f"{SEND}> 00410042", "AB"),
        (f"{SEND}> 0410041A", "АК"),
        (f"{SEND}> 041A0500", "041A0500"),
        (f"{SEND}> 041A04FF", "Кӿ"),
        (f"{SEND}> 04100411", "04100411"),
        (f"{SEND}> 0041004", "0041004"),
        (f"{SEND}> 0041", "0041"),
        (f"{SEND}> 12345678", "12345678"),
        (f"{SEND}> 21160031", "21160031"),
        (f"{SEND}> 0041000D000A21160042", "A\r\n№B"),
        (f"{SEND}> 00410001", "00410001"),
    ],
)
def test_text_that_was_sent_is_what_was_typed(written: str, body: str) -> None:
    (sent,) = _found(written)
    assert (sent.sent, sent.number, sent.body) == (True, NUMBER, body)


def test_number_may_be_written_in_ucs2() -> None:
    number = NUMBER.encode("utf-16-be").hex().upper()
    (sent, came) = _found(f'AT+CMGS="{number}"\n> ask\x1a\nOK\n+CMT: "{number}",,""\nsaid')
    assert (sent.number, came.number, came.body) == (NUMBER, NUMBER, "said")


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("26/11/26,10:00:00+00", 0),
        ("26/11/26,10:00:00", 0),
        ("26/11/26,13:00:00+12", 0),
        ("26/11/26,08:30:01-06", 1),
        ("26/11/27,10:00:00+00", 86_400),
        ("26/13/26,10:00:00+00", None),
        ("yesterday", None),
    ],
)
def test_message_has_time_of_service_centre(stamp: str, seconds: float | None) -> None:
    (came,) = _found(f'AT+CMGR=1\n+CMGR: "REC UNREAD","{NUMBER}",,"{stamp}"\nsaid\nOK')
    assert came.stamped == (None if seconds is None else TIME.timestamp() + seconds)
    assert (came.sent, came.number, came.body) == (False, NUMBER, "said")


@pytest.mark.parametrize(
    ("written", "source"),
    [
        (f"+CMT: {_HEAD}\nsaid", Source.ARRIVED),
        (f'AT+CMGR=1\n+CMGR: "REC UNREAD",{_HEAD}\nsaid\nOK', Source.UNREAD),
        (f'AT+CMGR=1\n+CMGR: "REC READ",{_HEAD}\nsaid\nOK', Source.READ),
        (f'AT+CMGL="ALL"\n+CMGL: 1,"REC READ",{_HEAD}\nsaid\nOK', Source.READ),
        (f'AT+CMGL="ALL"\n+CMGL: 1,"REC UNREAD",{_HEAD}\nsaid\nOK', Source.UNREAD),
        (f'+CMTI: "SM",7\nAT+CMGR=7\n+CMGR: "REC READ",{_HEAD}\nsaid\nOK', Source.ARRIVED),
        (f'+CMTI: "SM",7\nAT+CMGR=8\n+CMGR: "REC READ",{_HEAD}\nsaid\nOK', Source.READ),
        (f'+CMTI: "SM",7\nAT+CMGR=7\nAT+CMGL=4\n+CMGL: 7,"REC READ",{_HEAD}\nsaid\nOK', Source.READ),
    ],
)
def test_message_arrived_or_was_stored(written: str, source: Source) -> None:
    (came,) = _found(written)
    assert came.source is source
    assert came.body == "said"


@pytest.mark.parametrize(
    ("head", "source"),
    [
        ("+CMT: ,30", Source.ARRIVED),
        ("+CMGR: 0,,30", Source.UNREAD),
        ("+CMGR: 1,,30", Source.READ),
        ("+CMGL: 1,0,,30", Source.UNREAD),
        ("+CMGL: 0,1,,30", Source.READ),
    ],
)
def test_message_in_pdu_mode_is_read_with_its_state(head: str, source: Source) -> None:
    (pdu,) = encode_delivers(NUMBER, "said", TIME)
    (came,) = _found(f"10:00:05 {head}\n10:00:06 {pdu.pdu}\nOK")
    assert came == RecordedSms(sent=False, number=NUMBER, body="said", stamped=TIME.timestamp())
    assert (came.source, came.at) == (source, 36_006)


@pytest.mark.parametrize(
    "written",
    [
        f'+CMGL: 1,"STO SENT","{NUMBER}",,\nsaid\nOK',
        f'+CMGL: 1,"REC READ","{NUMBER}",,\nOK',
        "+CMT: ,30\nno PDU",
        "+CMT: ,30\n0102",
        "+CMT: ,30",
        "AT+CMGS=23\n> 0001\x1a",
    ],
)
def test_message_that_is_none_or_unreadable_is_left_out(written: str) -> None:
    assert _found(f"AT+CNMI=2,1\n{written}") == []


def test_traffic_without_sms_is_no_traffic() -> None:
    assert messages_in("ATZ\nOK\n> a\n< b\n") is None


def test_parts_are_joined_if_they_belong_together() -> None:
    text = "y" * 200
    one, two = encode_delivers(NUMBER, text, TIME)
    (other, _) = encode_delivers("+79990000102", text, TIME)
    (alone,) = encode_delivers(NUMBER, "alone", TIME)
    lines = [f"+CMT: ,30\n{part.pdu}" for part in (two, other, alone, two, one)]
    assert [came.body for came in _found("\n".join(lines))] == ["alone", text]


@pytest.mark.parametrize(
    ("line", "body"),
    [("RING", "a"), ("+CREG: 1", "a"), ("AT", "a"), ("b", "a\nb"), ("ok", "a\nok"), ("+1", "a\n+1")],
)
def test_text_of_message_ends_before_what_the_modem_says(line: str, body: str) -> None:
    (came,) = _found(f"+CMT: {_HEAD}\na\n{line}\n")
    assert came.body == body
