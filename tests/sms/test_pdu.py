"""SMS PDUs: examples worked out from 3GPP TS 23.040 and 23.038, round trips, and hostile input."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.sms import (
    Alphabet,
    Concatenation,
    DeliveryOutcome,
    Sms,
    SmsDeliver,
    SmsStatusReport,
    SmsSubmit,
    decode_pdu,
    encode_data_deliver,
    encode_data_submit,
    encode_delivers,
    encode_status_report,
    encode_submits,
    fits_gsm7,
    join_parts,
    septet_count,
)
from gsm_meter_bridge.sms.gsm7 import ALPHABET, EXTENSION, encode_septets, pack
from gsm_meter_bridge.sms.times import LONGEST, SHORTEST, decode_validity, encode_validity

NOW = datetime(2026, 11, 21, 12, 30, 15, tzinfo=timezone(timedelta(hours=10)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=500)
GSM_TEXT = st.text(
    st.sampled_from([c for c in ALPHABET if c != "\xa0"] + list(EXTENSION.values())), max_size=500
)


def test_packing_matches_hellohello_example() -> None:
    assert pack(encode_septets("hellohello")).hex().upper() == "E8329BFD4697D9EC37"


def test_submit_is_encoded_as_expected_octets() -> None:
    (pdu,) = encode_submits(
        "+79990000101", "12345678 MODE", validity=timedelta(minutes=5), status_report=True
    )
    # SMSC, first octet, TP-MR, TP-DA (11 digits, international), TP-PID, TP-DCS, TP-VP, TP-UDL
    assert pdu.pdu.startswith("0031000B919799000001F10000000D")
    assert pdu.tpdu_length == len(pdu.pdu) // 2 - 1


def test_deliver_keeps_sender_time_and_text() -> None:
    (pdu,) = encode_delivers("+79990000101", "MODE: 1 €[]", NOW)
    sms = decode_pdu(pdu.pdu)
    assert isinstance(sms, SmsDeliver)
    assert (sms.tp_oa, sms.tp_scts, sms.smsc) == ("+79990000101", NOW, None)
    assert (sms.user_data.text, sms.user_data.alphabet) == ("MODE: 1 €[]", Alphabet.GSM7)


@pytest.mark.parametrize("more", range(0, 256, 4))
def test_reserved_message_type_is_decoded_as_deliver(more: int) -> None:
    """Clause 9.2.3.1, whatever the other bits of the first octet say (but for a header that is not there)."""
    octets = bytearray.fromhex(encode_delivers("+79990000101", "MODE: 1", NOW)[0].pdu)
    octets[1] = (more & ~0x40) | 3
    sms = decode_pdu(octets.hex())
    assert isinstance(sms, SmsDeliver)
    assert (sms.tp_oa, sms.user_data.text, sms.tp_scts) == ("+79990000101", "MODE: 1", NOW)


def test_deliver_keeps_alphanumeric_sender() -> None:
    (pdu,) = encode_delivers("LERS", "x", NOW)
    assert pdu.pdu[4:8] == "07D0"
    sms = decode_pdu(pdu.pdu)
    assert isinstance(sms, SmsDeliver)
    assert sms.tp_oa == "LERS"


@pytest.mark.parametrize("hours", [-12.0, -3.5, -0.25, 0.0, 5.75, 14.0])
def test_timestamp_keeps_time_zone(hours: float) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=hours)))
    sms = decode_pdu(encode_delivers("+7999", "x", at)[0].pdu)
    assert isinstance(sms, SmsDeliver)
    assert sms.tp_scts == at
    assert sms.tp_scts.utcoffset() == at.utcoffset()


def test_invalid_timestamp_is_decoded_as_none() -> None:
    pdu = encode_delivers("+7999", "x", NOW)[0].pdu
    stamp = pdu.index("6211")
    sms = decode_pdu(pdu[: stamp + 2] + "99" + pdu[stamp + 4 :])
    assert isinstance(sms, SmsDeliver)
    assert sms.tp_scts is None


@pytest.mark.parametrize(
    ("tp_st", "outcome"),
    [(0x00, "delivered"), (0x01, "delivered"), (0x21, "pending"), (0x46, "failed"), (0x7F, "failed")],
)
def test_status_report_is_decoded_with_outcome(tp_st: int, outcome: str) -> None:
    pdu = encode_status_report("+79990000101", 42, NOW, NOW + timedelta(seconds=3), tp_st)
    sms = decode_pdu(pdu.pdu)
    assert isinstance(sms, SmsStatusReport)
    assert (sms.tp_mr, sms.tp_ra, sms.outcome) == (42, "+79990000101", DeliveryOutcome(outcome))
    assert sms.tp_dt == NOW + timedelta(seconds=3)
    assert sms.status_meaning


def test_binary_message_keeps_data_and_is_limited_to_140_octets() -> None:
    data = bytes(range(140))
    submit = decode_pdu(encode_data_submit("+7999", data).pdu)
    deliver = decode_pdu(encode_data_deliver("+7999", data, NOW).pdu)
    assert isinstance(submit, SmsSubmit)
    assert isinstance(deliver, SmsDeliver)
    assert submit.user_data.data == deliver.user_data.data == data
    assert submit.user_data.text is None
    with pytest.raises(InvalidValueError, match="at most 140"):
        encode_data_submit("+7999", bytes(141))


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("ж" * 70, 1), ("ж" * 71, 2), ("", 1)],
)
def test_text_is_split_into_expected_number_of_parts(text: str, parts: int) -> None:
    assert len(encode_submits("+7999", text)) == parts


def test_parts_are_joined_in_any_order_unless_one_is_missing() -> None:
    text = "The quick brown fox, fifty times. " * 20
    parts = [decode_pdu(p.pdu) for p in encode_delivers("+7999", text, NOW, reference=7)]
    data = [p.user_data for p in parts if isinstance(p, SmsDeliver)]
    assert data[0].concatenation == Concatenation(7, len(parts), 1)
    assert join_parts([*reversed(data), data[0]]) == text
    with pytest.raises(DecodeError, match="missing: 2"):
        join_parts([d for d in data if d.concatenation and d.concatenation.sequence != 2])


@pytest.mark.parametrize("number", ["", "+", "8 999", "+7999-1", "1" * 21, "имя"])
def test_invalid_number_is_refused(number: str) -> None:
    with pytest.raises(InvalidValueError, match="number"):
        encode_submits(number, "x")


@pytest.mark.parametrize("number", ["+79990000101", "89990000101", "112", "*100#", "+1"])
def test_number_survives_encoding_and_decoding(number: str) -> None:
    sms = decode_pdu(encode_submits(number, "x")[0].pdu)
    assert isinstance(sms, SmsSubmit)
    assert sms.tp_da == number


@given(TEXT)
def test_submit_preserves_any_text(text: str) -> None:
    parts = [decode_pdu(p.pdu) for p in encode_submits("+79990000101", text, reference=3)]
    assert join_parts([p.user_data for p in parts if isinstance(p, SmsSubmit)]) == text


@given(TEXT | GSM_TEXT, st.booleans())
def test_deliver_preserves_any_text(text: str, wide: bool) -> None:
    pdus = encode_delivers("+79990000101", text, NOW, reference=300, wide_reference=wide)
    parts = [decode_pdu(p.pdu) for p in pdus]
    assert all(p.tpdu_length <= 140 + 24 for p in pdus)
    assert join_parts([p.user_data for p in parts if isinstance(p, SmsDeliver)]) == text


@given(GSM_TEXT)
def test_septet_count_counts_extension_characters_twice(text: str) -> None:
    assert fits_gsm7(text)
    assert septet_count(text) == sum(2 if c in EXTENSION.values() else 1 for c in text)


@given(st.integers(1, int(LONGEST.total_seconds())))
def test_validity_is_rounded_up_and_no_further_than_need_be(seconds: int) -> None:
    asked = timedelta(seconds=seconds)
    octet = encode_validity(asked)
    assert decode_validity(octet) >= asked
    assert octet == 0 or decode_validity(octet - 1) < asked


def test_validity_is_limited_to_shortest_and_longest() -> None:
    assert decode_validity(0) == SHORTEST
    assert decode_validity(255) == LONGEST
    assert encode_validity(timedelta(weeks=90)) == 255


def test_decoder_raises_only_decode_error_for_any_first_octet_and_dcs() -> None:
    """No data coding scheme and no header bit makes anything but a message or a DecodeError."""
    pdu = bytearray.fromhex(encode_delivers("+7999", "hello hello", datetime.now(UTC))[0].pdu)
    dcs = 1 + 1 + 2 + 2 + 1
    for first in range(256):
        for scheme in range(256):
            pdu[1], pdu[dcs] = first, scheme
            with contextlib.suppress(DecodeError):
                assert decode_pdu(pdu.hex()).smsc is None


@given(st.text() | st.binary(max_size=180).map(bytes.hex), st.booleans())
def test_decoder_raises_only_decode_error_for_any_input(text: str, with_smsc: bool) -> None:
    with contextlib.suppress(DecodeError):
        assert isinstance(decode_pdu(text, with_smsc=with_smsc), Sms)


@given(TEXT, st.data())
def test_truncated_pdu_raises_decode_error(text: str, data: st.DataObject) -> None:
    pdu = encode_delivers("+79990000101", text, NOW)[0].pdu
    cut = data.draw(st.integers(0, len(pdu) // 2 - 1))
    with pytest.raises(DecodeError):
        decode_pdu(pdu[: 2 * cut])
