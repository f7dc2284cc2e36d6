"""What automations of the blueprints tell in a real Home Assistant, through restarts of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.ha.conftest import COTTAGE, PUMP, WORLD, HomeAssistantStack, bridge_config, open_stack
from tests.ha.home_assistant import Session
from tests.mqtt.conftest import watcher

SIGNAL, ONLINE, IP = (
    "sensor.cottage_signal_strength",
    "binary_sensor.pump_connection",
    "sensor.cottage_ip_address",
)
REGISTRATION, RESULT, LEFT = (
    "sensor.cottage_registration",
    "event.cottage_command_result",
    "sensor.stick_sms_left",
)
NOTED = "sensor.gsm_meter_modem_told_trouble"
"""What the automation for trouble keeps; with it, it looks once a minute."""
AT_ONCE = {"seconds": 0}
MESSAGE = "{{ message.splitlines() | join(' [notified] ') }}"
NOTIFY = [
    {"action": "system_log.write", "data": {"message": MESSAGE, "level": "warning", "logger": "notified"}}
]
BAD = {"signal_dbm": -95, "registration": "denied", "ip": "10.20.30.42"}
WENT_BAD = {
    "Cottage Signal strength: lost (-95 dBm)",
    "Cottage Registration: the network does not let it in",
    "Cottage IP address: 10.20.30.41 became 10.20.30.42",
    "Pump Connection is offline",
    "Cottage: not registered in the network, weak signal",
    "Pump: does not answer",
}
WENT_WELL = {
    "Cottage Signal strength: regained (-71 dBm)",
    "Cottage IP address: 10.20.30.42 became 10.20.30.41",
    "Pump Connection is online",
    "Cottage: over: not registered in the network, over: weak signal",
    "Pump: over: does not answer",
}


def _config(device: Path, port: int) -> dict[str, Any]:
    """A bridge that asks its two modules every other second.

    A request outlives a restart of the simulated network, however slow the machine: a module that answers is
    never reported as one that does not.
    """
    config = bridge_config(device, port)
    config["modems"][0]["budget"] = {"day": 100_000}
    config["poll"] |= {"interval": 2, "jitter": 0}
    config["sms"] |= {"reply_timeout": 6, "deadline": "30 s"}
    config["modules"] = [m for m in config["modules"] if m["number"] in (COTTAGE, PUMP)]
    return config


def _world(*, bad: bool) -> dict[str, Any]:
    world = deepcopy(WORLD)
    if bad:
        world["modules"]["cottage"]["values"] |= BAD
        world["modules"]["pump"]["faults"] = {"silent": True}
    return world


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantStack]:
    """One stack for these tests, in their order."""
    with open_stack(tmp_path_factory.mktemp("notified"), _world(bad=False), _config) as stack:
        yield stack


def _notifications(stack: HomeAssistantStack) -> list[str]:
    lines = (line for line in stack.home_assistant.log.splitlines() if " WARNING " in line)
    return [notification.strip() for line in lines for notification in line.split("[notified] ")[1:]]


async def _rest(user: Session) -> None:
    """Return once no automation has anything to do, for longer than they take to notice."""
    still = 0
    async with asyncio.timeout(180):
        while still < 30:
            states = await user.states()
            automations = (s for name, s in states.items() if name.startswith("automation."))
            still = 0 if any(s["attributes"]["current"] for s in automations) else still + 1
            await asyncio.sleep(0.1)


def _bridge(stack: HomeAssistantStack) -> None:
    stack.bridge.stop()
    stack.bridge.start()


def _killed_bridge(stack: HomeAssistantStack) -> None:
    stack.bridge.kill()
    stack.bridge.start()


def _broker(stack: HomeAssistantStack) -> None:
    stack.broker.stop()
    stack.broker.start()


def _home_assistant(stack: HomeAssistantStack) -> None:
    stack.home_assistant.stop()
    stack.home_assistant.start()


RESTARTS: tuple[Callable[[HomeAssistantStack], None], ...] = (
    _bridge,
    _killed_bridge,
    _broker,
    _home_assistant,
)


def _is(value: str, state: dict[str, Any]) -> bool:
    return bool(state["state"] == value)


async def _restart_all(stack: HomeAssistantStack, **states: str) -> None:
    """Restart one after the other; each time all is soon as it was."""
    for restart in RESTARTS:
        await asyncio.to_thread(restart, stack)
        async with stack.home_assistant.session() as user:
            for entity, value in states.items():
                await user.wait(entity, partial(_is, value), 120)
            await _rest(user)


async def _until_reported(stack: HomeAssistantStack, before: list[str], notification: set[str]) -> None:
    """Return once all that was told, each only once."""
    async with asyncio.timeout(180):
        while len(new := _notifications(stack)[len(before) :]) < len(notification):
            await asyncio.sleep(0.1)
    async with stack.home_assistant.session() as user:
        await _rest(user)
    assert sorted(_notifications(stack)[len(before) :]) == sorted(notification), new


async def _until_noticed(stack: HomeAssistantStack, world: dict[str, Any]) -> None:
    """Let the world be another, and return once the bridge knows."""
    async with watcher(stack.broker.port) as seen:
        stack.simulator.become(world)
        wanted = world["modules"]["cottage"]["values"]["signal_dbm"]
        online = "faults" not in world["modules"]["pump"]
        await seen.wait(
            "gsm_meter_modem/home/module/cottage", lambda notifications: notifications["signal_dbm"] == wanted
        )
        await seen.wait(
            "gsm_meter_modem/home/module/pump", lambda notifications: notifications["online"] is online
        )


async def test_automation_is_silent_about_initial_states(stack: HomeAssistantStack) -> None:
    async with stack.home_assistant.session() as user:
        await user.add_mqtt(stack.broker.port)
        await user.wait(REGISTRATION, lambda state: state["state"] == "Home network")
        await user.wait(ONLINE, lambda state: state["state"] == "on")
        left = int((await user.wait(LEFT, lambda state: state["state"].isdigit()))["state"])
        made: dict[str, dict[str, Any]] = {
            "signal": {"signal": [SIGNAL], "threshold": -91, "lasting": AT_ONCE},
            "offline": {"connection": [ONLINE], "lasting": AT_ONCE},
            "registration": {"registration": [REGISTRATION]},
            "ip_changed": {"ip": [IP]},
            "budget_low": {
                "budget": [LEFT],
                "threshold": left - 120,
            },  # it is noted first that there is enough
            "command_failed": {"result": [RESULT]},
            "trouble": {"lasting": AT_ONCE},
        }
        for name, inputs in made.items():
            await user.automate(name, f"gsm_meter_modem/{name}.yaml", **inputs, actions=NOTIFY)
        await user.wait(NOTED, lambda state: state["state"] == "0", 180)
        await _rest(user)
    assert _notifications(stack) == []


async def test_automation_reports_changes_once_across_restarts(stack: HomeAssistantStack) -> None:
    stack.simulator.become(_world(bad=True))
    async with stack.home_assistant.session() as user:
        fields = {"topic": "gsm_meter_modem/home/module/cottage/set", "payload": '{"apn": "a, b"} '}
        await user.call("mqtt", "publish", **fields)
    async with asyncio.timeout(300):
        while len(_notifications(stack)) < 8:
            await asyncio.sleep(0.1)
    notifications = _notifications(stack)
    assert set(notifications) >= WENT_BAD, notifications
    assert any(notification.startswith("GSM modem SMS left: ") for notification in notifications)
    assert any(
        notification.startswith("Cottage Command result: set failed: ") for notification in notifications
    )
    await _restart_all(stack, **{SIGNAL: "-95", REGISTRATION: "Denied", ONLINE: "off"})
    assert _notifications(stack) == notifications


async def test_automation_reports_changes_made_while_home_assistant_was_away(
    stack: HomeAssistantStack,
) -> None:
    before = _notifications(stack)
    stack.home_assistant.stop()
    await _until_noticed(stack, _world(bad=False))
    await asyncio.to_thread(stack.home_assistant.start)
    await _until_reported(stack, before, WENT_WELL)


async def test_automation_reports_changes_made_while_bridge_was_away(stack: HomeAssistantStack) -> None:
    before = _notifications(stack)
    stack.bridge.kill()
    stack.simulator.become(_world(bad=True))
    stack.bridge.start()
    await _until_reported(stack, before, WENT_BAD)
