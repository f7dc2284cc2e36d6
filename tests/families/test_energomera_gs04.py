"""The text commands and replies of the GS04/GB04 manual, clause 9, and the assumed status profile."""

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.family import Access, Answer, Refusal, Request, setting_of
from gsm_meter_bridge.vocabulary import MASK, Secret

FAMILY = family_of("energomera_gs04")
PLAIN = Access(Secret("12345678"))
PROFILED = Access(Secret("12345678"), bundled_profile(FAMILY, "assumed_status"))
READ_APN = Request.read("apn")


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Request.read("mode"), "12345678 MODE"),
        (READ_APN, "12345678 APN"),
        (Request.write("apn", {"apn": "internet.mts.ru"}), "12345678 APN internet.mts.ru"),
    ],
)
def test_encode(request_: Request, text: str) -> None:
    sms = FAMILY.encode(request_, PLAIN)
    assert sms.text == text
    assert sms.masked == text.replace("12345678", MASK)
    assert "12345678" not in repr(sms)


@pytest.mark.parametrize(
    ("code", "mode"), [("0", "sms"), ("1", "client_cenc"), ("2", "server"), ("6", "client")]
)
def test_mode_reply(code: str, mode: str) -> None:
    reply = FAMILY.decode(Request.read("mode"), f"CE308\r\n000011223344556\r\nMODE: {code}", PLAIN)
    assert isinstance(reply, Answer)
    assert reply.values() == {"meter_type": "CE308", "meter_serial": "000011223344556", "mode": mode}


def test_unknown_mode_is_kept_raw() -> None:
    reply = FAMILY.decode(Request.read("mode"), "CE308\r\n1\r\nMODE: 4", PLAIN)
    assert isinstance(reply, Answer)
    (mode,) = (r for r in reply.readings if r.name == "mode")
    assert (mode.value, mode.raw) == ("unknown", "4")


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    ("block", "user", "password"),
    [
        (["APN: internet", "mts", "pw"], "mts", "pw"),
        (["APN: internet", "", ""], "", ""),
        (["APN: internet"], "", ""),
        (["APN:internet", "mts", "", "", ""], "mts", ""),
    ],
)
def test_apn_reply(line_end: str, block: list[str], user: str, password: str) -> None:
    text = line_end.join(["CE308", "42", *block])
    reply = FAMILY.decode(READ_APN, text, PLAIN)
    assert isinstance(reply, Answer)
    values = reply.values()
    assert (values["apn"], values["apn_user"], values["apn_password"]) == ("internet", user, password)
    assert not password or password not in reply.raw


@pytest.mark.parametrize(
    "text", ["", "Ok", "CE308\r\n1", "CE308\r\n1\r\nMODE: 1", "CE308\r\n1\r\nDNS: :8000", "спасибо"]
)
def test_what_is_no_reply_to_the_request(text: str) -> None:
    with pytest.raises(DecodeError):
        FAMILY.decode(READ_APN, text, PLAIN)


@pytest.mark.parametrize(
    ("text", "words"), [("ERROR 0x02", "password"), ("CE308\r\n1\r\nERROR: 05", "value")]
)
def test_refusal_is_explained(text: str, words: str) -> None:
    reply = FAMILY.decode(READ_APN, text, PLAIN)
    assert isinstance(reply, Refusal)
    assert words in reply.words


@pytest.mark.parametrize("value", ["", "x" * 51, "two words", "a,b", "-", "имя", 5, None, "a`b"])
def test_apn_that_the_module_cannot_take(value: object) -> None:
    setting = setting_of(FAMILY, "apn")
    assert setting is not None
    with pytest.raises(InvalidValueError, match=r"apn: .* is not allowed; expected 1 to 50"):
        setting.validate(value)


@pytest.mark.parametrize("value", ["internet", "x" * 50, "m2m.example-net_1", "--"])
def test_apn_that_the_module_takes(value: str) -> None:
    setting = setting_of(FAMILY, "apn")
    assert setting is not None
    assert setting.validate(value) == value


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("MODE", Request.read("mode")),
        ("mod", Request.read("mode")),
        ("Apn", READ_APN),
        ("APN internet", Request.write("apn", {"apn": "internet"})),
    ],
)
def test_parse_request(text: str, request_: Request) -> None:
    assert FAMILY.parse_request(text) == request_


@pytest.mark.parametrize("text", ["AP", "MODEX", "REBOOT", ""])
def test_parse_unknown_request(text: str) -> None:
    with pytest.raises(UnknownNameError, match="known: APN, DNS, MODE"):
        FAMILY.parse_request(text)


