"""What a change of a LERS GSM Mini's settings risks and resets, and how far each setting goes."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.lers_gsm_mini.refusals import refusal_message
from gsm_meter_bridge.model import Access, Request, setting_of
from gsm_meter_bridge.vocabulary import Scalar, Secret
from tests.support.dialogues import sms_text

FAMILY = family_of("lers_gsm_mini")
ACCESS = Access(Secret("1234"))
_CERTAIN = "of the numbers that it obeys, only those that it took are certain"
ME, OTHER, THIRD = "+79990000000", "+79990000001", "+79990000002"


@pytest.mark.parametrize(
    ("changes", "known", "own", "concerns"),
    [
        ({"apn_user": "u"}, {}, (), [("refused", "apn_user", "give apn too")]),
        ({"apn_password": "p"}, {}, (), [("refused", "apn_password", "give apn too")]),
        ({"apn": "a", "apn_user": "u", "apn_password": "p"}, {}, (), []),
        ({"apn": "a"}, {}, (), []),
        ({"apn": "a"}, {"apn_user": "u"}, (), [("warning", "apn_user", "may become empty")]),
        ({"apn": "a"}, {"apn_password": "p"}, (), [("warning", "apn_password", "may become empty")]),
        ({"apn": "a", "apn_user": "v"}, {"apn_user": "u"}, (), []),
        ({"white_list.0": ME}, {}, (ME,), []),
        ({"white_list.9": OTHER}, {"white_list.0": ME}, (ME,), []),
        ({"white_list.0": ""}, {}, (ME,), []),
        ({"white_list.0": ""}, {}, (), []),
        ({"white_list.0": OTHER}, {}, (), [("confirm", "white_list", "is not configured")]),
        ({"white_list.9": OTHER}, {}, (ME,), [("refused", "white_list", f"our own number {ME} would not")]),
        (
            {"white_list.0": OTHER},
            {},
            (ME, THIRD),
            [("refused", "white_list", f"our own number {ME}, {THIRD} would not")],
        ),
        ({"white_list.0": ME}, {}, (ME, OTHER), [("confirm", "white_list", f"our own {OTHER} would not")]),
        ({"apn": "a"}, {"white_list.0": OTHER}, (ME,), []),
        ({"access_password": "x"}, {}, (), [("confirm", "access_password", "if it is lost")]),
        ({"server.0.address": "a:1"}, {}, (), [("confirm", "server.0.address", "with a wrong server")]),
        ({"server.1.enabled": True}, {}, (), [("confirm", "server.1.enabled", "with a wrong server")]),
        ({"server.0.white_list.0": OTHER}, {}, (ME,), []),
        (
            {"server.0.rule.0": "10:00-10:05,5"},
            {},
            (),
            [("warning", "server.0.rule.0", "connects once only: its 5 min")],
        ),
        ({"server.0.rule.0": "10:00-10:06,5"}, {}, (), []),
        ({"server.0.rule.1": "12:00-13:00"}, {"server.0.rule.0": "10:00-10:05,5"}, (), []),
    ],
)
def test_change_has_its_concerns(
    changes: dict[str, Scalar],
    known: dict[str, Scalar | None],
    own: tuple[str, ...],
    concerns: list[tuple[str, str, str]],
) -> None:
    found = FAMILY.concerns(changes, known, own)
    assert [(str(one.kind), one.setting) for one in found] == [(kind, name) for kind, name, _ in concerns]
    assert all(message in one.message for one, (*_, message) in zip(found, concerns, strict=True))


@pytest.mark.parametrize(
    ("name", "good", "wrong"),
    [
        ("apn", ["", "a" * 63], ["a" * 64]),
        ("apn_user", ["", "a" * 32], ["a" * 33]),
        ("apn_password", ["", "a" * 32], ["a" * 33]),
        ("serial_port", ["300,5,N,1", "115200,8,O,2"], ["301,8,N,1", "9600,9,N,1", "9600,8,X,1"]),
        ("server.0.address", ["", "a:1", "a:65535"], ["a", "a:0", "a:65536"]),
        ("server.1.enabled", [True, False], ["", 2]),
        (
            "server.0.rule.9",
            ["", "00:00-23:59", "10:00-11:00,1439", "10:00-11:00,0"],
            ["10:00-10:00", "11:00-10:00", "10:00-24:00", "10:00-11:00,1440"],
        ),
        ("server.1.white_list.9", ["", ME], ["+7999000000", "89990000000"]),
        ("reboot_period_min", [0, 5, 600_000], [-1, 1, 4, 600_001]),
        ("csd_idle_timeout_s", [0, 5, 600], [-1, 1, 4, 601]),
        ("white_list.0", ["", ME], ["+799900000000"]),
        ("access_password", ["a", "a" * 32, "п"], ["", "a" * 33, "a b", "a;b", "a=b", "a,b"]),
    ],
)
def test_setting_is_allowed_up_to_its_limits(name: str, good: list[Any], wrong: list[Any]) -> None:
    setting = setting_of(FAMILY, name)
    assert setting is not None
    for value in good:
        assert setting.validate(value) == value
    for value in wrong:
        with pytest.raises(InvalidValueError):
            setting.validate(value)


@pytest.mark.parametrize(
    "name", ["server.2.address", "server.0.rule.10", "white_list.10", "server.2.white_list.0", "server.0"]
)
def test_setting_beyond_last_index_is_none(name: str) -> None:
    assert setting_of(FAMILY, name) is None


def test_module_is_away_for_its_longest_action() -> None:
    away = {
        name: FAMILY.away_s(Request.action(name)) for name in ("reboot", "restore", "update", "disconnect")
    }
    assert away["disconnect"] == 0.0
    assert away["reboot"] == away["restore"] > 0
    assert away["update"] > 0
    read = Request.read("info")
    assert FAMILY.away_s(read) == 0.0
    both = Request.together([Request.write("settings", {"apn": "a"}), Request.action("reboot")])
    assert FAMILY.away_s(both) == away["reboot"]


_ENTRIES = tuple(str(n) for n in range(10))


def _server(n: int) -> set[str]:
    server = f"server.{n}"
    lists = {f"{server}.{kind}.{x}" for kind in ("rule", "white_list") for x in _ENTRIES}
    return {f"{server}.address", f"{server}.enabled", f"server_{n}_rules", f"server_{n}_white_list"} | lists


@pytest.mark.parametrize(
    ("request_", "resets"),
    [
        (Request.write("settings", {"server.1.address": ""}), _server(1)),
        (Request.write("settings", {"server.1.address": "a:1"}), set()),
        (Request.write("settings", {"server.1.enabled": False}), set()),
        (Request.write("settings", {"apn": "a"}), {"apn_user", "apn_password"}),
        (Request.write("settings", {"apn": "a", "apn_user": "u"}), {"apn_password"}),
        (Request.read("apn"), set()),
        (Request.action("reboot"), set()),
        (
            Request.action("restore"),
            {"apn", "apn_user", "apn_password", "serial_port", "reboot_period_min", "csd_idle_timeout_s"}
            | {f"white_list.{x}" for x in _ENTRIES}
            | _server(0)
            | _server(1),
        ),
    ],
)
def test_request_resets_what_depends_on_it(request_: Request, resets: set[str]) -> None:
    assert set(FAMILY.resets(request_)) == resets


def test_change_of_servers_is_followed_by_a_reboot_before_the_password() -> None:
    def texts(changes: dict[str, Scalar]) -> list[str]:
        return [sms_text(FAMILY, one, ACCESS).text for one in FAMILY.writes(changes, ACCESS)]

    assert texts({"server.0.address": "a:1", "access_password": "x", "apn": "b"}) == [
        "1234;A=b",
        "1234;S0S=a:1",
        "1234;REBOOT",
        "1234;PASSWORD=x",
    ]
    assert texts({"access_password": "x", "apn": "b"}) == ["1234;A=b", "1234;PASSWORD=x"]


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({}, None),
        ({"white_list.0": ""}, None),
        ({"white_list.0": "", "white_list.9": ME}, {ME}),
        ({"server.0.white_list.0": ME}, None),
    ],
)
def test_module_obeys_the_numbers_of_its_list(
    settings: dict[str, Scalar | None], numbers: set[str] | None
) -> None:
    assert FAMILY.obeys(settings) == numbers


def _callers(n: int, **numbers: str) -> dict[str, Scalar | None]:
    return {f"server.{n}.white_list.{x}": numbers.get(f"x{x}", "") for x in _ENTRIES}


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({}, None),
        (_callers(0, x0=ME), None),
        ({**_callers(0, x0=ME), **_callers(1, x9=OTHER)}, {ME, OTHER}),
        ({**_callers(0, x0=ME), "server.1.enabled": False}, {ME}),
        ({**_callers(0, x0=ME), "server.1.address": ""}, {ME}),
        ({**_callers(0, x0=ME), **_callers(1, x9=OTHER), "server.1.enabled": True}, {ME, OTHER}),
    ],
)
def test_module_connects_for_callers_in_the_lists_of_servers_at_work(
    settings: dict[str, Scalar | None], numbers: set[str] | None
) -> None:
    assert FAMILY.connects_for(settings) == numbers


def test_enabled_servers_are_those_of_the_settings() -> None:
    settings: dict[str, Scalar | None] = {"server.0.enabled": True, "server.1.enabled": False}
    assert FAMILY.enabled_servers(settings) == (0,)
    assert FAMILY.enabled_servers({"server.0.enabled": None, "server.1.enabled": True}) == (1,)


@pytest.mark.parametrize(
    ("names", "refused", "message"),
    [
        (["apn"], [True], "refused apn (it answered Err)"),
        (["apn", "serial_port"], [True, False], "refused apn (it answered Err) and took serial_port"),
        (["apn", "serial_port"], [True, True], "refused apn, serial_port (it answered Err)"),
        (
            ["white_list.0", "white_list.1"],
            [True, False],
            (f"refused white_list.0 (it answered Err) and took white_list.1; {_CERTAIN}"),
        ),
        (["white_list.0", "apn"], [True, False], "refused white_list.0 (it answered Err) and took apn"),
        (["apn", "white_list.0"], [True, False], "refused apn (it answered Err) and took white_list.0"),
    ],
)
def test_refusal_names_what_was_refused_and_what_was_taken(
    names: list[str], refused: list[bool], message: str
) -> None:
    assert refusal_message(names, refused) == f"the modem {message}"


def test_family_has_two_servers_everywhere() -> None:
    names = {one.name for one in FAMILY.observables} | {one.name for one in FAMILY.actions}
    translated = {name for words in FAMILY.translations.values() for name in words.names}
    for known in (names, translated):
        assert any(name.startswith(("server_1", "server.1", "connect.1")) for name in known)
        assert not [name for name in known if name.startswith(("server_2", "server.2", "connect.2"))]
