"""A bridge with a module of the third family; test_third_family.py runs this in a process that has it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from gsm_meter_bridge.cli import app
from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError
from gsm_meter_bridge.families import families, family_of, simulated_module
from gsm_meter_bridge.model import Module, ModuleFacts
from gsm_meter_bridge.model.job import State
from gsm_meter_bridge.mqtt import discovery, documents
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.simulator import World as SimulatedWorld
from gsm_meter_bridge.storage import observations
from gsm_meter_bridge.translations import Language
from tests.support.in_memory_bridge import OWN, FakeTransport, InMemoryBridge, world

TOP = Path(__file__).parents[3]
SCHEMA = json.loads((TOP / "tests" / "contract" / "schema.json").read_text("utf-8"))
TOPICS = Topics("gsm_meter_modem", "home", "homeassistant", "homeassistant/status")
CONFIG = """
mqtt: {host: broker}
modems: [{id: stick, url: /dev/ttyUSB0, number: "+79990000000"}]
modules: [{id: logger, name: Logger, family: acme_pulse, number: "+79990000301"}]
"""


@pytest.fixture
def logger(tmp_path: Path) -> Module:
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    return load_config(tmp_path / "config.yaml").modules["logger"]


def _radio(**values: Any) -> FakeTransport:
    return FakeTransport(devices={"logger": simulated_module("acme_pulse", "4711", values, {})})


async def _facts(w: InMemoryBridge) -> ModuleFacts:
    async with w.database.transaction() as tx:
        return await observations.facts(tx, "logger")


def _fits(document: dict[str, Any], kind: str) -> None:
    Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{kind}"}).validate(json.loads(json.dumps(document)))


def test_configuration_takes_the_family(logger: Module) -> None:
    assert logger.family is families()["acme_pulse"]
    assert logger.access.password.reveal() == "4711"


def test_configuration_error_lists_third_family_as_expected(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.replace("acme_pulse", "acme"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yaml")
    assert "acme_pulse" in str(caught.value)


def test_discovery_has_entities_of_third_family(logger: Module) -> None:
    found = discovery.module_device(discovery.DiscoveryOptions(TOPICS), logger, {})
    _fits(found, "discovery")
    entities = {name: one for name, one in found["cmps"].items() if "p" in one}
    assert {"battery_mv", "battery_low", "tamper", "set_apn", "report_period_min", "led", "do_blink"} <= {
        *entities
    }
    text = json.dumps(entities)
    assert "mdi:timer" in text
    assert "mdi:led-on" in text
    assert "ftp_password" not in entities


def test_discovery_has_russian_translations_of_third_family(logger: Module) -> None:
    found = discovery.module_device(discovery.DiscoveryOptions(TOPICS, language=Language.RU), logger, {})
    names = {name: one["name"] for name, one in found["cmps"].items() if "name" in one}
    assert names["battery_mv"] == "Напряжение батареи"
    assert names["do_blink"] == "Помигать"
    assert found["cmps"]["led"]["ops"] == ["Автоматически", "Выключен"]


async def test_status_comes_by_sms_and_is_published(logger: Module) -> None:
    async with world(radio=_radio(battery_mv=3100, tamper=True), configured={"logger": logger}) as w:
        job = await w.commands.request_status("logger", CommandOptions())
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED
        facts = await _facts(w)
    document = documents.module_state(logger, facts, None, online=True, mask=False)
    _fits(document, "module")
    shown = {
        name: document[name] for name in ("signal_dbm", "battery_mv", "battery_low", "tamper", "tampered")
    }
    assert shown == {
        "signal_dbm": -71,
        "battery_mv": 3100,
        "battery_low": True,
        "tamper": True,
        "tampered": True,
    }


async def test_change_is_planned_and_verified_with_secrets_masked(logger: Module) -> None:
    async with world(radio=_radio(), configured={"logger": logger}) as w:
        plan = await w.commands.preview("logger", {"apn": "m2m.example"})
        assert [str(one) for one in plan.concerns] == ["apn: with a wrong APN it never reports"]
        changes = {"report_period_min": 30, "ftp_password": "hidden", "owner.0": OWN}
        job = await w.commands.apply("logger", changes, CommandOptions("t"))
        await w.settle()
        job = await w.job(job)
        assert job.state is State.VERIFIED, job
        facts = await _facts(w)
        sent = w.texts("logger")
    assert "4711#FTP hidden" in sent
    assert "hidden" not in repr(job)
    assert "hidden" not in repr(facts)
    document = documents.module_state(logger, facts, job, online=True, mask=True)
    _fits(document, "module")
    assert document["settings"]["report_period_min"] == 30
    assert document["settings"]["owner.0"] not in ("", OWN)


async def test_action_is_verified(logger: Module) -> None:
    async with world(radio=_radio(), configured={"logger": logger}) as w:
        job = await w.commands.act("logger", "blink", CommandOptions("t"))
        await w.settle()
        assert (await w.job(job)).state is State.VERIFIED


async def test_simulator_runs_module_of_third_family(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    module = (
        "{family: acme_pulse, msisdn: '+79990000301', values: {battery_mv: 3000}, faults: {jammed: true}}"
    )
    file.write_text(f"modules: {{a: {module}}}\n", "utf-8")
    async with SimulatedWorld.load(file).run() as running:
        (reply,) = running.modules["a"].receive(OWN, "4711#STATUS", 0.0)
    assert reply.text == "RSSI -113;BATT 3000;TAMPER 0"


def test_family_docs_are_generated_for_third_family() -> None:
    docs = runpy.run_path(str(TOP / "scripts" / "family_docs.py"))
    page = docs["page"](family_of("acme_pulse"))
    assert "| `report_period_min` | 2.5 | 5 to 1440 minutes |" in page
    assert "| 5 | dimensions | nothing to do |" in page
    assert "acme_pulse" in docs["with_choices"]((TOP / "app" / "config.yaml").read_text("utf-8"), families())


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["sms-text", "--family", "acme_pulse", "led=off"], "LED off"),
        (["decode", "--family", "acme_pulse", "--request", "STATUS"], '"battery_mv": 3000'),
        (["sms-text", "--help"], "acme_pulse"),
    ],
)
def test_command_line_knows_third_family(command: list[str], text: str) -> None:
    assert text in CliRunner().invoke(app, command, input="RSSI -71;BATT 3000;TAMPER 1").output
