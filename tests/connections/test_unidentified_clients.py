"""Clients that nobody knows are remembered, as far as that does no harm."""

from __future__ import annotations

import json
import math

import pytest

from gsm_meter_bridge.connections.unidentified_clients import MOST, UnidentifiedClients
from gsm_meter_bridge.vocabulary import Scalar


def test_calls_are_counted_by_address() -> None:
    unidentified = UnidentifiedClients()
    unidentified.note("10.0.0.1", "lers", 1.0, {"imei": "1", "firmware": None})
    unidentified.note("10.0.0.2", "lers", 2.0)
    unidentified.note("10.0.0.1", "other", 3.0)
    latest, earlier = unidentified.all()
    assert (latest.host, latest.listener, latest.first_at, latest.last_at, latest.connections) == (
        "10.0.0.1",
        "other",
        1.0,
        3.0,
        2,
    )
    assert latest.claims == {"imei": "1"}  # what it said before, as it says nothing now
    assert (earlier.host, earlier.claims) == ("10.0.0.2", {})


def test_unidentified_clients_are_limited_to_latest() -> None:
    unidentified = UnidentifiedClients()
    for n in range(MOST + 50):
        unidentified.note(f"10.0.{n // 256}.{n % 256}", "lers", float(n))
    unidentified.note("10.0.0.60", "lers", 999.0)
    assert len(unidentified.all()) == MOST
    assert unidentified.all()[0].host == "10.0.0.60"
    assert unidentified.all()[-1].host == "10.0.0.50"


def test_claims_are_cut_at_64_characters() -> None:
    unidentified = UnidentifiedClients()
    unidentified.note("10.0.0.1", "lers", 1.0, {"model": "x" * 4000, "signal_dbm": -71})
    assert unidentified.all()[0].claims == {"model": "x" * 64, "signal_dbm": -71}


def test_first_call_of_address_is_new_until_forgotten() -> None:
    unidentified = UnidentifiedClients()
    assert unidentified.note("10.0.0.1", "lers", 1.0)
    assert not unidentified.note("10.0.0.1", "lers", 2.0)
    unidentified.forget("10.0.0.9")
    unidentified.forget("10.0.0.1")
    assert unidentified.note("10.0.0.1", "lers", 3.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("LERS", "LERS"),
        ("a\x00b\r\n\x1b[2J", "a\ufffdb\ufffd\ufffd\ufffd[2J"),
        ("\ud800", "\ufffd"),
        ("\u202eoga", "\ufffdoga"),
        ("\u0411\u0435\u043b", "\u0411\u0435\u043b"),
        ("x" * 5_000_000, "x" * 64),
        (-71, -71),
        (10**4000, "too large"),
        (math.nan, "too large"),
        (math.inf, "too large"),
        (True, True),
    ],
)
def test_claims_are_fit_to_be_stored_and_published(value: Scalar, shown: Scalar) -> None:
    unidentified = UnidentifiedClients()
    unidentified.note("10.0.0.1", "lers", 1.0, {"model": value})
    claims = dict(unidentified.all()[0].claims)
    assert claims == {"model": shown}
    assert json.dumps(claims, ensure_ascii=False, allow_nan=False).encode()


def test_claims_are_limited_to_twenty() -> None:
    unidentified = UnidentifiedClients()
    unidentified.note("10.0.0.1", "lers", 1.0, {str(n): n for n in range(1000)})
    assert len(unidentified.all()[0].claims) == 20


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, "too large"),
        (1 - 2**53, 1 - 2**53),
        (-(2**53), "too large"),
        (2**52, 2**52),
        (math.inf, "too large"),
        (True, True),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64),
    ],
)
def test_claim_is_kept_as_far_as_every_reader_of_json_can_hold_it(value: Scalar, kept: Scalar) -> None:
    unidentified = UnidentifiedClients()
    unidentified.note("10.0.0.1", "lers", 1.0, {"claim": value})
    assert unidentified.all()[0].claims == {"claim": kept}


def test_unidentified_clients_are_a_hundred_with_twenty_claims_each() -> None:
    unidentified = UnidentifiedClients()
    for n in range(101):
        unidentified.note(f"10.0.0.{n}", "lers", 1.0, {f"claim{m}": m for m in range(21)})
    assert len(unidentified.all()) == 100
    assert {len(one.claims) for one in unidentified.all()} == {20}
