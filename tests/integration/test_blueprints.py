"""The blueprints are taken by Home Assistant, and do what they say.

What they tell after restarts of real ones is in tests/ha/test_blueprints.py.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from tests.integration.conftest import WAIT_S, until
from tests.integration.documents import ROOT
from tests.integration.played_bridge import PlayedBridge

FOLDER = ROOT / "blueprints" / "automation" / "gsm_meter_modem"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))
SIGNAL, ONLINE, REGISTRATION = "sensor.hut_signal", "binary_sensor.hut_online", "sensor.hut_registration"
RESULT, BUDGET, IP = "event.hut_result", "sensor.stick_sms_left", "sensor.hut_ip"
MEMORY = "gsm_meter_modem_told/tried"
FAILED = {"event_type": "command_failed", "action": "set", "error": {"message": "it said no"}, "job": "1"}
DONE = {"event_type": "command_succeeded", "action": "set", "job": "2"}


@dataclass(frozen=True)
class Kind:
    """What a blueprint watches, two values of it, and what it says when each comes after the other."""

    name: str
    input: str
    entity: str
    more: dict[str, Any]
    good: str
    bad: str
    lost: str
    regained: str | None

    @property
    def inputs(self) -> dict[str, Any]:
        """What the automation is given."""
        return {self.input: [self.entity], **self.more}


KINDS = (
    Kind(
        "signal.yaml",
        "signal",
        SIGNAL,
        {"threshold": -91, "lasting": {"seconds": 0}},
        "-80",
        "-95",
        "hut signal: lost (-95 dBm)",
        "hut signal: regained (-80 dBm)",
    ),
    Kind(
        "offline.yaml",
        "connection",
        ONLINE,
        {"lasting": {"seconds": 0}},
        "on",
        "off",
        "hut online is offline",
        "hut online is online",
    ),
    Kind(
        "registration.yaml",
        "registration",
        REGISTRATION,
        {},
        "home",
        "denied",
        "hut registration: the network does not let it in",
        None,
    ),
    Kind("budget_low.yaml", "budget", BUDGET, {"threshold": 10}, "12", "9", "stick sms left: 9 left", None),
    Kind(
        "ip_changed.yaml",
        "ip",
        IP,
        {},
        "10.0.0.1",
        "10.0.0.2",
        "hut ip: 10.0.0.1 became 10.0.0.2",
        "hut ip: 10.0.0.2 became 10.0.0.1",
    ),
)
REMEMBERING = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


class Owner:
    """Who has made an automation of a blueprint; a second of its delay takes no time."""

    def __init__(self, hass: HomeAssistant, told: list[ServiceCall], folder: Path) -> None:
        self.hass, self._told, self._folder = hass, told, folder

    @property
    def told(self) -> list[str]:
        """What was told so far."""
        return [call.data["message"] for call in self._told]

    async def make(self, name: str, **inputs: Any) -> None:
        """Make the automation; it looks for the first time when it is loaded."""
        blueprints = self._folder / "blueprints" / "automation"
        blueprints.mkdir(parents=True, exist_ok=True)
        (blueprints / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
        self.hass.config.config_dir = str(self._folder)
        notify = [{"action": "notify.owner", "data": {"message": "{{ words }}"}}]
        blueprint = {"path": name, "input": {"actions": notify, **inputs}}
        made = {"automation": {"id": "tried", "alias": "Tried", "use_blueprint": blueprint}}
        assert await async_setup_component(self.hass, "automation", made)
        await self.reload(remembers=False)

    async def reload(self, *, remembers: bool = True) -> None:
        """Let it look as it does after automations were loaded, or Home Assistant has started."""
        self.hass.bus.async_fire("automation_reloaded")
        await self.rest(remembers=remembers)

    async def see(self, *states: str, entity: str, **attributes: Any) -> None:
        """Let an entity have one state after the other, and what follows from each happen."""
        for state in states:
            self.hass.states.async_set(entity, state, attributes)
            await self.rest()

    async def rest(self, *, remembers: bool = True, **passing: float) -> None:
        """Let so much time pass, two seconds at least, and all that is due be over.

        Where the broker does not remember, the automation waits for that in vain, which takes no time here.
        """
        await asyncio.sleep(0.05)  # for all to be over would mean for the whole wait to be
        self._pass(**passing or {"seconds": 2})
        await asyncio.sleep(0.05)
        end = time.monotonic() + WAIT_S  # a timeout of asyncio would pass with the time that is let pass
        while (tried := self.hass.states.get("automation.tried")) and tried.attributes["current"]:
            assert time.monotonic() < end, tried
            self._pass(seconds=2)
            await asyncio.sleep(0.02 if remembers else 0.5)
            if not remembers:  # by now it would have heard
                self._pass(seconds=31)

    def _pass(self, **passing: float) -> None:
        async_fire_time_changed(self.hass, dt_util.utcnow() + timedelta(**passing))

    async def turn(self, on_or_off: str) -> None:
        """Turn it on or off."""
        await self.hass.services.async_call(
            "automation", f"turn_{on_or_off}", {"entity_id": "automation.tried"}, blocking=True
        )


@pytest.fixture
def owner(hass: HomeAssistant, mqtt: MockConfigEntry, played: PlayedBridge, tmp_path: Path) -> Owner:
    """Somebody whom nothing was told yet; the broker remembers nothing."""
    played.publish(MEMORY, "")
    return Owner(hass, async_mock_service(hass, "notify", "owner"), tmp_path)


def test_every_blueprint_is_tried() -> None:
    assert {kind.name for kind in KINDS} | {"command_failed.yaml", "trouble.yaml"} == set(NAMES)


@REMEMBERING
async def test_each_change_is_told_once(owner: Owner, kind: Kind) -> None:
    await owner.see(kind.good, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.see(kind.bad, entity=kind.entity)
    assert owner.told == [kind.lost]
    await owner.see(kind.good, kind.bad, entity=kind.entity)
    assert owner.told == [words for words in (kind.lost, kind.regained, kind.lost) if words]


@REMEMBERING
@pytest.mark.parametrize("gap", [("unavailable",), ("unavailable", "unknown")])
async def test_through_a_gap_the_last_known_counts(owner: Owner, kind: Kind, gap: tuple[str, ...]) -> None:
    await owner.see(kind.bad, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.see(*gap, kind.bad, *gap, kind.bad, entity=kind.entity)
    assert owner.told == []
    await owner.see(*gap, kind.good, *gap, kind.good, entity=kind.entity)
    back = [kind.regained] if kind.regained else []
    assert owner.told == back
    await owner.see(*gap, kind.bad, *gap, kind.bad, entity=kind.entity)
    assert owner.told == [*back, kind.lost]


@REMEMBERING
async def test_what_changed_while_nobody_looked(owner: Owner, kind: Kind) -> None:
    await owner.see(kind.good, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.turn("off")
    await owner.see("unavailable", kind.bad, entity=kind.entity)
    await owner.turn("on")
    await owner.reload()
    await owner.reload()
    assert owner.told == [kind.lost]


@REMEMBERING
async def test_a_broker_that_forgets(owner: Owner, kind: Kind, played: PlayedBridge) -> None:
    await owner.see(kind.bad, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    played.publish(MEMORY, "")
    await owner.see("unavailable", entity=kind.entity)
    owner.hass.states.async_set(kind.entity, kind.bad)
    await owner.rest(remembers=False)
    assert owner.told == []
    played.publish(MEMORY, "")
    owner.hass.states.async_set(kind.entity, kind.good)
    await owner.rest(remembers=False)
    await owner.see(kind.bad, entity=kind.entity)
    assert owner.told == [words for words in (kind.regained, kind.lost) if words]


@REMEMBERING
async def test_many_at_once_are_one_message(owner: Owner, kind: Kind) -> None:
    many = [f"{kind.entity}_{n}" for n in range(30)]

    async def all_see(state: str) -> None:
        for entity in many:
            owner.hass.states.async_set(entity, state)
        await owner.rest()

    await all_see(kind.good)
    await owner.make(kind.name, **kind.inputs | {kind.input: many})
    for state in ("unavailable", kind.good, "unavailable", kind.bad, "unavailable", kind.bad):
        await all_see(state)
    (words,) = owner.told
    assert len(words.splitlines()) == 21
    assert words.endswith("\n... +10")


async def test_a_signal_is_told_when_it_has_lasted(owner: Owner) -> None:
    await owner.see("-80", entity=SIGNAL)
    await owner.make("signal.yaml", signal=[SIGNAL], threshold=-91, lasting={"minutes": 30})
    await owner.see("-95", entity=SIGNAL)
    await owner.rest(minutes=29)
    await owner.see("-80", entity=SIGNAL)
    await owner.rest(minutes=31)
    assert owner.told == []
    await owner.see("-95", "unavailable", "-97", entity=SIGNAL)
    await owner.rest(minutes=31)
    assert owner.told == ["hut signal: lost (-97 dBm)"]
    await owner.see("-80", entity=SIGNAL)
    assert len(owner.told) == 1
    await owner.rest(minutes=31)
    assert owner.told[1:] == ["hut signal: regained (-80 dBm)"]


async def test_a_short_absence_is_not_told(owner: Owner) -> None:
    await owner.see("on", entity=ONLINE)
    await owner.make("offline.yaml", connection=[ONLINE])
    await owner.see("off", "on", entity=ONLINE)
    await owner.rest(minutes=3)
    assert owner.told == []
    await owner.see("off", entity=ONLINE)
    await owner.rest(minutes=3)
    await owner.see("on", entity=ONLINE)
    assert owner.told == ["hut online is offline", "hut online is online"]


async def test_a_command_that_failed_is_told_once(owner: Owner) -> None:
    await owner.see("unknown", entity=RESULT)
    await owner.make("command_failed.yaml", result=[RESULT])
    await owner.see("2026-11-21T12:00:00", entity=RESULT, **FAILED)
    # the bridge was killed while it told it, and tells it again
    await owner.see("2026-11-21T12:00:09", entity=RESULT, **FAILED)
    await owner.see("2026-11-21T12:01:00", entity=RESULT, **DONE)
    await owner.see("unavailable", entity=RESULT)
    await owner.see("2026-11-21T12:00:00", entity=RESULT, **FAILED)
    assert owner.told == ["hut result: set failed: it said no"]
    await owner.see("2026-11-21T12:02:00", entity=RESULT, **FAILED | {"job": "3"})
    assert len(owner.told) == 2


async def test_what_the_bridge_calls_its_states_does_not_matter(owner: Owner) -> None:
    home, denied = {"registration": "home"}, {"registration": "denied"}
    await owner.see("Домашняя сеть", entity=REGISTRATION, **home)
    await owner.make("registration.yaml", registration=[REGISTRATION])
    await owner.see("Отказано", entity=REGISTRATION, **denied)
    await owner.see("unavailable", entity=REGISTRATION)
    await owner.see("Denied", entity=REGISTRATION, **denied)
    assert owner.told == ["hut registration: the network does not let it in"]
    for registration in ("no_sim", "no_sim_or_pin_required", "unknown_error", "roaming"):
        await owner.see(f"Нечто: {registration}", entity=REGISTRATION, registration=registration)
    assert [words.removeprefix("hut registration: it ") for words in owner.told[1:]] == [
        "has no SIM",
        "has no SIM, or the SIM asks for its PIN",
        "hut registration: an error that it does not explain",
        "is roaming, which may cost",
    ]


async def test_an_event_in_words(owner: Owner) -> None:
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
    assert owner.told == ["hut result: set failed: it said no", "hut result: set is uncertain: it said no"]


PROBLEM = "binary_sensor.hut_problem"


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
    assert owner.told == ["Hut: does not answer, settings have drifted"]
    owner.hass.states.async_set(PROBLEM, "unavailable")
    await owner.reload()
    await see("settings_drifted", "not_answering")
    assert len(owner.told) == 1
    await see("settings_drifted", "something_new")
    await see("settings_drifted", "connection_failed")
    await see()
    assert owner.told[1:] == [
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
    assert owner.told == []
    await see("-95")
    await see("-87", "gsm_900")
    await see("-80", codes=["settings_drifted", "weak_signal"])
    assert owner.told == ["Hut: слабый сигнал"]
    await see("-80", codes=["settings_drifted"])
    assert owner.told[1:] == ["Hut: прошло: слабый сигнал"]


@pytest.mark.usefixtures("hut")
async def test_trouble_is_told_when_it_has_lasted(owner: Owner, played: PlayedBridge) -> None:
    async def hear() -> None:
        """A document of any module has Home Assistant look."""
        runs = owner.hass.states.get("automation.tried").attributes["last_triggered"]
        played.tell("module/pump", "{}", retain=False)
        async with asyncio.timeout(WAIT_S):
            while owner.hass.states.get("automation.tried").attributes["last_triggered"] == runs:
                await asyncio.sleep(0.01)
        await owner.rest()

    owner.hass.states.async_set(PROBLEM, "off", {"codes": [], "problems": []})
    await owner.make("trouble.yaml", lasting={"minutes": 10})
    owner.hass.states.async_set(PROBLEM, "on", {"codes": ["not_registered"], "problems": []})
    await hear()
    await hear()
    assert owner.told == []
    played.publish(MEMORY, {"entities": {PROBLEM: ["", "not_registered", 0]}, "retained": True})
    await hear()
    assert owner.told == ["Hut: not registered in the network"]
    await hear()
    assert len(owner.told) == 1


def test_what_remembers_remembers_in_the_same_way() -> None:
    texts = [(FOLDER / name).read_text("utf-8") for name in NAMES if name != "command_failed.yaml"]
    shared = {
        text.partition("  # this part is the same")[2].partition("      lines: >-")[0] for text in texts
    }
    assert len(shared) == 1
    assert "mqtt.publish" in shared.pop()


def test_sources() -> None:
    for name in NAMES:
        head = load_yaml_dict(FOLDER / name)["blueprint"]
        assert head["source_url"].endswith(f"/blob/main/blueprints/automation/gsm_meter_modem/{name}")
