"""The blueprints that remember what they last told: each change is told once, through gaps and restarts.

What they tell after restarts of real ones is in tests/ha/test_blueprints.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from homeassistant.util.yaml import load_yaml_dict

from tests.integration.blueprint_owner import (
    BUDGET,
    FOLDER,
    IP,
    MEMORY,
    NAMES,
    ONLINE,
    REGISTRATION,
    SIGNAL,
    Owner,
)
from tests.integration.fake_bridge import PlayedBridge
from tests.support.mosquitto import Mosquitto


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


def test_every_blueprint_is_tried() -> None:
    others = {"command_failed.yaml", "meter_changed.yaml", "trouble.yaml"}
    assert {kind.name for kind in KINDS} | others == set(NAMES)


@REMEMBERING
async def test_each_change_is_notified_once(owner: Owner, kind: Kind) -> None:
    await owner.see(kind.good, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.see(kind.bad, entity=kind.entity)
    assert owner.notifications == [kind.lost]
    await owner.see(kind.good, kind.bad, entity=kind.entity)
    assert owner.notifications == [
        notification for notification in (kind.lost, kind.regained, kind.lost) if notification
    ]


@REMEMBERING
@pytest.mark.parametrize("gap", [("unavailable",), ("unavailable", "unknown")])
async def test_through_a_gap_the_last_known_counts(owner: Owner, kind: Kind, gap: tuple[str, ...]) -> None:
    await owner.see(kind.bad, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.see(*gap, kind.bad, *gap, kind.bad, entity=kind.entity)
    assert owner.notifications == []
    await owner.see(*gap, kind.good, *gap, kind.good, entity=kind.entity)
    back = [kind.regained] if kind.regained else []
    assert owner.notifications == back
    await owner.see(*gap, kind.bad, *gap, kind.bad, entity=kind.entity)
    assert owner.notifications == [*back, kind.lost]


@REMEMBERING
async def test_what_changed_while_home_assistant_was_away(owner: Owner, kind: Kind) -> None:
    await owner.see(kind.good, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.turn("off")
    await owner.see("unavailable", kind.bad, entity=kind.entity)
    await owner.turn("on")
    await owner.reload()
    await owner.reload()
    assert owner.notifications == [kind.lost]


@REMEMBERING
async def test_a_broker_that_forgets(owner: Owner, kind: Kind, played: PlayedBridge) -> None:
    await owner.see(kind.bad, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    played.publish(MEMORY, "")
    await owner.see("unavailable", entity=kind.entity)
    owner.hass.states.async_set(kind.entity, kind.bad)
    await owner.rest()
    assert owner.notifications == []
    played.publish(MEMORY, "")
    owner.hass.states.async_set(kind.entity, kind.good)
    await owner.rest()
    await owner.see(kind.bad, entity=kind.entity)
    assert owner.notifications == [
        notification for notification in (kind.regained, kind.lost) if notification
    ]


@REMEMBERING
async def test_a_broker_that_is_slow(owner: Owner, kind: Kind, broker: Mosquitto) -> None:
    await owner.see(kind.good, entity=kind.entity)
    await owner.make(kind.name, **kind.inputs)
    await owner.see("unavailable", entity=kind.entity)
    broker.freeze()
    try:
        owner.hass.states.async_set(kind.entity, kind.bad)
        await owner.rest(step_s=31)
    finally:
        broker.thaw()
    assert owner.notifications == []  # nobody knows what was told before
    await owner.reload()
    await owner.reload()
    assert owner.notifications == [kind.lost]


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
    (notification,) = owner.notifications
    assert len(notification.splitlines()) == 21
    assert notification.endswith("\n... +10")


def test_what_remembers_remembers_in_the_same_way() -> None:
    forgetful = {"command_failed.yaml", "meter_changed.yaml"}
    texts = [(FOLDER / name).read_text("utf-8") for name in NAMES if name not in forgetful]
    shared = {
        text.partition("  # this part is the same")[2].partition("      lines: >-")[0] for text in texts
    }
    assert len(shared) == 1
    assert "mqtt.publish" in shared.pop()


def test_sources() -> None:
    for name in NAMES:
        head = load_yaml_dict(FOLDER / name)["blueprint"]
        assert head["source_url"].endswith(f"/blob/main/blueprints/automation/gsm_meter_modem/{name}")
