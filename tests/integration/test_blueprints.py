"""The blueprints are taken by Home Assistant, and do what they say; the dashboard shows what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import async_mock_service

from tests.integration.documents import ROOT
from tests.integration.played_bridge import golden

FOLDER = ROOT / "blueprints" / "automation" / "gsm_meter_modem"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))
AT_ONCE = {"seconds": 0}
SIGNAL, ONLINE, REGISTRATION = "sensor.hut_signal", "binary_sensor.hut_online", "sensor.hut_registration"
RESULT, BUDGET, IP = "event.hut_result", "sensor.stick_sms_left", "sensor.hut_ip"
FAILED = {"event_type": "command_failed", "action": "set", "error": {"message": "it said no"}}
DONE = {"event_type": "command_succeeded", "action": "set"}

Step = tuple[str, dict[str, Any]]
CASES: dict[str, tuple[str, str, dict[str, Any], list[Step], list[str]]] = {
    "signal.yaml": (
        "signal",
        SIGNAL,
        {"threshold": -91, "lasting": AT_ONCE},
        [("-80", {}), ("-95", {}), ("-97", {}), ("-85", {})],
        ["hut signal: lost (-95 dBm)", "hut signal: regained (-85 dBm)"],
    ),
    "offline.yaml": (
        "connection",
        ONLINE,
        {"lasting": AT_ONCE},
        [("on", {}), ("off", {}), ("unavailable", {}), ("off", {}), ("on", {})],
        ["hut online is offline", "hut online is online"],
    ),
    "registration.yaml": (
        "registration",
        REGISTRATION,
        {},
        [("home", {}), ("roaming", {}), ("searching", {}), ("denied", {})],
        ["hut registration: roaming", "hut registration: denied"],
    ),
    "command_failed.yaml": (
        "result",
        RESULT,
        {},
        [
            ("unknown", {}),
            ("2026-11-21T12:00:00", FAILED),
            ("2026-11-21T12:01:00", DONE),
            ("unavailable", {}),
            ("2026-11-21T12:00:00", FAILED),
        ],
        ["hut result: set failed: it said no"],
    ),
    "budget_low.yaml": (
        "budget",
        BUDGET,
        {"threshold": 10},
        [("12", {}), ("9", {}), ("8", {})],
        ["stick sms left: 9 left"],
    ),
    "ip_changed.yaml": (
        "ip",
        IP,
        {},
        [("unknown", {}), ("10.0.0.1", {}), ("unavailable", {}), ("10.0.0.1", {}), ("10.0.0.2", {})],
        ["hut ip: 10.0.0.1 became 10.0.0.2"],
    ),
}


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """What was told to the owner."""
    return async_mock_service(hass, "notify", "owner")


def test_every_blueprint_is_tried() -> None:
    assert set(CASES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_blueprint(hass: HomeAssistant, tmp_path: Path, told: list[ServiceCall], name: str) -> None:
    key, entity, inputs, steps, words = CASES[name]
    folder = tmp_path / "blueprints" / "automation"
    folder.mkdir(parents=True)
    (folder / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
    hass.config.config_dir = str(tmp_path)
    notify = [{"action": "notify.owner", "data": {"message": "{{ words }}"}}]
    blueprint = {"path": name, "input": {key: [entity], "actions": notify, **inputs}}
    assert await async_setup_component(
        hass, "automation", {"automation": {"id": "tried", "use_blueprint": blueprint}}
    )
    for state, attributes in steps:
        hass.states.async_set(entity, state, attributes)
        await hass.async_block_till_done()
    assert [call.data["message"] for call in told] == words


def test_sources() -> None:
    for name in NAMES:
        head = load_yaml_dict(FOLDER / name)["blueprint"]
        assert head["source_url"].endswith(f"/blob/main/blueprints/automation/gsm_meter_modem/{name}")


def test_the_dashboard_shows_entities_of_the_contract() -> None:
    view = yaml.safe_load((ROOT / "dashboards" / "meters.yaml").read_text("utf-8"))
    assert view["type"] == "sections"
    shown = set(_entities(view))
    assert shown <= _published("energomera", "hut") | _published("lers", "pump") | _published(
        "modem", "gsm_modem"
    )
    assert len(shown) > 15


def _entities(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [entity for value in tree.values() for entity in _entities(value)]
    if isinstance(tree, list):
        return [entity for value in tree for entity in _entities(value)]
    domains = ("sensor.", "binary_sensor.", "text.", "event.", "button.")
    if isinstance(tree, str) and tree.startswith(domains) and tree != "button.press":
        return [tree]
    return []


def _published(document: str, device: str) -> set[str]:
    """The entity ids of a device with that name."""
    components = golden(f"discovery_{document}")["cmps"].values()
    return {f"{c['p']}.{device}_{c['name'].lower().replace(' ', '_')}" for c in components}
