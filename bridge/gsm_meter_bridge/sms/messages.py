"""The message types SMS-DELIVER, SMS-SUBMIT and SMS-STATUS-REPORT (3GPP TS 23.040 clause 9.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from gsm_meter_bridge.sms.address import TypeOfNumber
from gsm_meter_bridge.sms.user_data import UserData


class DeliveryOutcome(StrEnum):
    """The outcome that a status report gives for its message."""

    DELIVERED = "delivered"
    PENDING = "pending"
    FAILED = "failed"


# Clause 9.2.3.15.
STATUS_MEANINGS = MappingProxyType(
    {
        0x00: "received by the recipient",
        0x01: "forwarded, but its delivery cannot be confirmed",
        0x02: "replaced by the service centre",
        0x20: "congestion; still trying",
        0x21: "the recipient is busy; still trying",
        0x22: "the recipient does not respond; still trying",
        0x23: "service rejected; still trying",
        0x24: "quality of service not available; still trying",
        0x25: "error at the recipient; still trying",
        0x40: "remote procedure error",
        0x41: "incompatible destination",
        0x42: "connection rejected by the recipient",
        0x43: "not obtainable",
        0x44: "quality of service not available",
        0x45: "no interworking available",
        0x46: "its validity period expired",
        0x47: "deleted by the sender",
        0x48: "deleted by the service centre",
        0x49: "the message does not exist",
        0x60: "congestion; given up",
        0x61: "the recipient is busy; given up",
        0x62: "the recipient does not respond; given up",
        0x63: "service rejected; given up",
        0x64: "quality of service not available; given up",
        0x65: "error at the recipient; given up",
    }
)


@dataclass(frozen=True, slots=True)
class SmsDeliver:
    """A message from the network. `tp_oa` is a number (`+` if international) or, by its type, a name."""

    smsc: str | None
    tp_oa: str
    tp_pid: int
    tp_dcs: int
    tp_scts: datetime | None
    user_data: UserData
    tp_mms: bool
    status_report_indication: bool
    tp_oa_type: TypeOfNumber


@dataclass(frozen=True, slots=True)
class SmsSubmit:
    """A message to the network. `tp_vp` is a period, or a time."""

    smsc: str | None
    tp_mr: int
    tp_da: str
    tp_pid: int
    tp_dcs: int
    tp_vp: timedelta | datetime | None
    tp_srr: bool
    tp_rd: bool
    user_data: UserData


@dataclass(frozen=True, slots=True)
class SmsStatusReport:
    """The network's report on a sent message: `tp_mr` is its reference, `tp_ra` its recipient."""

    smsc: str | None
    tp_mr: int
    tp_ra: str
    tp_scts: datetime | None
    tp_dt: datetime | None
    tp_st: int
    tp_ra_type: TypeOfNumber

    @property
    def outcome(self) -> DeliveryOutcome:
        """Delivered, still being tried, or failed for good; reserved codes are PENDING."""
        if self.tp_st < 0x20:
            return DeliveryOutcome.DELIVERED
        return DeliveryOutcome.FAILED if 0x40 <= self.tp_st < 0x80 else DeliveryOutcome.PENDING

    @property
    def status_meaning(self) -> str:
        """The meaning of TP-ST as text."""
        return STATUS_MEANINGS.get(self.tp_st, f"unknown status 0x{self.tp_st:02X}")


Sms = SmsDeliver | SmsSubmit | SmsStatusReport
