"""What a status report says of its message (3GPP TS 23.040 clause 9.2.3.15)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gsm_meter_bridge.sms import DeliveryOutcome, SmsStatusReport, TypeOfNumber
from gsm_meter_bridge.sms.messages import STATUS_MEANINGS

AT = datetime(2026, 11, 21, tzinfo=UTC)


def _report(tp_st: int) -> SmsStatusReport:
    return SmsStatusReport(None, 1, "+7999", AT, AT, tp_st, TypeOfNumber.INTERNATIONAL)


@pytest.mark.parametrize(
    ("tp_st", "outcome", "message"),
    [
        (0x00, "delivered", "received by the recipient"),
        (0x01, "delivered", "cannot be confirmed"),
        (0x02, "delivered", "replaced"),
        (0x03, "delivered", "unknown status 0x03"),
        (0x1F, "delivered", "unknown status 0x1F"),
        (0x20, "pending", "congestion; still trying"),
        (0x21, "pending", "busy; still trying"),
        (0x22, "pending", "does not respond; still trying"),
        (0x23, "pending", "service rejected; still trying"),
        (0x24, "pending", "quality of service not available; still trying"),
        (0x25, "pending", "error at the recipient; still trying"),
        (0x3F, "pending", "unknown status 0x3F"),
        (0x40, "failed", "remote procedure error"),
        (0x41, "failed", "incompatible destination"),
        (0x42, "failed", "connection rejected"),
        (0x43, "failed", "not obtainable"),
        (0x44, "failed", "quality of service not available"),
        (0x45, "failed", "no interworking available"),
        (0x46, "failed", "validity period expired"),
        (0x47, "failed", "deleted by the sender"),
        (0x48, "failed", "deleted by the service centre"),
        (0x49, "failed", "does not exist"),
        (0x5F, "failed", "unknown status 0x5F"),
        (0x60, "failed", "congestion; given up"),
        (0x61, "failed", "busy; given up"),
        (0x62, "failed", "does not respond; given up"),
        (0x63, "failed", "service rejected; given up"),
        (0x64, "failed", "quality of service not available; given up"),
        (0x65, "failed", "error at the recipient; given up"),
        (0x7F, "failed", "unknown status 0x7F"),
        (0x80, "pending", "unknown status 0x80"),  # reserved
        (0xFF, "pending", "unknown status 0xFF"),
    ],
)
def test_status_of_report_has_outcome_and_meaning(tp_st: int, outcome: str, message: str) -> None:
    assert _report(tp_st).outcome is DeliveryOutcome(outcome)
    assert message in _report(tp_st).status_meaning


def test_status_meanings_are_those_of_the_table() -> None:
    assert sorted(STATUS_MEANINGS) == [
        *range(0x03),
        *range(0x20, 0x26),
        *range(0x40, 0x4A),
        *range(0x60, 0x66),
    ]
