"""Secrets that are planted everywhere are found nowhere: not in log, MQTT, database, errors or exit output.

They are looked for as text, in UCS2 of both orders, packed as in SMS, each also in hexadecimal and base64.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.sms import encode_submits
from gsm_meter_bridge.sms.encode import encode_delivers
from tests.mqtt.conftest import TOPICS, Watcher, watcher
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.postgresql import Postgresql
from tests.support.processes import BridgeProcess, Simulator
from tests.support.secret_forms import assert_none, forms, found_in
from tests.support.waiting import wait_until

PUMP, HUT, BARN, SHED = "+79990000201", "+79990000101", "+79990000102", "+79990000202"
PIN = "73918264"
PUMP_PASSWORD, HUT_PASSWORD, NEW_PASSWORD = "Zq7mKx2w", "Rf5jWd8k", "Nq9wRs5z"
APN_PASSWORD, WANTED_APN_PASSWORD = "Vb3tHn8p", "Lk6yGc4x"
MQTT_PASSWORD, METER_PASSWORD, DATABASE_PASSWORD = "Mw5rLc9d", "Ty6gUj4s", "Dx8kPe2f"
MISPLACED = "Hx4vQe7t"
METER_SERIAL = "009000000000101"
SECRETS = {
    "the SIM's PIN": PIN,
    "LERS' access password": PUMP_PASSWORD,
    "Energomera's access password": HUT_PASSWORD,
    "the new access password": NEW_PASSWORD,
    "an APN password that is told": APN_PASSWORD,
    "an APN password that is wanted": WANTED_APN_PASSWORD,
    "the broker's password": MQTT_PASSWORD,
    "the meter's password": METER_PASSWORD,
    "the database's password": DATABASE_PASSWORD,
    "a secret in a wrong place": MISPLACED,
}
SET, ANSWER = TOPICS.request("set"), TOPICS.response("set")


def _world(hut: int) -> dict[str, Any]:
    reported = {"apn": "m2m", "apn_user": "user", "apn_password": APN_PASSWORD}
    energomera = {"family": "energomera_gs04", "password": HUT_PASSWORD, "faults": {"duplicate": True}}
    lers = {
        "family": "lers_gsm_mini",
        "password": PUMP_PASSWORD,
        "faults": {"duplicate": True, "restart_s": 1},
    }
    return {
        "network": {"delay_s": 0.02},
        "modem_faults": {"pin": PIN, "lacks": ["+CPINR"], "cms_errors": [38, 500]},
        "modules": {
            "pump": {**lers, "msisdn": PUMP, "values": reported},
            "shed": {**lers, "msisdn": SHED, "values": reported},
            "hut": {
                **energomera,
                "msisdn": HUT,
                "values": {**reported, "mode": "server", "server_port": hut},
                "tcp": {},
                "meter": {"password": METER_PASSWORD, "serial_number": METER_SERIAL},
            },
            "barn": {**energomera, "msisdn": BARN, "values": reported},
        },
    }


def _config(device: Path, broker: int, hut: int) -> dict[str, Any]:
    lers = {"family": "lers_gsm_mini", "password": PUMP_PASSWORD}
    energomera = {"family": "energomera_gs04", "password": HUT_PASSWORD, "profile": "assumed_status"}
    return {
        "bridge": {"id": "home", "log_level": "debug"},
        "mqtt": {"host": "127.0.0.1", "port": broker, "username": "bridge", "password": MQTT_PASSWORD},
        "modems": [
            {"id": "stick", "url": str(device), "pin": PIN, "allow_raw_commands": True, "status_interval": 1}
        ],
        "sms": {"reply_timeout": 3, "deadline": "1 min", "retry_delay": 0.2},
        "poll": {"initial_poll_spread": 0},
        "modules": [
            {"id": "pump", "number": PUMP, **lers},
            {"id": "shed", "number": SHED, **lers},
            {
                "id": "hut",
                "number": HUT,
                **energomera,
                "tcp": {"host": "127.0.0.1", "port": hut},
                "meter": {"client": "reader", "password": METER_PASSWORD},
            },
            {"id": "barn", "number": BARN, **energomera},
        ],
    }


def _malformed() -> Iterator[tuple[str, str]]:
    """Requests that are none, each with a secret in it."""
    good = {"module": "barn", "apn": "m2m", "apn_password": MISPLACED}
    yield SET, f'{{"apn_password": "{MISPLACED}",}}'
    yield SET, f'{{"apn_password": "{MISPLACED}"'
    yield SET, f'"{MISPLACED}"'
    yield SET, MISPLACED
    yield SET, f'["{MISPLACED}"]'
    yield SET, f'{{"module": "barn", "module": "barn", "apn_password": "{MISPLACED}"}}'
    yield SET, json.dumps(good) + "x"
    yield SET, f'{{"transaction": "\\ud800", "apn_password": "{MISPLACED}"}}'
    yield SET, "[" * 5000 + f'"{MISPLACED}"'
    wrong: tuple[dict[str, Any], ...] = (
        {"apn_password": [MISPLACED]},
        {"apn_password": {"value": MISPLACED}},
        {"apn_password": f"{MISPLACED}\n"},
        {"apn_password": MISPLACED * 100},
        {"apn_password": f"{MISPLACED}я"},
        {"apn": [MISPLACED]},
        {"apn_pasword": MISPLACED},
        {"password": MISPLACED},
        {"settings": MISPLACED},
        {"settings": {"apn_password": MISPLACED}},
        {f"apn_password={MISPLACED}": 1},
        {MISPLACED: MISPLACED},
        {"apn": "m2m", "apn_password": MISPLACED, "deadline": [MISPLACED]},
        {"apn": "m2m", "apn_password": MISPLACED, "deadline": "yesterday"},
        {"apn": "m2m", "apn_password": MISPLACED, "confirm": {"x": MISPLACED}},
        {"access_password": MISPLACED},
        {"server_port": [MISPLACED]},
        {"mode": {MISPLACED: MISPLACED}},
        {"server_host": {"user": MISPLACED}},
    )
    for number, fields in enumerate(wrong):
        yield SET, json.dumps({"transaction": f"bad{number}", "module": "barn", **fields})
    yield TOPICS.request("plan"), json.dumps({"transaction": "p1", **good, "apn_password": 7 * [MISPLACED]})
    for command in (f'AT+CPIN="{MISPLACED}"', f"AT+CPIN={MISPLACED}\r", [MISPLACED], MISPLACED):
        request = {"transaction": "a1", "modem": "stick", "command": command}
        yield TOPICS.request("raw_at"), json.dumps(request)
    request = {"transaction": "a2", "modem": "stick", "code": f"**04*{MISPLACED}#"}
    yield TOPICS.request("ussd"), json.dumps(request)
    yield TOPICS.module_set("barn"), json.dumps({"apn_password": [MISPLACED]})
    yield TOPICS.module_set("barn"), f'{{"apn_password": "{MISPLACED}"'
    yield TOPICS.request("call"), json.dumps({"transaction": "c1", "module": "pump", "password": MISPLACED})


def test_secret_search_finds_each_encoding() -> None:
    text = f"{PUMP_PASSWORD};I"
    for prefix in range(8):
        (sent,) = encode_submits(PUMP, f"{'x' * prefix}{text}")
        (came,) = encode_delivers(PUMP, f"{'x' * prefix}{text}", datetime.now(UTC))
        for pdu in (sent.pdu, came.pdu):
            assert any("packed" in found for found in found_in(pdu.encode(), SECRETS))
            assert any("packed" in found for found in found_in(bytes.fromhex(pdu), SECRETS))
    (sent,) = encode_submits(PUMP, f"{text} я")
    assert any("UCS2, HEX" in found for found in found_in(sent.pdu.encode(), SECRETS))
    assert len(forms(PIN)) > 40


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A path or a URL of a database."""
    if request.param == "sqlite":
        yield "gsm-meter-bridge.db"
        return
    with Postgresql() as server:
        yield server.database().reveal().replace("+asyncpg", "")


