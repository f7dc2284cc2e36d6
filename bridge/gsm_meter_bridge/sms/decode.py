"""PDU to message; each octet is taken once, in the order of 3GPP TS 23.040 clause 9.2.2."""

from __future__ import annotations

from datetime import datetime, timedelta

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms.address import TypeOfNumber, decode_smsc, decode_value, type_of_number
from gsm_meter_bridge.sms.messages import Sms, SmsDeliver, SmsStatusReport, SmsSubmit
from gsm_meter_bridge.sms.times import decode_timestamp, decode_validity
from gsm_meter_bridge.sms.user_data import UserData, decode_user_data


class _Octets:
    """The octets that are left, and the position of the next one for errors."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.at = 0

    def take(self, count: int, field: str) -> bytes:
        end = self.at + count
        if end > len(self._octets):
            raise DecodeError(field, f"needs {count} octets, {len(self._octets) - self.at} are left", self.at)
        taken, self.at = self._octets[self.at : end], end
        return taken

    def octet(self, field: str) -> int:
        return self.take(1, field)[0]

    def rest(self) -> bytes:
        return self.take(len(self._octets) - self.at, "TP-UD")

    def address(self, field: str) -> tuple[str, TypeOfNumber]:
        length, kind = self.take(2, field)
        if length > 20:
            raise DecodeError(field, f"is said to have {length} digits; 20 are the most", self.at - 2)
        return decode_value(kind, self.take((length + 1) // 2, field), length), type_of_number(kind)

    def user_data(self, dcs: int, first: int) -> UserData:
        length = self.octet("TP-UDL")
        return decode_user_data(dcs, length, self.rest(), has_header=bool(first & 0x40))


def decode_pdu(pdu_hex: str, *, with_smsc: bool = True) -> Sms:
    """Return the message in a PDU in the form that AT+CMGR and AT+CMGL give and AT+CMGS takes.

    `with_smsc`: the service centre's address comes first. Raises only DecodeError, which names the field and
    the octet at fault.
    """
    try:
        octets = _Octets(bytes.fromhex(pdu_hex))
    except ValueError as error:
        raise DecodeError("PDU", "is not hexadecimal") from error
    smsc = decode_smsc(octets.take(octets.octet("SMSC"), "SMSC")) if with_smsc else None
    first = octets.octet("first octet")
    match first & 0x03:
        case 1:
            return _submit(smsc, first, octets)
        case 2:
            return _status_report(smsc, octets)
        case _:  # 3 is reserved, and is treated as 0 (clause 9.2.3.1)
            return _deliver(smsc, first, octets)


def _deliver(smsc: str | None, first: int, octets: _Octets) -> SmsDeliver:
    sender, sender_type = octets.address("TP-OA")
    pid, dcs = octets.take(2, "TP-PID and TP-DCS")
    sent_at = decode_timestamp(octets.take(7, "TP-SCTS"))
    user_data = octets.user_data(dcs, first)
    more, report = not first & 0x04, bool(first & 0x20)
    return SmsDeliver(smsc, sender, pid, dcs, sent_at, user_data, more, report, sender_type)


def _submit(smsc: str | None, first: int, octets: _Octets) -> SmsSubmit:
    reference = octets.octet("TP-MR")
    recipient, _ = octets.address("TP-DA")
    pid, dcs = octets.take(2, "TP-PID and TP-DCS")
    validity = _validity(first >> 3 & 3, octets)
    user_data = octets.user_data(dcs, first)
    return SmsSubmit(
        smsc, reference, recipient, pid, dcs, validity, bool(first & 0x20), bool(first & 0x04), user_data
    )


def _validity(kind: int, octets: _Octets) -> timedelta | datetime | None:
    match kind:
        case 2:
            return decode_validity(octets.octet("TP-VP"))
        case 3:
            return decode_timestamp(octets.take(7, "TP-VP"))
        case 1:
            return _enhanced_validity(octets.take(7, "TP-VP"))
        case _:
            return None


def _enhanced_validity(octets: bytes) -> timedelta | None:
    """Return the validity in the enhanced format (clause 9.2.3.12.3)."""
    match octets[0] & 0x07:
        case 1:
            return decode_validity(octets[1])
        case 2:
            return timedelta(seconds=octets[1])
        case 3:
            hours, minutes, seconds = ((o & 0x0F) * 10 + (o >> 4) for o in octets[1:4])
            return timedelta(hours=hours, minutes=minutes, seconds=seconds)
        case _:
            return None


def _status_report(smsc: str | None, octets: _Octets) -> SmsStatusReport:
    reference = octets.octet("TP-MR")
    recipient, recipient_type = octets.address("TP-RA")
    sent_at = decode_timestamp(octets.take(7, "TP-SCTS"))
    discharged_at = decode_timestamp(octets.take(7, "TP-DT"))
    status = octets.octet("TP-ST")
    return SmsStatusReport(smsc, reference, recipient, sent_at, discharged_at, status, recipient_type)
