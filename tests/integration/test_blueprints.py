"""Each blueprint tells what it is for: signals, absences, failed commands, trouble of any module.

What they remember is in test_blueprints_remember.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
)

from tests.integration.blueprint_owner import (
    MEMORY,
    ONLINE,
    REGISTRATION,
    RESULT,
    SIGNAL,
    Owner,
)
from tests.integration.conftest import until
from tests.integration.fake_bridge import PlayedBridge, golden

FAILED = {"event_type": "command_failed", "action": "set", "error": {"message": "it said no"}, "job": "1"}
DONE = {"event_type": "command_succeeded", "action": "set", "job": "2"}


async def test_a_signal_is_notified_when_it_has_lasted(owner: Owner) -> None:
    await owner.see("-80", entity=SIGNAL)
    await owner.make("signal.yaml", signal=[SIGNAL], threshold=-91, lasting={"minutes": 30})
    await owner.see("-95", entity=SIGNAL)
    await owner.rest(minutes=29)
    await owner.see("-80", entity=SIGNAL)
    await owner.rest(minutes=31)
    assert owner.notifications == []
    await owner.see("-95", "unavailable", "-97", entity=SIGNAL)
    await owner.rest(minutes=31)
    assert owner.notifications == ["hut signal: lost (-97 dBm)"]
    await owner.see("-80", entity=SIGNAL)
    assert len(owner.notifications) == 1
    await owner.rest(minutes=31)
    assert owner.notifications[1:] == ["hut signal: regained (-80 dBm)"]


async def test_a_short_absence_is_not_notified(owner: Owner) -> None:
    await owner.see("on", entity=ONLINE)
    await owner.make("offline.yaml", connection=[ONLINE])
    await owner.see("off", "on", entity=ONLINE)
    await owner.rest(minutes=3)
    assert owner.notifications == []
    await owner.see("off", entity=ONLINE)
    await owner.rest(minutes=3)
    await owner.see("on", entity=ONLINE)
    assert owner.notifications == ["hut online is offline", "hut online is online"]


async def test_a_command_that_failed_is_notified_once(owner: Owner) -> None:
    await owner.see("unknown", entity=RESULT)
    await owner.make("command_failed.yaml", result=[RESULT])
    await owner.see("2026-11-21T12:00:00", entity=RESULT, **FAILED)
    # the bridge was killed while it told it, and tells it again
    await owner.see("2026-11-21T12:00:09", entity=RESULT, **FAILED)
    await owner.see("2026-11-21T12:01:00", entity=RESULT, **DONE)
    await owner.see("unavailable", entity=RESULT)
    await owner.see("2026-11-21T12:00:00", entity=RESULT, **FAILED)
    assert owner.notifications == ["hut result: set failed: it said no"]
    await owner.see("2026-11-21T12:02:00", entity=RESULT, **FAILED | {"job": "3"})
    assert len(owner.notifications) == 2


async def test_what_the_bridge_calls_its_states_does_not_matter(owner: Owner) -> None:
    home, denied = {"registration": "home"}, {"registration": "denied"}
    await owner.see("Домашняя сеть", entity=REGISTRATION, **home)
    await owner.make("registration.yaml", registration=[REGISTRATION])
    await owner.see("Отказано", entity=REGISTRATION, **denied)
    await owner.see("unavailable", entity=REGISTRATION)
    await owner.see("Denied", entity=REGISTRATION, **denied)
    assert owner.notifications == ["hut registration: the network does not let it in"]
    for registration in ("no_sim", "no_sim_or_pin_required", "unknown_error", "roaming"):
        await owner.see(f"Нечто: {registration}", entity=REGISTRATION, registration=registration)
    assert [
        notification.removeprefix("hut registration: it ") for notification in owner.notifications[1:]
    ] == [
        "has no SIM",
        "has no SIM, or the SIM asks for its PIN",
        "hut registration: an error that it does not explain",
        "is roaming, which may cost",
    ]


async def test_an_event_in_text(owner: Owner) -> None:
    failed = {**FAILED, "event": "command_failed", "event_type": "Не удалось"}
    uncertain = {**FAILED, "event": "command_uncertain", "event_type": "Исход неизвестен", "job": "2"}
    await owner.see("unknown", entity=RESULT)
    await owner.make("command_failed.yaml", result=[RESULT])
    await owner.see("2026-11-21T12:00:00", entity=RESULT, **failed)
    await owner.see("2026-11-21T12:00:09", entity=RESULT, **failed)
    await owner.see("2026-11-21T12:01:00", entity=RESULT, **uncertain)
    await owner.see(
        "2026-11-21T12:02:00", entity=RESULT, event="command_succeeded", event_type="Command failed"
    )
    assert owner.notifications == [
        "hut result: set failed: it said no",
        "hut result: set is uncertain: it said no",
    ]


PROBLEM, NOTED = "binary_sensor.hut_problem", "sensor.gsm_meter_modem_told_tried"


@pytest.fixture
async def hut(hass: HomeAssistant, mqtt: MockConfigEntry, played: PlayedBridge) -> None:
    """A module's entities "Problem", "Signal" and "Band", as discovery makes them; tests set their states."""
    components = {
        name: {
            "p": platform,
            "unique_id": f"gmm_home_module_hut_{name}",
            "name": name.title(),
            "stat_t": "hut",
        }
        for platform, name in (("binary_sensor", "problem"), ("sensor", "signal"), ("sensor", "band"))
    }
    device = {
        "dev": {"ids": ["gmm_home_module_hut"], "name": "Hut"},
        "o": {"name": "test"},
        "cmps": components,
    }
    played.publish("homeassistant/device/gmm_home_module_hut/config", device)
    await until(lambda: all(hass.states.get(e) for e in (PROBLEM, SIGNAL, "sensor.hut_band")))


