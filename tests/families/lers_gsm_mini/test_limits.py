"""Packing, packed replies and refusals of a LERS GSM Mini at their limits, and one beyond."""

from __future__ import annotations

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.lers_gsm_mini import packing, refusals, tables
from gsm_meter_bridge.model import Access, Answer, Refusal, Reply, Request
from gsm_meter_bridge.sms import septet_count
from gsm_meter_bridge.vocabulary import Scalar, Secret

FAMILY = family_of("lers_gsm_mini")
ACCESS = Access(Secret("1234"))
LONG = f"A={'a' * 60}"


def _packed(commands: str) -> list[str]:
    """What is packed of `commands`, without the password, one message an item."""
    requests = [FAMILY.parse_request(command) for command in commands.split(" ")]
    return [FAMILY.encode(one, ACCESS).masked.partition(";")[2] for one in FAMILY.packed(requests, ACCESS)]


@pytest.mark.parametrize(
    ("commands", "messages"),
    [
        ("T", ["T"]),
        # reads go before changes
        ("P P=9600,8,N,1", ["P;P=9600,8,N,1"]),
        ("T=5 I", ["I;T=5"]),
        # what looks alike never shares a message; the order is that of the family
        ("T T", ["T", "T"]),
        ("S1 S0", ["S0", "S1"]),
        ("S0R S0W W", ["W;S0R", "S0W"]),
        ("S0R W S0 RP", ["RP;W;S0", "S0R"]),
        ("I S0R S0W", ["I;S0R", "S0W"]),
        # nothing follows an action or another password, and only a reboot shares a message
        ("I A REBOOT", ["I;A;REBOOT"]),
        ("REBOOT I", ["REBOOT", "I"]),
        ("T=5 REBOOT RP=5", ["T=5;REBOOT", "RP=5"]),
        ("T=5 UPDATE", ["T=5", "UPDATE"]),
        ("UPDATE T=5", ["UPDATE", "T=5"]),
        ("T=5 RESTORE", ["T=5", "RESTORE"]),
        ("T=5 CONNECT0", ["T=5", "C0"]),
        ("T=5 PASSWORD=x", ["T=5;PASSWORD=***"]),
        ("PASSWORD=x T=5", ["PASSWORD=***", "T=5"]),
        # a change fills a gap, the numbers that the module obeys keep their place
        (f"{LONG} {LONG},{'u' * 30} RP=5", [f"{LONG};RP=5", f"{LONG},{'u' * 30}"]),
        (f"{LONG} {LONG},{'u' * 30} W0=+79990000000", [LONG, f"{LONG},{'u' * 30};W0=+79990000000"]),
        # but not before the address of its server
        (
            f"{LONG} S0S={'h' * 88}:1 S0R1=01:00-02:00 S1R1=01:00-02:00",
            [f"{LONG};S1R1=01:00-02:00", f"S0S={'h' * 88}:1;S0R1=01:00-02:00"],
        ),
    ],
)
def test_packing_puts_commands_into_messages_in_this_order(commands: str, messages: list[str]) -> None:
    assert _packed(commands) == messages


@pytest.mark.parametrize(("length", "messages"), [(53, 1), (54, 2)])
def test_packing_fills_an_sms_to_160_septets(length: int, messages: int) -> None:
    commands = f"A={'a' * 60},{'u' * 32} S0S={'h' * length}:1"
    assert len(_packed(commands)) == messages
    one = f"1234;{commands.replace(' ', ';')}"
    assert (septet_count(one) <= 160) is (messages == 1)


def test_expected_replies_are_those_of_the_longest_samples() -> None:
    assert tables.REPLY_SEPTETS == 3 * 153
    assert {
        "info": 90,
        "apn": 60,
        "serial_port": len("PORT: PORT WRITE: OK\r\n"),
        "reboot_period_min": len("600000"),
        "csd_idle_timeout_s": len("Timeout CSD: 600 sec"),
        "server.#": 68,
        "server.#.rules": len("Rules:") + 10 * len("\r\n0: 01:00-05:59,120"),
        "server.#.white_list": len("White list:") + 10 * len("\r\n0: +79991112233"),
        "white_list": len("SMS and CSD white list:") + 10 * len("\r\n0: +79991112233"),
        "reboot": len("The controller is rebooting.."),
    } == packing.EXPECTED_SEPTETS


INFO = "LERS GSM Mini\r\nSN: 1\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)"
LIST = "\r\n0:\r\n1:\r\n...\r\n9:"
SAMPLES = {
    "info": INFO,
    "apn": "APN: a\r\nUSR: b\r\nPSW: c",
    "server.0": "Server: a.b:1\r\nEnabled: 1\r\nRules: 4\r\nWhite-list: 3",
    "server.1.rules": f"Rules:{LIST}",
    "server.1.white_list": f"White list:{LIST}",
    "white_list": f"SMS and CSD white list:{LIST}",
}
PORT, PERIOD, CSD = "PORT: 9600,8,N,1", "1440", "Timeout CSD: 60 sec"


def _read(*names: str) -> Request:
    return Request.together([Request.read(name) for name in names])


@pytest.mark.parametrize(("name", "sample"), SAMPLES.items(), ids=SAMPLES)
def test_block_counts_if_its_last_line_is_there(name: str, sample: str) -> None:
    request = _read("serial_port", name, "csd_idle_timeout_s")
    reply = FAMILY.decode(request, f"{PORT}\r\n{sample}\r\n{CSD}", ACCESS)
    assert isinstance(reply, Answer)
    assert reply.unanswered == ()
    assert reply.raw.splitlines()[-1] == CSD
    without = sample.rpartition("\r\n")[0]
    with pytest.raises(DecodeError, match="asked together"):
        FAMILY.decode(request, f"{PORT}\r\n{without}\r\n{CSD}", ACCESS)