async def test_bridge_leaks_no_secret_to_log_mqtt_or_database(tmp_path: Path, where: str) -> None:
    port = free_port()
    with Mosquitto(tmp_path / "mosquitto") as broker, Simulator(tmp_path, _world(port)) as simulator:
        config = _config(simulator.link, broker.port, port)
        config["bridge"]["database"] = where
        async with watcher(broker.port) as seen:
            with BridgeProcess(tmp_path, config) as daemon:
                await seen.wait(TOPICS.modem("stick"), lambda m: m["ready"])
                await seen.wait(TOPICS.module("hut"), lambda m: m["meter_serial"] == METER_SERIAL)
                await _live(seen)
                daemon.kill()  # and once more, with what it left
                daemon.start()
                await seen.wait(TOPICS.bridge_state, lambda d: d["state"] == "online")
                await _done(seen, "r3", TOPICS.request("read_settings"), module="pump")
                assert daemon.stop() == 0
            published = [m for m in seen.messages if "/request/" not in m[0] and not m[0].endswith("/set")]
        mqtt = "\n".join(
            f"{topic} {json.dumps(reported, default=repr)}" for topic, reported in published
        ).encode()
        places = [("the log", daemon.log.encode()), ("MQTT", mqtt)]
        places += [(p.name, p.read_bytes()) for p in tmp_path.glob("gsm-meter-bridge*")]
        places += [("the server", _dump(where))] if "://" in where else []
    assert len(published) > 30
    assert len(places) == 4
    assert all(b"hut" in data for name, data in places if not name.endswith(".key"))
    assert_none(places, SECRETS | {"the server's password": "only%20for%20tests"})


