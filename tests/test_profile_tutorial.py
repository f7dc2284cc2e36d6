"""The tutorial of docs/profiles.md: a dialogue is captured, a profile learnt from it, and tried."""

from __future__ import annotations

import json
import os
import re
import select
import textwrap
import time
from pathlib import Path
from random import Random

import pytest
import yaml
from typer.testing import CliRunner, Result

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.families import family_of
from gsm_meter_bridge.model import Request
from gsm_meter_bridge.profiles import load_profile
from gsm_meter_bridge.sms import encode_submits
from gsm_meter_bridge.vocabulary import Scalar
from tests.support.processes import Simulator
from tests.support.waiting import PATIENCE_S

RUN = CliRunner()
FAMILY = family_of("energomera_gs04")
NUMBER, PASSWORD = "+79990000101", "24681357"
TRUE: dict[str, Scalar] = {
    "imei": "356938035643809",
    "iccid": "8970199000000000101",
    "ip": "10.20.30.41",
    "meter_type": "CE308",
    "meter_serial": "000011223344101",
    "firmware": "c1.0v1.4.8420.1.1.1",
    "signal_dbm": -71,
    "band": "lte_7",
    "registration": "home",
    "mode": "client",
    "gprs": "client_connected",
}
DIALECTS = (
    {
        "КАК ДЕЛА": "Модуль счётчика {meter_type} № {meter_serial}\n"
        "сигнал {signal_dbm} дБм, адрес {ip}\n{password}",
        "КТО": "ИМЕЙ {imei}; СИМ {iccid}\nверсия {firmware}",
        "TABLO": "{group_1} {group_2}\nрежим {mode_digit}",
    },
    {
        "?1": "{meter_type}\n{meter_serial}\nstatus={octet}h rssi={signal_dbm}dBm",
        "?2": "modem={imei},card={iccid},ip={ip}",
        "?3": "group 1: {group_1}; group 2: {group_2}; mode {mode_digit}; fw {firmware}",
    },
)
VALUES = (
    "imei",
    "iccid",
    "ip",
    "firmware",
    "meter_type",
    "meter_serial",
    "signal_dbm",
    "band",
    "registration",
    "mode",
    "gprs",
)


def _random_dialect(random: Random) -> dict[str, str]:
    """Return requests and replies that no code knows, drawn at random; between them they tell all of TOLD."""
    sentences = [
        random.choice(("IMEI {imei}", "modem={imei}", "модем № {imei}")),
        random.choice(("ICCID {iccid}", "сим-карта {iccid}", "sim:{iccid}")),
        random.choice(("ip {ip}", "адрес в сети {ip}", "addr={ip}")),
        random.choice(("версия {firmware}", "FW={firmware}", "{firmware}")),
        random.choice(("счётчик {meter_type} № {meter_serial}", "meter {meter_type} sn {meter_serial}")),
        random.choice(("сигнал {signal_dbm} дБм", "RSSI={signal_dbm}dBm", "level is {signal_dbm} dBm")),
        random.choice(
            ("{group_1} {group_2}", "группа 1: {group_1}, группа 2: {group_2}", "{group_1}-{group_2}")
        ),
        random.choice(("режим {mode_digit}", "mode={mode_digit}", "Mode is {mode_digit}")),
    ]
    random.shuffle(sentences)
    message = random.sample(("STAT", "WHO", "ИНФО", "Q1", "*100#", "tell me"), 3)
    ends = ("\n", ", ", "; ")
    replies = {}
    for n, word in enumerate(message):
        part = sentences[n::3]
        replies[word] = "".join(s + random.choice(ends) for s in part[:-1]) + part[-1]
    return replies


def _run(*arguments: str, stdin: str | None = None) -> Result:
    return RUN.invoke(app, list(arguments), input=stdin)


def _captured(device: Path, requests: dict[str, str]) -> str:
    """Return what a terminal shows that has the modem ask each request, in PDU mode."""
    lines = ["AT+CMGF=0", "AT+CNMI=2,2,0,0,0"]
    for request in requests:
        (pdu,) = encode_submits(NUMBER, f"{PASSWORD} {request}")
        lines += [f"AT+CMGS={pdu.tpdu_length}", pdu.pdu]
    return _typed(device, lines)