@pytest.mark.parametrize(
    ("mark", "length", "cut"), [("x", 152, False), ("x", 153, True), ("я", 66, False), ("я", 67, True)]
)
def test_text_may_be_cut_off_if_it_fills_a_part(mark: str, length: int, cut: bool) -> None:
    request = _read("serial_port", "reboot_period_min", "csd_idle_timeout_s")
    text = f"{PORT}\r\n{PERIOD}\r\n".ljust(length, mark)
    if not cut:
        with pytest.raises(DecodeError, match="asked together"):
            FAMILY.decode(request, text, ACCESS)
        return
    reply = FAMILY.decode(request, text, ACCESS)
    assert isinstance(reply, Answer)
    assert [one.name for one in reply.unanswered] == ["reboot_period_min", "csd_idle_timeout_s"]


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ((PORT, PERIOD, CSD), []),
        ((PORT, PERIOD), ["csd_idle_timeout_s"]),
        ((PORT, CSD), ["reboot_period_min"]),
        ((PORT,), ["reboot_period_min", "csd_idle_timeout_s"]),
        ((PORT, CSD, PERIOD), None),
        ((PERIOD, CSD), None),
        ((PERIOD, PORT, CSD), None),
        ((PORT, PERIOD, CSD, CSD), None),
        ((PORT, PERIOD, CSD, "more"), None),
    ],
)
def test_packed_reply_has_blocks_in_order_and_no_more(
    lines: tuple[str, ...], missing: list[str] | None
) -> None:
    request = _read("serial_port", "reboot_period_min", "csd_idle_timeout_s")
    text = "\r\n".join(lines)
    if missing is None:
        with pytest.raises(DecodeError):
            FAMILY.decode(request, text, ACCESS)
        return
    reply = FAMILY.decode(request, text, ACCESS)
    assert isinstance(reply, Answer)
    assert [one.name for one in reply.unanswered] == missing
    assert reply.raw == text


TWO: dict[str, Scalar] = {"serial_port": "9600,8,N,1", "csd_idle_timeout_s": 5}
ONE: dict[str, Scalar] = {"csd_idle_timeout_s": 5}
YES, NO = Answer((), "Ok"), Refusal("rejected_by_module", "", "Err")


@pytest.mark.parametrize(
    ("changes", "reply", "refused"),
    [
        (ONE, YES, [False]),
        (ONE, NO, [True]),
        (ONE, Refusal("rejected_by_module", "", "Ok\r\nErr"), [True]),
        (TWO, YES, [False, False]),
        (TWO, NO, [True, True]),
        (TWO, Refusal("rejected_by_module", "", "Ok\r\n\r\n Err"), [False, True]),
        (TWO, Refusal("rejected_by_module", "", "Err\r\nOk"), [True, False]),
        (TWO, Refusal("rejected_by_module", "", "Ok\r\nErr\r\nOk"), [True, True]),
    ],
)
def test_refused_commands_are_known_if_each_has_its_line(
    changes: dict[str, Scalar], reply: Reply, refused: list[bool]
) -> None:
    part = Request.write("settings", changes)
    assert list(refusals.refusals(part, reply)) == list(zip(changes, refused, strict=True))
    assert list(refusals.refusals(Request.action("reboot"), NO)) == [("reboot", True)]


LISTED = "; of the numbers that it obeys, only those that it took are certain"


@pytest.mark.parametrize(
    ("refused", "taken", "message"),
    [
        (["a"], [], "refused a (it answered Err)"),
        (["a", "b"], [], "refused a, b (it answered Err)"),
        (["a"], ["b", "c"], "refused a (it answered Err) and took b, c"),
        (["white_list.0"], [], "refused white_list.0 (it answered Err)"),
        (["white_list.0"], ["a"], "refused white_list.0 (it answered Err) and took a"),
        (["a"], ["white_list.0"], "refused a (it answered Err) and took white_list.0"),
        (
            ["white_list.1"],
            ["white_list.0"],
            f"refused white_list.1 (it answered Err) and took white_list.0{LISTED}",
        ),
        (
            ["a", "white_list.1"],
            ["b", "white_list.0"],
            f"refused a, white_list.1 (it answered Err) and took b, white_list.0{LISTED}",
        ),
    ],
)
def test_refusal_message_names_refused_and_taken_commands(
    refused: list[str], taken: list[str], message: str
) -> None:
    commands = [*refused, *taken]
    assert (
        refusals.refusal_message(commands, [name in refused for name in commands]) == f"the modem {message}"
    )


@pytest.mark.parametrize(
    ("line", "is_err"),
    [
        ("Err", True),
        ("error!", True),
        ("PORT: PORT WRITE: ERR", True),
        ("White list 1: Err.", True),
        ("Erra", False),
        ("an Err", False),
        ("APN: err", False),
        ("USR: Err", False),
        ("psw: Err", False),
        ("APNS: Err", True),
        ("", False),
    ],
)
def test_err_is_recognized_alone_or_behind_labels(line: str, is_err: bool) -> None:
    assert refusals.is_err(line) is is_err


@pytest.mark.parametrize(
    ("text", "state", "away_s"),
    [
        ("Ok", "requested", None),
        ("Ok Update file starts downloading…", "downloading", 3600 + 420),
        ("Update file downloaded", "installing", 420 + 45),
        ("No update required", "up_to_date", 0),
    ],
)
def test_update_message_says_how_long_the_module_is_away(text: str, state: str, away_s: float | None) -> None:
    reply = FAMILY.decode(Request.action("update"), text, ACCESS)
    assert isinstance(reply, Answer)
    assert (reply.values(), reply.away_s) == ({"update_state": state}, away_s)
