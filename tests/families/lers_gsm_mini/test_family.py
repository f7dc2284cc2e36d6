"""The setup SMS of the LERS GSM Mini manual, clauses 4.2, 4.3.1 and 4.3.10."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Access, Answer, Refusal, Request, setting_of
from gsm_meter_bridge.vocabulary import Secret
from tests.support.dialogues import sms_text

FAMILY = family_of("lers_gsm_mini")
ACCESS = Access(Secret("1234"))
INFO = Request.read("info")
APN = Request.read("apn")
INFO_TEXT = "LERS GSM Mini\nSN: 00001\nFW: M1.1.0\nIMEI: 865374036612912\nSignal level: -71dBm (60%)"


@pytest.mark.parametrize(
    ("request_", "text", "masked"),
    [
        (INFO, "1234;I", "***;I"),
        (APN, "1234;A", "***;A"),
        (Request.write("settings", {"apn": "m2m"}), "1234;A=m2m", "***;A=m2m"),
        (Request.write("settings", {"apn": "m2m", "apn_user": "u"}), "1234;A=m2m,u", "***;A=m2m,u"),
        (Request.write("settings", {"apn": "m2m", "apn_password": "pw"}), "1234;A=m2m,,pw", "***;A=m2m,,***"),
        (Request.write("settings", {"apn": ""}), "1234;A=", "***;A="),
    ],
)
def test_encoder_writes_request_and_masks_passwords(request_: Request, text: str, masked: str) -> None:
    sms = sms_text(FAMILY, request_, ACCESS)
    assert (sms.text, sms.masked) == (text, masked)


def test_encoder_refuses_sms_over_160_characters() -> None:
    changes = {"apn": "a" * 63, "apn_user": "u" * 32, "apn_password": "p" * 32}
    assert len(sms_text(FAMILY, Request.write("settings", changes), ACCESS).text) <= 160
    with pytest.raises(InvalidValueError, match="at most 160"):
        FAMILY.encode(Request.write("settings", changes), Access(Secret("x" * 40)))


def test_info_reply_gives_identity_and_signal() -> None:
    reply = FAMILY.decode(INFO, INFO_TEXT, ACCESS)
    assert isinstance(reply, Answer)
    assert reply.values() == {
        "model": "LERS GSM Mini",
        "serial_number": "00001",
        "firmware": "M1.1.0",
        "imei": "865374036612912",
        "signal_dbm": -71,
        "signal_percent": 60,
    }


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("Signal level: -83dBm 36%", (-83, 36)),
        ("Signal level: -101 dBm", (-101, None)),
        ("Signal level: none", (None, None)),
    ],
)
def test_info_reply_gives_signal_in_any_form(line: str, values: tuple[int | None, int | None]) -> None:
    text = INFO_TEXT.replace("Signal level: -71dBm (60%)", line)
    reply = FAMILY.decode(INFO, text, ACCESS)
    assert isinstance(reply, Answer)
    found = reply.values()
    assert (found["signal_dbm"], found.get("signal_percent")) == values


def test_apn_reply_masks_the_password() -> None:
    reply = FAMILY.decode(APN, "APN: internet.mts.ru\r\nUSR: mts\r\nPSW: mts", ACCESS)
    assert isinstance(reply, Answer)
    assert reply.values() == {"apn": "internet.mts.ru", "apn_user": "mts", "apn_password": "mts"}
    assert reply.raw == "APN: internet.mts.ru\r\nUSR: mts\r\nPSW: ***"


def test_apn_reply_gives_empty_values_in_automatic_mode() -> None:
    reply = FAMILY.decode(APN, "APN:\nUSR:\nPSW:", ACCESS)
    assert isinstance(reply, Answer)
    assert reply.values() == {"apn": "", "apn_user": "", "apn_password": ""}


@pytest.mark.parametrize("text", ["Ok", "OK", "ok\r\n", "PORT: PORT WRITE: OK"])
def test_acknowledgement_is_answer_without_readings(text: str) -> None:
    assert FAMILY.decode(Request.write("settings", {"apn": "x"}), text, ACCESS) == Answer((), text)


@pytest.mark.parametrize("text", ["Err", "ERR", " Err\n"])
@pytest.mark.parametrize("request_", [INFO, APN, Request.write("settings", {"apn": "x"})])
def test_err_reply_is_refusal_of_any_request(request_: Request, text: str) -> None:
    reply = FAMILY.decode(request_, text, ACCESS)
    assert isinstance(reply, Refusal)
    assert reply.code == "rejected_by_module"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (INFO, "Ok"),
        (INFO, "APN: x\nUSR: \nPSW: "),
        (APN, INFO_TEXT),
        (APN, "Ok"),
        (Request.write("settings", {"apn": "x"}), INFO_TEXT),
        (Request.write("settings", {"apn": "x"}), "APN: x\nUSR: \nPSW: "),
        (INFO, ""),
    ],
)
def test_decoder_rejects_reply_to_other_request(request_: Request, text: str) -> None:
    with pytest.raises(DecodeError):
        FAMILY.decode(request_, text, ACCESS)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("I", INFO),
        ("info", INFO),
        ("a", APN),
        ("A=m2m,u,p", Request.write("settings", {"apn": "m2m", "apn_user": "u", "apn_password": "p"})),
        ("A=", Request.write("settings", {"apn": ""})),
    ],
)
def test_request_parser_recognizes_reads_and_writes(text: str, request_: Request) -> None:
    assert FAMILY.parse_request(text) == request_


@pytest.mark.parametrize("text", ["IN", "X", "", "I=5"])
def test_request_parser_rejects_unknown_command(text: str) -> None:
    with pytest.raises((UnknownNameError, InvalidValueError)):
        FAMILY.parse_request(text)


@pytest.mark.parametrize(
    ("name", "value"), [("apn", "a;b"), ("apn", "a=b"), ("apn_user", "a b"), ("apn_password", "a,b")]
)
def test_separators_are_refused(name: str, value: str) -> None:
    setting = setting_of(FAMILY, name)
    assert setting is not None
    with pytest.raises(InvalidValueError) as caught:
        setting.validate(value)
    assert (value in str(caught.value)) is not setting.secret
