"""The draft of a binary reply: values that it finds, what it hides, and the first octets in common."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gsm_meter_bridge.profiles.octets import reply_of_octets
from gsm_meter_bridge.vocabulary import Secret

IMEI, ICCID = "861234567890123", "8970199000000000007"


def _lines(
    *replies: bytes, known: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()
) -> list[str]:
    draft = reply_of_octets(replies, known or {}, [Secret(one) for one in secrets])
    return list(draft.lines(lambda text: f"~{text}"))


def _found(octets: bytes, known: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()) -> list[str]:
    """The lines of fields, without what is the same in each."""
    lines = _lines(octets, known=known, secrets=secrets)
    fields = lines[lines.index("      fields:") + 1 :]
    return [line.strip().replace("- {", "").replace("}", "") for line in fields]


def test_draft_of_octets_is_written_as_a_reply() -> None:
    octets = b"\x02\x10" + b"ABCD" + bytes((10, 1, 2, 3)) + b"\x03"
    assert _lines(octets, known={"ip": "10.1.2.3"}) == [
        "    # what came, without secrets:",
        "    # 02 10 41 42 43 44 0a 01 02 03 03",
        "    reply:",
        '      starts: "02 10"',
        "      length: 11",
        "      fields:",
        "        # - {offset: 2, length: 4, type: ascii, value: ...}  # ~ABCD",
        "        - {offset: 6, length: 4, type: ipv4, value: ip}  # ~10.1.2.3",
    ]
    assert reply_of_octets([octets], {"ip": "10.1.2.3"}, []).values == ("ip",)


@pytest.mark.parametrize(
    ("replies", "starts", "length"),
    [
        ((b"\x01\x02\x03",), "01 02", 3),
        ((b"\x01",), "01", 1),
        ((b"",), "", 0),
        ((b"\x01\x02\x03", b"\x01\x02\x04"), "01 02", 3),
        ((b"\x01\x02\x03", b"\x01\x03\x03"), "01", 3),
        ((b"\x01\x02\x03", b"\x02\x02\x03"), "", 3),
        ((b"\x01\x02\x03", b"\x01\x02"), "01 02", None),
        ((b"\x01\x02\x03", b"\x01"), "01", None),
    ],
)
def test_reply_starts_with_octets_that_all_have(
    replies: tuple[bytes, ...], starts: str, length: int | None
) -> None:
    draft = reply_of_octets(replies, {}, [])
    assert (draft.starts, draft.length) == (starts, length)
    assert any("length: " in line for line in draft.lines(str)) == (length is not None)


@pytest.mark.parametrize(
    ("octets", "secret", "shown"),
    [
        (b"\x01ab\x02", "ab", "01 ** ** 02"),
        (b"\x01\x00a\x00b", "ab", "01 ** ** ** **"),
        (b"\x01\x12\x34\x02", "1234", "01 ** ** 02"),
        (b"\x01\x12\x34\x5f", "12345", "01 ** ** **"),
        (b"\x01\x12\x02", "12", "01 12 02"),
        (b"\x01\x12\x3f\x02", "123", "01 12 3f 02"),
        (b"a.a", ".", "61 ** 61"),
        (b"ab ab", "ab", "** ** 20 ** **"),
        (b"ab", "", "61 62"),
    ],
)
def test_secret_in_octets_is_hidden_in_every_form(octets: bytes, secret: str, shown: str) -> None:
    assert reply_of_octets([octets], {}, [Secret(secret)]).octets == shown


def test_reply_starts_before_a_secret() -> None:
    assert reply_of_octets([b"\x01ab"], {}, [Secret("ab")]).starts == "01"
    assert reply_of_octets([b"ab\x01"], {}, [Secret("ab")]).starts == ""


@pytest.mark.parametrize(
    ("octets", "known", "fields"),
    [
        (
            b"..GS04..",
            {"meter_type": "GS04"},
            ["offset: 2, length: 4, type: ascii, value: meter_type  # ~GS04"],
        ),
        (
            b"\x01\x12\x34\x56\x7f",
            {"meter_serial": "1234567"},
            ["offset: 1, length: 4, type: bcd, value: meter_serial  # ~1234567"],
        ),
        (
            b"\x01\x12\x34\x56\x78",
            {"meter_serial": "12345678"},
            ["offset: 1, length: 4, type: bcd, value: meter_serial  # ~12345678"],
        ),
        (b"\x01\x12\x34\x56", {"meter_serial": "123456"}, []),
        (
            b"\x0a\x01\x02\x03",
            {"ip": "10.1.2.3"},
            ["offset: 0, length: 4, type: ipv4, value: ip  # ~10.1.2.3"],
        ),
        (b"\x0a\x01\x02\x03\x0a\x01\x02\x03", {"ip": "10.1.2.3"}, []),
    ],
)
def test_known_value_is_found_in_octets_once(octets: bytes, known: dict[str, str], fields: list[str]) -> None:
    assert [one for one in _found(octets, known) if "..." not in one] == fields


def _with_check_digit(digits: str) -> str:
    from gsm_meter_bridge.model import has_luhn_digit

    return next(f"{digits}{n}" for n in range(10) if has_luhn_digit(f"{digits}{n}"))


GOOD_IMEI, GOOD_ICCID = _with_check_digit("86123456789012"), _with_check_digit("897019900000000000")


@pytest.mark.parametrize(
    ("octets", "fields"),
    [
        (bytes.fromhex(f"{GOOD_IMEI}f"), [f"offset: 0, length: 8, type: bcd, value: imei  # ~{GOOD_IMEI}"]),
        (
            bytes.fromhex(f"01{GOOD_IMEI}f02"),
            [f"offset: 1, length: 8, type: bcd, value: imei  # ~{GOOD_IMEI}"],
        ),
        (bytes.fromhex(f"{GOOD_IMEI[:-1]}{(int(GOOD_IMEI[-1]) + 1) % 10}f"), []),
        (bytes.fromhex(f"{GOOD_IMEI}0"), []),
        (
            bytes.fromhex(f"01{GOOD_ICCID}f"),
            [f"offset: 1, length: 10, type: bcd, value: iccid  # ~{GOOD_ICCID}"],
        ),
        (bytes.fromhex(f"01{GOOD_ICCID[:-1]}{(int(GOOD_ICCID[-1]) + 1) % 10}f"), []),
        (
            bytes.fromhex(f"{GOOD_ICCID}f{GOOD_IMEI}f"),
            [
                f"offset: 0, length: 10, type: bcd, value: iccid  # ~{GOOD_ICCID}",
                f"offset: 10, length: 8, type: bcd, value: imei  # ~{GOOD_IMEI}",
            ],
        ),
        (
            bytes.fromhex(f"{GOOD_IMEI}f{GOOD_IMEI}f"),
            [f"offset: 0, length: 8, type: bcd, value: imei  # ~{GOOD_IMEI}"],
        ),
    ],
)
def test_numbers_in_bcd_are_found_by_their_check_digits(octets: bytes, fields: list[str]) -> None:
    assert [one for one in _found(octets) if " ascii" not in one] == fields


@pytest.mark.parametrize(
    ("octets", "secrets", "fields"),
    [
        (IMEI.encode(), (), [f"offset: 0, length: 15, type: ascii, value: imei  # ~{IMEI}"]),
        (ICCID.encode(), (), [f"offset: 0, length: 19, type: ascii, value: iccid  # ~{ICCID}"]),
        (b"\x01GS04\x02", (), ["# offset: 1, length: 4, type: ascii, value: ...  # ~GS04"]),
        (b"\x01GS0\x02", (), []),
        (b"\x01GS04\x02", ("S0",), []),
        (IMEI.encode(), ("1234",), [f"offset: 0, length: 15, type: ascii, value: imei  # ~{IMEI}"]),
        (
            b"111234567890123",
            (),
            ["# offset: 0, length: 15, type: ascii, value: ...  # ~111234567890123"],
        ),
        (b"111234567890123", ("1234",), []),
    ],
)
def test_texts_in_octets_are_proposed_unless_a_secret_is_in_them(
    octets: bytes, secrets: tuple[str, ...], fields: list[str]
) -> None:
    assert _found(octets, secrets=secrets) == fields
