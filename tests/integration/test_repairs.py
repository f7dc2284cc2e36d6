"""What Home Assistant's Repairs show, and what they can do."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.gsm_meter_modem import repairs as our_repairs
from custom_components.gsm_meter_modem.const import DOMAIN
from tests.integration.conftest import until
from tests.integration.played_bridge import PlayedBridge, answering, golden

HUT = golden("module_energomera")
UNREACHABLE = "home/module_pump_module_unreachable"
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
    assert set(found) == {UNREACHABLE, DRIFT, "home/module_hut_profile_unverified"}
    unreachable = found[UNREACHABLE]
    assert unreachable.is_fixable
    assert unreachable.severity is ir.IssueSeverity.ERROR
    assert unreachable.translation_key == "module_unreachable"
    words = {"name": "Pump house", "polls": "3", "last_seen": "-"}
    assert unreachable.translation_placeholders == words


async def test_what_is_over_is_taken_back(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.tell("module/pump", golden("module_lers") | {"missed_polls": 0})
    await until(lambda: UNREACHABLE not in issues(hass))
    played.tell("module/pump", golden("module_lers"))
    await until(lambda: UNREACHABLE in issues(hass))
    played.tell("module/pump", "")
    await until(lambda: UNREACHABLE not in issues(hass))


async def test_only_what_was_chosen(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"issues": ["profile_unverified"]})
    await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: set(issues(hass)) == {"home/module_hut_profile_unverified"})


async def test_a_bridge_away_is_told_after_a_while(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.tell("bridge/state", {"state": "offline"})
    await until(lambda: not loaded.runtime_data.bridge.online)
    await _pass_time(hass, minutes=29)
    assert "home/bridge_home_bridge_away" not in issues(hass)
    await _pass_time(hass, minutes=31)
    assert "home/bridge_home_bridge_away" in issues(hass)
    played.tell("bridge/state", {"state": "online"})
    await until(lambda: "home/bridge_home_bridge_away" not in issues(hass))


async def test_a_short_absence_is_not_told(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    played.tell("modem/stick", golden("modem") | {"connected": False, "problem": "the port is held"})
    await until(lambda: not loaded.runtime_data.bridge.modems["stick"].connected)
    await _pass_time(hass, minutes=20)
    played.tell("modem/stick", golden("modem"))
    await until(lambda: loaded.runtime_data.bridge.modems["stick"].connected)
    await _pass_time(hass, minutes=60)
    assert not [i for i in issues(hass) if "stick" in i]


async def test_a_port_that_another_program_holds(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    held = {"connected": False, "problem": "another program uses it", "problem_code": "port_held"}
    played.tell("modem/stick", golden("modem") | held)
    await until(lambda: not loaded.runtime_data.bridge.modems["stick"].connected)
    assert "home/modem_stick_modem_port_held" not in issues(hass)
    await _pass_time(hass, minutes=2)
    told = issues(hass)["home/modem_stick_modem_port_held"]
    assert told.translation_placeholders == {"name": "stick", "problem": "another program uses it"}
    await _pass_time(hass, minutes=60)
    assert [i for i in issues(hass) if "stick" in i] == ["home/modem_stick_modem_port_held"]


async def test_a_signal_too_low_for_a_day(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge
) -> None:
    low = HUT | {"signal_dbm": -97, "signal_sufficient": False, "signal_threshold_dbm": -91}
    played.tell("module/hut", low)
    await until(lambda: loaded.runtime_data.bridge.modules["hut"].signal_dbm == -97)
    await _pass_time(hass, hours=25)
    told = issues(hass)["home/module_hut_signal_low"]
    assert told.translation_placeholders == {"name": "Hut", "signal": "-97", "threshold": "-91"}
    played.tell("module/hut", low | {"signal_dbm": -99})
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
    question, end = await _fix(hass, hass_client, UNREACHABLE)
    assert (question["step_id"], question["description_placeholders"]["name"]) == ("confirm", "Pump house")
    assert end["type"] == "create_entry"
    (asked,) = played.requests("request_status")
    assert asked["module"] == "pump"
    assert UNREACHABLE not in issues(hass)


@pytest.mark.usefixtures("repairs")
async def test_asking_fails(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("request_status", answering("response_rejected"))
    _, end = await _fix(hass, hass_client, UNREACHABLE)
    assert (end["type"], end["reason"]) == ("abort", "failed")
    assert "unknown module 'x'" in end["description_placeholders"]["error"]
    await hass.config_entries.async_unload(loaded.entry_id)
    _, end = await _fix(hass, hass_client, UNREACHABLE)
    assert (end["type"], end["reason"]) == ("abort", "not_loaded")
    assert UNREACHABLE in issues(hass)


@pytest.mark.usefixtures("repairs")
async def test_drifted_settings_are_set_back(
    hass: HomeAssistant, loaded: MockConfigEntry, played: PlayedBridge, hass_client: ClientSessionGenerator
) -> None:
    played.answer("plan", answering("response_plan"))
    played.answer("apply", answering("response_accepted"))
    menu, question, end = await _fix(hass, hass_client, DRIFT, "restore")
    assert menu["menu_options"] == ["restore", "read", "accept"]
    told = question["description_placeholders"]
    assert (told["settings"], told["messages"]) == ("- `connect_period_s`: `300` → `60`", "8")
    assert "- 60 s in mode client_cenc costs much traffic" in told["concerns"]
    assert end["type"] == "create_entry"
    ((planned,), (applied,)) = played.requests("plan"), played.requests("apply")
    assert planned["settings"] == applied["settings"] == {"connect_period_s": 300}
    assert (applied["module"], applied["confirm"]) == ("hut", True)


@pytest.mark.usefixtures("repairs")
@pytest.mark.parametrize(
    ("chosen", "action", "answer"),
    [("read", "read_settings", "response_accepted"), ("accept", "accept_drift", "response_ok")],
)
async def test_drifted_settings_are_read_again_or_accepted(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    played: PlayedBridge,
    hass_client: ClientSessionGenerator,
    chosen: str,
    action: str,
    answer: str,
) -> None:
    played.answer(action, answering(answer))
    _, end = await _fix(hass, hass_client, DRIFT, chosen)
    assert end["type"] == "create_entry"
    assert [asked["module"] for asked in played.requests(action)] == ["hut"]


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
    played.tell("module/hut", HUT | {"meter_serial": "000099887766554"})
    await until(lambda: METER in issues(hass))
    words = {"name": "Hut", "before": "000011223344556", "now": "000099887766554"}
    assert issues(hass)[METER].translation_placeholders == words
    _, end = await _fix(hass, hass_client, METER)
    assert end["type"] == "create_entry"
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: "hut" in loaded.runtime_data.bridge.modules)
    assert METER not in issues(hass)
    played.tell("module/hut", HUT)
    await until(lambda: METER in issues(hass))


async def test_issues_without_a_flow(hass: HomeAssistant) -> None:
    for data in (None, {"key": "signal_low"}):
        with pytest.raises(ValueError, match="not fixable"):
            await our_repairs.async_create_fix_flow(hass, "x", data)
