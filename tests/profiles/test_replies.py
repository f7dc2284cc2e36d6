"""Which messages answer a request, told by their times, their order and their lengths."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.profiles.replies import answered
from gsm_meter_bridge.profiles.terminal import RecordedSms, Source

NUMBER, OTHER = "+79990000101", "+79990000102"
ASK = "ask"
FULL, FULL_UCS2 = "x" * 153, "я" * 67


def _ask(body: str = ASK, at: float | None = None, number: str = NUMBER) -> RecordedSms:
    return RecordedSms(sent=True, number=number, body=body, at=at)


def _came(
    body: str | bytes,
    stamped: float | None = None,
    at: float | None = None,
    source: Source = Source.ARRIVED,
    number: str = NUMBER,
) -> RecordedSms:
    return RecordedSms(sent=False, number=number, body=body, stamped=stamped, at=at, source=source)


def _unread(body: str, stamped: float | None = None, at: float | None = None) -> RecordedSms:
    return _came(body, stamped, at, Source.UNREAD)


def _read(body: str, stamped: float | None = None, at: float | None = None) -> RecordedSms:
    return _came(body, stamped, at, Source.READ)


# two messages from which the log's clock is known to be 1000 s ahead
CLOCK = [_came("x", 10_000, 11_000), _came("y", 10_001, 11_005)]


@pytest.mark.parametrize(
    ("messages", "replies"),
    [
        ([_ask()], [None]),
        ([_came("a"), _ask()], [None]),
        ([_ask(), _came("a")], ["a"]),
        ([_ask(), _came(b"a")], [b"a"]),
        ([_ask(), _came("a"), _came("b")], ["a"]),
        ([_ask("1"), _came("a"), _ask("2"), _came("b")], ["a", "b"]),
        # numbers: the last ten digits count
        ([_ask(), _came("a", number="89990000101")], ["a"]),
        ([_ask(), _came("a", number="+79990000201")], [None]),
        ([_ask(), _ask("2", number=OTHER), _came("a"), _came("b", number=OTHER)], ["a", "b"]),
        # what was listed before comes once
        ([_ask("1"), _came("a", 5), _ask("2"), _came("a", 5)], ["a", None]),
        ([_ask("1"), _came("a"), _ask("2"), _came("a")], ["a", "a"]),
        # what arrived counts before what was stored; the newest and unread one of these
        ([_ask(), _unread("old", 9), _came("new", 8)], ["new"]),
        ([_ask(), _read("read", 9), _unread("unread", 8)], ["unread"]),
        ([_ask(), _unread("old", 8), _unread("new", 9)], ["new"]),
        ([_ask(), _unread("new", 9), _unread("old", 8)], ["new"]),
        ([_ask(), _read("old", 8), _read("new", 9)], ["new"]),
        ([_ask(), _read("first"), _read("second")], ["first"]),
        # stored ones are older than what had come before the request
        ([_came("a", 20), _ask(), _unread("b", 19)], [None]),
        ([_came("a", 20), _ask(), _unread("b", 20)], ["b"]),
        ([_came("a", 20), _came("c", 10), _ask(), _unread("b", 19)], [None]),
        ([_came("a", 20), _ask(), _came("b", 19)], ["b"]),
        # by the clock of the log, 1000 s ahead of the service centre's
        ([*CLOCK, _ask(at=20_000), _came("a", 18_700)], ["a"]),
        ([*CLOCK, _ask(at=20_000), _came("a", 18_699)], [None]),
        ([*CLOCK, _ask(), _came("a", 18_699)], ["a"]),
        ([CLOCK[0], _ask(at=20_000), _came("a", 18_699)], ["a"]),
        ([CLOCK[0], _came("z", 10_000, 12_000), _ask(at=20_000), _came("a", 18_699)], ["a"]),
        # parts of a longer message, each as long as a full one
        ([_ask(), _came(FULL, 5), _came("b", 6)], [f"{FULL}b"]),
        ([_ask(), _came(FULL_UCS2, 5), _came("b", 305)], [f"{FULL_UCS2}b"]),
        ([_ask(), _came(FULL, 5), _came("b", 306)], [FULL]),
        ([_ask(), _came(FULL[1:], 5), _came("b", 6)], [FULL[1:]]),
        ([_ask(), _came(f"x{FULL}", 5), _came("b", 6)], [f"x{FULL}"]),
        ([_ask(), _came(FULL * 2, 5), _came("b", 6)], [f"{FULL * 2}b"]),
        ([_ask(), _came(f"\n{FULL[2:]}", 5), _came("b", 6)], [f"\n{FULL[2:]}b"]),
        ([_ask(), _came(FULL), _came(FULL), _came("b")], [f"{FULL}{FULL}b"]),
        ([_ask(), _came(FULL, 5), _came(b"b", 6)], [FULL]),
        ([_ask(), _came(b"x" * 153, 5), _came("b", 6)], [b"x" * 153]),
        ([_ask(), _came("", 5), _came("b", 6)], [""]),
        ([_ask(), _unread(FULL, 5), _unread(FULL, 6), _unread("b", 7)], [f"{FULL}{FULL}b"]),
        ([_ask(), _unread("a", 4), _unread(FULL, 5), _unread("b", 7)], [f"{FULL}b"]),
        ([_ask(), _unread(FULL), _unread("b"), _unread("c")], [f"{FULL}b"]),
    ],
)
def test_request_has_the_reply_that_fits(
    messages: list[RecordedSms], replies: list[str | bytes | None]
) -> None:
    assert [exchange.came for exchange in answered(messages)] == [
        [] if reply is None else [reply] for reply in replies
    ]
