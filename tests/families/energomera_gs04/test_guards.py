"""What a change of a GS04's settings risks, what its mode means, and how its commands are written."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.errors import InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import (
    Access,
    Answer,
    ConcernKind,
    Connectivity,
    Refusal,
    Request,
    setting_of,
)
from gsm_meter_bridge.vocabulary import Scalar, Secret
from tests.support.dialogues import sms_text

FAMILY = family_of("energomera_gs04")
ACCESS = Access(Secret("12345678"))
_DIALS = "the module dials h, port 7; it establishes and controls the connection every"
_HEAD = "CE308\r\n42\r\n"


def _concerns(changes: dict[str, Scalar], known: dict[str, Scalar | None]) -> list[tuple[str, str, bool]]:
    """Kind, setting and whether it is certain, without those that every change has."""
    found = FAMILY.concerns(changes, known, ())
    assert [one.kind for one in found if "Master SIM" in one.message] == [ConcernKind.WARNING]
    return [(str(one.kind), one.setting, one.certain) for one in found if "Master SIM" not in one.message]


_MODE = ("confirm", "mode", True)
_NONE_SET, _UNREAD = ("refused", "mode", True), ("refused", "mode", False)
_PERIOD = ("warning", "connect_period_s", True)
_USER = ("warning", "apn_user", True)
_HOST = ("confirm", "server_host", True)


@pytest.mark.parametrize(
    ("changes", "known", "concerns"),
    [
        # a mode that dials needs a server
        ({"mode": "client"}, {}, [_UNREAD, _MODE]),
        ({"mode": "client_cenc"}, {}, [_UNREAD, _MODE]),
        ({"mode": "client"}, {"server_host": ""}, [_NONE_SET, _MODE]),
        ({"mode": "client"}, {"server_host": None}, [_NONE_SET, _MODE]),
        (
            {"mode": "client", "server_host": ""},
            {"server_host": "a"},
            [("refused", "mode", True), _MODE, _HOST],
        ),
        ({"mode": "client"}, {"server_host": "a"}, [_MODE]),
        ({"mode": "client", "server_host": "a"}, {}, [_MODE, _HOST]),
        ({"mode": "server"}, {"server_host": ""}, [_MODE]),
        ({"mode": "sms"}, {}, [_MODE]),
        ({"apn": "a"}, {"mode": "client", "server_host": ""}, []),
        # a short period costs traffic in the mode client_cenc
        ({"connect_period_s": 299}, {"mode": "client_cenc"}, [_PERIOD]),
        ({"connect_period_s": 300}, {"mode": "client_cenc"}, []),
        ({"connect_period_s": 299}, {"mode": "client"}, []),
        ({"connect_period_s": 299}, {}, []),
        ({"mode": "client_cenc"}, {"server_host": "a", "connect_period_s": 60}, [_PERIOD, _MODE]),
        # a user needs authentication
        ({"apn_user": "u"}, {}, [_USER]),
        ({"apn_password": "p"}, {}, [_USER]),
        ({"apn_user": "", "apn_password": ""}, {}, []),
        # hosts that the vendor's tool does not take
        ({"server_host": "a" * 49}, {}, [_HOST]),
        ({"server_host": "a" * 50}, {}, [("warning", "server_host", True), _HOST]),
        ({"server_port": 1}, {}, [("confirm", "server_port", True)]),
        ({"idle_restart_period_h": 1}, {}, []),
    ],
)
def test_change_has_its_concerns(
    changes: dict[str, Scalar], known: dict[str, Scalar | None], concerns: list[tuple[str, str, bool]]
) -> None:
    assert _concerns(changes, known) == concerns


def test_no_change_has_no_concern() -> None:
    assert FAMILY.concerns({}, {"mode": "client"}, ()) == ()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "The mode is not given, so the state of the data link is unknown."),
        ({"mode": "pigeon"}, "The mode is not given, so the state of the data link is unknown."),
        ({"mode": "sms"}, "Mode sms: no data link; the module is reached by SMS only."),
        ({"mode": "server"}, "Mode server: the module listens on port (not given); its SIM needs"),
        ({"mode": "server", "server_port": 7}, "Mode server: the module listens on port 7; its SIM needs"),
        ({"mode": "client"}, "Mode client: the module dials (not given), port (not given); it establishes"),
        (
            {"mode": "client", "server_host": "h", "server_port": 7},
            f"Mode client: {_DIALS} 300 s.",
        ),
        (
            {"mode": "client_cenc", "server_host": "h", "server_port": 7, "connect_period_s": 60},
            f"Mode client_cenc: {_DIALS} 60 s.",
        ),
    ],
)
def test_mode_is_explained_with_what_is_known(settings: dict[str, Scalar | None], sentence: str) -> None:
    link, restarts = FAMILY.explain(settings)
    assert link.startswith(sentence)
    assert restarts == "After 24 h with nothing to do it restarts."
    assert FAMILY.explain({**settings, "idle_restart_period_h": 5})[1].startswith("After 5 h")


def test_transport_without_address_is_doubted_only_if_mode_is_unknown() -> None:
    assert FAMILY.doubts("sms", Connectivity(), {}) == ()
    assert len(FAMILY.doubts("tcp", Connectivity(), {})) == 1
    assert FAMILY.doubts("tcp", Connectivity(), {"mode": "server"}) == ()


@pytest.mark.parametrize(
    ("name", "good", "wrong"),
    [
        ("mode", ["sms", "client_cenc", "server", "client"], ["", "cenc", 0]),
        ("apn", ["a", "a" * 50], ["", "a" * 51]),
        ("apn_user", ["", "a" * 32], ["a" * 33, "-"]),
        ("apn_password", ["", "a" * 32], ["a" * 33, "-"]),
        ("server_host", ["a", "a" * 50, "1.2.3.4", "255.0.0.0"], ["", "a" * 51, "0.1.2.3", "1.2.3"]),
        ("server_port", [1, 65535], [0, 65536]),
        ("connect_period_s", [60, 65535], [59, 65536]),
        ("idle_restart_period_h", [1, 24], [0, 25]),
        ("access_password", ["a", "a" * 155], ["", "a" * 156, "a b"]),
        ("bands", ["all", "gsm_900", "gsm_900+lte_20"], ["", "gsm_900+", "lte_2"]),
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
    ("name", "text", "values"),
    [
        ("server_host", "DNS: a.b:8000", {"server_host": "a.b", "server_port": 8000}),
        ("server_host", "DNS: :8000", {"server_host": "", "server_port": 8000}),
        ("server_host", "dns:a : x", {"server_host": "a", "server_port": None}),
        ("connect_period_s", "TIMEOUT: 300", {"connect_period_s": 300}),
        ("connect_period_s", "TIMEOUT: 1234567890", {"connect_period_s": None}),
        ("idle_restart_period_h", "RESET: 24", {"idle_restart_period_h": 24}),
    ],
)
def test_reply_gives_values_of_its_block(name: str, text: str, values: dict[str, Scalar | None]) -> None:
    reply = FAMILY.decode(Request.read(name), _HEAD + text, ACCESS)
    assert isinstance(reply, Answer)
    assert {key: value for key, value in reply.values().items() if not key.startswith("meter_")} == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ERROR", "the module answered 'ERROR'"),
        ("ERR 1", "the SMS has a wrong structure (its end was not found)"),
        ("ERROR: 0x06", "the module does not know this command"),
        (f"{_HEAD}ошибка 03\r\n\r\n", "the module does not know this parameter"),
        ("ERROR 0x7f", "the module answered 'ERROR 0x7f'"),
    ],
)
def test_refusal_has_the_meaning_of_its_code(text: str, message: str) -> None:
    reply = FAMILY.decode(Request.read("mode"), text, ACCESS)
    assert isinstance(reply, Refusal)
    assert (reply.code, reply.message, reply.raw) == ("rejected_by_module", message, text)


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        (
            {"mode": "server", "server_port": 7, "apn": "a"},
            ["12345678 APN a", "12345678 PORT 7", "12345678 MODE 2"],
        ),
        ({"apn_user": "", "apn_password": "p"}, ["12345678 USER -", "12345678 PSW p"]),
        ({"connect_period_s": 60, "idle_restart_period_h": 2}, ["12345678 TIMEOUT 60", "12345678 RESET 2"]),
    ],
)
def test_changes_are_one_command_each_and_mode_last(changes: dict[str, Scalar], texts: list[str]) -> None:
    requests = FAMILY.writes(changes, ACCESS)
    assert [sms_text(FAMILY, one, ACCESS).text for one in requests] == texts
    assert FAMILY.packed(requests, ACCESS) == requests
    assert all("***" in sms_text(FAMILY, one, ACCESS).masked for one in requests)


@pytest.mark.parametrize(
    ("changes", "away_s", "resets"),
    [
        ({"mode": "sms"}, 90.0, ("gprs", "internet", "tcp", "cenc", "ip")),
        ({"apn": "a"}, 0.0, ()),
    ],
)
def test_module_restarts_only_after_change_of_mode(
    changes: dict[str, Scalar], away_s: float, resets: tuple[str, ...]
) -> None:
    (request,) = FAMILY.writes(changes, ACCESS)
    assert (FAMILY.away_s(request), FAMILY.resets(request)) == (away_s, resets)


def test_command_that_sets_nothing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="a value for apn"):
        FAMILY.encode(Request.write("apn", {}), ACCESS)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("USER -", {"apn_user": ""}),
        ("psw x", {"apn_password": "x"}),
        ("PORT 7", {"server_port": 7}),
        ("PORT x", {"server_port": "x"}),
        ("RESET 5", {"idle_restart_period_h": 5}),
        ("MODE 6", {"mode": "client"}),
    ],
)
def test_typed_command_is_the_change_that_it_writes(text: str, changes: dict[str, Scalar]) -> None:
    assert FAMILY.parse_request(text).changes == changes
    with pytest.raises(InvalidValueError, match="0, 1, 2, 6"):
        FAMILY.parse_request("MODE 4")
