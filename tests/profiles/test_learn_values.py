"""Documented values that drafts find in the sentences of replies."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from gsm_meter_bridge.model import Shape
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.profiles.standards import SHAPES
from gsm_meter_bridge.vocabulary import Scalar
from tests.profiles.drafting import FAMILY, draft, drafted, values

SENTENCES: dict[str, dict[str, Scalar]] = {
    "Модуль связи на связи, адрес 10.1.2.3": {"ip": "10.1.2.3"},
    "IMEI модуля 861234567890123, ICCID SIM 8970199000000000101": {
        "imei": "861234567890123",
        "iccid": "8970199000000000101",
    },
    "imei=861234567890123;iccid=89701990000000001019;ip=10.20.30.41": {
        "imei": "861234567890123",
        "iccid": "89701990000000001019",
        "ip": "10.20.30.41",
    },
    "490154203237518": {},
    "modem number 490154203237518 ok": {"imei": "490154203237518"},
    "356938035643809 is what it is": {"imei": "356938035643809"},
    "Signal strength is -71 dBm, good": {"signal_dbm": -71},
    "Уровень сигнала: -97 дБм (3)": {"signal_dbm": -97},
    "level=7 band=6 reg=1": {"registration": "home"},
    "level digit 7, band digit 6, reg=1": {
        "signal_level": 7,
        "signal_dbm": -71,
        "band": "lte_7",
        "registration": "home",
    },
    "Уровень: цифра 3, диапазон A, регистрация 5": {
        "signal_level": 3,
        "signal_dbm": -95,
        "band": "lte_38",
        "registration": "roaming",
    },
    "State 1B0 156 now": {
        "sim": True,
        "gprs": "server_listening",
        "meter_link": "ok",
        "registration": "home",
        "band": "lte_5",
        "signal_level": 6,
        "signal_dbm": -77,
    },
    "Группа 1: 1B0; группа 2: 156": {
        "sim": True,
        "gprs": "server_listening",
        "meter_link": "ok",
        "registration": "home",
        "band": "lte_5",
        "signal_level": 6,
        "signal_dbm": -77,
    },
    "Status octet 2B": {"sim": True, "internet": True, "tcp": True, "cenc": "requested"},
    "Состояние: 0x43": {"sim": True, "internet": True, "tcp": False, "cenc": "registered"},
    "mode 2": {"mode": "server"},
    "Режим работы - 6": {"mode": "client"},
    "Version c1.0v1.4.8420.1.1.1 of CE308": {"firmware": "c1.0v1.4.8420.1.1.1", "meter_type": "CE308"},
    "FW 2.11.0": {"firmware": "2.11.0"},
    "Счётчик CE208 № 000011223344556": {"meter_type": "CE208", "meter_serial": "000011223344556"},
    "version 1.2.3.4": {"firmware": "1.2.3.4"},
    "server 10.0.0.9 port 8000": {},
    "Balance 12.50, valid 01.01.2027": {},
    "level 12": {},
    "300.1.2.3": {},
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_draft_finds_documented_values_in_sentence(sentence: str) -> None:
    profile = draft(f"> 12345678 ASK\n< {sentence}\n")
    assert values(profile, "ask", sentence) == SENTENCES[sentence]


def test_draft_reads_value_if_text_beside_it_changes() -> None:
    profile = draft("> 12345678 ASK\n< Связь (норма), уровень сигнала -71 dBm, время 12:30\n< Ok 15\n")
    reply = "Связь (плохая), уровень сигнала -101 dBm, время 9:05\nFailed"
    assert values(profile, "ask", reply) == {"signal_dbm": -101}


def test_draft_makes_one_request_of_two_replies() -> None:
    log = "> 12345678 ASK\n< GSM: home\n< level -71 dBm\n> 12345678 ASK\n< none\n< level -93 dBm\n"
    profile = draft(log)
    assert list(profile.requests) == ["ask"]
    assert values(profile, "ask", "roaming\nlevel -61 dBm") == {"signal_dbm": -61}


UNSURE: dict[str, str] = {
    "SIM 1": "sim",
    "СИМ: 1": "sim",
    "status 00": "sim",
    "Статус 43": "cenc",
    "байт: 43": "cenc",
    "band 5": "band",
    "Диапазон: 3": "band",
    "level 7": "signal_level",
    "Уровень сигнала: 7": "signal_level",
    "GPRS 1": "gprs",
    "Связь со счётчиком: 0": "meter_link",
    "network 1": "registration",
    "10.1.1.1 10.2.2.2": "ip",
    "IP 10.1.1.1, IP 10.2.2.2": "ip",
    "IMEI 861234567890123, IMEI 861234567890124": "imei",
    "signal -71 dBm, signal -83 dBm": "signal_dbm",
    "version 1.0, version 2.0": "firmware",
}


@pytest.mark.parametrize("sentence", UNSURE)
def test_draft_proposes_uncertain_value_without_claiming_it(sentence: str) -> None:
    made = drafted(f"> 12345678 ASK\n< {sentence}\n").yaml
    proposed = [line for line in made.splitlines() if f"value: {UNSURE[sentence]}" in line]
    assert proposed
    assert all(line.strip().startswith("# unsure (") for line in proposed)
    assert values(load_profile(made, "draft", FAMILY), "ask", sentence) == {}
    taken_up = re.sub(r"# unsure \([^)]*\): ", "", made)
    assert UNSURE[sentence] in values(load_profile(taken_up, "draft", FAMILY), "ask", sentence)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("SIM card present: 1", {"sim": True}),
        ("Наличие SIM 0", {"sim": False}),
        ("SIM обнаружена: 1", {"sim": True}),
        ("status byte 43", {"sim": True, "internet": True, "tcp": False, "cenc": "registered"}),
        ("status 0x03", {"sim": True, "internet": True, "tcp": False, "cenc": "none"}),
        ("band C", {"band": "wcdma_2100"}),
        ("GPRS F", {"gprs": "no_connection"}),
        ("Связь со счётчиком: A", {"meter_link": "unknown_meter_or_no_link"}),
        ("signal level 5 of 9", {"signal_level": 5, "signal_dbm": -83}),
    ],
)
def test_draft_claims_unambiguous_value(sentence: str, expected: dict[str, Scalar]) -> None:
    assert values(draft(f"> 12345678 ASK\n< {sentence}\n"), "ask", sentence) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Meter: connected", {}),
        ("Meter: 1234567", {"meter_serial": "1234567"}),
        ("Version: boot loader 1", {}),
        ("Operator: MTS RUS", {"operator": "MTS RUS"}),
        ("SN: none", {}),
        ("APN: not set", {}),
    ],
)
def test_draft_reads_value_of_labelled_line_if_valid(line: str, expected: dict[str, Scalar]) -> None:
    assert values(draft(f"> 12345678 ASK\n< {line}\n"), "ask", line) == expected


def test_draft_searches_each_reply_for_values_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = Shape.matches

    def matches(self: Shape, line: str, before: str) -> list[tuple[int, re.Match[str]]]:
        looked.append(line)
        return real(self, line, before)

    monkeypatch.setattr(Shape, "matches", matches)
    drafted("".join(f"> 12345678 ASK\n< level -{n} dBm\n< Ok {n}\n" for n in range(60, 80)))
    assert set(Counter(looked).values()) == {len(FAMILY.shapes) + len(SHAPES)}
