"""Replies of a GS04/GB04 at their limits: as few and as many lines and digits as count, and one more."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import bundled_profile, family_of
from gsm_meter_bridge.model import Access, Answer, Refusal, Reply, Request, SmsData, SmsText
from gsm_meter_bridge.vocabulary import Scalar, Secret

FAMILY = family_of("energomera_gs04")
PASSWORD = Secret("12345678")


def _decoded(name: str, lines: str) -> Reply:
    return FAMILY.decode(Request.read(name), lines.replace("|", "\r\n"), Access(PASSWORD))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("mode", "ERROR", "the module answered 'ERROR'"),
        ("mode", "ERROR 1", "wrong structure"),
        ("mode", "ошибка: 01", "wrong structure"),
        ("mode", "err 0x2||", "password is wrong"),
        ("mode", "CE308|ERR 3", "does not know this parameter"),
        ("mode", "CE308|1|ERROR 04", "number of octets"),
        ("apn", "CE308|1|ERROR: 05", "does not take this value"),
        ("apn", "CE308|1|Error 06", "does not know this command"),
        ("apn", "CE308|1|ERROR 0xA", "the module answered 'ERROR 0xA'"),
    ],
)
def test_error_in_the_last_of_one_to_three_lines_is_a_refusal(name: str, lines: str, message: str) -> None:
    reply = _decoded(name, lines)
    assert isinstance(reply, Refusal)
    assert message in reply.message
    assert (reply.code, reply.raw) == ("rejected_by_module", lines.replace("|", "\r\n"))


@pytest.mark.parametrize(
    ("name", "lines", "values", "raw"),
    [
        ("apn", "C|1|APN: a", {"apn": "a", "apn_user": "", "apn_password": ""}, "C|1|APN: a"),
        (
            "apn",
            "C|1|APN: a|ERROR 05",
            {"apn": "a", "apn_user": "ERROR 05", "apn_password": ""},
            "C|1|APN: a|***",
        ),
        ("apn", "C|1|APN:|u|p", {"apn": "", "apn_user": "u", "apn_password": "p"}, "C|1|APN:|***|***"),
        ("apn", "C|1|APN: a||p", {"apn": "a", "apn_user": "", "apn_password": "p"}, "C|1|APN: a||***"),
        (
            "apn",
            "C|1|APN: a|u|p|q",
            {"apn": "a", "apn_user": "u", "apn_password": "p"},
            "C|1|APN: a|***|***|***",
        ),
        ("mode", "C|1|MODE: 1|ERROR 05", {"mode": "client_cenc"}, "C|1|MODE: 1|***"),
        ("mode", " C | 1 | mode:2 ||", {"mode": "server"}, "C|1|mode:2"),
        ("server_host", "C|1|DNS: a:80", {"server_host": "a", "server_port": 80}, "C|1|DNS: a:80"),
        ("server_host", "C|1|DNS: a:b : 80", {"server_host": "a:b", "server_port": 80}, "C|1|DNS: a:b : 80"),
        ("server_host", "C|1|DNS: :x", {"server_host": "", "server_port": None}, "C|1|DNS: :x"),
        ("connect_period_s", "C|1|TIMEOUT: 123456789", {"connect_period_s": 123456789}, None),
        ("connect_period_s", "C|1|TIMEOUT: 1234567890", {"connect_period_s": None}, None),
        ("connect_period_s", "C|1|TIMEOUT: 0", {"connect_period_s": 0}, None),
        ("connect_period_s", "C|1|TIMEOUT: 60 s", {"connect_period_s": None}, None),
        ("idle_restart_period_h", "C|1|RESET:", {"idle_restart_period_h": None}, None),
        ("idle_restart_period_h", "C|1|RESET: 24", {"idle_restart_period_h": 24}, None),
    ],
)
def test_block_of_a_reply_gives_its_values(
    name: str, lines: str, values: dict[str, Scalar | None], raw: str | None
) -> None:
    reply = _decoded(name, lines)
    assert isinstance(reply, Answer)
    assert {r.name: r.value for r in reply.readings} == {"meter_type": "C", "meter_serial": "1", **values}
    assert reply.raw == (raw or lines).replace("|", "\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [("connect_period_s", "C|1|TIMEOUT: many"), ("idle_restart_period_h", "C|1|RESET: many")],
)
def test_number_that_cannot_be_read_is_kept_raw(name: str, text: str) -> None:
    reply = _decoded(name, text)
    assert [(r.value, r.raw) for r in reply.readings if r.name == name] == [(None, "many")]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("mode", ""),
        ("mode", "C|1"),
        ("mode", "C|1|"),
        ("mode", "|C|1|MODE: 1"),
        ("mode", "C|MODE: 1|1"),
        ("mode", "C|1|RESET: 1"),
        ("mode", "C|1|X MODE: 1"),
        ("mode", "ERR 006"),
        ("mode", "ERROR 05|C|1"),
        ("mode", "C|1|2|ERROR 05"),
        ("server_host", "C|1|DNS: 80"),
    ],
)
def test_other_shape_is_no_reply(name: str, lines: str) -> None:
    with pytest.raises(DecodeError):
        _decoded(name, lines)


FRAMED = Access(PASSWORD, frame=bundled_profile(FAMILY, "gs01_binary").frame)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Request.read("mode"), "12345678 MODE"),
        (Request.write("mode", {"mode": "client"}), "12345678 MODE 6"),
        (Request.write("apn_user", {"apn_user": ""}), "12345678 USER -"),
    ],
)
def test_text_command_stays_text_if_there_is_a_frame(request_: Request, text: str) -> None:
    sms = FAMILY.encode(request_, FRAMED)
    assert isinstance(sms, SmsText)
    assert sms.text == text
    assert isinstance(FAMILY.decode(Request.read("mode"), "C\n1\nMODE: 6", FRAMED), Answer)


def test_frame_carries_changes_and_has_no_known_reply() -> None:
    (request,) = FAMILY.writes({"mode": "client", "apn": "m2m"}, FRAMED)
    sms = FAMILY.encode(request, FRAMED)
    assert isinstance(sms, SmsData)
    assert sms.octets == bytes.fromhex("01 3132333435363738 02 23 6D326D00 17 22 06 17 03")
    assert sms.dcs == 8
    with pytest.raises(DecodeError, match="undocumented"):
        FAMILY.decode(request, "C\n1\nMODE: 6", FRAMED)


@pytest.mark.parametrize(
    ("profile", "delivery", "volatile"),
    [(None, "sms", ["mode"]), (None, "tcp", []), ("assumed_status", "sms", ["extended_status", "ip"])],
)
def test_liveness_is_read_by_mode_only_without_a_profile(
    profile: str | None, delivery: str, volatile: list[str]
) -> None:
    access = Access(PASSWORD, bundled_profile(FAMILY, profile) if profile else None, delivery=delivery)
    reads = FAMILY.reads(access)
    assert [read.name for read in reads if read.volatile] == volatile
    assert [read.name for read in reads if read.liveness_check] == [n for n in volatile if n == "mode"]


def test_change_of_mode_resets_what_depends_on_it() -> None:
    assert FAMILY.resets(Request.write("mode", {"mode": "client"})) == (
        "gprs",
        "internet",
        "tcp",
        "cenc",
        "ip",
    )
    assert FAMILY.resets(Request.write("apn", {"apn": "a"})) == ()