def _typed(device: Path, lines: list[str]) -> str:
    """Return what a terminal shows in which somebody types `lines`, and waits for each reply."""
    port = os.open(device, os.O_RDWR | os.O_NOCTTY)
    seen = bytearray()

    def send(text: str, until: bytes) -> None:
        """Say something, and listen until the answer is there and nothing more comes."""
        begin, ends, quiet_s = len(seen), time.monotonic() + PATIENCE_S, 0.0
        os.write(port, text.encode())
        while until not in seen[begin:] or quiet_s < 0.5:
            assert time.monotonic() < ends, seen.decode("utf-8", "replace")
            if select.select([port], [], [], 0.1)[0]:
                seen.extend(os.read(port, 4096))
                quiet_s = 0.0
            quiet_s += 0.1

    try:
        for line in lines:
            if not line.startswith("AT"):
                send(f"{line}\x1a", b"+CMT:")
            else:
                send(f"{line}\r", b"> " if "CMGS" in line else b"OK")
    finally:
        os.close(port)
    return seen.decode("utf-8", "replace")


def _world(dialect: dict[str, str]) -> dict[str, object]:
    reported = {k: v.replace("{password}", PASSWORD) for k, v in dialect.items()}
    module = {
        "family": "energomera_gs04",
        "msisdn": NUMBER,
        "password": PASSWORD,
        "values": TRUE,
        "dialect": reported,
    }
    return {"network": {"delay_s": 0.05}, "modules": {"unknown": module}}


def _config(folder: Path, device: Path) -> Path:
    file = folder / "bridge.yaml"
    module = {"id": "unknown", "family": "energomera_gs04", "number": NUMBER, "password": PASSWORD}
    config = {
        "mqtt": {"host": "127.0.0.1"},
        "sms": {"price": 2.5, "currency": "RUB"},
        "modems": [{"id": "stick", "url": str(device)}],
        "modules": [module],
    }
    file.write_text(yaml.safe_dump(config), "utf-8")
    return file


@pytest.mark.parametrize("number", range(len(DIALECTS) + 3))
def test_profile_learnt_from_dialogue_is_tried_and_verified(number: int, tmp_path: Path) -> None:
    dialect = DIALECTS[number] if number < len(DIALECTS) else _random_dialect(Random(number))
    simulator = Simulator(tmp_path, _world(dialect))
    simulator.start()
    try:
        log = tmp_path / "terminal.log"
        log.write_text(_captured(simulator.link, dialect), "utf-8")
        learnt = _run("profile", "learn", str(log), "--family", "energomera_gs04", "--password", PASSWORD)
        assert learnt.exit_code == 0, learnt.output
        assert PASSWORD not in learnt.stdout
        file = tmp_path / "mine.yaml"
        file.write_text(learnt.stdout, "utf-8")
        file.chmod(0o640)
        config = _config(tmp_path, simulator.link)
        refused = _run("profile", "try", "unknown", str(file), "--config", str(config))
        assert refused.exit_code == 1
        assert "nothing was sent" in refused.stderr
        tried = _run(
            "profile", "try", "unknown", str(file), "--config", str(config), "--yes", "--timeout", "20"
        )
        assert tried.exit_code == 0, tried.output
        assert "7.5 RUB" in tried.stdout
        assert PASSWORD not in tried.output
    finally:
        simulator.kill()
    profile = load_profile(file.read_text("utf-8"), "mine", FAMILY)
    assert profile.verified
    assert profile.verified_with is not None
    assert all(word in profile.verified_with for word in ("CE308", "c1.0v1.4.8420.1.1.1", "GSM 2G + 4G"))
    assert file.stat().st_mode & 0o777 == 0o640
    reported: dict[str, Scalar | None] = {}
    for name, text in zip(profile.requests, dialect.values(), strict=True):
        reply = text
        for key, value in {
            **TRUE,
            "group_1": "120",
            "password": PASSWORD,
            "group_2": "167",
            "mode_digit": "6",
            "octet": "4B",
        }.items():
            reply = reply.replace(f"{{{key}}}", str(value))
        reported |= {r.name: r.value for r in profile.decode(Request.read(name), reply).readings}
    assert {name: reported.get(name) for name in VALUES} == {name: TRUE[name] for name in VALUES}


def _indented(after: str, count: int = 1) -> str:
    """Return a block of docs/profiles.md: the `count`-th that stands behind some words."""
    text = Path("docs/profiles.md").read_text("utf-8").partition(after)[2]
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    return textwrap.dedent(blocks[count - 1])


