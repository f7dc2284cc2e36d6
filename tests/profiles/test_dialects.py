"""Dialects that no code knows."""

from __future__ import annotations

from random import Random

import pytest

from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.vocabulary import Scalar
from tests.profiles import unseen
from tests.profiles.drafting import FAMILY, draft, drafted, values

_LABELS = {
    "ip": ["IP", "ip address is", "Адрес модуля:", "адрес IP -", "addr="],
    "imei": ["IMEI", "imei:", "ИМЕЙ", "modem no", "Модем №"],
    "iccid": ["ICCID", "SIM card", "iccid=", "Номер СИМ-карты:"],
    "signal_dbm": ["RSSI", "signal", "Уровень сигнала", "Мощность:"],
    "firmware": ["version", "Версия ПО:", "FW", "прошивка"],
    "meter_type": ["meter", "Счётчик", "type:", ""],
}


def _dialect(random: Random) -> tuple[str, dict[str, Scalar]]:
    """Return a reply in words that nobody has seen, and what it says."""
    raw: dict[str, Scalar] = {
        "ip": f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}",
        "imei": "86" + "".join(random.choices("0123456789", k=13)),
        "iccid": "8970" + "".join(random.choices("0123456789", k=random.choice((15, 16)))),
        "signal_dbm": -random.randrange(51, 114),
        "firmware": f"c1.{random.randrange(9)}v1.{random.randrange(20)}.8420.{random.randrange(9)}.1",
        "meter_type": random.choice(("CE308", "CE208", "CE308 C4", "СЕ208")),
    }
    names = random.sample(list(raw), random.randrange(1, len(raw) + 1))
    text = ""
    for name in names:
        unit = random.choice((" dBm", "dBm", " дБм")) if name == "signal_dbm" else ""
        value = str(raw[name]).split(" ")[0]
        raw[name] = int(value) if name == "signal_dbm" else value
        ending = random.choice((", ", "; ", "\n", ". "))
        text += f"{random.choice(_LABELS[name])}{random.choice((' ', '  '))}{value}{unit}{ending}"
    return text.strip(" ,;.\n"), {name: raw[name] for name in names}


@pytest.mark.parametrize("seed", range(300))
def test_draft_reads_random_dialect(seed: int) -> None:
    random = Random(seed)
    text, raw = _dialect(random)
    log = "> 12345678 ASK\n" + "\n".join(f"< {line}" for line in text.split("\n"))
    assert values(draft(log), "ask", text) == raw


def _log(text: str, request: str) -> str:
    lines = "\n".join(f"< {line}" for line in text.splitlines())
    return f"# {unseen.PASSWORD} is the password\n> {unseen.PASSWORD} {request}\n{lines}\n"


@pytest.mark.parametrize("draw", range(20))
def test_draft_reads_unseen_dialects_correctly_and_keeps_no_secret(draw: int) -> None:
    """A hundred at a time: learnt from one reply, and read in another with other values and noise."""
    for seed in range(100 * draw, 100 * (draw + 1)):
        random = Random(seed)
        dialect = unseen.dialect(random)
        replies = [dialect.reply(random), dialect.reply(random)]
        made = drafted(_log(replies[0].text, dialect.request), secrets=(unseen.PASSWORD, unseen.SECRET))
        profile = load_profile(made.yaml, "draft", FAMILY)
        (name,) = profile.requests
        for reply in replies:
            found = values(profile, name, reply.text)
            wrong = {name: value for name, value in found.items() if reply.values.get(name) != value}
            assert (seed, wrong, reply.text) == (seed, {}, reply.text)
            assert (seed, reply.required - set(found), reply.text) == (seed, set(), reply.text)


@pytest.mark.parametrize("draw", range(3))
def test_draft_of_two_replies_gives_no_wrong_value_of_third(draw: int) -> None:
    for seed in range(10_000 + 100 * draw, 10_000 + 100 * (draw + 1)):
        random = Random(seed)
        dialect = unseen.dialect(random)
        first, second, third = (dialect.reply(random) for _ in range(3))
        log = _log(first.text, dialect.request) + _log(second.text, dialect.request)
        made = drafted(log, secrets=(unseen.PASSWORD, unseen.SECRET))
        profile = load_profile(made.yaml, "draft", FAMILY)
        found = values(profile, next(iter(profile.requests)), third.text)
        wrong = {name: value for name, value in found.items() if third.values.get(name) != value}
        assert (seed, wrong, third.text) == (seed, {}, third.text)


@pytest.mark.parametrize("seed", range(200))
def test_draft_of_octets_gives_no_wrong_value_and_keeps_no_password(seed: int) -> None:
    """A status in octets, among octets of no meaning: a text, BCD, and the password repeated."""
    random = Random(seed)
    drawn: dict[str, Scalar] = {}
    parts: list[bytes] = []
    for _, sentence_values in (unseen.draw_imei(random), unseen.draw_iccid(random)):
        ((name, value),) = sentence_values.items()
        drawn[name] = value
        digits = str(value)
        as_bcd = bytes.fromhex(
            digits + "f" * (len(digits) % 2 or (20 - len(digits) if name == "iccid" else 0))
        )
        parts.append(as_bcd if random.random() < 0.5 else digits.encode() + b"\0")
    parts += [b"\x10\x02", unseen.PASSWORD.encode(), bytes.fromhex(unseen.PASSWORD), b"\x03\xfe"]
    random.shuffle(parts)
    reply = b"\x02\x10" + b"\x00".join(parts)
    request = f"01 {unseen.PASSWORD.encode().hex(' ')} 02 10 03"
    made = drafted(f"> {request}\n< {reply.hex()}\n", secrets=(unseen.PASSWORD,), is_hex=True)
    assert bytes.fromhex(unseen.PASSWORD).hex(" ") not in made.yaml
    found = values(load_profile(made.yaml, "draft", FAMILY), "request", octets=reply)
    assert {name: value for name, value in found.items() if drawn.get(name) != value} == {}
