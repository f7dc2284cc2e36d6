"""What drafts of profiles must not say: values that are others, secrets, hostile captures."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gsm_meter_bridge.errors import DecodeError
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.profiles import Profile, load_profile
from gsm_meter_bridge.profiles.learn import Draft, draft_profile
from gsm_meter_bridge.vocabulary import Scalar, Secret

FAMILY = family_of("energomera_gs04")


def _drafted(log: str, secrets: Sequence[str] = ("12345678",), *, is_hex: bool = False) -> Draft:
    return draft_profile([log], "learned", FAMILY, [Secret(s) for s in secrets], is_hex=is_hex)


def _draft(log: str) -> Profile:
    return load_profile(_drafted(log).yaml, "draft", FAMILY)


def _values(profile: Profile, name: str, reply: str) -> dict[str, Scalar | None]:
    return {r.name: r.value for r in profile.decode(Request.read(name), reply, b"").readings}


OTHER_THINGS = (
    "Signal: 18 (CSQ)",
    "Уровень сигнала 7 из 31",
    "signal 5 bars of 5",
    "Signal quality: 7,0",
    "battery level 7",
    "Сеть 4 G",
    "Режим сети 2",
    "network mode 2",
    "mode=AUTO 2",
    "sleep mode 0",
    "Режим энергосбережения 1",
    "RSRP -105 dBm",
    "порог -85 dBm",
    "Мощность передатчика -10 dBm",
    "noise -100 dBm",
    "signal -710 dBm",
    "band LTE 7",
    "LTE band 7",
    "Диапазон: 3 (1800)",
    "SIM slot 1",
    "SIM: 1 из 2",
    "SIM PIN attempts 1",
    "reg 0,1",
    "регистрация 1 раз",
    "Регистрация сети с 3 попытки",
    "GPRS attach 1",
    "GPRS 2 сессии",
    "счетчик сбросов 0",
    "Приборов 0",
    "DNS1 8.8.8.8 DNS2 8.8.4.4",
    "GW 10.1.2.1",
    "NTP 192.168.0.1",
    "peer 10.1.1.1",
    "Подключен к 10.1.1.1:5000",
    "IP сервера сбора данных 10.0.0.9",
    "255.255.255.0",
    "Bootloader version 1.0.2",
    "HW ver 3.0",
    "Версия платы 2.1",
    "protocol version 1.0",
    "Версия ПО счётчика 12.3",
    "Заводской номер модуля 12345678",
    "serial port 12345678",
    "Meter time 20261126",
    "meter energy 00012345 kWh",
    "Договор № 12345678",
    "Состояние 43 из 99",
    "Статистика 21",
    "состояние счётчика 08",
    "байт принято 48",
    "байт 40",
    "Код 100 156",
    "Ошибки 100 200",
    "принято 101, передано 100 156 раз",
    "CE 200 сообщений",
    "ce 2026-11-26",
)


@pytest.mark.parametrize("sentence", OTHER_THINGS)
def test_draft_does_not_claim_value_that_only_looks_documented(sentence: str) -> None:
    assert _values(_draft(f"> 12345678 ASK\n< {sentence}\n"), "ask", sentence) == {}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("RSRP -105 dBm, RSSI -77 dBm", {"signal_dbm": -77}),
        ("порог -85 dBm, сигнал -71 dBm", {"signal_dbm": -71}),
        ("min -95 dBm max -60 dBm now -71 dBm", {"signal_dbm": -71}),
        ("remote 10.1.1.1 local 10.2.2.2", {"ip": "10.2.2.2"}),
        ("10.1.1.1 is not it, ip 10.2.2.2", {"ip": "10.2.2.2"}),
        ("boot ver 1.0; ver 2.0", {"firmware": "2.0"}),
        ("HW ver 3.0 FW ver 1.4", {"firmware": "1.4"}),
        (
            "Уровень сигнала 5 из 9, регистрация в сети: 1",
            {"signal_level": 5, "signal_dbm": -83, "registration": "home"},
        ),
        ("режим работы модуля: 6, состояние связи со счётчиком 0", {"mode": "client"}),
        (
            "Display shows 120/167",
            {"sim": True, "gprs": "client_connected", "band": "lte_7", "signal_dbm": -71},
        ),
        ("Счётчик СЕ208, зав. № 011223344101", {"meter_type": "СЕ208", "meter_serial": "011223344101"}),
        ("Связь со счётчиком: B", {"meter_link": "reading_clock"}),
    ],
)
def test_draft_finds_right_one_of_similar_values(sentence: str, expected: dict[str, Scalar]) -> None:
    found = _values(_draft(f"> 12345678 ASK\n< {sentence}\n"), "ask", sentence)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("sent", ["12345678 hunter2", "12345678 SET HUNTER2", "12345678 X=hunter2;1"])
def test_draft_keeps_no_secret_of_sent_text(sent: str) -> None:
    draft = _drafted(f"> {sent}\n< level -71 dBm\n", secrets=("12345678", "hunter2"))
    assert "hunter2" not in draft.yaml.lower()


def test_draft_error_contains_no_secret() -> None:
    with pytest.raises(DecodeError) as error:
        _drafted("> 12345678 zz\n< 1\n", is_hex=True)
    assert "12345678" not in str(error.value)


HOSTILE = {
    "a line": "> 12345678 ASK\n< " + "level 7 " * 250_000,
    "blanks": "> 12345678 ASK\n< x" + " " * 2_000_000 + "y",
    "lines": "> 12345678 ASK\n" + "< level 7 -71 dBm 10.1.2.3\n" * 70_000,
    "a version": "> 12345678 ASK\n< c1" + ".1" * 1_000_000,
    "labels": "> 12345678 ASK\n< " + "imei 86123456789012 " * 100_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_draft_skips_reply_longer_than_limit(kind: str) -> None:
    with pytest.raises(DecodeError):
        _drafted(HOSTILE[kind])
    drafted = _drafted(HOSTILE[kind] + "\n> 12345678 WHO\n< IMEI 861234567890123\n")
    assert list(load_profile(drafted.yaml, "draft", FAMILY).requests) == ["who"]


def test_draft_of_many_requests_has_first_60() -> None:
    log = "".join(f"> 12345678 A{n}\n< level -71 dBm, time {n}\n" for n in range(40_000))
    draft = _drafted(log)
    assert len(load_profile(draft.yaml, "draft", FAMILY).requests) == 60
    assert any("only the first 60" in note for note in draft.notes)
