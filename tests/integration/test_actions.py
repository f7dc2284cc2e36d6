"""Each action asks the bridge for what it says, and answers with what became of it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.gsm_meter_modem.actions import ACTIONS, Action
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.errors import FAILURE_CODES, USER_CODES
from tests.integration.conftest import until
from tests.integration.played_bridge import PlayedBridge, accepted, answering, golden, verified

Devices = dict[str, str]
SURE = {"confirm": True}


async def call(hass: HomeAssistant, name: str, device: str | list[str], **data: Any) -> Any:
    fields = {"device_id": device, **data}
    return await hass.services.async_call(DOMAIN, name, fields, blocking=True, return_response=True)


def _list(name: str, *numbers: str) -> dict[str, str]:
    return {f"{name}.{x}": numbers[x] if x < len(numbers) else "" for x in range(10)}


CALLS: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("request_status", "hut", {}, "request_status", {}),
    ("read_settings", "pump", {}, "read_settings", {}),
    ("set_apn", "pump", {"apn": "m2m.example"}, "apply", {"settings": {"apn": "m2m.example"}}),
    (
        "set_apn",
        "hut",
        {"apn": "a", "user": "u", "password": "p", "authentication": "pap"},
        "apply",
        {"settings": {"apn": "a", "apn_user": "u", "apn_password": "p", "apn_authentication": "pap"}},
    ),
    ("set_mode", "hut", SURE | {"mode": "client"}, "apply", SURE | {"settings": {"mode": "client"}}),
    (
        "set_server",
        "hut",
        SURE | {"host": "a.example", "port": 20000},
        "apply",
        SURE | {"settings": {"server_host": "a.example", "server_port": 20000}},
    ),
    (
        "set_server",
        "pump",
        SURE | {"host": "a.example", "port": 20000},
        "apply",
        SURE | {"settings": {"server.0.address": "a.example:20000"}},
    ),
    (
        "set_server",
        "pump",
        SURE | {"host": "a.example", "port": 1, "server": 1, "enabled": False},
        "apply",
        SURE | {"settings": {"server.1.address": "a.example:1", "server.1.enabled": False}},
    ),
    (
        "set_connect_period",
        "hut",
        {"connect_period_s": 300},
        "apply",
        {"settings": {"connect_period_s": 300}},
    ),
    (
        "set_idle_restart_period",
        "hut",
        {"idle_restart_period_h": 12.0},
        "apply",
        {"settings": {"idle_restart_period_h": 12}},
    ),
    ("set_serial_port", "pump", {"serial_port": "CE 301"}, "apply", {"settings": {"serial_port": "CE 301"}}),
    (
        "set_server_rule",
        "pump",
        {"rule": 3, "start": "01:00:00", "end": "03:30:00", "every_min": 60},
        "apply",
        {"settings": {"server.0.rule.3": "01:00-03:30,60"}},
    ),
    (
        "set_server_rule",
        "pump",
        {"server": 1, "rule": 0, "start": "01:00", "end": "03:30"},
        "apply",
        {"settings": {"server.1.rule.0": "01:00-03:30"}},
    ),
    ("clear_server_rule", "pump", {"rule": 3}, "apply", {"settings": {"server.0.rule.3": ""}}),
    (
        "set_white_list",
        "pump",
        SURE | {"numbers": ["+79990000001", "+79990000002"]},
        "apply",
        SURE | {"settings": _list("white_list", "+79990000001", "+79990000002")},
    ),
    (
        "set_server_white_list",
        "pump",
        {"server": 1, "numbers": ["+79990000001"]},
        "apply",
        {"settings": _list("server.1.white_list", "+79990000001")},
    ),
    (
        "set_access_password",
        "pump",
        SURE | {"password": "4321"},
        "apply",
        SURE | {"settings": {"access_password": "4321"}},
    ),
    ("connect", "pump", {"server": 1}, "connect", {"server": 1}),
    ("disconnect", "pump", {}, "disconnect", {}),
    ("call", "pump", {}, "call", {}),
    ("reboot", "pump", {}, "reboot", {}),
    ("restore_factory_settings", "pump", SURE, "restore", SURE),
    ("update_firmware", "pump", SURE, "update", SURE),
    ("apply", "hut", {"settings": {"apn": "a"}}, "apply", {"settings": {"apn": "a"}}),
    ("apply", "hut", SURE | {"settings": {"mode": "sms"}}, "apply", SURE | {"settings": {"mode": "sms"}}),
]


async def test_what_an_action_asks(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    after = {"apn": "m2m.example", "apn_password": "***"}
    for name, module, data, request_name, fields in CALLS:
        played.asked.clear()
        played.answer(request_name, verified)
        answer = await call(hass, name, devices[module], **data)
        (asked,) = played.requests(request_name)
        assert asked == {"transaction": asked["transaction"], "module": module, **fields}, name
        result = answer["results"][devices[module]]
        assert (result["status"], result["state"], result["module"]) == ("ok", "verified", module), name
        assert (result["before"], result["after"]) == ({"apn": ""}, after), name
        assert result["accepted"] == {"deadline": "2999-01-01T00:00:00+00:00", "messages": 2}, name
        assert "transaction" not in result


def test_every_action_of_a_module_is_tried() -> None:
    at_once = {"plan", "cancel_job", "send_raw", "send_ussd", "restart_modem"}
    assert {name for name, *_ in CALLS} | at_once == {action.name for action in ACTIONS}


async def test_plan(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    played.answer("plan", answering("response_plan"))
    settings = golden("request_plan")["settings"]
    answer = await call(hass, "plan", devices["hut"], settings=settings)
    (asked,) = played.requests("plan")
    assert asked == golden("request_plan") | {"transaction": asked["transaction"]}
    plan = answer["results"][devices["hut"]]["plan"]
    assert (plan["messages"], plan["restarts"]) == (8, True)
    with pytest.raises(ServiceValidationError, match="response"):
        await hass.services.async_call(
            DOMAIN, "plan", {"device_id": devices["hut"], "settings": settings}, blocking=True
        )


@pytest.mark.parametrize(
    ("name", "request_name", "data"),
    [
        ("send_raw", "raw_at", {"command": "AT+CSQ"}),
        ("send_ussd", "ussd", {"code": "*100#"}),
        ("restart_modem", "restart_modem", {}),
    ],
)
async def test_modems(
    hass: HomeAssistant,
    played: PlayedBridge,
    devices: Devices,
    name: str,
    request_name: str,
    data: dict[str, str],
) -> None:
    played.answer(request_name, lambda asked: [asked | {"status": "ok", "lines": ["OK"]}])
    answer = await call(hass, name, devices["stick"], **data)
    (asked,) = played.requests(request_name)
    assert asked == {"transaction": asked["transaction"], "modem": "stick", **data}
    assert answer["results"][devices["stick"]]["lines"] == ["OK"]


async def test_cancel(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    played.answer("cancel", lambda asked: [asked | {"status": "ok", "state": "cancelled"}])
    for device in ("bridge", "pump"):
        await call(hass, "cancel_job", devices[device], job="1")
    first, second = played.requests("cancel")
    assert first == {"transaction": first["transaction"], "job": "1"}
    assert second["job"] == "1"


async def test_not_waiting_and_a_deadline(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices
) -> None:
    played.answer("request_status", answering("response_accepted"))
    answer = await call(hass, "request_status", devices["pump"], wait=False, timeout={"minutes": 10})
    result = answer["results"][devices["pump"]]
    assert (result["status"], result["job"]) == ("accepted", golden("response_accepted")["job"])
    (asked,) = played.requests("request_status")
    deadline = datetime.fromisoformat(asked["deadline"])
    assert 500 < (deadline - datetime.now(deadline.tzinfo)).total_seconds() <= 600


async def test_without_a_response(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    played.answer("request_status", verified)
    data = {"device_id": devices["hut"]}
    assert await hass.services.async_call(DOMAIN, "request_status", data, blocking=True) is None
    assert len(played.requests("request_status")) == 1


async def test_several_devices(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    played.answer("request_status", verified)
    both = [devices["hut"], devices["pump"], devices["hut"]]
    answer = await call(hass, "request_status", both)
    assert {r["module"] for r in answer["results"].values()} == {"hut", "pump"}
    assert len(played.requests("request_status")) == 2
    played.answer(
        "request_status",
        lambda asked: verified(asked) if asked["module"] == "hut" else answering("response_error")(asked),
    )
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", both)
    assert raised.value.translation_key == "some_failed"
    words = raised.value.translation_placeholders
    assert words is not None
    assert (words["failed"], words["asked"]) == ("1", "2")
    assert "Pump: " in words["details"]


async def test_errors_of_the_bridge(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    for code in sorted(USER_CODES | FAILURE_CODES | {"something_new"}):
        error = {"code": code, "message": "these words"}
        played.answer("reboot", answering("response_rejected", error=error))
        with pytest.raises(HomeAssistantError, match="these words") as raised:
            await call(hass, "reboot", devices["pump"])
        assert isinstance(raised.value, ServiceValidationError) == (code in USER_CODES), code
        key = "error_other" if code == "something_new" else f"error_{code}"
        assert raised.value.translation_key == key


async def test_a_change_that_fails_in_the_end(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices
) -> None:
    def reply(asked: dict[str, Any]) -> list[dict[str, Any]]:
        ours = {"transaction": asked["transaction"]}
        return [accepted() | ours, accepted() | ours, golden("response_error") | ours]

    played.answer("apply", reply)
    with pytest.raises(HomeAssistantError, match="it answered Err") as raised:
        await call(hass, "set_apn", devices["pump"], apn="m2m.example")
    assert raised.value.translation_key == "error_module_refused"


@pytest.mark.usefixtures("hurried")
async def test_a_bridge_that_does_not_answer_is_asked_again(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices
) -> None:
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", devices["hut"])
    assert raised.value.translation_key == "not_answered"
    first, *more = played.requests("request_status")
    assert more == [first, first]  # the same transaction: the bridge does it once


@pytest.mark.usefixtures("hurried")
async def test_an_outcome_that_is_never_told(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices
) -> None:
    played.answer("request_status", answering("response_accepted"))  # its deadline is long over
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", devices["hut"])
    assert raised.value.translation_key == "no_outcome"


async def test_unloaded_while_waiting(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices, loaded: MockConfigEntry
) -> None:
    played.answer("request_status", lambda asked: [accepted(transaction=asked["transaction"])])
    waiting = hass.async_create_task(call(hass, "request_status", devices["hut"]))
    await until(lambda: played.requests("request_status"))
    await asyncio.sleep(0.1)
    await hass.config_entries.async_unload(loaded.entry_id)
    with pytest.raises(HomeAssistantError) as raised:
        await waiting
    assert raised.value.translation_key == "unloaded"
    with pytest.raises(ServiceValidationError) as refused:
        await call(hass, "request_status", devices["hut"])
    assert refused.value.translation_key == "foreign_device"


NOT_ASKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("request_status", "nothing", {}, "unknown_device"),
    ("request_status", "stick", {}, "not_a_module"),
    ("send_raw", "pump", {"command": "AT"}, "not_a_modem"),
    ("reboot", "hut", {}, "action_missing"),
    ("set_mode", "pump", SURE | {"mode": "sms"}, "setting_missing"),
    ("apply", "pump", {"settings": {"colour": "red"}}, "setting_missing"),
    ("set_white_list", "pump", SURE | {"numbers": ["+79990000001"] * 11}, "setting_missing"),
    ("set_server", "hut", SURE | {"host": "a", "port": 1, "server": 1}, "setting_missing"),
    ("set_mode", "hut", {"mode": "sms"}, "confirm_needed"),
    ("restore_factory_settings", "pump", {"confirm": False}, "confirm_needed"),
]
NO_FORM_SENDS: list[tuple[str, dict[str, Any]]] = [
    ("set_apn", {}),
    ("set_apn", {"apn": "a", "colour": "red"}),
    ("set_connect_period", {"connect_period_s": 59}),
    ("set_mode", SURE | {"mode": "sleep"}),
    ("request_status", {"device_id": []}),
]


async def test_what_is_not_asked(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    for name, device, data, key in NOT_ASKED:
        with pytest.raises(ServiceValidationError) as raised:
            await call(hass, name, devices.get(device, device), **data)
        assert raised.value.translation_key == key
    for name, data in NO_FORM_SENDS:
        with pytest.raises(vol.Invalid):
            await hass.services.async_call(
                DOMAIN, name, {"device_id": devices["hut"]} | data, blocking=True, return_response=True
            )
    assert not played.asked


async def test_a_bridge_that_is_away_or_of_another_time(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices, loaded: MockConfigEntry
) -> None:
    played.tell("bridge/state", {"state": "offline"})
    await until(lambda: not loaded.runtime_data.bridge.online)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", devices["hut"])
    assert raised.value.translation_key == "bridge_offline"
    played.tell("bridge/info", golden("bridge_info") | {"contract": 2})
    await until(lambda: not loaded.runtime_data.bridge.info.supported)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "cancel_job", devices["bridge"], job="1")
    assert raised.value.translation_key == "contract_unsupported"
    assert not played.asked


async def test_who_may(
    hass: HomeAssistant, devices: Devices, played: PlayedBridge, hass_read_only_user: MockUser
) -> None:
    context = Context(user_id=hass_read_only_user.id)
    for action in ACTIONS:
        assert action.admin or not action.confirm  # what is dangerous is for administrators
        if action.admin:
            data = {"device_id": devices["hut"]} | _least(action)
            with pytest.raises(Unauthorized):
                await hass.services.async_call(DOMAIN, action.name, data, blocking=True, context=context)
    assert not played.asked


def _least(action: Action) -> dict[str, Any]:
    samples: dict[str, Any] = {"settings": {}, "numbers": [], "password": "x", "confirm": True}
    return {f.name: samples.get(f.name, f.example) for f in action.fields if f.required}
