"""Thousands of requests at once: what sends nothing does not wait behind them, and each is accepted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.mqtt.client import Broker, Incoming, MqttClient
from gsm_meter_bridge.mqtt.intake import Waiting
from gsm_meter_bridge.storage import store
from tests.mqtt.conftest import TOPICS, Watcher, bridge, watcher
from tests.support.in_memory_bridge import FakeTransport, factory_radio
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

BURST = 5000
ACTIONS = ("set", "apply", "request_status")


def _request(n: int) -> tuple[str, dict[str, Any]]:
    common = {"transaction": f"b{n}", "module": "pump"}
    value = {"csd_idle_timeout_s": 6 + n % 300}
    more: dict[str, Any] = {"set": value, "apply": {"settings": value}, "request_status": {}}
    action = ACTIONS[n % len(ACTIONS)]
    return action, common | more[action]


async def _burst(port: int) -> None:
    """Say it all, and return once the broker has it."""
    sender = MqttClient(Broker("127.0.0.1", port), "sender")
    sender.start()
    await sender.wait_connected()
    answers = []
    for n in range(BURST):
        action, request = _request(n)
        answers.append(sender.publish(TOPICS.request(action), json.dumps(request), retain=False))
    await asyncio.gather(*answers)
    await sender.stop()


def _accepted(seen: Watcher) -> set[str]:
    answers = [a for action in ACTIONS for a in seen.of(TOPICS.response(action))]
    return {a["transaction"] for a in answers if a["status"] == "accepted"}


def _silent_radio() -> FakeTransport:
    radio = factory_radio()
    radio.ready = False
    return radio


async def test_plan_and_cancel_do_not_wait_behind_a_burst(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, tmp_path / "b.db", _silent_radio()):
        await seen.wait(TOPICS.module("pump"))
        await _burst(mosquitto.port)
        first = await seen.wait(TOPICS.response("set"))
        before = len(_accepted(seen))
        plan = {"transaction": "p", "module": "pump", "settings": {"csd_idle_timeout_s": 300}}
        await seen.publish(TOPICS.request("plan"), plan)
        assert (await seen.wait(TOPICS.response("plan")))["status"] == "ok"
        # a job that was accepted a moment ago
        await seen.publish(TOPICS.request("cancel"), {"transaction": "c", "job": first["job"]})
        assert (await seen.wait(TOPICS.response("cancel")))["state"] == "cancelled"
        await seen.publish(TOPICS.request("accept_drift"), {"transaction": "d", "module": "pump"})
        assert (await seen.wait(TOPICS.response("accept_drift")))["status"] == "ok"
        meanwhile = len(_accepted(seen)) - before
        assert meanwhile < BURST - before, "there was nothing left to wait behind"
        assert meanwhile < BURST / 5, "they waited behind it"
        async with asyncio.timeout(PATIENCE_S):
            while len(_accepted(seen)) < BURST:
                await asyncio.sleep(0.1)


async def test_requests_of_a_module_are_stored_in_their_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with (
        watcher(mosquitto.port) as seen,
        bridge(mosquitto.port, tmp_path / "b.db", _silent_radio()) as w,
    ):
        await seen.wait(TOPICS.module("pump"))
        requests = [
            {"transaction": f"o{n}", "module": "pump", "csd_idle_timeout_s": 6 + n} for n in range(120)
        ]
        published = [
            seen.client.publish(TOPICS.request("set"), json.dumps(request), retain=False)
            for request in requests
        ]
        await asyncio.gather(*published)
        await seen.wait(TOPICS.response("set"), lambda a: a["transaction"] == "o119")
        jobs = [a["job"] for a in seen.of(TOPICS.response("set")) if a["status"] == "accepted"]
        assert [a["transaction"] for a in seen.of(TOPICS.response("set"))] == [f"o{n}" for n in range(120)]
        async with w.database.transaction() as tx:
            assert [job.id for job in await store.waiting(tx, "pump")] == jobs


def _message(n: int, payload: bytes = b"{}", *, qos: int = 1, redelivered: bool = False) -> Incoming:
    return Incoming("a/home/request/set", payload, retained=False, redelivered=redelivered, mid=n, qos=qos)


async def test_lane_is_bounded_in_messages_and_bytes() -> None:
    lane = Waiting(3, size=10)
    assert [lane.offer(_message(n)) for n in range(4)] == [True, True, True, False]
    assert [m.mid for m in await lane.take(2)] == [0, 1]
    assert not lane.offer(_message(5, b"x" * 9))
    assert lane.offer(_message(6, b"x" * 8))
    assert [m.mid for m in await lane.take(9)] == [2, 6]
    assert lane.offer(_message(7, b"x" * 10))


@pytest.mark.parametrize(
    ("again", "held"),
    [
        (_message(1, redelivered=True), True),
        (_message(1, redelivered=False), False),
        (_message(2, redelivered=True), False),
        (_message(1, b"[]", redelivered=True), False),
    ],
)
async def test_lane_recognizes_redelivery_of_a_waiting_message(again: Incoming, held: bool) -> None:
    lane = Waiting(10)
    assert lane.offer(_message(1))
    assert lane.holds(again) == held
    await lane.take(1)
    assert not lane.holds(again)