def test_tutorial_commands_work_to_the_letter(tmp_path: Path) -> None:
    world = yaml.safe_load(_indented("**To practise**"))
    simulator = Simulator(tmp_path, world)
    simulator.start()
    try:
        typed = _indented("and wait for its reply").split()
        log = tmp_path / "terminal.log"
        log.write_text(_typed(simulator.link, typed), "utf-8")
        message = _indented("**2. Learn.**").split()
        learnt = _run(*(str(log) if w == "terminal.log" else w for w in message[1 : message.index(">")]))
        assert learnt.exit_code == 0, learnt.output
        file, config = tmp_path / "mine.yaml", tmp_path / "bridge.yaml"
        file.write_text(learnt.stdout, "utf-8")
        config.write_text(_indented("Step 3 wants").replace("/tmp/modem", str(simulator.link)), "utf-8")
        paths = {"mine.yaml": str(file), "bridge.yaml": str(config)}
        for line in _indented("**3. Try.**").splitlines():
            done = _run(*(paths.get(w, w) for w in line.split()[1:]), *(["--yes"] if " try " in line else []))
            assert done.exit_code == 0, done.output
    finally:
        simulator.kill()
    assert load_profile(file.read_text("utf-8"), "mine", FAMILY).verified


def test_profile_try_names_lines_that_do_not_match_and_writes_nothing(tmp_path: Path) -> None:
    simulator = Simulator(
        tmp_path, _world({"ONE": "level -71 dBm\nIMEI none", "TWO": "reg Z", "FOUR": "ip 10.1.2.3"})
    )
    simulator.start()
    try:
        file = tmp_path / "mine.yaml"
        log = "> x ONE\n< level -71 dBm\n< IMEI 356938035643809\n> x TWO\n< reg 1\n"
        log += "> x THREE\n< ip 10.1.2.3\n> x FOUR\n< ip 10.1.2.3\n"
        learnt = _run("profile", "learn", "--family", "energomera_gs04", "--password", "x", stdin=log)
        file.write_text(learnt.stdout, "utf-8")
        config = _config(tmp_path, simulator.link)
        tried = _run("profile", "try", "unknown", str(file), "-c", str(config), "--yes", "--timeout", "3")
    finally:
        simulator.kill()
    message = " ".join(tried.output.split())
    assert tried.exit_code == 1
    assert "line 2 is to match" in message
    assert "and is 'IMEI none'" in message
    assert "two: line 1 is to match" in message
    assert "three: line 1 is to match" in message
    assert "four: read" in message
    assert "one: not read" in message
    assert "3 of 4 requests were not read" in message
    assert file.read_text("utf-8") == learnt.stdout


def test_profile_try_fails_if_modem_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsm_meter_bridge.cli.trial._READY_S", 1.0)
    file = tmp_path / "mine.yaml"
    log = "> x ONE\n< level -71 dBm\n"
    file.write_text(
        _run("profile", "learn", "--family", "energomera_gs04", "--password", "x", stdin=log).stdout, "utf-8"
    )
    config = _config(tmp_path, tmp_path / "nothing")
    tried = _run("profile", "try", "unknown", str(file), "-c", str(config), "--yes")
    assert (tried.exit_code, "modem stick is not ready" in tried.stderr) == (1, True)


def test_profile_try_leaves_messages_of_others_in_modem(tmp_path: Path) -> None:
    """What other modules say meanwhile is the bridge's, which takes it up afterwards."""
    world = _world({"ONE": "level -71 dBm"})
    simulator = Simulator(tmp_path, world)
    simulator.start()
    try:
        stored = _captured_at_rest(simulator.link)
        file = tmp_path / "mine.yaml"
        log = "> x ONE\n< level -71 dBm\n"
        learnt = _run("profile", "learn", "--family", "energomera_gs04", "--password", "x", stdin=log)
        file.write_text(learnt.stdout, "utf-8")
        config = _config(tmp_path, simulator.link)
        tried = _run("profile", "try", "unknown", str(file), "-c", str(config), "--yes", "--timeout", "20")
        assert tried.exit_code == 0, tried.output
        listed = _run("sms-storage", "list", str(simulator.link))
    finally:
        simulator.kill()
    messages = json.loads(listed.stdout)["messages"]
    assert [m["text"] for m in messages if m["type"] == "deliver"][:1] == stored


def _captured_at_rest(device: Path) -> list[str]:
    """Have the module say something that stays in the modem's storage, and return it."""
    port = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        (pdu,) = encode_submits(NUMBER, f"{PASSWORD} ONE")
        for text in ("AT+CMGF=0\r", "AT+CNMI=2,1,0,0,0\r", f"AT+CMGS={pdu.tpdu_length}\r", f"{pdu.pdu}\x1a"):
            os.write(port, text.encode())
            time.sleep(0.3)
        seen, ends = b"", time.monotonic() + PATIENCE_S
        while b"+CMTI" not in seen:
            assert time.monotonic() < ends, seen
            if select.select([port], [], [], 0.2)[0]:
                seen += os.read(port, 4096)
    finally:
        os.close(port)
    return ["level -71 dBm"]
