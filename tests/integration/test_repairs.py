"""What Home Assistant's Repairs show, and what they can do."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.gsm_meter_modem import repairs as our_repairs
from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import all_received, until
from tests.integration.fake_bridge import PlayedBridge, answering, golden

HUT = golden("module_energomera")
UNREACHABLE = "home/module_pump_module_unreachable"
NEVER = "home/module_pump_module_never_seen"
PROFILE = "home/profile_assumed_status_profile_unverified"
METER = "home/module_hut_meter_changed"
DRIFT = "home/module_hut_settings_drifted"


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Ours, by id."""
    registry = ir.async_get(hass)
    return {i: issue for (d, i), issue in registry.issues.items() if d == DOMAIN and issue.active}


async def _pass_time(hass: HomeAssistant, **time: int) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(**time))
    await hass.async_block_till_done()


async def test_what_the_golden_documents_show(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    found = issues(hass)
    assert set(found) == {NEVER, DRIFT, PROFILE}
    unreachable = found[NEVER]
    assert unreachable.is_fixable
    assert unreachable.severity is ir.IssueSeverity.ERROR
    assert unreachable.translation_key == "module_never_seen"
    assert unreachable.translation_placeholders == {"name": "Pump house", "polls": "3"}
    assert found[PROFILE].severity is ir.IssueSeverity.WARNING
    placeholders = {"name": "assumed_status", "profile": "assumed_status", "count": "1", "modules": "Hut"}
    assert found[PROFILE].translation_placeholders == placeholders


async def test_a_module_that_has_answered_before(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    await hass.config.async_set_time_zone("Europe/Moscow")
    played.publish_below("module/pump", golden("module_lers") | {"last_seen": "2026-11-21T22:00:00+00:00"})
    await until(lambda: UNREACHABLE in issues(hass))
    assert NEVER not in issues(hass)
    placeholders = issues(hass)[UNREACHABLE].translation_placeholders
    assert placeholders == {"name": "Pump house", "polls": "3", "last_seen": "2026-11-22 01:00"}
    played.publish_below("module/pump", golden("module_lers") | {"last_seen": "lately"})
    await until(lambda: "lately" in str(issues(hass)[UNREACHABLE].translation_placeholders))


async def test_a_profile_is_reported_once_for_all_its_modules(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    def modules() -> str | None:
        issue = issues(hass).get(PROFILE)
        return None if issue is None else (issue.translation_placeholders or {})["modules"]

    profile = {"profile": {"name": "assumed_status", "verified": False}}
    played.publish_below("module/pump", golden("module_lers") | profile)
    await until(lambda: modules() == "Hut, Pump house")
    assert [i for i in issues(hass) if i.endswith("profile_unverified")] == [PROFILE]
    played.publish_below("module/hut", "")
    await until(lambda: modules() == "Pump house")
    played.publish_below(
        "module/pump", golden("module_lers") | {"profile": {"name": "mine", "verified": True}}
    )
    await until(lambda: modules() is None)


async def test_names_are_those_of_devices(
    hass: HomeAssistant, mqtt: MockConfigEntry, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    def names() -> set[str]:
        placeholders = (issues(hass).get(i) for i in ("home/modem_stick_modem_sim_missing", NEVER))
        return {(issue.translation_placeholders or {})["name"] for issue in placeholders if issue}

    played.publish_below("modem/stick", golden("modem") | {"sim": "missing"})
    await until(lambda: "home/modem_stick_modem_sim_missing" in issues(hass))
    assert names() == {"stick", "Pump house"}
    played.discover()
    await until(lambda: names() == {"GSM modem", "Pump house"})
    await until(lambda: hass.states.get("event.pump_command_result"))
    registry = dr.async_get(hass)
    devices = {d.name: d.id for d in dr.async_entries_for_config_entry(registry, mqtt.entry_id)}
    registry.async_update_device(devices["GSM modem"], name_by_user="Attic")
    registry.async_update_device(devices["Pump house"], name_by_user="Well")
    await until(lambda: names() == {"Attic", "Well"})
    await all_received(hass)
    played.publish("homeassistant/device/gmm_home_module_pump/config", "")
    await until(lambda: names() == {"Attic", "Pump house"})
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: names() == {"Attic", "Pump house"})


async def test_what_is_over_is_taken_back(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.publish_below("module/pump", golden("module_lers") | {"missed_polls": 0})
    await until(lambda: NEVER not in issues(hass))
    played.publish_below("module/pump", golden("module_lers"))
    await until(lambda: NEVER in issues(hass))
    played.publish_below("module/pump", "")
    await until(lambda: NEVER not in issues(hass))


async def test_only_what_was_chosen(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"issues": ["profile_unverified"]})
    await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: set(issues(hass)) == {PROFILE})


async def test_a_bridge_away_is_reported_after_a_while(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.publish_below("bridge/state", {"state": "offline"})
    await until(lambda: not loaded.runtime_data.bridge.online)
    await _pass_time(hass, minutes=29)
    assert "home/bridge_home_bridge_away" not in issues(hass)
    await _pass_time(hass, minutes=31)
    assert "home/bridge_home_bridge_away" in issues(hass)
    played.publish_below("bridge/state", {"state": "online"})
    await until(lambda: "home/bridge_home_bridge_away" not in issues(hass))


async def test_a_short_absence_is_not_notified(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.publish_below("modem/stick", golden("modem") | {"connected": False, "problem": "the port is held"})
    await until(lambda: not loaded.runtime_data.bridge.modems["stick"].connected)
    await _pass_time(hass, minutes=20)
    played.publish_below("modem/stick", golden("modem"))
    await until(lambda: loaded.runtime_data.bridge.modems["stick"].connected)
    await _pass_time(hass, minutes=60)
    assert not [i for i in issues(hass) if "stick" in i]


async def test_a_port_that_another_program_holds(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    held = {"connected": False, "problem": "another program uses it", "problem_code": "port_held"}
    played.publish_below("modem/stick", golden("modem") | held)
    await until(lambda: not loaded.runtime_data.bridge.modems["stick"].connected)
    assert "home/modem_stick_modem_port_held" not in issues(hass)
    await _pass_time(hass, minutes=2)
    issue = issues(hass)["home/modem_stick_modem_port_held"]
    assert issue.translation_placeholders == {"name": "stick", "problem": "another program uses it"}
    await _pass_time(hass, minutes=60)
    assert [i for i in issues(hass) if "stick" in i] == ["home/modem_stick_modem_port_held"]


async def test_a_signal_too_low_for_a_day(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    low = HUT | {"signal_dbm": -97, "signal_sufficient": False, "signal_threshold_dbm": -91}
    played.publish_below("module/hut", low)
    await until(lambda: loaded.runtime_data.bridge.modules["hut"].signal_dbm == -97)
    await _pass_time(hass, hours=25)
    issue = issues(hass)["home/module_hut_signal_low"]
    assert issue.translation_placeholders == {"name": "Hut", "signal": "-97", "threshold": "-91"}
    played.publish_below("module/hut", low | {"signal_dbm": -99})
    await until(lambda: "-99" in str(issues(hass)["home/module_hut_signal_low"].translation_placeholders))


async def _fix(
    hass: HomeAssistant, client: ClientSessionGenerator, issue_id: str, *chosen: str
) -> tuple[dict[str, Any], ...]:
    """Go through a flow as the frontend does, choosing from menus and submitting; what it shows."""
    http = await client()
    path = "/api/repairs/issues/fix"
    async with http.post(path, json={"handler": DOMAIN, "issue_id": issue_id}) as response:
        assert response.status == HTTPStatus.OK
        shown = [await response.json()]
    for given in (*({"next_step_id": step} for step in chosen), {}):
        if shown[-1]["type"] not in ("menu", "form"):
            break
        async with http.post(f"{path}/{shown[0]['flow_id']}", json=given) as response:
            assert response.status == HTTPStatus.OK
            shown.append(await response.json())
    return tuple(shown)


@pytest.mark.usefixtures("repairs")
async def test_a_silent_module_is_asked(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("request_status", answering("response_accepted"))
    question, end = await _fix(hass, hass_client, NEVER)
    assert (question["step_id"], question["description_placeholders"]["name"]) == ("confirm", "Pump house")
    # it was asked, which has solved nothing yet
    assert (end["type"], end["reason"]) == ("abort", "asked")
    assert end["description_placeholders"]["name"] == "Pump house"
    (asked,) = played.requests("request_status")
    assert asked["module"] == "pump"
    assert NEVER in issues(hass)
    played.publish_below("module/pump", golden("module_lers") | {"missed_polls": 0})
    await until(lambda: NEVER not in issues(hass))


@pytest.mark.usefixtures("repairs")
async def test_a_module_that_has_answered_meanwhile(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("request_status", answering("response_status"))
    _, end = await _fix(hass, hass_client, NEVER)
    assert end["type"] == "create_entry"
    assert NEVER not in issues(hass)


@pytest.mark.usefixtures("repairs")
async def test_asking_fails(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("request_status", answering("response_rejected"))
    _, end = await _fix(hass, hass_client, NEVER)
    assert (end["type"], end["reason"]) == ("abort", "failed")
    assert "unknown module 'x'" in end["description_placeholders"]["error"]
    await hass.config_entries.async_unload(loaded.entry_id)
    _, end = await _fix(hass, hass_client, NEVER)
    assert (end["type"], end["reason"]) == ("abort", "not_loaded")
    assert NEVER in issues(hass)


@pytest.mark.usefixtures("repairs")
async def test_drifted_settings_are_set_back(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("plan", answering("response_plan"))
    played.answer("apply", answering("response_accepted"))
    menu, question, end = await _fix(hass, hass_client, DRIFT, "restore")
    assert menu["menu_options"] == ["restore", "read", "accept"]
    placeholders = question["description_placeholders"]
    assert (placeholders["settings"], placeholders["messages"]) == ("- `connect_period_s`: `60` → `300`", "8")
    assert "- 60 s in mode client_cenc costs much traffic" in placeholders["concerns"]
    assert (end["type"], end["reason"]) == ("abort", "asked")
    assert DRIFT in issues(hass)
    ((planned,), (applied,)) = played.requests("plan"), played.requests("apply")
    assert planned["settings"] == applied["settings"] == {"connect_period_s": 300}
    assert (applied["module"], applied["confirm"]) == ("hut", True)


@pytest.mark.usefixtures("repairs")
@pytest.mark.parametrize("answer", ["response_accepted", "response_ok"])
async def test_drifted_settings_are_read_again(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    played: PlayedBridge,
    hass_client: ClientSessionGenerator,
    answer: str,
) -> None:
    played.answer("read_settings", answering(answer))
    _, end = await _fix(hass, hass_client, DRIFT, "read")
    # they may be the same as before
    assert (end["type"], end["reason"]) == ("abort", "asked")
    assert DRIFT in issues(hass)
    assert [asked["module"] for asked in played.requests("read_settings")] == ["hut"]


@pytest.mark.usefixtures("repairs")
async def test_drifted_settings_are_accepted(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("accept_drift", answering("response_ok"))
    _, end = await _fix(hass, hass_client, DRIFT, "accept")
    assert end["type"] == "create_entry"
    assert DRIFT not in issues(hass)
    assert [asked["module"] for asked in played.requests("accept_drift")] == ["hut"]


@pytest.mark.usefixtures("repairs")
async def test_drifted_settings_cannot_be_set_back(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("plan", answering("response_rejected"))
    _, end = await _fix(hass, hass_client, DRIFT, "restore")
    assert (end["type"], end["reason"]) == ("abort", "failed")
    await hass.config_entries.async_unload(loaded.entry_id)
    _, end = await _fix(hass, hass_client, DRIFT, "restore")
    assert (end["type"], end["reason"]) == ("abort", "not_loaded")


@pytest.mark.usefixtures("repairs")
async def test_a_new_meter_is_accepted(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.publish_below("module/hut", HUT | {"meter_serial": "000099887766554"})
    await until(lambda: METER in issues(hass))
    placeholders = {"name": "Hut", "before": "000011223344556", "now": "000099887766554"}
    assert issues(hass)[METER].translation_placeholders == placeholders
    _, end = await _fix(hass, hass_client, METER)
    assert end["type"] == "create_entry"
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: "hut" in loaded.runtime_data.bridge.modules)
    assert METER not in issues(hass)
    played.publish_below("module/hut", HUT)
    await until(lambda: METER in issues(hass))


async def test_issues_without_a_flow(hass: HomeAssistant) -> None:
    for data in (None, {"key": "signal_low"}):
        with pytest.raises(ValueError, match="not fixable"):
            await our_repairs.async_create_fix_flow(hass, "x", data)