def _dump(url: str) -> bytes:
    """All that a server holds of a database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
    return subprocess.run([found[-1], f"--dbname={url}"], capture_output=True, check=True).stdout


async def _done(seen: Watcher, transaction: str, topic: str, **fields: object) -> dict[str, Any]:
    await seen.publish(topic, {"transaction": transaction, **fields})
    answer: dict[str, Any] = await seen.wait(
        topic.replace("/request/", "/response/"),
        lambda d: d.get("transaction") == transaction and d["status"] != "accepted",
    )
    return answer


async def _live(seen: Watcher) -> None:
    """Do all that has to do with secrets."""
    for module in ("pump", "hut"):
        await _done(seen, f"r-{module}", TOPICS.request("read_settings"), module=module)
    for topic, payload in _malformed():
        await seen.publish(topic, payload)
    wanted = {"apn": "m2m", "apn_user": "u", "apn_password": WANTED_APN_PASSWORD}
    for module in ("pump", "barn"):
        plan = await _done(seen, f"p-{module}", TOPICS.request("plan"), module=module, settings=wanted)
        assert plan["status"] == "ok", plan
        done = await _done(seen, f"s-{module}", SET, module=module, **wanted)
        assert done["status"] == "ok", done
    change = {"access_password": NEW_PASSWORD}
    plan = await _done(seen, "p2", TOPICS.request("plan"), module="shed", settings=change)
    assert plan["status"] == "ok", plan
    done = await _done(seen, "s2", TOPICS.request("apply"), module="shed", settings=change, confirm=True)
    assert done["status"] == "ok", done
    await _done(seen, "c2", SET, module="barn", apn="other", apn_password=MISPLACED)
    conflict = await _done(seen, "c2", SET, module="barn", apn="other", apn_password=WANTED_APN_PASSWORD)
    assert conflict


_GOOD = f"""
mqtt: {{host: 127.0.0.1, username: u, password: "{MQTT_PASSWORD}"}}
modems: [{{id: stick, url: /dev/ttyUSB0, pin: "{PIN}"}}]
modules:
  - id: hut
    family: energomera_gs04
    number: "+79990000101"
    password: "{HUT_PASSWORD}"
    tcp: {{host: 127.0.0.1, port: 9000}}
    meter: {{client: reader, password: "{METER_PASSWORD}"}}
