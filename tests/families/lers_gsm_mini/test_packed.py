"""Several commands in one setup SMS of a LERS GSM Mini (clause 4.2), and the reply to them (B15)."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.errors import DecodeError, InvalidValueError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.families.lers_gsm_mini import packing, tables
from gsm_meter_bridge.families.lers_gsm_mini.simulated import SIMULATED
from gsm_meter_bridge.model import Access, Answer, Refusal, Request, SmsText
from gsm_meter_bridge.model.setting import generic
from gsm_meter_bridge.sms import septet_count
from gsm_meter_bridge.vocabulary import Secret

FAMILY = family_of("lers_gsm_mini")
ACCESS = Access(Secret("1234"))
ME = "+79991112233"
OK = "Ok"


def _read(*names: str) -> Request:
    return Request.together([Request.read(name) for name in names])


def _wrote(**changes: Any) -> tuple[Request, ...]:
    return FAMILY.writes({name.replace("__", "."): value for name, value in changes.items()}, ACCESS)


def _texts(changes: dict[str, Any], access: Access = ACCESS) -> list[str]:
    sent = (FAMILY.encode(one, access) for one in FAMILY.packed(FAMILY.writes(changes, access), access))
    return [one.text for one in sent if isinstance(one, SmsText)]


@pytest.mark.parametrize(
    ("text", "reply", "then"),
    [
        (
            "1234;P=115200,8,N,2;W0=+79991112233",
            "PORT: PORT WRITE: OK\r\nOk",
            {"serial_port": "115200,8,N,2", "white_list.0": ME},
        ),
        (
            "1234;P=9600,7,E,1;S0S=178.218.111.73:9001;S0E=1;S0R0=01:00-05:59,30",
            "PORT: PORT WRITE: OK\r\nOk\r\nOk\r\nOk",
            {
                "serial_port": "9600,7,E,1",
                "server.0.address": "178.218.111.73:9001",
                "server.0.enabled": True,
                "server.0.rule.0": "01:00-05:59,30",
            },
        ),
        ("1234;T;T=300;t;RP", "Timeout CSD: 60 sec\r\nOk\r\nTimeout CSD: 300 sec\r\n0", {}),
        ("1234;P=9600,9,N,1;T=300", "Err\r\nOk", {"serial_port": "9600,8,N,1", "csd_idle_timeout_s": 300}),
        ("1234;T=300; RP=5", "Ok\r\nErr", {"reboot_period_min": 0}),
        (
            "1234;S0W=+79001112233,+79012223344,+79023334455,+79034445566;S1W=",
            "Ok\r\nOk",
            {"server.0.white_list.3": "+79034445566", "server.0.white_list.4": ""},
        ),
        (
            "1234;W0=+79991112233,+79012223344;S0R=",
            "Ok\r\nOk",
            {"white_list.1": "+79012223344", "server.0.rule.1": ""},
        ),
    ],
)
def test_simulated_gsm_mini_executes_several_commands_of_one_sms(
    text: str, reply: str, then: dict[str, Any]
) -> None:
    modem = SIMULATED("1234", {"server.0.rule.1": "12:30-12:40"}, {})
    assert [one.text for one in modem.receive(ME, text, 0.0)] == [reply]
    assert modem.state().items() >= then.items()


@pytest.mark.parametrize("text", ["1234;" + ";".join(["I"] * 79), "пароль;" + "I;" * 33])
def test_simulated_gsm_mini_ignores_text_longer_than_one_sms(text: str) -> None:
    modem = SIMULATED(text.partition(";")[0], {}, {})
    assert modem.receive(ME, text, 0.0) == ()
    assert modem.receive(ME, text[:-4], 0.0)


def test_packing_puts_all_reads_into_three_messages() -> None:
    requests = [Request.read(read.name) for read in FAMILY.reads(ACCESS)]
    messages = FAMILY.packed(requests, ACCESS)
    assert [FAMILY.encode(one, ACCESS).masked for one in messages] == [
        "***;I;A;P;RP;T;W",
        "***;S0;S0R;S0W",
        "***;S1W;S1R;S1",
    ]
    for one in messages:
        lengths = [packing.EXPECTED_SEPTETS[generic(part.name)] for part in one.parts]
        assert sum(lengths) + 2 * (len(lengths) - 1) <= tables.REPLY_SEPTETS


def test_packing_is_none_if_family_takes_one_command_per_sms() -> None:
    energomera = family_of("energomera_gs04")
    access = Access(Secret("12345678"))
    requests = [Request.read(read.name) for read in energomera.reads(access)]
    assert energomera.packed(requests, access) == tuple(requests)


_NUMBERS = [f"+7900111223{x}" for x in range(10)]


def _entries(prefix: str, *values: str) -> dict[str, str]:
    return {f"{prefix}.{x}": v for x, v in enumerate([*values, *[""] * (10 - len(values))])}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        (_entries("white_list", *_NUMBERS), ["1234;W0=" + ",".join(_NUMBERS)]),
        (_entries("white_list", *_NUMBERS[:2]), ["1234;W0=" + ",".join(_NUMBERS[:2])]),
        (_entries("white_list"), ["1234;W="]),
        (
            _entries("white_list", _NUMBERS[0]),  # B18: the list or the entry?
            ["1234;W0=+79001112230;" + ";".join(f"W{x}=" for x in range(1, 10))],
        ),
        (_entries("server.1.white_list", *_NUMBERS[:1]), ["1234;S1W=+79001112230;REBOOT"]),
        (_entries("server.1.white_list"), ["1234;S1W=;REBOOT"]),
        (
            _entries("server.1.white_list", "", *_NUMBERS[:2]),
            ["1234;S1W=;S1W1=+79001112230;S1W2=+79001112231;REBOOT"],
        ),
        (_entries("server.0.rule"), ["1234;S0R=;REBOOT"]),
        (
            _entries("server.0.rule", "", "12:30-12:40"),
            ["1234;S0R=;S0R1=12:30-12:40;REBOOT"],
        ),
        (
            {"server.0.white_list.0": _NUMBERS[0], "server.0.white_list.1": _NUMBERS[1]},  # others stay
            ["1234;S0W0=+79001112230;S0W1=+79001112231;REBOOT"],
        ),
    ],
)
def test_packing_writes_whole_list_as_one_command_if_shorter(
    changes: dict[str, Any], texts: list[str]
) -> None:
    assert _texts(changes) == texts
    modem = SIMULATED(
        "1234", _entries("white_list", *_NUMBERS) | _entries("server.1.white_list", *_NUMBERS), {}
    )
    for text in texts:
        modem.receive(_NUMBERS[0], text, 0.0)
    assert modem.state().items() >= changes.items()


def test_packing_keeps_white_list_in_one_sms() -> None:
    changes: dict[str, Any] = {f"white_list.{x}": number for x, number in enumerate(_NUMBERS[:8])}
    first, second = _texts({"serial_port": "9600,7,E,1", "apn": "internet.mts.ru", **changes})
    assert (first, second.count("W")) == ("1234;P=9600,7,E,1;A=internet.mts.ru", 8)


@pytest.mark.parametrize(
    ("changes", "password"),
    [
        ({"apn": "~" * 60, "serial_port": "9600,7,E,1"}, "[{^}]"),
        ({"apn": "~" * 60, "csd_idle_timeout_s": 300, "access_password": "[{^}]"}, "1234"),
        ({"server.0.address": "a.example:1", "server.0.rule.0": "01:00-02:00"}, "п" * 30),
    ],
)
def test_packing_keeps_each_sms_within_160_septets_or_70_characters(
    changes: dict[str, Any], password: str
) -> None:
    texts = _texts(changes, Access(Secret(password)))
    assert all(len(t) <= 70 if "п" in t else septet_count(t) <= 160 for t in texts)


@pytest.mark.parametrize(
    ("changes", "password"),
    [
        ({"apn": "~" * 60, "apn_user": "u" * 32, "apn_password": "p" * 32}, "[{^}]"),
        ({"server.0.address": f"{'a' * 150}.example:5000"}, "1234"),
        ({"server.0.address": f"{'a' * 60}.example:5000"}, "пароль"),
    ],
)
def test_packing_refuses_command_that_does_not_fit_one_sms(changes: dict[str, Any], password: str) -> None:
    with pytest.raises(InvalidValueError, match="what fits one SMS") as caught:
        _texts(changes, Access(Secret(password)))
    assert password not in str(caught.value)


INFO = "LERS GSM Mini\r\nSN: 00001\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)"
APN = "APN: internet.mts.ru\r\nUSR: mts\r\nPSW: mts"
RULES = "Rules:\r\n0:\r\n1: 00:05-00:59,15\r\n2: 12:30-12:40\r\n" + "\r\n".join(f"{x}:" for x in range(3, 10))
SERVER = "Server: my.company.ru:1234\r\nEnabled: 1\r\nRules: 4\r\nWhite-list: 3"
WHITE = "White list:\r\n0:\r\n1: +79870001122\r\n…\r\n9:"


@pytest.mark.parametrize(
    ("names", "text", "missing"),
    [
        (("info", "apn", "serial_port"), f"{INFO}\r\n{APN}\r\nPORT: 9600,8,N,1", ()),
        (("info", "apn", "serial_port"), f"{INFO}\n\n{APN}\n\nPORT: 9600,8,N,1\n", ()),
        (("server.0", "server.0.rules", "server.0.white_list"), f"{SERVER}\r\n{RULES}\r\n{WHITE}", ()),
        (("serial_port", "reboot_period_min"), "PORT: 9600,8,N,1;1440", ()),
        (("info", "apn", "serial_port"), INFO, ("apn", "serial_port")),
        (("info", "apn", "serial_port"), f"{INFO}\r\nPORT: 9600,8,N,1", ("apn",)),
        (("info", "apn", "serial_port"), f"{INFO}\r\nErr\r\nPORT: 9600,8,N,1", ("apn",)),
        (("serial_port", "reboot_period_min"), "Err", ("serial_port", "reboot_period_min")),
        (("serial_port", "reboot_period_min"), "Err\r\n1440", ("serial_port",)),
        # cut off: whatever may be half of it is asked again
        (("info", "server.0.rules", "apn"), f"{INFO}\r\n{RULES}"[:170], ("server.0.rules", "apn")),
        (("info", "server.0.rules", "apn"), f"{INFO}\r\n{RULES}\r\nAPN: inter", ("server.0.rules", "apn")),
        (("server.0", "server.0.rules", "apn"), f"{SERVER}\r\n{RULES}", ("apn",)),
        (
            ("info", "server.0.rules", "reboot_period_min"),
            f"{INFO}\r\n{RULES}",
            ("server.0.rules", "reboot_period_min"),
        ),
    ],
)
def test_packed_reply_answers_each_read_that_has_a_part(
    names: tuple[str, ...], text: str, missing: tuple[str, ...]
) -> None:
    reply = FAMILY.decode(_read(*names), text, ACCESS)
    assert isinstance(reply, Answer)
    assert tuple(one.name for one in reply.unanswered) == missing
    reported = {read.name: read.yields for read in FAMILY.reads(ACCESS)}
    values = reply.values()
    for name in set(names) - set(missing):
        assert set(reported[name]) & values.keys(), name
    assert "mts" not in reply.raw.partition("PSW:")[2]


@pytest.mark.parametrize(
    "text",
    ["", "Ok", "Ok\r\nOk", APN, f"hello\r\n{INFO}", f"{INFO}\r\n{APN}\r\nPORT: 9600,8,N,1\r\nand more"],
)
def test_decoder_rejects_text_that_is_no_reply_to_packed_reads(text: str) -> None:
    with pytest.raises(DecodeError):
        FAMILY.decode(_read("info", "apn", "serial_port"), text, ACCESS)


def _mixed() -> Request:
    writes = _wrote(server__0__address="a.example:1", server__0__enabled=True)
    (one,) = FAMILY.packed([Request.read("server.0"), *writes], ACCESS)
    return one


@pytest.mark.parametrize(
    ("text", "refused", "partial"),
    [
        (f"{SERVER}\r\nOk\r\nOk\r\nThe controller is rebooting…", None, False),
        ("Ok\r\nOk\r\nThe controller is rebooting…", None, False),
        (OK, None, False),
        (f"{SERVER}\r\nOk\r\nErr\r\nThe controller is rebooting…", "server.0.enabled", True),
        (f"{SERVER}\r\nErr\r\nErr\r\nErr", "server.0.address, server.0.enabled, reboot", False),
    ],
)
def test_packed_change_is_refused_if_one_command_is_refused(
    text: str, refused: str | None, partial: bool
) -> None:
    request = _mixed()
    assert FAMILY.encode(request, ACCESS).masked == "***;S0;S0S=a.example:1;S0E=1;REBOOT"
    assert FAMILY.away_s(request) == tables.RESTART_S
    reply = FAMILY.decode(request, text, ACCESS)
    if refused is None:
        assert isinstance(reply, Answer)
        return
    assert isinstance(reply, Refusal)
    assert f"refused {refused} (it" in reply.message
    assert reply.partial is partial
    assert {reading.name for reading in reply.readings} >= {"server.0.address"}


def test_packed_change_is_not_acknowledged_by_reply_to_reads_alone() -> None:
    with pytest.raises(DecodeError):
        FAMILY.decode(_mixed(), SERVER, ACCESS)
