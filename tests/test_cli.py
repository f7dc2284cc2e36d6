"""The command line as a user types it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gsm_meter_bridge import __version__
from gsm_meter_bridge.cli import app
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.sms import encode_submits
from tests.support.processes import Simulator
from tests.support.screen import Screen
from tests.support.waiting import wait_until

RUN = CliRunner()
PUMP = "+79990000201"
INFO = "LERS GSM Mini\r\nSN: 12345\r\nFW: M1.1.0\r\nIMEI: 865374036612912\r\nSignal level: -71dBm (60%)"
CONFIG = """
mqtt: {host: 127.0.0.1}
modems: [{id: stick, url: /dev/ttyUSB0}]
poll: {interval: 12 h}
modules:
  - {id: hut, family: energomera_gs04, number: "+79990000101", profile: assumed_status}
  - {id: pump, family: lers_gsm_mini, number: "+79990000201"}
"""


def _run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return RUN.invoke(app, list(arguments), input=stdin)


def _decode(family: str, request: str, text: str | bytes, *more: str) -> dict[str, Any]:
    result = _run("decode", "--family", family, "--request", request, *more, stdin=text)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_cli_shows_version_and_commands() -> None:
    assert _run("--version").stdout.strip() == __version__
    assert all(word in _run("--help").output for word in ("run", "simulate", "decode", "decode-pdu", "probe"))


def test_decode_reads_lers_info_reply() -> None:
    document = _decode("lers_gsm_mini", "I", INFO)
    assert document["readings"]["signal_dbm"] == -71
    assert document["readings"]["imei"] == "865374036612912"
    assert document["raw"] == INFO
    assert (document["request"], document["result"]) == ("info", "answered")


def test_decode_hides_secrets() -> None:
    text = "APN: internet\r\nUSR: user\r\nPSW: hunter2"
    document = _decode("lers_gsm_mini", "A", text)
    assert document["readings"] == {"apn": "internet", "apn_user": "user", "apn_password": "***"}
    assert "hunter2" not in json.dumps(document)


def test_decode_shows_code_of_no_table_as_unknown_and_raw() -> None:
    document = _decode("energomera_gs04", "MODE", "CE308\n000011223344556\nMODE: 5")
    assert document["readings"]["mode"] == "unknown"
    assert document["raw_readings"]["mode"] == "5"


def test_decode_shows_refusal_with_message() -> None:
    document = _decode("lers_gsm_mini", "A", "Err")
    assert (document["result"], document["raw"]) == ("refused", "Err")
    assert document["message"]


def test_decode_recognises_reply_to_write() -> None:
    assert _decode("lers_gsm_mini", "A=a,b,c", "Ok")["kind"] == "write"


def test_decode_reads_reply_by_profile() -> None:
    text = "CE308\r\n000011223344556\r\nSTATUS: 6B 180 167\r\nVERSION: c1.0v1.4.8420.1.1.1"
    document = _decode("energomera_gs04", "STATUS", text, "--profile", "assumed_status")
    assert (document["readings"]["band"], document["readings"]["registration"]) == ("lte_7", "home")


@pytest.mark.parametrize(
    ("family", "request_", "text", "message"),
    [
        ("zigbee", "I", "x", "energomera_gs04, lers_gsm_mini"),
        ("lers_gsm_mini", "FROB", "x", "FROB"),
        ("lers_gsm_mini", "I", "hello", "reply"),
        ("energomera_gs04", "STATUS", "x", "STATUS"),
        ("energomera_gs04", "MODE", b"\xff\xfe", "reply"),
    ],
)
def test_decode_says_why_input_is_refused(
    family: str, request_: str, text: str | bytes, message: str
) -> None:
    result = _run("decode", "--family", family, "--request", request_, stdin=text)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_decode_pdu_reads_message_of_one_part() -> None:
    result = _run("decode-pdu", "07919761989901F0040B919799991032F400006211122143650005C8329BFD06")
    document = json.loads(result.stdout)
    assert (document["type"], document["sender"], document["text"]) == ("deliver", "+79999901234", "Hello")
    assert document["time"].startswith("2026-11-21T12:34:56")
    assert (document["alphabet"], len(document["parts"])) == ("gsm7", 1)


def test_decode_pdu_joins_parts_in_any_order() -> None:
    from datetime import UTC, datetime

    from gsm_meter_bridge.sms import encode_delivers

    text = "Привет, счётчик! " * 8
    pdus = [p.pdu for p in encode_delivers("+79990000101", text, datetime.now(UTC), reference=7)]
    assert len(pdus) > 1
    document = json.loads(_run("decode-pdu", *reversed(pdus)).stdout)
    assert document["text"] == text
    assert document["alphabet"] == "ucs2"
    assert sorted(p["sequence"] for p in document["parts"]) == list(range(1, len(pdus) + 1))


@pytest.mark.parametrize("pdu", ["", "zz", "0", "07919761989901F0040B91979999"])
def test_decode_pdu_refuses_invalid_pdu(pdu: str) -> None:
    result = _run("decode-pdu", pdu)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_dry_run_prints_plan_and_makes_no_database(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, "utf-8")
    result = _run("run", "--config", str(path), "--dry-run")
    assert result.exit_code == 0, result.output
    assert all(word in result.stdout for word in ("hut", "pump", "12 h", "+79990000201"))
    assert not (tmp_path / "gsm-meter-bridge.db").exists()


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        ("1", "1 s"),
        ("90", "90 s"),
        ("150 s", "2.5 min"),
        ("24 h", "24 h"),
        ("30 d", "30 d"),
        ("36 h", "36 h"),
    ],
)
def test_dry_run_shows_intervals_with_their_unit(tmp_path: Path, interval: str, shown: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("12 h", interval), "utf-8")
    plan = _run("run", "--config", str(path), "--dry-run").stdout
    assert f" {shown} ± " in plan


def test_output_breaks_no_word_at_80_columns(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("id: hut", "id: summer_house"), "utf-8")
    program = [sys.executable, "-m", "gsm_meter_bridge"]
    with Screen([*program, "run", "--config", str(path), "--dry-run"]) as screen:
        assert screen.end() == 0
        assert all(whole in screen.shown for whole in ("summer_house", "12 h ± 10%", "extended status"))
        assert "profile assumed_status is an assumption, not verified on any\r\ndevice" in screen.shown
    with Screen([*program, "doctor", "--config", str(path)]) as screen:
        assert screen.end() == 1
        lines = screen.shown.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(("ok ", "warning ", "problem ", "in all ", " " * 9)) for line in lines)


def test_run_names_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("lers_gsm_mini", "lers").replace("12 h", "soon"), "utf-8")
    result = _run("run", "--config", str(path))
    assert result.exit_code == 1
    assert "poll.interval" in result.stderr
    assert "modules.1.family" in result.stderr
    assert str(path) in result.stderr


def test_run_names_missing_configuration_file(tmp_path: Path) -> None:
    result = _run("run", "--config", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert "none.yaml" in result.stderr


def _texts(*arguments: str) -> list[str]:
    result = _run("sms-text", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_sms_text_prints_texts_in_order_to_send() -> None:
    wanted = (
        "mode=client_cenc",
        "server_host=cenc.example",
        "apn=internet",
        "apn_user=mts",
        "connect_period_s=600",
    )
    assert _texts("--family", "energomera_gs04", "--password", "87654321", *wanted) == [
        "87654321 APN internet",
        "87654321 USER mts",
        "87654321 DNS cenc.example",
        "87654321 TIMEOUT 600",
        "87654321 MODE 1",
    ]


def test_sms_text_packs_settings_and_knows_meter_types() -> None:
    wanted = ("serial_port=СЕ 301", "server.0.address=a.example:9001", "server.0.enabled=on")
    assert _texts("--family", "lers_gsm_mini", "--password", "1234", *wanted) == [
        "1234;P=9600,7,E,1;S0S=a.example:9001;S0E=1;REBOOT",
    ]
    full = [f"white_list.{x}=+7900111223{x}" for x in range(10)]
    texts = _texts("--family", "lers_gsm_mini", *full)
    assert texts == ["1234;W0=" + ",".join(f"+7900111223{x}" for x in range(10))]


def test_sms_text_takes_settings_file_and_changes(tmp_path: Path) -> None:
    file = tmp_path / "hut.yaml"
    file.write_text("family: energomera_gs04\nsettings: {apn: internet, server_port: 9001}\n", "utf-8")
    assert _texts("--family", "energomera_gs04", "--settings", str(file), "apn=m2m") == [
        "12345678 APN m2m",
        "12345678 PORT 9001",
    ]


@pytest.mark.parametrize(
    ("family", "wanted", "message"),
    [
        ("energomera_gs04", ["bands=lte_3"], "no documented text command"),
        ("energomera_gs04", ["apn=a b"], "without space"),
        ("energomera_gs04", ["apn"], "NAME=VALUE"),
        ("energomera_gs04", [], "at least one"),
        ("energomera_gs04", ["colour=red"], "unknown setting"),
        ("lers_gsm_mini", ["apn_user=x"], "give apn too"),
        ("lers_gsm_mini", ["serial_port=no such meter"], "unknown meter"),
        ("zigbee", ["apn=x"], "energomera_gs04, lers_gsm_mini"),
    ],
)
def test_sms_text_says_why_settings_are_refused(family: str, wanted: list[str], message: str) -> None:
    result = _run("sms-text", "--family", family, *wanted)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("family: lers_gsm_mini\nsettings: {}", "expected energomera_gs04"),
        ("family: energomera_gs04", "settings: is missing"),
        ("- 1", "allowed: options"),
        ("{", "cannot be read"),
    ],
)
def test_sms_text_names_fault_in_settings_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "hut.yaml"
    file.write_text(text, "utf-8")
    result = _run("sms-text", "--family", "energomera_gs04", "--settings", str(file))
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())


def test_serial_preset_prints_preset_or_candidates() -> None:
    assert _run("serial-preset", "СЕ 301").stdout == "9600,7,E,1\n"
    unclear = _run("serial-preset", "Взлёт")
    assert (unclear.exit_code, unclear.stdout) == (1, "")
    assert "ТСРВ" in unclear.stderr


def test_explain_schedule_names_overlaps_of_rules() -> None:
    rules = (
        "server.1.rule.1=00:00-03:00,30",
        "server.1.rule.2=02:30-05:00,25",
        "server.0.rule.0=04:00-06:00,0",
    )
    output = _run("explain-schedule", "--family", "lers_gsm_mini", *rules).stdout
    assert "server.1.rule.2 overlaps server.1.rule.1 and takes over at 03:00." in output
    assert "again 30 min after each break" in output
    assert "stays connected to server 0" in output
    assert "server.0.rule.0 starts while server.1.rule.2 may be connected" in output


def test_explain_schedule_describes_server_mode() -> None:
    output = _run("explain-schedule", "--family", "energomera_gs04", "mode=server", "server_port=9001").stdout
    assert "listens on port 9001" in output


def test_simulate_names_fault_in_world_file(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text("modules: {a: {family: x, msisdn: '+79990000101'}}", "utf-8")
    result = _run("simulate", "--port-link", str(tmp_path / "modem"), "--world", str(path))
    assert result.exit_code == 1
    assert "modules.a.family" in result.stderr


def test_simulate_answers_probe_and_removes_its_link(tmp_path: Path) -> None:
    world = {"modules": {"pump": {"family": "lers_gsm_mini", "msisdn": "+79990000201"}}}
    simulator = Simulator(tmp_path, world)
    with simulator:
        report = json.loads(_run("probe", str(simulator.link)).stdout)
        assert (report["model"], report["usable"]) == ("SIM-800", True)
        assert simulator.stop() == 0
        simulator.start()
        simulator.stop()
    assert not simulator.link.exists()


def test_simulate_keeps_a_journal(tmp_path: Path) -> None:
    world = {"network": {"delay_s": 0}, "modules": {"pump": {"family": "lers_gsm_mini", "msisdn": PUMP}}}
    journal = tmp_path / "journal.jsonl"
    with Simulator(tmp_path, world, "--journal", str(journal)) as simulator:
        (pdu,) = encode_submits(PUMP, "1234;I", reference=1)
        with simulator.link.open("r+b", buffering=0) as port:
            port.write(f"AT+CMGS={pdu.tpdu_length}\r{pdu.pdu}\x1a".encode())
            wait_until(lambda: journal.read_bytes().endswith(b"\n"), lambda: simulator.log)
    line = json.loads(journal.read_text("utf-8"))
    assert (line["to"], line["text"], line.keys()) == (PUMP, "1234;I", {"at", "to", "text"})


def test_simulate_refuses_journal_that_cannot_be_written(tmp_path: Path) -> None:
    result = _run("simulate", "--port-link", str(tmp_path / "modem"), "--journal", str(tmp_path))
    assert result.exit_code == 1
    assert "journal: " in result.stderr


def test_detect_names_each_port(tmp_path: Path) -> None:
    world = {"modules": {"pump": {"family": "lers_gsm_mini", "msisdn": "+79990000201"}}}
    with Simulator(tmp_path, world) as simulator:
        result = _run("detect", str(tmp_path / "ttyNONE"), str(simulator.link))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"- {{id: modem, url: {simulator.link}, baudrate: 115200}}  # SimTel SIM-800\n"
    assert "ttyNONE: asking at 9600 baud" in result.stderr
    assert "does not exist" in result.stderr


def test_detect_fails_if_no_modem_answers(tmp_path: Path) -> None:
    result = _run("detect", str(tmp_path / "ttyNONE"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no modem answers" in result.stderr


async def test_sms_storage_is_listed_and_cleared(tmp_path: Path) -> None:
    async with World.load().run(tmp_path / "modem") as running:
        for n in range(2):
            running.carrier.inject("+79990000201", "+79990000000", f"message {n}")
        url = running.device
        listed = json.loads((await asyncio.to_thread(_run, "sms-storage", "list", url)).stdout)
        assert (listed["memory"], listed["used"], listed["total"]) == ("SM", 2, 20)
        assert [m["text"] for m in listed["messages"]] == ["message 0", "message 1"]
        assert listed["messages"][0]["sender"] == "+79990000201"
        kept = await asyncio.to_thread(_run, "sms-storage", "clear", url)
        assert (kept.exit_code, len(running.modem.storage.messages)) == (1, 2)
        assert "--yes" in kept.stderr
        cleared = await asyncio.to_thread(_run, "sms-storage", "clear", url, "--yes")
        assert len(json.loads(cleared.stdout)["messages"]) == 2
        assert running.modem.storage.messages == {}
        other = await asyncio.to_thread(_run, "sms-storage", "list", url, "--memory", "XX")
        assert "expected SM, ME" in " ".join(other.stderr.split())


def test_probe_names_missing_port(tmp_path: Path) -> None:
    result = _run("probe", str(tmp_path / "ttyNONE"))
    assert result.exit_code == 1
    assert "ttyNONE" in result.stderr