@pytest.mark.usefixtures("hut")
async def test_trouble_of_any_module(owner: Owner) -> None:
    async def see(*codes: str) -> None:
        owner.hass.states.async_set(PROBLEM, "on" if codes else "off", {"codes": list(codes), "problems": []})
        await owner.reload()

    await see()
    await owner.make("trouble.yaml")
    await see("not_answering", "settings_drifted")
    assert owner.notifications == ["Hut: does not answer, settings have drifted"]
    owner.hass.states.async_set(PROBLEM, "unavailable")
    await owner.reload()
    await see("settings_drifted", "not_answering")
    assert len(owner.notifications) == 1
    await see("settings_drifted", "something_new")
    await see("settings_drifted", "connection_failed")
    await see()
    assert owner.notifications[1:] == [
        "Hut: over: does not answer",
        "Hut: the TCP connection fails",
        "Hut: over: the TCP connection fails, over: settings have drifted",
    ]


@pytest.mark.usefixtures("hut")
async def test_a_weak_signal_of_any_module(owner: Owner) -> None:
    async def see(signal: str, band: str = "lte_7", **attributes: Any) -> None:
        sensor = {"device_class": "signal_strength"}
        owner.hass.states.async_set(SIGNAL, signal, sensor)
        owner.hass.states.async_set("sensor.hut_band", "Диапазон", {"band": band})
        owner.hass.states.async_set(PROBLEM, "off", {"codes": [], "problems": []} | attributes)
        await owner.reload()

    await see("-80")
    await owner.make("trouble.yaml", kinds=["weak_signal"], language="ru")
    await see("-87")
    await see("unavailable")
    assert owner.notifications == []
    await see("-95")
    await see("-87", "gsm_900")
    await see("-80", codes=["settings_drifted", "weak_signal"])
    assert owner.notifications == ["Hut: слабый сигнал"]
    await see("-80", codes=["settings_drifted"])
    assert owner.notifications[1:] == ["Hut: прошло: слабый сигнал"]


async def _see_trouble(owner: Owner, *codes: str) -> None:
    owner.hass.states.async_set(PROBLEM, "on" if codes else "off", {"codes": list(codes), "problems": []})
    await owner.look()


@pytest.mark.usefixtures("hut")
async def test_trouble_is_notified_when_it_has_lasted(owner: Owner, played: PlayedBridge) -> None:
    await _see_trouble(owner)
    await owner.make("trouble.yaml", lasting={"minutes": 10})
    await _see_trouble(owner, "not_registered")
    await owner.look()
    assert owner.notifications == []
    played.publish(MEMORY, {"entities": {PROBLEM: ["", "not_registered", 0]}, "retained": True})
    await until(lambda: _noted(owner)[PROBLEM][2] == 0)
    await owner.look()
    assert owner.notifications == ["Hut: not registered in the network"]
    await owner.look()
    assert len(owner.notifications) == 1


def _noted(owner: Owner) -> dict[str, Any]:
    sensor = owner.hass.states.get(NOTED)
    return dict(sensor.attributes.get("noted", {})) if sensor else {}


@pytest.mark.usefixtures("hut")
async def test_trouble_runs_only_if_there_is_something_to_note_or_to_tell(owner: Owner) -> None:
    runs: list[Any] = []
    await _see_trouble(owner)
    await owner.make("trouble.yaml", lasting={"seconds": 0})
    await until(lambda: "noted" in getattr(owner.hass.states.get(NOTED), "attributes", ()))
    owner.hass.bus.async_listen("automation_triggered", runs.append)
    for _ in range(3):
        await owner.look()
    assert runs == []
    await _see_trouble(owner, "not_registered")
    await until(lambda: PROBLEM in _noted(owner))
    assert owner.notifications == ["Hut: not registered in the network"]
    assert owner.hass.states.get(NOTED).state == "1"
    for _ in range(3):
        await owner.look()
    assert len(runs) == 1
    await _see_trouble(owner)
    await until(lambda: not _noted(owner))
    await owner.look()
    assert len(owner.notifications) == len(runs) == 2


@pytest.mark.usefixtures("hut")
async def test_trouble_of_a_module_that_is_added_is_told(owner: Owner) -> None:
    await owner.make("trouble.yaml", lasting={"seconds": 0})
    await _see_trouble(owner)
    owner.hass.states.async_set(PROBLEM, "unavailable")
    await owner.rest()
    await _see_trouble(owner, "not_answering")
    assert owner.notifications == ["Hut: does not answer"]


@pytest.mark.parametrize(
    ("language", "notification"), [("en", "in another meter"), ("ru", "в другом счётчике")], ids=["en", "ru"]
)
async def test_meter_of_any_module_is_told_once(
    owner: Owner, loaded: MockConfigEntry, played: PlayedBridge, language: str, notification: str
) -> None:
    await owner.make("meter_changed.yaml", language=language)
    hut = golden("module_energomera")
    played.publish_below("module/hut", hut | {"meter_serial": "000000000000001"})
    await until(lambda: owner.hass.states.get("automation.tried").attributes["current"])
    await owner.rest()
    assert owner.notifications == [f"{hut['name']}: {notification}, 000000000000001"]
    assert await owner.hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: len(loaded.runtime_data.bridge.subjects()) == 4)
    await owner.rest()
    assert len(owner.notifications) == 1
