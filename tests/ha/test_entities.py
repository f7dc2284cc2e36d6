"""The main job as the owner of a meter sees it, in a real Home Assistant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ha.conftest import COTTAGE, PUMP, HomeAssistantStack
from tests.ha.home_assistant import Session


def _is(value: str) -> Any:
    return lambda state: state["state"] == value


def _changed(setting: str) -> Any:
    return lambda state: setting in (state["attributes"].get("after") or {})


def _available(state: dict[str, Any]) -> bool:
    return state["state"] != "unavailable"


async def test_entities_of_module_appear_with_values_and_units(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        await user.add_mqtt(stack.broker.port)
        signal = await user.wait("sensor.cottage_signal_strength", _is("-71"))
        assert signal["attributes"]["unit_of_measurement"] == "dBm"
        assert signal["attributes"]["device_class"] == "signal_strength"
        assert signal["attributes"]["state_class"] == "measurement"
        iccid = await user.wait("sensor.cottage_iccid", _is("8970199000000000101"))
        assert iccid["attributes"]["friendly_name"] == "Cottage ICCID"
        await user.wait("text.cottage_apn", _is("internet"))
        states = await user.states()
        shown = {name: states[f"sensor.cottage_{name}"]["state"] for name in ("registration", "band", "imei")}
        assert shown == {"registration": "Home network", "band": "LTE band 7", "imei": "861234567890101"}
        band = states["sensor.cottage_band"]["attributes"]
        assert "LTE band 20" in band["options"]
        assert band["band"] == "lte_7"
        assert states["sensor.cottage_ip_address"]["state"] == "10.20.30.41"
        assert states["sensor.cottage_firmware_version"]["state"] == "c1.0v1.4.8420.1.1.1"
        assert states["sensor.cottage_last_seen"]["attributes"]["device_class"] == "timestamp"
        assert states["binary_sensor.cottage_signal_sufficient"]["state"] == "on"
        assert states["sensor.cottage_mode"]["state"] == "SMS"
        assert "select.cottage_set_mode" not in states  # it can cut the module off, so it is off by default
        assert states["binary_sensor.cottage_connection"]["state"] == "on"
        assert states["binary_sensor.cottage_connection"]["attributes"]["device_class"] == "connectivity"


async def test_lers_entities_are_disabled_if_sms_cannot_report_them(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        await user.wait("text.pump_apn", _is("internet"))
        states = await user.states()
        assert states["sensor.pump_signal_strength"]["state"] == "-83"
        assert states["sensor.pump_imei"]["state"] == "865374036612201"
        # a LERS modem cannot tell these by SMS, so they are disabled at first
        registry = {e["entity_id"]: e for e in await user.ask("config/entity_registry/list")}
        for name in ("band", "registration", "ip_address", "iccid", "operator"):
            assert registry[f"sensor.pump_{name}"]["disabled_by"] == "integration"
        assert registry["sensor.pump_signal_strength"]["disabled_by"] is None


async def test_module_that_never_answered_is_shown_as_disconnected(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        await user.wait("binary_sensor.pole_connection", _is("off"))
        states = await user.states()
        assert states["sensor.pole_firmware_version"]["state"] == "unavailable"
        assert states["button.pole_request_status"]["state"] != "unavailable"
        assert states["sensor.pole_last_seen"]["state"] == "unknown"


async def test_bridge_and_modem_are_devices_with_states(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        states = await user.states()
        assert states["binary_sensor.home_bridge_connection"]["state"] == "on"
        assert states["sensor.stick_signal_strength"]["state"] == "-73"
        assert states["sensor.stick_registration"]["state"] == "Home network"
        assert states["sensor.stick_operator"]["state"] == "SimTel"
        devices = {d["name"]: d for d in await user.ask("config/device_registry/list")}
        cottage, bridge = devices["Cottage"], devices["Bridge"]
        assert cottage["via_device_id"] == bridge["id"]
        assert devices["GSM modem"]["via_device_id"] == bridge["id"]
        assert (cottage["manufacturer"], cottage["sw_version"]) == ("Energomera", "c1.0v1.4.8420.1.1.1")


async def test_button_requests_status_by_one_sms(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        asked = stack.simulator.sms_to(PUMP)
        before = (await user.states())["event.pump_command_result"]["state"]
        await user.call("button", "press", entity_id="button.pump_request_status")
        result = await user.wait("event.pump_command_result", lambda s: s["state"] != before)
        assert result["attributes"]["event_type"] == "Command succeeded"
        assert result["attributes"]["action"] == "request_status"
        assert stack.simulator.sms_to(PUMP) == asked + 1


async def test_setting_is_unknown_until_read_and_can_be_changed(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        assert (await user.states())["number.cottage_connection_period"]["state"] == "unknown"
        await user.call("button", "press", entity_id="button.cottage_read_settings")
        period = await user.wait("number.cottage_connection_period", _is("300"))
        assert period["attributes"]["unit_of_measurement"] == "s"
        await user.call("number", "set_value", entity_id="number.cottage_connection_period", value=600)
        await user.wait("event.cottage_command_result", _changed("connect_period_s"))
        await user.wait("number.cottage_connection_period", _is("600"))


async def test_new_apn_is_verified_by_reading_back(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        sent = stack.simulator.sms_to(COTTAGE)
        await user.call("text", "set_value", entity_id="text.cottage_apn", value="m2m.example")
        result = await user.wait("event.cottage_command_result", _changed("apn"))
        reported = result["attributes"]
        assert (reported["event"], reported["state"]) == ("command_succeeded", "verified")
        assert (reported["before"], reported["after"]) == ({"apn": "internet"}, {"apn": "m2m.example"})
        await user.wait("text.cottage_apn", _is("m2m.example"))
        # one SMS to write, one to read back
        assert stack.simulator.sms_to(COTTAGE) == sent + 2


async def test_home_assistant_refuses_value_that_module_does_not_allow(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        with pytest.raises(AssertionError, match=r"services/text/set_value: [45]00"):
            await user.call("text", "set_value", entity_id="text.cottage_apn", value="a, b")
        assert (await user.states())["text.cottage_apn"]["state"] == "m2m.example"


async def test_entities_are_unavailable_while_bridge_is_down(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        stack.bridge.kill()
        for entity in ("sensor.cottage_signal_strength", "text.cottage_apn", "button.pump_request_status"):
            await user.wait(entity, _is("unavailable"))
        await user.wait("binary_sensor.home_bridge_connection", _is("off"))
        stack.bridge.start()
        await user.wait("sensor.cottage_signal_strength", _is("-71"))
        await user.wait("binary_sensor.home_bridge_connection", _is("on"))


async def test_entities_return_after_restart_of_home_assistant(stack: HomeAssistantStack) -> None:
    stack.home_assistant.stop()
    stack.home_assistant.start()
    async with stack.home_assistant.session() as user:
        await _all_back(user)


async def _all_back(user: Session) -> None:
    await user.wait("sensor.cottage_signal_strength", _is("-71"))
    await user.wait("text.cottage_apn", _is("m2m.example"))
    await user.wait("sensor.pump_signal_strength", _available)


async def test_firmware_update_is_offered_and_shows_progress(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        offered = await user.wait("update.pump_firmware", _is("on"))
        versions = offered["attributes"]
        assert (versions["installed_version"], versions["latest_version"]) == ("M1.1.0", "M1.2.0")
        await user.call("update", "install", entity_id="update.pump_firmware")
        await user.wait("update.pump_firmware", lambda s: s["attributes"]["in_progress"])
        await user.wait("sensor.pump_update_progress", _is("Downloading"))


async def test_home_assistant_logs_no_mqtt_warning_or_error(stack: HomeAssistantStack) -> None:
    lines = stack.home_assistant.log.splitlines()
    ours = [line for line in lines if "WARNING" in line or "ERROR" in line]
    assert [line for line in ours if "mqtt" in line.lower()] == []