"""


def _wrong_configurations() -> Iterator[str]:
    """Configurations with a fault, most of them where a secret is."""
    quoted = {name: f'"{secret}"' for name, secret in SECRETS.items() if f'"{secret}"' in _GOOD}
    assert len(quoted) == 4
    for secret in quoted.values():
        bare = secret.strip('"')
        for wrong in (
            f"[{secret}]",
            f"{{value: {secret}}}",
            f'"{bare}',
            f"'{bare}",
            f"{secret} {secret}",
            f"{secret}: {secret}",
            f"*{bare}",
            f"&{bare}",
            f"!secret {bare}",
            f"!env {bare}",
            f"!nothing {secret}",
            f"!!int {secret}",
            f'"{bare}\\x00"',
            f"{secret},\n  {secret}: 1",
        ):
            yield _GOOD.replace(secret, wrong)
    database = f"postgres://u:{DATABASE_PASSWORD}@"
    for where in (
        f"{database}h/x y",
        f"{database}",
        f"[{database}h/x]",
        f"{{url: {database}h/x}}",
        f"mysql://u:{DATABASE_PASSWORD}@h/x",
        f"postgresql://u:{DATABASE_PASSWORD}@h:port/x",
        f"postgresql://u:{DATABASE_PASSWORD}@[h/x",
    ):
        yield f"bridge: {{database: '{where}'}}\n{_GOOD}\nnonsense: 1\n"
        yield f"bridge: {{database: {where}}}\n{_GOOD}"
    yield _GOOD.replace("modems: [", "modems: ").replace("}]", "}")
    yield _GOOD.replace("  - id", "    id")
    yield _GOOD.replace("mqtt: ", "mqtt:").replace("host", "hosst")
    yield _GOOD.replace("password:", "pasword:")
    yield _GOOD.replace("pin:", "PIN:")
    yield _GOOD.replace("number:", f'"{MISPLACED}":')
    yield _GOOD.replace("/dev/ttyUSB0", f"socket://u:{MISPLACED}@h:port") + "x: 1\n"
    yield _GOOD.replace("client: reader", f"client: [{MISPLACED}]")
    yield _GOOD + f"  - {MISPLACED}\n"
    yield _GOOD + _GOOD
    yield _GOOD + "\t- x"
    yield f"- {MISPLACED}\n"
    yield MISPLACED


def test_wrong_configuration_error_shows_no_secret(tmp_path: Path) -> None:
    sent: list[tuple[str, bytes]] = []
    refused = 0
    for number, text in enumerate(_wrong_configurations()):
        file = tmp_path / "config.yaml"
        file.write_text(text, "utf-8")
        result = CliRunner().invoke(app, ["run", "--config", str(file), "--dry-run"])
        assert isinstance(result.exception, SystemExit | None), text
        refused += result.exit_code == 1
        sent.append((f"{number}: {text}", result.output.encode()))
    assert refused >= 50
    assert_none(sent, SECRETS)


@pytest.mark.parametrize(
    "secrets",
    [
        f"a: '{MISPLACED}",
        f"a: {MISPLACED}\n\tb: {MISPLACED}",
        f"- {MISPLACED}",
        f"{MISPLACED}: 1",
        f"a: [{MISPLACED}]",
        f"a: {{b: {MISPLACED}}}",
        f"a: *{MISPLACED}",
        f"a: !secret {MISPLACED}",
        MISPLACED,
    ],
)
def test_wrong_secrets_file_error_shows_no_secret(tmp_path: Path, secrets: str) -> None:
    (tmp_path / "secrets.yaml").write_text(secrets, "utf-8")
    (tmp_path / "config.yaml").write_text(_GOOD.replace(f'"{PIN}"', "!secret a"), "utf-8")
    result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "config.yaml"), "--dry-run"])
    assert isinstance(result.exception, SystemExit)
    assert_none([("output", result.output.encode())], SECRETS)


@pytest.mark.parametrize("what", ["database", "broker", "key"])
def test_failure_at_start_shows_no_secret(tmp_path: Path, what: str) -> None:
    config = yaml.safe_load(_GOOD)
    config["bridge"] = {"log_level": "debug"}
    if what == "database":
        config["bridge"]["database"] = f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/x"
    elif what == "broker":
        config["mqtt"]["port"] = free_port()
    else:
        (tmp_path / "key").write_text(MISPLACED * 8)
        config["bridge"]["key_file"] = "key"
    with BridgeProcess(tmp_path, config) as daemon:
        reported = {"database": "cannot be opened", "broker": "broker", "key": "installation key"}[what]
        wait_until(lambda: reported in daemon.log, lambda: daemon.log)
        daemon.kill()
        assert "Traceback" not in daemon.log
        assert_none([("the log", daemon.log.encode())], SECRETS)
