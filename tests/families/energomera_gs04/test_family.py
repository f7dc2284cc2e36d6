"""The text commands and replies of the GS04/GB04 manual, clause 9, and the assumed status profile."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError, UnknownNameError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.families.energomera_gs04 import tables
from gsm_meter_bridge.model import Access, Answer, Module, Refusal, Request, setting_of
from gsm_meter_bridge.model.facts import Known, ModuleFacts
from gsm_meter_bridge.mqtt.discovery import DiscoveryOptions, module_device
from gsm_meter_bridge.mqtt.documents import module_state
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.vocabulary import MASK, Secret
from tests.support.dialogues import sms_text

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
def test_encoder_writes_request_and_masks_password(request_: Request, text: str) -> None:
    sms = sms_text(FAMILY, request_, PLAIN)
    assert sms.text == text
    assert sms.masked == text.replace("12345678", MASK)
    assert "12345678" not in repr(sms)


@pytest.mark.parametrize(
    ("code", "mode"), [("0", "sms"), ("1", "client_cenc"), ("2", "server"), ("6", "client")]
)
def test_mode_reply_gives_meter_and_mode(code: str, mode: str) -> None:
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
def test_apn_reply_is_decoded_with_any_line_end_and_password_masked(
    line_end: str, block: list[str], user: str, password: str
) -> None:
    text = line_end.join(["CE308", "42", *block])
    reply = FAMILY.decode(READ_APN, text, PLAIN)
    assert isinstance(reply, Answer)
    values = reply.values()
    assert (values["apn"], values["apn_user"], values["apn_password"]) == ("internet", user, password)
    assert not password or password not in reply.raw


@pytest.mark.parametrize(
    "text", ["", "Ok", "CE308\r\n1", "CE308\r\n1\r\nMODE: 1", "CE308\r\n1\r\nDNS: :8000", "спасибо"]
)
def test_decoder_rejects_text_that_is_no_reply_to_request(text: str) -> None:
    with pytest.raises(DecodeError):
        FAMILY.decode(READ_APN, text, PLAIN)


@pytest.mark.parametrize(
    ("text", "message"), [("ERROR 0x02", "password"), ("CE308\r\n1\r\nERROR: 05", "value")]
)
def test_refusal_is_explained(text: str, message: str) -> None:
    reply = FAMILY.decode(READ_APN, text, PLAIN)
    assert isinstance(reply, Refusal)
    assert message in reply.message


@pytest.mark.parametrize("value", ["", "x" * 51, "two words", "a,b", "-", "имя", 5, None, "a`b"])
def test_apn_setting_rejects_invalid_value(value: object) -> None:
    setting = setting_of(FAMILY, "apn")
    assert setting is not None
    with pytest.raises(InvalidValueError, match=r"apn: .* is not allowed; expected 1 to 50"):
        setting.validate(value)


@pytest.mark.parametrize("value", ["internet", "x" * 50, "m2m.example-net_1", "--"])
def test_apn_setting_accepts_valid_name(value: str) -> None:
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
def test_request_parser_recognizes_commands_in_any_case(text: str, request_: Request) -> None:
    assert FAMILY.parse_request(text) == request_


@pytest.mark.parametrize("text", ["AP", "MODEX", "REBOOT", ""])
def test_request_parser_rejects_unknown_command_and_lists_known(text: str) -> None:
    with pytest.raises(UnknownNameError, match="known: APN, DNS, MODE"):
        FAMILY.parse_request(text)


def test_extended_status_is_decoded_by_assumed_profile() -> None:
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
    sms = sms_text(FAMILY, Request.read("imei"), PROFILED)
    assert (sms.text, sms.masked) == ("12345678 IMEI", "*** IMEI")
    with pytest.raises(UnknownNameError):
        FAMILY.encode(Request.read("imei"), PLAIN)


def test_signal_table_agrees_with_its_formula() -> None:
    """Clause 7.1: dBm = -113 + 2 CSQ, and each digit covers three steps of CSQ, digit 0 two."""
    for csq in range(32):
        digit = min(9, (csq + 1) // 3)
        low, high = tables.LEVELS_DBM.get(str(digit), (-61, -51))
        assert low <= -113 + 2 * csq <= high


def test_code_tables_have_unique_names_rows_and_clauses() -> None:
    names = [t.name for t in tables.TABLES]
    assert len(names) == len(set(names))
    for table in tables.TABLES:
        assert table.rows, table.name
        assert table.clause, table.name
        assert all(code == code.upper() for code in table.rows), table.name


def test_apn_password_that_looks_like_error_is_no_refusal() -> None:
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
def test_signal_sufficiency_follows_from_threshold_of_band(
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
def test_firmware_version_gives_core_platform_and_module_type(
    firmware: str | None, core_version: str | None, platform: str | None, module_type: str | None
) -> None:
    derived = {r.name: r.value for r in FAMILY.derived({"firmware": firmware})}
    assert [derived[n] for n in ("core_version", "platform", "module_type")] == [
        core_version,
        platform,
        module_type,
    ]


@pytest.mark.parametrize(
    ("table", "code", "word"),
    [
        ("registration", "0", "not_registered"),
        ("registration", "1", "home"),
        ("registration", "2", "searching"),
        ("registration", "3", "denied"),
        ("registration", "4", "unknown_error"),
        ("registration", "5", "roaming"),
        ("registration", "F", "no_sim_or_pin_required"),
        ("registration", "6", "unknown"),
        ("meter_link", "0", "ok"),
        ("meter_link", "A", "unknown_meter_or_no_link"),
        ("meter_link", "B", "reading_clock"),
        ("meter_link", "C", "reading_clock"),
        ("meter_link", "D", "reading_clock"),
        ("meter_link", "E", "unknown"),
    ],
)
def test_status_table_maps_code_to_word(table: str, code: str, word: str) -> None:
    """What the manual calls an error has a word of its own: `unknown` is no value in Home Assistant."""
    found = next(t for t in FAMILY.tables() if t.name == table)
    assert found.reading(table, code).value == word


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"signal_dbm": -73}, {"signal_level": 7}),
        ({"signal_dbm": -113}, {"signal_level": 0}),
        ({"signal_dbm": -51}, {"signal_level": 9}),
        ({"signal_dbm": -140}, {"signal_level": 0}),
        ({"signal_level": 4}, {"signal_dbm": -89}),
        ({"signal_level": 4, "signal_dbm": -71}, {}),
        ({"signal_level": None, "signal_dbm": None}, {}),
    ],
)
def test_signal_level_and_dbm_are_derived_from_each_other(
    values: dict[str, int | None], reported: dict[str, int]
) -> None:
    derived = {r.name: r.value for r in FAMILY.derived(values)}
    assert {name: derived[name] for name in ("signal_level", "signal_dbm") if name in derived} == reported


@pytest.mark.parametrize(
    ("dbm_at", "level_at", "shown"),
    [(10.0, 20.0, (-97 + 2, 3)), (20.0, 10.0, (-71, 7)), (10.0, 10.0, (-71, 3))],
)
def test_signal_level_and_dbm_both_follow_newer_reading(
    dbm_at: float, level_at: float, shown: tuple[int, int]
) -> None:
    """The meter told -71 dBm over TCP at one time, the module the digit 3 by SMS at another."""
    hut = Module("hut", "Hut", FAMILY, "+79990000101", PROFILED)
    readings = {
        "signal_dbm": Known(-71, None, "tcp", dbm_at),
        "signal_level": Known(3, "3", "sms", level_at),
        "band": Known("gsm_900", "1", "sms", level_at),
    }
    document = module_state(hut, ModuleFacts(readings), None, online=True, mask=False)
    assert (document["signal_dbm"], document["signal_level"]) == shown
    assert document["signal_sufficient"] == (document["signal_dbm"] >= -85)
    newer = "tcp" if dbm_at > level_at else "sms"
    if dbm_at != level_at:
        assert {document["sources"][name]["transport"] for name in ("signal_dbm", "signal_level")} == {newer}


@pytest.mark.parametrize(("model", "shown"), [(None, "GS04"), ("GB04", "GB04"), ("GS04", "GS04")])
def test_device_model_is_as_configured_or_gs04_by_default(model: str | None, shown: str) -> None:
    hut = Module("hut", "Hut", FAMILY, "+79990000101", PROFILED, model=model)
    form = DiscoveryOptions(Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status"))
    assert module_device(form, hut, {})["dev"]["mdl"] == shown
    document = module_state(hut, ModuleFacts(), None, online=True, mask=False)
    assert document["device_model"] == shown


def test_discovery_enables_status_tab_entities_if_module_has_profile() -> None:
    form = DiscoveryOptions(Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status"))
    profiled = Module("hut", "Hut", FAMILY, "+79990000101", PROFILED)
    parts = module_device(form, profiled, {})["cmps"]
    shown = ("module_type", "core_version", "platform", "imei", "iccid", "ip", "request_identity")
    assert all("en" not in parts[name] for name in shown)
    plain = module_device(form, Module("hut", "Hut", FAMILY, "+79990000101", PLAIN), {})["cmps"]
    assert plain["request_identity"] == {"p": "button"}  # it is removed
    assert plain["platform"]["en"] is False
