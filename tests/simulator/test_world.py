"""A world from a file, its modem on a pty, and the real modem driver against it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gsm_meter_bridge.errors import ConfigError, InvalidValueError
from gsm_meter_bridge.modem import ReceivedPdu, probe
from gsm_meter_bridge.simulator import World
from gsm_meter_bridge.sms import SmsDeliver, decode_pdu, encode_submits
from tests.support.modems import modem_at
from tests.support.terminal import Terminal, send, submit_pdu
from tests.support.waiting import PATIENCE_S

WORLD = """
network: {delay_s: 0}
modules:
  pump: {family: lers_gsm_mini, msisdn: "+79990000201", values: {signal_dbm: -83}}
  hut: {family: energomera_gs04, msisdn: "+79990000101"}
"""


_PUMP = "family: lers_gsm_mini, msisdn: '+79990000101'"


def _one(module: str) -> str:
    return f"modules:\n  a: {{{module}}}"


def _world(tmp_path: Path, text: str = WORLD) -> World:
    path = tmp_path / "world.yaml"
    path.write_text(text, "utf-8")
    return World.load(path)


def test_built_in_world_has_two_modules_of_each_family_and_a_silent_one() -> None:
    world = World.load()
    families = [m.family for m in world.modules]
    assert min(families.count("energomera_gs04"), families.count("lers_gsm_mini")) >= 2
    assert any(m.silent for m in world.modules)
    assert len({str(m.values) for m in world.modules}) == len(world.modules)


def test_world_uses_factory_password_by_default_and_hides_it(tmp_path: Path) -> None:
    passwords = {m.id: m.password for m in _world(tmp_path).modules}
    assert passwords == {"pump": "1234", "hut": "12345678"}
    assert "12345678" not in repr(_world(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_one("family: zigbee, msisdn: '+79990000101'"), "modules.a.family: 'zigbee'; expected one of"),
        (_one("family: lers_gsm_mini, msisdn: 112"), "modules.a.msisdn: expected a number in quotes"),
        (_one("family: lers_gsm_mini, msisdn: '112'"), "modules.a.msisdn: expected a number in quotes"),
        (
            _one("family: lers_gsm_mini, msisdn: '+79990000101', values: {apm: x}"),
            "modules.a.values: unknown value 'apm'; known: apn,",
        ),
        (
            _one("family: energomera_gs04, msisdn: '+79990000101', values: {band: lte_99}"),
            "modules.a.values: band: 'lte_99' is not allowed; expected undetermined, gsm_900",
        ),
        (
            _one("family: energomera_gs04, msisdn: '+79990000101', values: {imei: 861234567890123}"),
            "modules.a.values: imei: 861234567890123 is not allowed; expected a value like '86",
        ),
        (
            f"{_one(_PUMP)}\n  b: {{{_PUMP}}}",
            "modules.b.msisdn: '+79990000101' is also the number of a",
        ),
        ("modules: {A!: {family: lers_gsm_mini, msisdn: '+79990000101'}}", "expected an id"),
        ("modules: {}\nnetwork: {delay_s: -1}", "network.delay_s"),
        ("modules: {}\nmodem_faults: {pin: 1234}", "modem_faults.pin: expected 4 to 8 digits in quotes"),
        ("modules: {}\nmodem_faults: {pin: '12'}", "modem_faults.pin: expected 4 to 8 digits in quotes"),
        ("modules: {}\nmodem_faults: {registration: 6}", "modem_faults.registration: expected a state of"),
        ("modules: {}\nmodem_faults: {registration: yes}", "modem_faults.registration: expected a state of"),
        (
            "modules: {}\nmodem_faults: {cms_errors: [500, x]}",
            "modem_faults.cms_errors.1: expected numbers of",
        ),
        (
            "modules: {}\nmodem_faults: {silent: 1}",
            "modem_faults.silent: 1 is not allowed; allowed: true or false",
        ),
        ("modules: {}\nmodem_faults: {csq: 1}", "modem_faults.csq: there is no such option"),
        ("network: {}", "modules: is missing"),
        ("- 1", "top level: a list of 1 entries is not allowed; allowed: options"),
        ("{", "cannot be read"),
    ],
)
def test_world_file_error_names_option_and_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        _world(tmp_path, text)
    assert message in str(error.value)
    assert "world.yaml" in str(error.value)


def test_world_file_that_is_missing_raises_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        World.load(tmp_path / "none.yaml")


async def test_probe_identifies_simulated_modem(tmp_path: Path) -> None:
    async with _world(tmp_path).run() as running:
        report = (await probe(running.device)).to_dict()
    assert (report["manufacturer"], report["model"], report["usable"]) == ("SimTel", "SIM-800", True)
    assert report["lacks"] == ["tries left of the PIN (+CPINR)"]


async def test_modem_driver_sends_request_and_receives_reply_over_pty(tmp_path: Path) -> None:
    received: asyncio.Queue[Sequence[ReceivedPdu]] = asyncio.Queue()
    link = tmp_path / "modem"
    async with _world(tmp_path).run(link) as running:
        assert link.is_symlink()
        modem = modem_at(str(link), on_received=received.put)
        task = asyncio.create_task(modem.run())
        async with asyncio.timeout(PATIENCE_S):
            await modem.wait_ready()
            (request,) = encode_submits("+79990000201", "1234;I", reference=1)
            await modem.send_sms(request)
            reply = decode_pdu((await received.get())[0].pdu_hex)
        assert isinstance(reply, SmsDeliver)
        assert reply.user_data.text is not None
        assert reply.user_data.text.endswith("Signal level: -83dBm (36%)")
        while running.modem.storage.messages:  # it is deleted only once it was handed over
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])
    assert not link.exists()


async def test_pty_carries_long_message_list_in_full(tmp_path: Path) -> None:
    async with _world(tmp_path).run() as running:
        for _ in range(20):
            running.carrier.inject("+79990000201", "+79990000000", "x" * 150)
        fd = os.open(running.device, os.O_RDWR | os.O_NOCTTY)
        os.write(fd, b"ATE0\rAT+CMGL=4\r")
        received = b""
        async with asyncio.timeout(PATIENCE_S):
            while received.count(b"OK") < 2:
                received += await asyncio.to_thread(os.read, fd, 512)
        os.close(fd)
    assert received.count(b"+CMGL: ") == 20


@pytest.mark.parametrize("name", ["taken", "no/such/folder"])
async def test_world_rejects_link_if_path_is_taken_or_has_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("something of the user's", "utf-8")
    with pytest.raises(InvalidValueError, match="link: "):
        async with _world(tmp_path).run(tmp_path / name):
            pass
    assert (tmp_path / "taken").read_text("utf-8") == "something of the user's"


async def test_modem_driver_receives_messages_stored_before_its_start(tmp_path: Path) -> None:
    received: asyncio.Queue[Sequence[ReceivedPdu]] = asyncio.Queue()
    async with _world(tmp_path).run() as running:
        running.carrier.inject("+79990000201", "+79990000000", "while nobody listened")
        modem = modem_at(running.device, on_received=received.put)
        task = asyncio.create_task(modem.run())
        waited = decode_pdu((await asyncio.wait_for(received.get(), PATIENCE_S))[0].pdu_hex)
        task.cancel()
        await asyncio.wait([task])
    assert isinstance(waited, SmsDeliver)
    assert waited.user_data.text == "while nobody listened"


@pytest.mark.parametrize(
    ("faults", "command", "answer"),
    [
        ("no_sim: true", "AT+CPIN?", ["+CME ERROR: 10"]),
        ('pin: "4321"', "AT+CPIN?", ["+CPIN: SIM PIN", "OK"]),
        ('pin: "4321", pin_tries: 0', "AT+CPIN?", ["+CPIN: SIM PUK", "OK"]),
        ('pin: "4321", pin_tries: 0, puk: "11112222"', 'AT+CPIN="11112222","1"', ["ERROR"]),
        ('pin: "4321", pin_tries: 0, puk: "11112222"', 'AT+CPIN="11112222","1234"', ["OK"]),
        ("registration: 3", "AT+CREG?", ["+CREG: 0,3", "OK"]),
        ("silent: true", "AT", []),
    ],
)
async def test_modem_has_faults_of_world_file(
    tmp_path: Path, faults: str, command: str, answer: list[str]
) -> None:
    async with _world(tmp_path, f"{WORLD}\nmodem_faults: {{{faults}}}").run() as running:
        terminal = Terminal(running.modem)
        terminal.ask("ATE0+CMEE=1")
        assert terminal.ask(command) == answer


async def test_modem_faults_start_from_beginning_in_each_run(tmp_path: Path) -> None:
    world = _world(tmp_path, f"{WORLD}\nmodem_faults: {{cms_errors: [500, 38]}}")
    for _ in range(2):
        async with world.run() as running:
            terminal = Terminal(running.modem)
            terminal.ask("ATE0")
            ends = [send(terminal, submit_pdu("1234;I")).splitlines()[1] for _ in range(3)]
            assert ends == ["+CMS ERROR: 500", "+CMS ERROR: 38", "+CMGS: 1"]


async def test_journal_records_messages_delivered_to_modules(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    before = time.time()
    for n, text in enumerate(("1234;I", "1234;" + "S0R;" * 50), start=1):
        async with _world(tmp_path).run(journal=journal) as running:
            modem = Terminal(running.modem)
            modem.ask("ATE0")
            for pdu in encode_submits("+79990000201", text, reference=1):
                send(modem, pdu)
            async with asyncio.timeout(PATIENCE_S):
                while not running.carrier.delivered_to("+79990000201"):
                    await asyncio.sleep(0.005)
            lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
        assert len(lines) == n
        assert (lines[-1]["to"], lines[-1]["text"]) == ("+79990000201", text)
        assert before <= lines[-1]["at"] <= time.time()


async def test_world_rejects_journal_if_path_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="journal: "):
        async with _world(tmp_path).run(journal=tmp_path):
            pass
