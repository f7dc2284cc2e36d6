"""Dialects drawn at random, in words that the shapes of values do not name one by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gsm_meter_bridge.model import has_luhn_digit
from gsm_meter_bridge.vocabulary import Scalar

PASSWORD, SECRET = "24681357", "Zu7-kalt"
_LEVELS = {3: -95, 4: -89, 5: -83, 6: -77, 7: -71, 8: -65}
_BANDS = {
    "1": "gsm_900",
    "2": "gsm_1800",
    "4": "lte_3",
    "6": "lte_7",
    "8": "lte_20",
    "A": "lte_38",
    "C": "wcdma_2100",
}
_REGISTRATIONS = {"1": "home", "2": "searching", "3": "denied", "5": "roaming"}


@dataclass(frozen=True)
class Sentence:
    """Words around one value, or around none; `draw` gives the value as it is written and what it means."""

    text: str
    draw: Callable[[Random], tuple[dict[str, str], dict[str, Scalar]]]
    required: bool = True


def _digits(random: Random, count: int) -> str:
    return "".join(random.choices("0123456789", k=count))


def _ip(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    rest = ".".join(str(random.randrange(1, 255)) for _ in range(3))
    ip = f"{random.choice((10, 100, 172, 188))}.{rest}"
    return {"v": ip}, {"ip": ip}


def draw_imei(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    """Return an IMEI with its check digit, as it is written and what it means."""
    body = random.choice(("35", "86")) + _digits(random, 12)
    imei = next(body + d for d in "0123456789" if has_luhn_digit(body + d))
    return {"v": imei}, {"imei": imei}


def draw_iccid(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    """Return an ICCID of 19 or 20 digits, as it is written and what it means."""
    iccid = "89701" + _digits(random, random.choice((14, 15)))
    return {"v": iccid}, {"iccid": iccid}


def _dbm(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    dbm = -random.randrange(51, 114)
    return {"v": str(dbm)}, {"signal_dbm": dbm}


def _version(form: str) -> Callable[[Random], tuple[dict[str, str], dict[str, Scalar]]]:
    def drawn(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
        text = re.sub("#", lambda _: str(random.randrange(1, 30)), form)
        return {"v": text}, {"firmware": text}

    return drawn


def _meter(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    meter, serial = random.choice(("CE208", "CE308")), "0" + _digits(random, random.choice((8, 11, 14)))
    return {"v": meter, "n": serial}, {"meter_type": meter, "meter_serial": serial}


def _groups(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    band, registration = random.choice(list(_BANDS)), random.choice(list(_REGISTRATIONS))
    level = random.choice(list(_LEVELS))
    values: dict[str, Scalar] = {
        "sim": True,
        "gprs": "client_connected",
        "meter_link": "ok",
        "band": _BANDS[band],
        "registration": _REGISTRATIONS[registration],
        "signal_level": level,
        "signal_dbm": _LEVELS[level],
    }
    return {"v": "120", "n": f"{registration}{band}{level}"}, values


def _mode(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    digit, mode = random.choice((("2", "server"), ("6", "client")))
    return {"v": digit}, {"mode": mode}


def _octet(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    octet, cenc = random.choice(
        (("0B", "none"), ("2B", "requested"), ("4B", "registered"), ("6B", "refused"))
    )
    return {"v": octet}, {"sim": True, "internet": True, "tcp": True, "cenc": cenc}


def _registration(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    digit = random.choice(list(_REGISTRATIONS))
    return {"v": digit}, {"registration": _REGISTRATIONS[digit]}


def _noise(random: Random) -> tuple[dict[str, str], dict[str, Scalar]]:
    address = ".".join(str(random.randrange(1, 223)) for _ in range(4))
    numbers = {"a": address, "d": str(random.randrange(10)), "dd": str(random.randrange(10, 99))}
    return {**numbers, "n": _digits(random, 8), "s": SECRET, "p": PASSWORD}, {}


SENTENCES: dict[str, list[Sentence]] = {
    "ip": [
        Sentence(w, _ip)
        for w in (
            "IP {v}",
            "Мой IP-адрес: {v}",
            "WAN-IP = {v}",
            "адрес в сети — {v}",
            "ip[{v}]",
            "локальный адрес {v}",
            "addr:{v}/32",
            "IPv4 {v}",
            "current address {v}",
            "Выдан адрес <{v}>",
        )
    ],
    "imei": [
        Sentence(w, draw_imei)
        for w in (
            "IMEI {v}",
            "imei='{v}'",
            "ИМЕЙ: {v}",
            "идентификатор {v}",
            "GSM module id {v}",
            "(IMEI) {v}",
            "№ терминала {v}",
        )
    ],
    "iccid": [
        Sentence(w, draw_iccid)
        for w in (
            "ICCID {v}",
            "CCID={v}",
            "сим-чип {v}",
            "карта № {v}",
            "SIM-ID: {v}",
            "card {v}",
        )
    ],
    "signal_dbm": [
        Sentence(w, _dbm)
        for w in (
            "сигнал {v} дБм",
            "RSSI={v}dBm",
            "приём {v} dBm",
            "Уровень: {v}дБм",
            "strength ({v} dBm)",
            "level is now {v} DBM",
            "{v} dBm",
        )
    ],
    "firmware": [
        Sentence(w, _version(form))
        for form in ("#.#", "v#.#.#", "c1.#v1.#.8420.1.#.1")
        for w in (
            "версия {v}",
            "ver. {v}",
            "FW:{v}",
            "прошивка - {v}",
            "Firmware version {v}",
            "Версия ПО модуля: {v}",
            "fw ver={v}",
        )
    ],
    "meter": [
        Sentence(w, _meter)
        for w in (
            "Счётчик {v} № {n}",
            "meter {v}, s/n {n}",
            "{v} зав. № {n}",
            "Прибор учёта {v} заводской номер {n}",
            "{v} sn:{n}",
        )
    ],
    "groups": [
        Sentence(w, _groups)
        for w in (
            "табло {v} {n}",
            "LCD: {v}/{n}",
            "группы {v}-{n}",
            "дисплей показывает {v} {n}",
            "Группа 1: {v}, группа 2: {n}",
            "display={v}.{n}",
        )
    ],
    "mode": [
        Sentence(w, _mode) for w in ("режим {v}", "MODE={v}", "Режим работы: {v}", "operating mode {v}")
    ],
    "octet": [
        Sentence(w, _octet)
        for w in (
            "status {v}h",
            "байт состояния: {v}",
            "Состояние 0x{v}",
            "state octet = {v}",
            "статус {v}",
        )
    ],
    "registration": [
        Sentence(w, _registration)
        for w in (
            "регистрация {v}",
            "reg={v}",
            "Регистрация в сети: {v}",
            "registration state {v}",
        )
    ],
}
NOISE = [
    Sentence(w, _noise, required=False)
    for w in (
        "сервер {a}:5000",
        "DNS1={a}",
        "шлюз {a}",
        "NTP {a}",
        "remote host {a}",
        "маска 255.255.255.0",
        "ping {a} {dd} ms",
        "proxy {a}",
        "синхронизация с {a}",
        "баланс {dd}.{d}0 руб",
        "t={dd}.{d} C",
        "U=2{dd}.{d} V",
        "дата {dd}.11.2026",
        "версия от 26.11.2026",
        "build date 2026-11-{dd}",
        "SIM {d}",
        "SIM slot {d}",
        "band {d}",
        "LTE band {d}",
        "Диапазон {d}",
        "CSQ {dd}",
        "CSQ: {d}",
        "status 00",
        "Статус {dd}",
        "уровень заряда {d}",
        "level {d}",
        "{d} деления",
        "порог -9{d} dBm",
        "RSRP -1{d}0 dBm",
        "SNR {d} dB",
        "TX power 2{d} dBm",
        "попыток {d}",
        "регистраций {dd}",
        "GPRS {d}",
        "тел. +7999{n}",
        "договор № {n}",
        "л/с {n}",
        "показания {n} кВтч",
        "A+ 000{n} kWh",
        "время {d}:{dd}",
        "uptime {dd} days",
        "ошибок 0",
        "Ok",
        "связь норма",
        "протокол {d}.{d}",
        "HW {d}.{dd}",
        "bootloader {d}.{d}",
        "SPODES {d}.{d}",
        "тариф {d}",
        "Связь со счётчиком {d}",
        "порт {n}",
        "TCP port 50{dd}",
        "период {dd} мин",
        "код ошибки {dd}",
        "CRC 0x{dd}",
        "{dd}%",
        "PIN tries {d}",
        "APN m2m.example",
        "оператор МТС",
        "сеть {d}G",
        "сота {n}",
        "LAC {dd}{d}0",
        "IMSI 25001{n}12",
        "IMSI: 2509901234567{dd}",
        "адрес объекта Ленина {dd}",
        "дом {d}",
        "module number {n}",
        "free heap {n}",
        "пароль {p} принят",
        "PSW: {p}",
        "pwd={s}",
        "{p}",
        "login admin/{s}",
        "password {s} ok",
        "ключ {s}",
    )
]


@dataclass(frozen=True)
class Reply:
    """A reply in words, and what it tells; `required` are the names that must be found in it."""

    text: str
    values: dict[str, Scalar]
    required: frozenset[str]


@dataclass(frozen=True)
class Dialect:
    """The sentences of a reply in their order, with what stands between them."""

    request: str
    sentences: tuple[tuple[Sentence, str], ...]

    def reply(self, random: Random) -> Reply:
        """Return a reply with values of its own."""
        text, required = "", set[str]()
        values: dict[str, Scalar] = {}
        for sentence, between in self.sentences:
            written, sentence_values = sentence.draw(random)
            text += sentence.text.format_map(written) + between
            values |= sentence_values
            required |= set(sentence_values)
        return Reply(text.strip(" ,;|\n"), values, frozenset(required))


def dialect(random: Random) -> Dialect:
    """Return a dialect: some values, no two of one name, among noise."""
    kinds = random.sample(
        [k for k in SENTENCES if k not in ("registration", "octet")], random.randrange(1, 5)
    )
    if "groups" not in kinds:
        kinds += random.sample(["registration", "octet"], random.randrange(3) % 2)
    else:
        kinds = [k for k in kinds if k != "signal_dbm"]
    chosen = [random.choice(SENTENCES[kind]) for kind in kinds]
    chosen += random.sample(NOISE, random.randrange(5))
    random.shuffle(chosen)
    joints = random.choice((("\n",), ("; ",), (", ", "\n"), (" | ",), ("\r\n",), (". ", "\n")))
    text = random.choice(("СТАТ", "INF", "?", "*55#", "Q7", "дай всё", "read all"))
    return Dialect(text, tuple((sentence, random.choice(joints)) for sentence in chosen))
