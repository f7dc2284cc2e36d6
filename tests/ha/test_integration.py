"""The integration in a real Home Assistant: found, added, its actions verified in the simulated world."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ha.conftest import COTTAGE, PUMP, HomeAssistantStack
from tests.ha.home_assistant import Session

OURS = "gsm_meter_modem"


async def _device(user: Session, name: str) -> str:
    devices = await user.ask("config/device_registry/list")
    return str(next(device["id"] for device in devices if device["name"] == name))


async def test_integration_discovers_and_adds_bridge(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        await user.add_mqtt(stack.broker.port)
        entry = await user.confirm(OURS)
        assert (entry["title"], entry["domain"]) == ("Bridge", OURS)
        await user.wait("sensor.cottage_signal_strength", lambda state: state["state"] == "-71")
        entries = await user.get("/api/config/config_entries/entry")
        states = {entry["domain"]: entry["state"] for entry in entries}
        assert (states[OURS], states["mqtt"]) == ("loaded", "loaded")


async def test_action_is_verified_by_reading_back(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        cottage = await _device(user, "Cottage")
        answer = await user.answer(OURS, "set_apn", device_id=cottage, apn="m2m.example")
        result = answer["results"][cottage]
        assert (result["status"], result["state"], result["module"]) == ("ok", "verified", "cottage")
        assert (result["before"], result["after"]) == ({"apn": "internet"}, {"apn": "m2m.example"})
        assert result["accepted"]["messages"] >= 2  # one SMS to write, one to read back
        await user.wait("text.cottage_apn", lambda state: state["state"] == "m2m.example")


async def test_plan_action_sends_no_sms(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        sent = stack.simulator.sms_to(COTTAGE)
        cottage = await _device(user, "Cottage")
        settings = {"mode": "client", "server_host": "a.example"}
        answer = await user.answer(OURS, "plan", device_id=cottage, settings=settings)
        plan = answer["results"][cottage]["plan"]
        assert plan["restarts"]
        assert {concern["setting"] for concern in plan["concerns"]} >= {"mode", "server_host"}
        assert stack.simulator.sms_to(COTTAGE) == sent


async def test_action_takes_several_modules_of_both_families(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        pump, cottage = await _device(user, "Pump"), await _device(user, "Cottage")
        answer = await user.answer(OURS, "request_status", device_id=[pump, cottage])
        data = {device: result["data"] for device, result in answer["results"].items()}
        assert (data[pump]["signal_dbm"], data[cottage]["signal_dbm"]) == (-83, -71)
        answer = await user.answer(OURS, "set_serial_port", device_id=pump, serial_port="4800,8,N,1")
        assert answer["results"][pump]["after"] == {"serial_port": "4800,8,N,1"}


async def test_refused_action_sends_no_sms(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        sent = stack.simulator.sms_to(PUMP)
        pump = await _device(user, "Pump")
        refused: list[tuple[str, dict[str, Any], str]] = [
            ("restore_factory_settings", {}, "can cut a module off or lose its settings"),
            ("set_mode", {"mode": "sms", "confirm": True}, "Pump has no setting mode"),
            ("set_serial_port", {"serial_port": "9600,9,N,1"}, "The value is not allowed: serial_port"),
        ]
        for name, data, message in refused:
            with pytest.raises(AssertionError, match=rf"{name}\?return_response: 400 .*{message}"):
                await user.answer(OURS, name, device_id=pump, **data)
        assert stack.simulator.sms_to(PUMP) == sent


async def test_action_fields_are_translated_and_take_several_devices(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        fields = (await user.ask("get_services"))[OURS]["set_apn"]["fields"]
        assert fields["device_id"]["selector"]["device"]["multiple"]
        asked = {"integration": [OURS], "category": "services", "language": "ru"}
        translations = (await user.ask("frontend/get_translations", **asked))["resources"]
        assert translations[f"component.{OURS}.services.set_apn.name"] == "Задать APN"
        for field in fields:
            assert translations[f"component.{OURS}.services.set_apn.fields.{field}.name"]


async def test_repairs_name_unverified_profile_and_diagnostics_are_redacted(
    stack: HomeAssistantStack,
) -> None:
    async with stack.home_assistant.session() as user:
        issues = (await user.ask("repairs/list_issues"))["issues"]
        ours = {issue["translation_key"] for issue in issues if issue["domain"] == OURS}
        assert "profile_unverified" in ours
        entries = await user.get("/api/config/config_entries/entry")
        entry_id = next(entry["entry_id"] for entry in entries if entry["domain"] == OURS)
        reported = await user.get(f"/api/diagnostics/config_entry/{entry_id}")
        assert reported["data"]["online"]
        text = json.dumps(reported["data"])
        for private in (COTTAGE, PUMP, "861234567890101", "8970199000000000101", "10.20.30.41"):
            assert private not in text
    errors = [line for line in stack.home_assistant.log.splitlines() if " ERROR " in line and OURS in line]
    assert not errors
