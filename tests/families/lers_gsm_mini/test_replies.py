"""Replies of a LERS GSM Mini as they vary: other refusals, missing lines, several sentences."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Access, Answer, Refusal, Reply, Request
from gsm_meter_bridge.vocabulary import Scalar, Secret

FAMILY = family_of("lers_gsm_mini")
TWO: dict[str, Scalar] = {"serial_port": "2400,8,E,1", "csd_idle_timeout_s": 200}
ONE: dict[str, Scalar] = {"serial_port": "2400,8,E,1"}
INFO = ("LERS GSM Mini", "SN: 00001", "FW: M1.1.0", "IMEI: 865374036612912", "Signal level: -71dBm (60%)")
REPORTED = {
    "model": "LERS GSM Mini",
    "serial_number": "00001",
    "firmware": "M1.1.0",
    "imei": "865374036612912",
    "signal_dbm": -71,
    "signal_percent": 60,
}


def _decode(request: Request, text: str) -> Reply:
    return FAMILY.decode(request, text, Access(Secret("1234")))


@pytest.mark.parametrize(
    "text", ["Err", "ERR", "Err.", "err!", "Error", "PORT: Err", "PORT: PORT WRITE: ERR", "PORT WRITE: Err."]
)
def test_refusal_is_recognized_in_any_wording(text: str) -> None:
    refusal = _decode(Request.write("settings", ONE), text)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.partial) == ("rejected_by_module", False)
    assert isinstance(_decode(Request.read("serial_port"), text), Refusal)
    assert text in FAMILY.mask(text)


@pytest.mark.parametrize("text", ["Timeout CSD: Err", "Enabled: err", "White list 1: Err.", "Rules: Err"])
def test_refusal_is_recognized_behind_label(text: str) -> None:
    names = ("csd_idle_timeout_s", "server.0.enabled", "server.0.white_list.1", "server.0.rules")
    assert all(isinstance(_decode(Request.read(name), text), Refusal) for name in names)


def test_apn_that_looks_like_refusal_is_decoded_as_apn() -> None:
    reply = _decode(Request.read("apn"), "APN: err\nUSR: error\nPSW: Err")
    assert isinstance(reply, Answer)
    assert reply.values() == {"apn": "err", "apn_user": "error", "apn_password": "Err"}
    assert isinstance(_decode(Request.read("apn"), "APN: err"), Answer)


@pytest.mark.parametrize(
    ("changes", "text", "message", "partial"),
    [
        (TWO, "PORT: PORT WRITE: OK\r\nErr", "refused csd_idle_timeout_s (", True),
        (TWO, "PORT: PORT WRITE: ERR\r\nOk", "refused serial_port (", True),
        (TWO, "Err\nErr", "refused serial_port, csd_idle_timeout_s (", False),
        (TWO, "Err", "refused the change (", True),
        (TWO, "Ok\nErr\nOk", "refused 1 of 3 commands (", True),
        (ONE, "PORT: Err", "refused serial_port (", False),
    ],
)
def test_refusal_names_refused_commands_of_packed_message(
    changes: dict[str, Scalar], text: str, message: str, partial: bool
) -> None:
    refusal = _decode(Request.write("settings", changes), text)
    assert isinstance(refusal, Refusal)
    assert message in refusal.message
    assert refusal.partial is partial


@pytest.mark.parametrize("missing", range(len(INFO)))
@pytest.mark.parametrize("emptied", [False, True])
def test_info_reply_is_decoded_if_one_line_is_missing_or_empty(missing: int, emptied: bool) -> None:
    lines = list(INFO)
    lines[missing] = lines[missing].partition(":")[0] + ":" if emptied and missing else ""
    names = [["model"], ["serial_number"], ["firmware"], ["imei"], ["signal_dbm", "signal_percent"]]
    reply = _decode(Request.read("info"), "\r\n".join(lines))
    assert isinstance(reply, Answer)
    assert reply.values() == {name: value for name, value in REPORTED.items() if name not in names[missing]}


@pytest.mark.parametrize("line", INFO)
def test_info_reply_is_decoded_if_it_has_one_line(line: str) -> None:
    reply = _decode(Request.read("info"), line)
    assert isinstance(reply, Answer)
    assert reply.values().items() <= REPORTED.items()
    assert reply.values()


@pytest.mark.parametrize(
    "text", ["", "Hello", "SN:", "Timeout CSD: 60 sec", "Ok", "APN: x", "Server: a.b:1\nSN: 1"]
)
def test_info_decoder_rejects_other_text(text: str) -> None:
    with pytest.raises(DecodeError):
        _decode(Request.read("info"), text)


@pytest.mark.parametrize(
    ("text", "dbm", "percent"),
    [
        ("-71dBm (60%)", -71, 60),
        ("-71DBM", -71, None),
        ("-71 dbm, 60 %", -71, 60),
        ("83dBm", None, None),
        ("83dBm (36%)", None, 36),
        ("0dBm (0%)", None, 0),
        ("-999dBm", None, None),
        ("1-71dBm", None, None),
        ("(60%)", None, 60),
        ("-71dBm (160%)", -71, None),
    ],
)
def test_info_reply_gives_signal_only_if_plausible(text: str, dbm: int | None, percent: int | None) -> None:
    reply = _decode(Request.read("info"), f"SN: 1\nSignal level: {text}")
    assert isinstance(reply, Answer)
    values = reply.values()
    assert (values["signal_dbm"], values.get("signal_percent")) == (dbm, percent)


@pytest.mark.parametrize("between", ["\r\n", "\n", " "])
@pytest.mark.parametrize(
    ("action", "text", "done"),
    [
        ("update", ("Ok", "FTP-server error"), False),
        ("update", ("Ok", "Update file starts downloading…", "Downloading error"), False),
        ("update", ("Ok", "No update required"), True),
        ("update", ("Ok", "Update file starts downloading…"), True),
        ("connect.0", ("Connecting to the server", "88.218.111.106:12009"), True),
        (
            "connect.0",
            ("Connecting to the server 88.1.1.1:9", "A task with equal or higher", "priority is executed"),
            False,
        ),
        ("connect.0", ("Connecting to the server 88.1.1.1:9", "There is no server to connect"), False),
        ("restore", ("The controller settings have", "been reset.", "The controller is rebooting…"), True),
    ],
)
def test_action_reply_is_decided_by_last_sentence(
    action: str, text: tuple[str, ...], done: bool, between: str
) -> None:
    reply = _decode(Request.action(action), between.join(text))
    assert isinstance(reply, Answer) is done


@pytest.mark.parametrize("action", ["connect.0", "disconnect", "reboot", "restore", "update"])
@pytest.mark.parametrize("text", ["Hello", "", "APN: x", "the update was ok", "12"])
def test_action_decoder_rejects_unrelated_reply(action: str, text: str) -> None:
    with pytest.raises(DecodeError):
        _decode(Request.action(action), text)


def test_server_reply_gives_counts_if_present() -> None:
    text = "Server: my.company.ru:1234\nEnabled: 1\nRules: 4\nWhite-list: 3"  # the manual's, 4.3.3
    reply = _decode(Request.read("server.0"), text)
    assert isinstance(reply, Answer)
    assert reply.values() == {
        "server.0.address": "my.company.ru:1234",
        "server.0.enabled": True,
        "server_0_rules": 4,
        "server_0_white_list": 3,
    }
    short = _decode(Request.read("server.1"), "Server: a.b:1\nEnabled: 0")
    assert isinstance(short, Answer)
    assert set(short.values()) == {"server.1.address", "server.1.enabled"}


@pytest.mark.parametrize(
    ("lines", "reported"),
    [
        ("0:|1: 01:00-05:59,30|3:|9:", {0: "", 1: "01:00-05:59,30", 3: "", 9: ""}),  # 2 is left out
        ("9:|1: 01:00-05:59,30|0:", {0: "", 1: "01:00-05:59,30", 9: ""}),
        ("0:|1: 01:00-05:59,30|2: 06:0", {0: "", 1: "01:00-05:59,30"}),  # cut off, who knows where
        ("0:", {}),
        ("", {}),
        # what dots stand for is not told: nobody says that it is empty
        ("0:|1: 01:00-05:59,30|…|9:", {0: "", 1: "01:00-05:59,30", 9: ""}),
        ("0:|1: 01:00-05:59,30|...|9:", {0: "", 1: "01:00-05:59,30", 9: ""}),
        ("0:|…|4: 01:00-05:59,30|. . .|9:", {0: "", 4: "01:00-05:59,30", 9: ""}),
        ("1: 01:00-05:59,30|...", {1: "01:00-05:59,30"}),
        ("0:|…|5: 01:0", {0: ""}),
        ("…", {}),
    ],
)
def test_list_reply_gives_only_entries_with_complete_line(lines: str, reported: dict[int, str]) -> None:
    reply = _decode(Request.read("server.1.rules"), "\r\n".join(("Rules:", *lines.split("|"))))
    assert isinstance(reply, Answer)
    assert reply.values() == {f"server.1.rule.{x}": value for x, value in reported.items()}
