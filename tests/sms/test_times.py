"""Validity periods and time stamps, worked out from 3GPP TS 23.040 clauses 9.2.3.11 and 9.2.3.12."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gsm_meter_bridge.sms.times import (
    LONGEST,
    SHORTEST,
    decode_timestamp,
    decode_validity,
    effective_validity,
    encode_timestamp,
    encode_validity,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)

# Clause 9.2.3.12.1: the first and the last two octets of each of the four ranges.
PERIODS = [
    (0, 5 * MINUTE), (1, 10 * MINUTE), (142, 11 * HOUR + 55 * MINUTE), (143, 12 * HOUR),
    (144, 12 * HOUR + 30 * MINUTE), (145, 13 * HOUR), (166, 23 * HOUR + 30 * MINUTE), (167, 24 * HOUR),
    (168, 2 * DAY), (169, 3 * DAY), (195, 29 * DAY), (196, 30 * DAY),
    (197, 5 * WEEK), (198, 6 * WEEK), (254, 62 * WEEK), (255, 63 * WEEK),
]  # fmt: skip


@pytest.mark.parametrize(("octet", "period"), PERIODS)
def test_validity_is_period_of_the_table(octet: int, period: timedelta) -> None:
    """What is shorter by a second gets the same octet, what is longer the next one."""
    assert decode_validity(octet) == period
    assert [encode_validity(period + timedelta(seconds=s)) for s in (-1, 0, 1)] == [
        octet,
        octet,
        min(octet + 1, 255),
    ]
    assert effective_validity(period - timedelta(seconds=1)) == period


def test_validity_is_at_least_the_shortest() -> None:
    assert (SHORTEST, LONGEST) == (5 * MINUTE, 63 * WEEK)
    assert [encode_validity(timedelta(seconds=s)) for s in (-600, 0, 1)] == [0, 0, 0]


def _zone(quarters: int) -> timezone:
    return timezone(timedelta(minutes=15 * quarters))


# Semi-octets: the first digit of each pair is the lower half. Bit 3 of the last octet is the zone's sign.
STAMPS = [
    ("62112121035100", datetime(2026, 11, 12, 12, 30, 15, tzinfo=UTC)),
    ("00101000000000", datetime(2000, 1, 1, tzinfo=UTC)),
    ("99211332959500", datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("62111221035104", datetime(2026, 11, 21, 12, 30, 15, tzinfo=_zone(40))),
    ("6211122103510C", datetime(2026, 11, 21, 12, 30, 15, tzinfo=_zone(-40))),
    ("62111221035110", datetime(2026, 11, 21, 12, 30, 15, tzinfo=_zone(1))),
    ("62111221035149", datetime(2026, 11, 21, 12, 30, 15, tzinfo=_zone(-14))),
    ("62111221035197", datetime(2026, 11, 21, 12, 30, 15, tzinfo=_zone(79))),
]


@pytest.mark.parametrize(("octets", "at"), STAMPS)
def test_timestamp_is_seven_pairs_of_semi_octets(octets: str, at: datetime) -> None:
    decoded = decode_timestamp(bytes.fromhex(octets))
    assert decoded == at
    assert decoded is not None
    assert decoded.utcoffset() == at.utcoffset()
    assert encode_timestamp(at).hex().upper() == octets


@pytest.mark.parametrize(
    "octets",
    [
        "62311221035100",
        "62112321035100",
        "62111242035100",
        "62111221065100",
        "62111221030600",
        "62110021035100",
    ],
)
def test_timestamp_of_no_time_is_none(octets: str) -> None:
    """Month 13, day 32, hour 24, minute 60, second 60, day 0."""
    assert decode_timestamp(bytes.fromhex(octets)) is None


def test_timestamp_without_zone_is_utc() -> None:
    assert encode_timestamp(datetime(2026, 11, 12, 12, 30, 15)).hex() == "62112121035100"  # noqa: DTZ001


@pytest.mark.parametrize(
    ("seconds", "octet"), [(899, 0x00), (900, 0x10), (901, 0x10), (-899, 0x08), (-901, 0x18)]
)
def test_timestamp_has_whole_quarters_of_an_hour(seconds: int, octet: int) -> None:
    at = datetime(2026, 11, 21, tzinfo=timezone(timedelta(seconds=seconds)))
    assert encode_timestamp(at)[6] == octet