def test_extended_status_through_the_profile() -> None:
    text = "CE308\r\n42\r\nSTATUS: 4B 130 167\r\nVERSION: c1.0v1.4.8420.1.1.1"
    reply = FAMILY.decode(Request.read("extended_status"), text, PROFILED)
    assert isinstance(reply, Answer)
    assert reply.values() == {
        "meter_type": "CE308",
        "meter_serial": "42",
        "sim": True,
        "internet": True,
        "tcp": True,
        "cenc": "registered",
        "gprs": "registered_at_cenc",
        "meter_link": "ok",
        "registration": "home",
        "band": "lte_7",
        "signal_level": 7,
        "signal_dbm": -71,
        "firmware": "c1.0v1.4.8420.1.1.1",
    }


def test_codes_without_a_row_are_kept_raw() -> None:
    reply = FAMILY.decode(Request.read("extended_status"), "CE308\n42\nSTATUS: E1 1C9 7DA", PROFILED)
    assert isinstance(reply, Answer)
    by_name = {r.name: (r.value, r.raw) for r in reply.readings}
    assert by_name["registration"] == ("unknown", "7")
    assert by_name["band"] == ("unknown", "D")
    assert by_name["gprs"] == ("unknown", "C")
    assert by_name["cenc"] == ("unknown", "7")
    assert by_name["signal_dbm"] == (None, "A")
    assert by_name["signal_level"] == (None, "A")


def test_profile_says_that_it_is_an_assumption() -> None:
    profile = PROFILED.profile
    assert profile is not None
    assert not profile.verified
    assert "made up" in profile.provenance


def test_profile_requests_hide_the_password() -> None:
    sms = FAMILY.encode(Request.read("imei"), PROFILED)
    assert (sms.text, sms.masked) == ("12345678 IMEI", "*** IMEI")
    with pytest.raises(UnknownNameError):
        FAMILY.encode(Request.read("imei"), PLAIN)


def test_signal_table_agrees_with_its_formula() -> None:
    """Clause 7.1: dBm = -113 + 2 CSQ, and each digit covers three steps of CSQ, digit 0 two."""
    for csq in range(32):
        digit = min(9, (csq + 1) // 3)
        low, high = tables.LEVELS_DBM.get(str(digit), (-61, -51))
        assert low <= -113 + 2 * csq <= high


def test_every_table_is_whole() -> None:
    names = [t.name for t in tables.TABLES]
    assert len(names) == len(set(names))
    for table in tables.TABLES:
        assert table.rows, table.name
        assert table.clause, table.name
        assert all(code == code.upper() for code in table.rows), table.name


def test_a_password_that_looks_like_an_error() -> None:
    answer = FAMILY.decode(READ_APN, "CE308\n000011223344556\nAPN: net\nuser\nERROR 0x05", PLAIN)
    assert isinstance(answer, Answer)
    assert answer.values()["apn_password"] == "ERROR 0x05"
    assert "ERROR" not in answer.raw


@pytest.mark.parametrize(
    ("band", "signal_dbm", "sufficient", "threshold_dbm"),
    [
        ("gsm_900", -85, True, -85),
        ("gsm_1800", -87, False, -85),
        ("lte_7", -91, True, -91),
        ("lte_20", -93, False, -91),
        ("wcdma_900", -60, None, None),
        ("undetermined", -60, None, None),
        ("lte_7", None, None, -91),
        (None, -60, None, None),
    ],
)
def test_the_signal_that_is_enough(
    band: str | None, signal_dbm: int | None, sufficient: bool | None, threshold_dbm: int | None
) -> None:
    derived = {r.name: r.value for r in FAMILY.derived({"band": band, "signal_dbm": signal_dbm})}
    assert (derived["signal_sufficient"], derived["signal_threshold_dbm"]) == (sufficient, threshold_dbm)


@pytest.mark.parametrize(
    ("firmware", "core_version", "platform", "module_type"),
    [
        ("c1.0v1.4.8420.1.1.1", "1.0", "8420", "GSM 2G + 4G"),
        ("с1.2v1.5.8421.1.1.1", "1.2", "8421", "GSM 2G + 3G + 4G"),  # the c is Cyrillic in the manual's text
        ("c1.0v1.4.8499.1", "1.0", "8499", "unknown"),
        ("M1.1.0", None, None, None),
        (None, None, None, None),
    ],
)
def test_what_the_version_says(
    firmware: str | None, core_version: str | None, platform: str | None, module_type: str | None
) -> None:
    derived = {r.name: r.value for r in FAMILY.derived({"firmware": firmware})}
    assert [derived[n] for n in ("core_version", "platform", "module_type")] == [
        core_version,
        platform,
        module_type,
    ]
