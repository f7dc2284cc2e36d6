"""Callers that nobody knows are remembered, as far as that does no harm."""

from __future__ import annotations

from gsm_meter_bridge.delivery.strangers import MOST, Strangers


def test_calls_are_counted_by_address() -> None:
    strangers = Strangers()
    strangers.note("10.0.0.1", "lers", 1.0, {"imei": "1", "firmware": None})
    strangers.note("10.0.0.2", "lers", 2.0)
    strangers.note("10.0.0.1", "other", 3.0)
    latest, earlier = strangers.all()
    assert (latest.host, latest.listener, latest.first_at, latest.last_at, latest.calls) == (
        "10.0.0.1",
        "other",
        1.0,
        3.0,
        2,
    )
    assert latest.claims == {"imei": "1"}  # what it said before, as it says nothing now
    assert (earlier.host, earlier.claims) == ("10.0.0.2", {})


def test_the_latest_are_kept() -> None:
    strangers = Strangers()
    for n in range(MOST + 50):
        strangers.note(f"10.0.{n // 256}.{n % 256}", "lers", float(n))
    strangers.note("10.0.0.60", "lers", 999.0)
    assert len(strangers.all()) == MOST
    assert strangers.all()[0].host == "10.0.0.60"
    assert strangers.all()[-1].host == "10.0.0.50"


def test_claims_are_cut_off() -> None:
    strangers = Strangers()
    strangers.note("10.0.0.1", "lers", 1.0, {"model": "x" * 4000, "signal_dbm": -71})
    assert strangers.all()[0].claims == {"model": "x" * 64, "signal_dbm": -71}


def test_only_the_first_call_is_new() -> None:
    strangers = Strangers()
    assert strangers.note("10.0.0.1", "lers", 1.0)
    assert not strangers.note("10.0.0.1", "lers", 2.0)
    strangers.forget("10.0.0.9")
    strangers.forget("10.0.0.1")
    assert strangers.note("10.0.0.1", "lers", 3.0)
