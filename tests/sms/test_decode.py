"""PDUs octet by octet, worked out from 3GPP TS 23.040 clause 9.2.2, without the encoder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.sms import (
    Alphabet,
    SmsDeliver,
    SmsStatusReport,
    SmsSubmit,
    TypeOfNumber,
    UserData,
    decode_pdu,
)

AT = datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, 30, 18, tzinfo=UTC)
STAMP, LATER_STAMP = "62111221035100", "62111221038100"
NUMBER = "0491 9799"
TEXT = UserData(Alphabet.GSM7, "AB", bytes.fromhex("4121"), None, (), 0)


def _deliver(first: str = "04", *, smsc: str = "00", sender: str = NUMBER, user_data: str = "02 4121") -> str:
    return "".join(f"{smsc} {first} {sender} 00 00 {STAMP} {user_data}".split())


def _submit(first: str, tp_vp: str = "") -> str:
    return "".join(f"00 {first} 2A {NUMBER} 00 00 {tp_vp} 02 4121".split())


def _report(recipient: str = NUMBER) -> str:
    return "".join(f"00 06 2A {recipient} {STAMP} {LATER_STAMP} 46".split())


# Clause 9.2.2.1: bit 2 is TP-MMS (0: more messages wait), bit 5 TP-SRI; bits 1 and 0: clause 9.2.3.1.
@pytest.mark.parametrize(
    ("first", "more", "report"),
    [
        ("00", True, False),
        ("04", False, False),
        ("20", True, True),
        ("24", False, True),
        ("9C", False, False),  # bits that have nothing to do with either
        ("98", True, False),
        ("03", True, False),
        ("27", False, True),
    ],
)
def test_deliver_has_what_bits_of_first_octet_say(first: str, more: bool, report: bool) -> None:
    expected = SmsDeliver(None, "+7999", 0, 0, AT, TEXT, more, report, TypeOfNumber.INTERNATIONAL)
    assert decode_pdu(_deliver(first)) == expected


# Clause 9.2.2.2: bit 2 is TP-RD, bits 4 and 3 TP-VPF, bit 5 TP-SRR.
@pytest.mark.parametrize(
    ("first", "tp_vp", "validity", "report", "reject"),
    [
        ("01", "", None, False, False),
        ("05", "", None, False, True),
        ("21", "", None, True, False),
        ("81", "", None, False, False),
        ("11", "00", timedelta(minutes=5), False, False),
        ("31", "A7", timedelta(days=1), True, False),
        ("15", "FF", timedelta(weeks=63), False, True),
        ("19", STAMP, AT, False, False),
        ("3D", STAMP, AT, True, True),
        ("09", "01 A7 0000000000", timedelta(days=1), False, False),  # the enhanced format, clause 9.2.3.12.3
        ("09", "02 2D 0000000000", timedelta(seconds=45), False, False),
        ("09", "03 21 03 54 000000", timedelta(hours=12, minutes=30, seconds=45), False, False),
        ("09", "00 A7 2D 54 000000", None, False, False),
        ("09", "04 A7 2D 54 000000", None, False, False),
        ("09", "07 A7 2D 54 000000", None, False, False),
        ("09", "49 A7 0000000000", timedelta(days=1), False, False),  # bits above the three
        ("2D", "0A 2D 0000000000", timedelta(seconds=45), True, True),
    ],
)
def test_submit_has_what_bits_of_first_octet_say(
    first: str, tp_vp: str, validity: timedelta | datetime | None, report: bool, reject: bool
) -> None:
    assert decode_pdu(_submit(first, tp_vp)) == SmsSubmit(
        None, 42, "+7999", 0, 0, validity, report, reject, TEXT
    )


def test_status_report_has_reference_times_and_status() -> None:
    expected = SmsStatusReport(None, 42, "+7999", AT, LATER, 0x46, TypeOfNumber.INTERNATIONAL)
    assert decode_pdu(_report()) == expected


@pytest.mark.parametrize(
    ("pdu", "octets"),
    [
        (f"00 04 {NUMBER} 41 F5 {STAMP} 03 00FF41", "00ff41"),
        (f"00 44 {NUMBER} 41 F5 {STAMP} 03 00FF41", "ff41"),  # with a header, an empty one
        (f"00 05 2A {NUMBER} 41 F5 03 00FF41", "00ff41"),
        (f"00 45 2A {NUMBER} 41 F5 03 00FF41", "ff41"),
    ],
)
def test_message_has_identifier_scheme_and_data(pdu: str, octets: str) -> None:
    sms = decode_pdu("".join(pdu.split()))
    assert isinstance(sms, SmsDeliver | SmsSubmit)
    assert (sms.tp_pid, sms.tp_dcs, sms.user_data.alphabet) == (0x41, 0xF5, Alphabet.DATA)
    assert (sms.user_data.data.hex(), sms.user_data.headers) == (octets, ())


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("00 81", "", TypeOfNumber.UNKNOWN),
        ("01 81 F7", "7", TypeOfNumber.UNKNOWN),
        ("13 A1 214365870921436587F9", "1234567890123456789", TypeOfNumber.NATIONAL),
        ("14 91 21436587092143658709", "+12345678901234567890", TypeOfNumber.INTERNATIONAL),
        ("07 D0 CCA2740A", "LERS", TypeOfNumber.ALPHANUMERIC),
        ("14 D0 41E19058341E9149E512", "ABCDEFGHIJK", TypeOfNumber.ALPHANUMERIC),
    ],
)
def test_address_has_as_many_octets_as_its_length_needs(field: str, value: str, kind: TypeOfNumber) -> None:
    """What follows an address is found behind it, whatever its length."""
    deliver, report = decode_pdu(_deliver(sender=field)), decode_pdu(_report(field))
    assert isinstance(deliver, SmsDeliver)
    assert isinstance(report, SmsStatusReport)
    assert (deliver.tp_oa, deliver.tp_oa_type, deliver.tp_scts) == (value, kind, AT)
    assert (report.tp_ra, report.tp_ra_type, report.tp_scts) == (value, kind, AT)


@pytest.mark.parametrize("length", ["15", "1F", "FF"])
def test_address_of_more_than_20_digits_is_refused(length: str) -> None:
    with pytest.raises(
        DecodeError, match=f"TP-OA at octet 2: is said to have {int(length, 16)} digits; 20 are"
    ):
        decode_pdu(_deliver(sender=f"{length} 91 " + "21" * 128))


def test_service_centre_is_decoded_unless_it_is_left_out() -> None:
    with_smsc = decode_pdu(_deliver(smsc="03 91 9799"))
    assert isinstance(with_smsc, SmsDeliver)
    assert (with_smsc.smsc, with_smsc.tp_oa) == ("+7999", "+7999")
    assert decode_pdu(_deliver()[2:], with_smsc=False) == decode_pdu(_deliver())


@pytest.mark.parametrize(
    ("pdu", "error"),
    [
        ("", "SMSC at octet 0: needs 1 octets, 0 are left"),
        ("zz", "PDU: is not hexadecimal"),
        ("0791", "SMSC at octet 1: needs 7 octets, 1 are left"),
        ("00", "first octet at octet 1: needs 1 octets, 0 are left"),
        ("000404", "TP-OA at octet 2: needs 2 octets, 1 are left"),
        ("00040491", "TP-OA at octet 4: needs 2 octets, 0 are left"),
        ("000404919799", "TP-PID and TP-DCS at octet 6: needs 2 octets, 0 are left"),
        ("0004049197990000", "TP-SCTS at octet 8: needs 7 octets, 0 are left"),
        (_deliver(user_data=""), "TP-UDL at octet 15: needs 1 octets, 0 are left"),
        (_deliver(user_data="03 4121"), "TP-UD: has 2 octets where TP-UDL 3 asks for 3"),
        ("0001", "TP-MR at octet 2: needs 1 octets"),
        (_submit("09", "0000")[:20], "TP-VP at octet 9: needs 7 octets, 1 are left"),
        (_submit("11")[:18], "TP-VP at octet 9: needs 1 octets"),
        (_submit("19")[:18], "TP-VP at octet 9: needs 7 octets"),
        (_report()[:-2], "TP-ST at octet 21: needs 1 octets"),
        (_report()[:-4], "TP-DT at octet 14: needs 7 octets, 6 are left"),
        (_report()[:6], "TP-RA at octet 3: needs 2 octets"),
        ("0006", "TP-MR at octet 2: needs 1 octets"),
    ],
)
def test_error_names_field_and_octet_where_pdu_ends(pdu: str, error: str) -> None:
    with pytest.raises(DecodeError, match=f"^{error}"):
        decode_pdu(pdu)
