"""SMS in PDU mode: 3GPP TS 23.040 and TS 23.038. Pure."""

from gsm_meter_bridge.sms.address import TypeOfNumber
from gsm_meter_bridge.sms.decode import decode_pdu
from gsm_meter_bridge.sms.encode import (
    EncodedPdu,
    encode_data_deliver,
    encode_data_submit,
    encode_delivers,
    encode_status_report,
    encode_submits,
    is_single,
)
from gsm_meter_bridge.sms.gsm7 import fits_gsm7, septet_count
from gsm_meter_bridge.sms.messages import (
    DeliveryOutcome,
    Sms,
    SmsDeliver,
    SmsStatusReport,
    SmsSubmit,
)
from gsm_meter_bridge.sms.times import effective_validity
from gsm_meter_bridge.sms.user_data import Alphabet, Concatenation, UserData, join_octets, join_parts

__all__ = [
    "Alphabet",
    "Concatenation",
    "DeliveryOutcome",
    "EncodedPdu",
    "Sms",
    "SmsDeliver",
    "SmsStatusReport",
    "SmsSubmit",
    "TypeOfNumber",
    "UserData",
    "decode_pdu",
    "effective_validity",
    "encode_data_deliver",
    "encode_data_submit",
    "encode_delivers",
    "encode_status_report",
    "encode_submits",
    "fits_gsm7",
    "is_single",
    "join_octets",
    "join_parts",
    "septet_count",
]
