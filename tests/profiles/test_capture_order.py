"""Which of several messages answers a request: those that were there before are no replies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gsm_meter_bridge.sms import encode_delivers, encode_submits
from tests.profiles.drafting import NUMBER, draft, values

TIME = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
OLD, NEW, LATER = "old ip 10.9.9.9", "ip 10.1.2.3", "IMEI 861234567890123"


def _sent(ask: str, time: str = "") -> list[str]:
    (pdu,) = encode_submits(NUMBER, f"12345678 {ask}")
    return [f"{time}{line}" for line in (f"AT+CMGS={pdu.tpdu_length}", f"> {pdu.pdu}\x1a", "+CMGS: 1", "OK")]


def _listed(*messages: tuple[int, str, int], time: str = "") -> list[str]:
    """Return a list of messages: the seconds after TIME that each has, its text, and its state."""
    lines = ["AT+CMGL=4"]
    for n, (seconds, text, state) in enumerate(messages):
        (pdu,) = encode_delivers(NUMBER, text, TIME + timedelta(seconds=seconds))
        lines += [f"+CMGL: {n},{state},,{pdu.tpdu_length}", pdu.pdu]
    return [f"{time}{line}" for line in [*lines, "OK"]]


def _listed_text(*messages: tuple[int, str, int]) -> list[str]:
    lines = ['AT+CMGL="ALL"']
    for n, (seconds, text, state) in enumerate(messages):
        stamp = (TIME + timedelta(seconds=seconds)).strftime("%y/%m/%d,%H:%M:%S+00")
        lines += [f'+CMGL: {n},"REC {"READ" if state else "UNREAD"}","{NUMBER}",,"{stamp}"', text]
    return [*lines, "OK"]


_DAY = 86_400
ORDERS = {
    "older ones before it in the list": [
        *_sent("ASK"),
        *_listed((-_DAY, OLD, 1), (-3600, "older, too", 1), (5, NEW, 0)),
    ],
    "older ones behind it in the list": [*_sent("ASK"), *_listed((5, NEW, 0), (-3600, OLD, 0))],
    "older ones that nobody had read": [*_sent("ASK"), *_listed((-_DAY, OLD, 0), (5, NEW, 0))],
    "read before, and of the same second": [*_sent("ASK"), *_listed((5, OLD, 1), (5, NEW, 0))],
    "listed before the request": [
        *_listed((-60, OLD, 0)),
        *_sent("ASK"),
        *_listed((-60, OLD, 1)),
        *_listed((-60, OLD, 1), (5, NEW, 0)),
    ],
    "listed once before it came": [
        *_sent("ASK"),
        *_listed((-60, OLD, 1)),
        *_listed((-60, OLD, 1), (5, NEW, 0)),
    ],
    "of text mode": [*_sent("ASK"), *_listed_text((-_DAY, OLD, 1), (5, NEW, 0), (-60, OLD, 1))],
    "the last request's reply": [
        *_sent("OTHER"),
        *_listed((-90, OLD, 0)),
        *_sent("ASK"),
        *_listed((-120, "ip 10.7.7.7", 0), (-90, OLD, 1), (5, NEW, 0)),
    ],
    "its own reply came by itself": [
        *_sent("ASK"),
        *_listed((-60, OLD, 0)),
        "+CMT: ,30",
        _listed((5, NEW, 0))[2],
        *_listed((-60, OLD, 1), (5, NEW, 0)),
    ],
}


@pytest.mark.parametrize("order", ORDERS)
def test_draft_takes_no_older_message_as_reply(order: str) -> None:
    assert values(draft("\n".join(ORDERS[order])), "ask", NEW) == {"ip": "10.1.2.3"}
    assert "old" not in [r.sends for r in draft("\n".join(ORDERS[order])).requests.values()]


@pytest.mark.parametrize("hours", [0, 3, -5, 24 * 365])
def test_draft_ignores_message_older_than_request_by_clock_of_log(hours: int) -> None:
    """The log's clock may be of another zone, or never have been set."""

    def at(seconds: int) -> str:
        return (TIME + timedelta(hours=hours, seconds=seconds)).strftime("[%Y-%m-%d %H:%M:%S.000] ")

    log = [
        *_sent("FIRST", at(0)),
        *_listed((10, LATER, 0), time=at(12)),
        *_sent("ASK", at(7200)),
        *_listed((3600, OLD, 0), time=at(7205)),
    ]
    assert list(draft("\n".join(log)).requests) == ["first"]
    answered = [*log, *_listed((3600, OLD, 1), (7215, NEW, 0), time=at(7220))]
    assert values(draft("\n".join(answered)), "ask", NEW) == {"ip": "10.1.2.3"}


def test_draft_orders_messages_past_midnight_by_time_of_day() -> None:
    log = [
        *_sent("FIRST", "23:59:50 "),
        *_listed((-10, LATER, 0), time="23:59:58 "),
        *_sent("ASK", "00:10:00 "),
        *_listed((610, NEW, 0), time="00:10:20 "),
    ]
    assert values(draft("\n".join(log)), "ask", NEW) == {"ip": "10.1.2.3"}


def test_draft_ignores_message_times_if_all_are_equal() -> None:
    log = []
    for n, (ask, text) in enumerate((("FIRST", LATER), ("ASK", NEW))):
        log += [*_sent(ask, f"1{n}:00:00 "), *_listed((0, text, 0), time=f"1{n}:00:09 ")]
    assert list(draft("\n".join(log)).requests) == ["first", "ask"]


def test_draft_error_names_replies_over_2000_characters() -> None:
    with pytest.raises(Exception, match="only replies with more than 2000 characters"):
        draft("> 12345678 ASK\n" + "< signal -71 dBm, polled again\n" * 100)
