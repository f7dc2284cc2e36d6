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

from custom_components.gsm_meter_modem import exchanges, services
from custom_components.gsm_meter_modem.actions import ACTIONS, Action
from custom_components.gsm_meter_modem.const import DOMAIN
from custom_components.gsm_meter_modem.errors import FAILURE_CODES, OF_CONTRACT_1, USER_CODES
from tests.integration.action_cases import CALLS, NO_FORM_SENDS, NOT_ASKED
from tests.integration.conftest import until
from tests.integration.fake_bridge import PlayedBridge, accepted, answering, golden, verified

Devices = dict[str, str]
TITLES = {
    "set_mode": "Set mode",
    "restore_factory_settings": "Restore factory settings",
    "clear_sms_storage": "Clear SMS storage",
}
FAMILY = {"family": "energomera_gs04"}

OF_MODEMS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("send_raw", "raw_at", {"command": "AT+CSQ"}, {}),
    ("send_ussd", "ussd", {"code": "*100#"}, {}),
    ("restart_modem", "restart_modem", {}, {}),
    ("list_sms_storage", "sms_storage", {}, {"operation": "list", "memory": "SM"}),
    ("select_sms_storage", "sms_storage", {"memory": "ME"}, {"operation": "select"}),
    ("clear_sms_storage", "sms_storage", {"memory": "MT", "confirm": True}, {"operation": "clear"}),
    ("read_master_sim", "master_sim", FAMILY, {"operation": "read"}),
    ("clear_master_sim", "master_sim", FAMILY | {"profile": "other"}, {"operation": "clear"}),
    (
        "write_master_sim",
        "master_sim",
        FAMILY | {"settings": {"apn": "m2m.example"}, "password": "4321"},
        {"operation": "write", "stored_as": "submit"},
    ),
]
"""Action, request, data of the call, and the fields that the request has besides."""


async def call(hass: HomeAssistant, name: str, device: str | list[str], **data: Any) -> Any:
    fields = {"device_id": device, **data}
    return await hass.services.async_call(DOMAIN, name, fields, blocking=True, return_response=True)


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
    at_once = {"plan", "cancel_job"} | {name for name, *_ in OF_MODEMS}
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
    ("name", "request_name", "data", "more"),
    OF_MODEMS,
)
async def test_modems(
    hass: HomeAssistant,
    played: PlayedBridge,
    devices: Devices,
    name: str,
    request_name: str,
    data: dict[str, str],
    more: dict[str, str],
) -> None:
    played.answer(request_name, lambda asked: [asked | {"status": "ok", "lines": ["OK"]}])
    answer = await call(hass, name, devices["stick"], **data)
    (asked,) = played.requests(request_name)
    assert asked == {"transaction": asked["transaction"], "modem": "stick", **data, **more}
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
    placeholders = raised.value.translation_placeholders
    assert placeholders is not None
    assert (placeholders["failed"], placeholders["asked"]) == ("1", "2")
    assert "Pump: The module rejected it: " in placeholders["details"]
    hass.config.language = "ru"
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", both)
    assert "Pump: Модуль отклонил: the modem cannot" in raised.value.translation_placeholders["details"]


async def test_errors_of_the_bridge(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    for error_code in sorted(USER_CODES | FAILURE_CODES | OF_CONTRACT_1.keys() | {"something_new"}):
        code = OF_CONTRACT_1.get(error_code, error_code)
        error = {"code": error_code, "message": "this message"}
        played.answer("reboot", answering("response_rejected", error=error))
        with pytest.raises(HomeAssistantError, match="this message") as raised:
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
    assert raised.value.translation_key == "error_rejected_by_module"


async def test_a_bridge_that_does_not_answer_is_asked_again(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "ANSWER_S", 0.1)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", devices["hut"])
    assert raised.value.translation_key == "not_answered"
    first, *more = played.requests("request_status")
    assert more == [first, first]  # the same transaction: the bridge does it once


async def test_an_outcome_that_is_never_reported(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "GRACE_S", 0.1)
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


async def test_what_is_not_asked(hass: HomeAssistant, played: PlayedBridge, devices: Devices) -> None:
    for name, device, data, key in NOT_ASKED:
        with pytest.raises(ServiceValidationError) as raised:
            await call(hass, name, devices.get(device, device), **data)
        assert raised.value.translation_key == key
        if key == "confirm_needed":  # named as its form is
            placeholders = raised.value.translation_placeholders
            assert placeholders == {"action": TITLES[name]}
    for name, data in NO_FORM_SENDS:
        with pytest.raises(vol.Invalid):
            await hass.services.async_call(
                DOMAIN, name, {"device_id": devices["hut"]} | data, blocking=True, return_response=True
            )
    assert not played.asked


async def test_a_bridge_that_is_away_or_of_another_time(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices, loaded: MockConfigEntry
) -> None:
    played.publish_below("bridge/state", {"state": "offline"})
    await until(lambda: not loaded.runtime_data.bridge.online)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, "request_status", devices["hut"])
    assert raised.value.translation_key == "bridge_offline"
    played.publish_below("bridge/info", golden("bridge_info") | {"contract": 99})
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
        if action.admin and not action.answers:
            data = {"device_id": devices["hut"]} | _least(action)
            with pytest.raises(Unauthorized):
                await hass.services.async_call(DOMAIN, action.name, data, blocking=True, context=context)
    assert not played.asked


def _least(action: Action) -> dict[str, Any]:
    samples: dict[str, Any] = {"settings": {}, "numbers": [], "password": "x", "confirm": True, "family": "x"}
    return {
        f.name: samples.get(f.name, f.example if f.default is None else f.default)
        for f in action.fields
        if f.required
    }


async def test_a_snapshot_is_what_apply_takes(
    hass: HomeAssistant, played: PlayedBridge, devices: Devices
) -> None:
    at_last = answering("response_status")
    played.answer("read_settings", lambda asked: [*list(verified(asked))[:1], *at_last(asked)])
    answer = await call(hass, "snapshot", devices["hut"])
    result = answer["results"][devices["hut"]]
    settings = golden("response_status")["data"]["settings"]
    assert result["settings"] == {name: value for name, value in settings.items() if value is not None}
    assert result["settings"]["apn"] == "m2m.example"
    assert "data" not in result
