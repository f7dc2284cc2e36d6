"""What others write in place of our retained documents is put right, and nobody races."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from gsm_meter_bridge.health import BridgeProblemCode, Health
from gsm_meter_bridge.mqtt.upkeep import Upkeep
from tests.mqtt.conftest import TOPICS, Watcher, bridge, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

STATE = TOPICS.bridge_state
PUMP = TOPICS.module_uid("pump")
KEPT: dict[str, Callable[[Any], bool]] = {
    STATE: lambda d: d == {"state": "online"},
    TOPICS.bridge_info: lambda d: d["bridge"] == "home",
    TOPICS.health: lambda d: "internal_errors" in d,
    TOPICS.unidentified_clients: lambda d: "clients" in d,
    TOPICS.modem("stick"): lambda d: "problem" in d,
    TOPICS.module("pump"): lambda d: "settings" in d,
    TOPICS.availability("pump"): lambda d: d["state"] == "offline",
    TOPICS.discovery(PUMP): lambda d: d["dev"]["ids"] == [PUMP],
    TOPICS.discovery(TOPICS.bridge_uid()): lambda d: d["dev"]["ids"] == [TOPICS.bridge_uid()],
    TOPICS.discovery(TOPICS.modem_uid("stick")): lambda d: d["dev"]["ids"] == [TOPICS.modem_uid("stick")],
}


class _Ahead:
    """A clock that runs faster than others, and a test adds to its time."""

    added_s = 0.0

    def __call__(self) -> float:
        return 5.0 * time.monotonic() + self.added_s


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> _Ahead:
    """What a bridge takes for the time in which it puts things right; its look around is short."""
    clock = _Ahead()
    monkeypatch.setattr("gsm_meter_bridge.mqtt.publisher.Upkeep", partial(Upkeep, now=clock))
    monkeypatch.setattr("gsm_meter_bridge.mqtt.retained._SEARCH_S", 0.2)
    return clock


async def _wait_watching(seen: Watcher) -> None:
    """Wait until the bridge has looked around, and hears of what others write."""
    probe = TOPICS.bridge_info  # which the bridge does not hear before
    await seen.wait(probe)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen.messages.clear()
            await seen.publish(probe, "{}", retain=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await seen.wait(probe, partial(_holds, KEPT[probe]))
                    return


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_bridge_restores_retained_documents_that_others_overwrite(
    mosquitto: Mosquitto, ahead: _Ahead, protocol: str
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, protocol=protocol):
        await _wait_watching(seen)
        for written in ('{"state":"offline"}', ""):
            seen.messages.clear()
            for topic in KEPT:
                await seen.publish(topic, written, retain=True)
            await _wait_restored(seen)
            ahead.added_s += 60.0  # pauses have grown meanwhile


def _holds(is_ours: Callable[[Any], bool], document: Any) -> bool:
    try:
        return isinstance(document, dict) and is_ours(document)
    except KeyError:
        return False


async def _wait_restored(seen: Watcher) -> None:
    for topic, is_ours in KEPT.items():
        await seen.wait(topic, partial(_holds, is_ours))


async def test_bridge_restores_its_state_after_a_late_last_will(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        seen.messages.clear()
        answers, ghost = await asyncio.open_connection("127.0.0.1", mosquitto.port)
        ghost.write(_connect("ghost", STATE, '{"state":"offline"}'))
        assert await answers.readexactly(4) == b"\x20\2\0\0"  # CONNACK
        ghost.transport.abort()
        await seen.wait(STATE, lambda d: d["state"] == "offline")
        await seen.wait(STATE, lambda d: d["state"] == "online")


def _connect(client_id: str, topic: str, payload: str) -> bytes:
    """CONNECT of MQTT 3.1.1 with a will that is retained, QoS 1 (clause 3.1)."""
    body = b"\0\4MQTT\4\x2e\0\x3c"
    for text in (client_id, topic, payload):
        body += len(text).to_bytes(2) + text.encode()
    assert len(body) < 128
    return bytes((0x10, len(body))) + body


async def test_bridge_leaves_retained_documents_of_others_alone(mosquitto: Mosquitto, ahead: _Ahead) -> None:
    others = [
        "gsm_meter_modem/home_2/bridge/state",
        "gsm_meter_modem/home/module/attic",
        "gsm_meter_modem/home/module/pump/event",
        "homeassistant/device/somebody/config",
        "homeassistant/device/gmm_home_2/config",
    ]
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await _wait_watching(seen)
        seen.messages.clear()
        for topic in others:
            await seen.publish(topic, '{"o": "x"}', retain=True)
        for topic in KEPT:  # once these are right again, the others would be too
            await seen.publish(topic, "", retain=True)
        ahead.added_s += 60.0
        await _wait_restored(seen)
        for topic in others:
            assert len(seen.of(topic)) == 1


async def test_bridge_reports_but_does_not_race_a_client_that_keeps_overwriting(
    mosquitto: Mosquitto, ahead: _Ahead
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await _wait_watching(seen)
        seen.messages.clear()
        insists = asyncio.create_task(_insist(seen))
        health = await seen.wait(TOPICS.health, lambda h: h["problems"])
        insists.cancel()
        (problem,) = health["problems"]
        assert (problem["code"], problem["subject"]) == ("state_overwritten", STATE)
        text = [d["state"] for d in seen.of(STATE)]
        assert text.count("online") <= 4
        assert text.count("offline") > text.count("online")


async def _insist(seen: Watcher) -> None:
    """Say `offline` whenever the bridge has said `online`, and now and then besides."""
    while True:
        await seen.publish(STATE, '{"state":"offline"}', retain=True)
        await asyncio.sleep(0.3)


class _Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def _upkeep() -> tuple[Upkeep, _Clock, Health]:
    clock, health = _Clock(), Health()
    return Upkeep(health, clock), clock, health


def test_upkeep_ignores_older_documents_of_the_bridge_itself() -> None:
    upkeep, clock, _ = _upkeep()
    upkeep.look("a", differs=True)  # an older one of ours
    clock.at += 0.5
    upkeep.look("a", differs=False)  # and the newest
    clock.at += 60.0
    assert upkeep.due() == ()


def test_upkeep_doubles_pauses_up_to_a_limit_and_resets_them() -> None:
    upkeep, clock, health = _upkeep()
    at = []
    for _ in range(4000):
        upkeep.look("a", differs=True)
        if upkeep.due():
            at.append(clock.at - 1000.0)
        clock.at += 0.5
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert pauses[:5] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert max(pauses) == 300.0
    (problem,) = health.problems
    assert (problem.code, problem.subject) == (BridgeProblemCode.STATE_OVERWRITTEN, "a")
    # it is over, and the next time is the first
    upkeep.look("a", differs=False)
    clock.at += 700.0
    assert upkeep.due() == ()
    assert health.problems == ()
    upkeep.look("a", differs=True)
    clock.at += 1.0
    assert upkeep.due() == ("a",)


def test_upkeep_corrects_topics_independently() -> None:
    upkeep, clock, health = _upkeep()
    for _ in range(100):
        for n in range(100):
            upkeep.look(f"t{n}", differs=True)
        clock.at += 1.0
        assert len(upkeep.due()) in (0, 100)
    assert 0 < len(health.problems) <= 21
    assert json.dumps([p.subject for p in health.problems])
