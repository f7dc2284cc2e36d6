"""Whole drafts as they are written, and how much of a capture is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.errors import DecodeError
from tests.profiles.drafting import draft, drafted

_DRAFTS = Path(__file__).parent / "drafts"
TEXTS = """\
> 12345678 INFO
< CE308 №000011223344556
< Operator: Mega Fon
< Version: v1.2
< Mystery value: 7
< plain words
< status byte 4B
> 12345678 INFO
< CE208 №000011223344557
< Operator: MTS
< Version: v1.3
< Mystery value: 7
< other words
< status byte 0B
> 12345678 CARD
< level 7, band 5
> STATE 12345678
< group 1: 130, group 2: 167; signal -71 dBm
> 12345678 SN
< SN: 47-11
< FW: none
< APN: m2m.example
< Operator:
< meter: 12
> 12345678 SECRETS
< user: u, password: 4711-x, level: -71 dBm
< PIN 12345678
"""
OCTETS = "> 01 3132333435363738 02\n< 02 10 47 53 30 34 03\n< 0A 01 02 03\n"


@pytest.mark.parametrize(("name", "capture", "is_hex"), [("texts", TEXTS, False), ("octets", OCTETS, True)])
def test_draft_is_written_with_comments(name: str, capture: str, *, is_hex: bool) -> None:
    """`python -m tests.profiles.test_learn_limits` writes the files anew."""
    assert drafted(capture, is_hex=is_hex).yaml == (_DRAFTS / f"{name}.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("log", "sends"),
    [
        (f"> {'A' * 160}\n< a\n", ["A" * 160]),
        (f"> {'A' * 161}\n< a\n> B\n< b\n", ["B"]),
        ("> \n< a\n> B\n< b\n", ["B"]),
        ("> A\tB\n< a\n> B\n< b\n", ["B"]),
        (f"> A\n< {'x' * 2000}\n", ["A"]),
        (f"> A\n< {'x' * 2001}\n> B\n< b\n", ["B"]),
        ("> A\n> B\n< b\n", ["B"]),
    ],
)
def test_draft_has_requests_and_replies_of_allowed_length(log: str, sends: list[str]) -> None:
    assert [request.sends for request in draft(log).requests.values()] == sends


def test_first_of_the_secrets_is_the_password_wherever_it_stands() -> None:
    made = draft("> A=12345678\n< a\n> B=zzzz9\n< b\n", secrets=("12345678", "zzzz9"))
    assert [request.sends for request in made.requests.values()] == ["A={password}", "B=***"]


def test_line_of_own_log_that_is_cut_short_is_left_out() -> None:
    head = "10:00:00,1 DEBUG gsm_meter_bridge.dialogue: hut"
    log = f'{head} > "*** A"\n{head} < "a\\"\n{head} > "*** B"\n{head} < "b"\n'
    assert [request.sends for request in draft(log).requests.values()] == ["{password} B"]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (f"> {'A' * 2001}\n< a\n", "has only requests with more than 2000 characters or octets"),
        (f"> A\n< {'x' * 2001}\n", "has only replies with more than 2000 characters or octets"),
    ],
)
def test_draft_error_names_what_is_too_long(log: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        drafted(log)


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (60, ()),
        (61, ("only the first 60 of 61 requests are in the draft",)),
        (500, ("only the first 60 of 500 requests are in the draft",)),
        (501, ("only the first 60 of 500 requests are in the draft",)),
    ],
)
def test_draft_has_sixty_of_five_hundred_requests(count: int, note: tuple[str, ...]) -> None:
    made = drafted("".join(f"> 12345678 R{n}\n< a\n" for n in range(count)))
    assert made.notes == note
    assert made.yaml.count("send:") == min(count, 60)


@pytest.mark.parametrize(("others", "requests"), [(19, 2), (20, 1)])
def test_draft_is_made_of_twenty_replies(others: int, requests: int) -> None:
    log = "".join(f"> 12345678 A\n< level -{50 + n} dBm\n" for n in range(others))
    assert len(draft(f"{log}> 12345678 A\n< one\n< two\n").requests) == requests


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (["12345678 INFO 1", "12345678 INFO 2", "12345678 info_3"], ["info", "info_2", "info_3"]),
        (["12345678 ?"], ["request"]),
        ([f"12345678 {'A' * 25}"], ["a" * 24]),
        (["12345678 7X9"], ["x9"]),
    ],
)
def test_requests_of_draft_are_named_by_their_first_word(sent: list[str], names: list[str]) -> None:
    assert list(draft("".join(f"> {one}\n< a\n" for one in sent)).requests) == names


@pytest.mark.parametrize(
    ("log", "notes"),
    [
        ("> 12345678 A\n< a\n", ()),
        (
            "> 87654321 A\n< a\n",
            ("what stands before requests is taken for the access password, and is not",),
        ),
        ("> A\n< a\n", ("the access password is not in what was sent; --password says which it is",)),
        (
            "> 12345678 A\n< a\n> 12345678 MODE\n< CE308\n< 1\n< MODE: 1\n",
            ("left out, because documented: mode",),
        ),
    ],
)
def test_draft_has_notes_on_passwords_and_documented_requests(log: str, notes: tuple[str, ...]) -> None:
    found = drafted(log).notes
    assert len(found) == len(notes)
    assert all(one.startswith(note) for one, note in zip(found, notes, strict=True))


if __name__ == "__main__":
    for name, capture, is_hex in (("texts", TEXTS, False), ("octets", OCTETS, True)):
        (_DRAFTS / f"{name}.yaml").write_text(drafted(capture, is_hex=is_hex).yaml, "utf-8")
