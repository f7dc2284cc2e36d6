"""Every command of a simulated LERS GSM Mini: what it takes, what it answers, and its faults."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gsm_meter_bridge.families.lers_gsm_mini.simulated import SimulatedGsmMini
from gsm_meter_bridge.families.lers_gsm_mini.simulated.identification import encode
from gsm_meter_bridge.model import SimulatedDial

ME, OTHER = "+79990000000", "+79990000001"
_CLOCK = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def _device(faults: dict[str, Any] | None = None, **values: Any) -> SimulatedGsmMini:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return SimulatedGsmMini("1234", named, faults or {})


def _answer(device: SimulatedGsmMini, *commands: str, sender: str = ME, now_s: float = 0.0) -> str | None:
    replies = device.receive(sender, ";".join(("1234", *commands)), now_s)
    return replies[0].text if replies else None


def _list(heading: str, *entries: str) -> str:
    values = [*entries, *[""] * (10 - len(entries))]
    return "\r\n".join([f"{heading}:", *(f"{x}: {value}".rstrip() for x, value in enumerate(values))])


@pytest.mark.parametrize(
    ("write", "answer", "read", "then"),
    [
        ("A=a", "Ok", "APN", "APN: a\r\nUSR: \r\nPSW: "),
        ("A=a,b,c,d", "Ok", "A", "APN: a\r\nUSR: b\r\nPSW: c"),
        ("P=115200,5,e,2", "PORT: PORT WRITE: OK", "PORT", "PORT: 115200,5,E,2"),
        ("P=300,8,N,1,0,0", "PORT: PORT WRITE: OK", "P", "PORT: 300,8,N,1"),
        ("P=301,8,N,1", "Err", "P", "PORT: 9600,8,N,1"),
        ("RP=5", "Ok", "RP", "5"),
        ("RP=600000", "Ok", "REBOOTPERIOD", "600000"),
        ("RP=4", "Err", "RP", "0"),
        ("RP=600001", "Err", "RP", "0"),
        ("RP=0", "Ok", "RP", "0"),
        ("RP=x", "Err", "RP", "0"),
        ("T=5", "Ok", "T", "Timeout CSD: 5 sec"),
        ("T=600", "Ok", "TIMEOUT", "Timeout CSD: 600 sec"),
        ("T=4", "Err", "T", "Timeout CSD: 60 sec"),
        ("T=601", "Err", "T", "Timeout CSD: 60 sec"),
        ("T=0", "Ok", "T", "Timeout CSD: 0 sec"),
        ("S0S=a:1", "Ok", "S", "0: a:1\r\n1: "),
        ("S1S=a:1", "Ok", "S1S", "a:1"),
        ("S1S=a", "Err", "S1S", ""),
        ("S2S=a:1", "Err", "S2S", "Err"),
        ("S1E=1", "Ok", "SERVER1ENABLE", "Enabled: 1"),
        ("SERVER1ENABLED=1", "Ok", "S1E", "Enabled: 1"),
        ("S1E=2", "Err", "S1E", "Enabled: 0"),
        ("S0R9=10:00-11:00,5", "Ok", "S0", "Server: \r\nEnabled: 0\r\nRules: 1\r\nWhite-list: 0"),
        ("S0R0=24:00-25:00", "Err", "S0R0", ""),
        ("S0R=10:00-11:00", "Err", "S0R", _list("Rules")),
        (f"S0W9={ME}", "Ok", "SERVER0", "Server: \r\nEnabled: 0\r\nRules: 0\r\nWhite-list: 1"),
        (f"S0W={ME},{OTHER}", "Ok", "S0WHITELIST", _list("White list", ME, OTHER)),
        (f"S1W0={ME}", "Ok", "SERVER1WHITELIST0", f"White list 0: {ME}"),
        ("S1W0=1", "Err", "S1W0", "White list 0: "),
        (f"S0W={','.join([ME] * 10)}", "Ok", "S0W", _list("White list", *[ME] * 10)),
        (f"W0={ME}", "Ok", "W0", f"SMS white list 0:\r\n{ME}"),
        (f"W0={ME},{OTHER}", "Ok", "W", _list("SMS and CSD white list", ME, OTHER)),
        (f"W1={ME},{OTHER}", "Err", "W", _list("SMS and CSD white list")),
        (f"W={ME}", "Err", "WHITELIST", _list("SMS and CSD white list")),
        ("W=", "Ok", "W", _list("SMS and CSD white list")),
        (
            "I=1",
            "Err",
            "I",
            "LERS GSM Mini\r\nSN: 00001\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)",
        ),
    ],
)
def test_simulated_gsm_mini_takes_values_within_the_limits_of_the_manual(
    write: str, answer: str, read: str, then: str
) -> None:
    device = _device()
    assert _answer(device, write) == answer
    assert _answer(device, read) == then


def test_simulated_gsm_mini_empties_servers_and_lists() -> None:
    values: dict[str, Any] = {
        "server__1__address": "a:1",
        "server__1__enabled": True,
        "server__1__white_list__3": ME,
    }
    device = _device(**values, server__0__address="b:1", server__1__rule__2="10:00-11:00")
    assert _answer(device, "S1R=") == "Ok"
    assert _answer(device, "S1W=") == "Ok"
    assert _answer(device, "S1") == "Server: a:1\r\nEnabled: 1\r\nRules: 0\r\nWhite-list: 0"
    assert _answer(device, "S1=x") == "Err"
    assert _answer(device, "S1=") == "Ok"
    assert _answer(device, "S1") == "Server: \r\nEnabled: 0\r\nRules: 0\r\nWhite-list: 0"
    assert _answer(device, "S0S") == "b:1"


@pytest.mark.parametrize(
    ("faults", "texts"),
    [
        ({}, [("Err\r\nOk", 0.0)]),
        ({"delay_s": 2}, [("Err\r\nOk", 2.0)]),
        ({"duplicate": True}, [("Err\r\nOk", 0.0)] * 2),
        ({"turned": True}, [("Ok\r\nErr", 0.0)]),
        ({"apart": True}, [("Err", 0.0), ("Ok", 0.0)]),
        ({"one_word": True}, [("Err", 0.0)]),
        ({"longest_reply": 4}, [("Err\r", 0.0)]),
        ({"speechless": 7}, [("Err\r\nOk", 0.0)]),
        ({"speechless": 6}, []),
        ({"err": True}, [("Err\r\nErr", 0.0)]),
        ({"refuse": "A"}, [("Err\r\nErr", 0.0)]),
        ({"refuse": "P"}, [("Err\r\nOk", 0.0)]),
        ({"silent": True}, []),
    ],
)
def test_simulated_gsm_mini_has_the_faults_that_it_is_given(
    faults: dict[str, Any], texts: list[tuple[str, float]]
) -> None:
    found = _device(faults).receive(ME, "1234;FROB;A=a", 0.0)
    assert [(reply.text, reply.after_s) for reply in found] == texts


def test_simulated_gsm_mini_refuses_only_changes_and_actions() -> None:
    for refused, command, answer in (
        ("T", "T", "Timeout CSD: 60 sec"),
        ("T", "T=5", "Err"),
        ("D", "D", "Err"),
    ):
        assert _answer(_device({"refuse": refused}), command) == answer
    assert _answer(_device({"one_word": True}), "A=a", "T") == "Ok\r\nTimeout CSD: 60 sec"


@pytest.mark.parametrize(("faults", "restart_s"), [({}, 30.0), ({"restart_s": 5}, 5.0)])
@pytest.mark.parametrize("command", ["REBOOT", "RESET", "RESTART"])
def test_simulated_gsm_mini_is_away_while_it_restarts(
    faults: dict[str, Any], restart_s: float, command: str
) -> None:
    device = _device(faults)
    assert _answer(device, command, now_s=100.0) == "The controller is rebooting…"
    assert _answer(device, "T", now_s=100 + restart_s - 0.5) is None
    assert device.data_called(ME, 100 + restart_s - 0.5) is None
    assert _answer(device, "T", now_s=100 + restart_s) == "Timeout CSD: 60 sec"
    assert device.data_called(ME, 100 + restart_s) == 60.0


def test_simulated_gsm_mini_forgets_settings_and_password_if_restored() -> None:
    device = _device(apn="a")
    assert _answer(device, "PASSWORD=a b") == "Ok"
    assert device.state()["access_password"] == "ab"
    assert device.receive(ME, "1234;A", 0.0) == ()
    (reply,) = device.receive(ME, "ab;RESTORE", 0.0)
    assert reply.text == "The controller settings have been reset.\r\nThe controller is rebooting…"
    assert (device.state()["apn"], device.state()["access_password"]) == ("", "1234")
    assert _answer(device, "PASSWORD=", now_s=99.0) == "Ok"
    assert device.state()["access_password"] == "1234"


_BEGINS = "Update file starts downloading…"


@pytest.mark.parametrize(
    ("faults", "texts", "back_s", "firmware"),
    [
        ({}, [(20, _BEGINS), (2700, "Update file downloaded. Update begins…")], 3090, "M1.2.0"),
        (
            {"update_speed": 10},
            [(2, _BEGINS), (270, "Update file downloaded. Update begins…")],
            309,
            "M1.2.0",
        ),
        ({"update": "no_update"}, [(20, "No update required")], 0, "M1.1.0"),
        ({"update": "ftp_error", "update_speed": 10}, [(2, "FTP-server error")], 0, "M1.1.0"),
        ({"update": "download_error"}, [(20, _BEGINS), (2700, "Downloading error")], 2700, "M1.1.0"),
    ],
)
def test_simulated_gsm_mini_reports_on_its_update(
    faults: dict[str, Any], texts: list[tuple[float, str]], back_s: float, firmware: str
) -> None:
    device = _device(faults)
    first, *later = device.receive(ME, "1234;UPDATE", 0.0)
    assert (first.text, first.after_s) == ("Ok", 0.0)
    assert [(reply.after_s, reply.text) for reply in later] == texts
    assert back_s == 0 or _answer(device, "T", now_s=back_s - 0.5) is None
    assert _answer(device, "T", now_s=back_s) is not None
    assert device.state()["firmware"] == firmware


def test_simulated_gsm_mini_obeys_numbers_of_its_list() -> None:
    device = _device(white_list__9=ME)
    assert _answer(device, "T", sender=OTHER) is None
    assert device.data_called(OTHER, 0.0) is None
    assert _answer(device, "T", sender=ME) is not None
    assert device.data_called(ME, 0.0) == 60.0
    assert device.tcp(0.0, _CLOCK) is None


@pytest.mark.parametrize(
    ("dbm", "percent"), [(-71, 60), (-101, 0), (-102, 0), (-100, 2), (-51, 100), (-50, 100), (-83, 36)]
)
def test_signal_of_simulated_gsm_mini_is_shown_in_percent(dbm: int, percent: int) -> None:
    device = _device(signal_dbm=dbm)
    assert str(_answer(device, "I")).endswith(f"Signal level: {dbm}dBm ({percent}%)")
    assert f"GSM#    {dbm}dBm {percent}%".encode() in encode(device.state(), _CLOCK)


_AT_WORK: dict[str, Any] = {"server__0__address": "a:1", "server__0__enabled": True}


def test_simulated_gsm_mini_connects_on_request() -> None:
    device = _device(**_AT_WORK, server__1__address="b:2")
    assert _answer(device, "CONNECT1") == "Connecting to the server b:2"
    assert device.tcp(0.0, _CLOCK) is None, "it is not enabled"
    assert _answer(device, "C0") == "Connecting to the server a:1"
    assert device.tcp(0.0, _CLOCK) == SimulatedDial("a", 1, 1)
    assert b"CR#     MANUAL" in device.greeting(_CLOCK)
    assert _answer(device, "C0") == "A task with equal or higher priority is executed"
    assert _answer(device, "D") == "OK"
    assert device.tcp(0.0, _CLOCK) is None
    assert b"CR#     AUTO" in device.greeting(_CLOCK)
    assert _answer(_device(), "C0") == "There is no server to connect"


@pytest.mark.parametrize(
    ("rule", "reached", "again_s"),
    [
        ("11:00-13:00,5", True, 300.0),
        ("11:00-13:00,5", False, 60.0),
        ("11:00-13:00", False, 60.0),
        ("11:00-13:00", True, None),
        ("11:00-13:00,0", True, 0.0),
    ],
)
@pytest.mark.parametrize("speed", [1, 10])
def test_simulated_gsm_mini_connects_again_by_its_rule(
    rule: str, reached: bool, again_s: float | None, speed: int
) -> None:
    device = _device({"tcp_speed": speed}, **_AT_WORK, server__0__rule__9=rule)
    assert device.tcp(0.0, _CLOCK) == SimulatedDial("a", 1, 0)
    device.disconnected(0.0, reached=reached)
    if again_s is None:
        assert device.tcp(1e6, _CLOCK) is None
        assert device.tcp(1e6, _CLOCK.replace(day=2)) is not None
    else:
        assert again_s == 0 or device.tcp(again_s / speed - 0.1, _CLOCK) is None
        assert device.tcp(again_s / speed, _CLOCK) is not None


@pytest.mark.parametrize(
    ("time", "connects"),
    [("10:59", False), ("11:00", True), ("13:00", True), ("13:01", False)],
)
def test_simulated_gsm_mini_connects_within_the_window_of_its_rule(time: str, connects: bool) -> None:
    device = _device(**_AT_WORK, server__0__rule__0="11:00-13:00,0")
    hour, minute = map(int, time.split(":"))
    assert (device.tcp(0.0, _CLOCK.replace(hour=hour, minute=minute)) is not None) == connects


@pytest.mark.parametrize(("rule", "stays"), [("11:00-13:00,0", False), ("11:00-13:00,5", True)])
def test_simulated_gsm_mini_ends_a_permanent_connection_with_its_window(rule: str, stays: bool) -> None:
    device = _device(**_AT_WORK, server__0__rule__0=rule)
    assert device.tcp(0.0, _CLOCK) is not None
    assert (device.tcp(1.0, _CLOCK.replace(hour=13, minute=1)) is not None) == stays
    assert _answer(device, "S0E=0") == "Ok"
    assert device.tcp(2.0, _CLOCK) is None
