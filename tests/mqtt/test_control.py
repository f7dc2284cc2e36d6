"""Cancelling, and what is for administrators only, as other programs see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.short_path import factory_radio


def _of(transaction: str) -> Any:
    return lambda answer: answer["transaction"] == transaction


async def test_a_job_that_waits_is_cancelled(mosquitto: Mosquitto) -> None:
    radio = factory_radio()
    radio.ready = False
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=radio):
        await seen.wait(TOPICS.bridge_state)
        await seen.say(TOPICS.request("set"), {"transaction": "a", "module": "pump", "apn": "m2m"})
        accepted = await seen.wait(TOPICS.response("set"), _of("a"))
        await seen.say(TOPICS.request("cancel"), {"transaction": "b", "job": accepted["job"]})
        done = await seen.wait(TOPICS.response("cancel"), _of("b"))
        assert done == {
            "transaction": "b",
            "status": "ok",
            "job": accepted["job"],
            "module": "pump",
            "state": "cancelled",
        }
        told = await seen.wait(
            TOPICS.response("set"), lambda a: a["transaction"] == "a" and a["status"] == "error"
        )
        assert told["error"]["code"] == "cancelled"
        await seen.say(TOPICS.request("cancel"), {"transaction": "c", "job": accepted["job"]})
        again = await seen.wait(TOPICS.response("cancel"), _of("c"))
        assert again["error"]["code"] == "not_cancellable"


async def test_what_has_drifted_is_told_and_accepted(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.say(TOPICS.request("set"), {"transaction": "a", "module": "pump", "apn": "m2m"})
        await seen.wait(TOPICS.response("set"), lambda a: a["status"] == "ok")
        w.radio.devices["pump"].receive("+79990000000", "1234;A=somebody.else", 0.0)
        await seen.say(TOPICS.request("read_settings"), {"transaction": "b", "module": "pump"})
        drifted = await seen.wait(TOPICS.module("pump"), lambda module: module["drift"])
        assert drifted["drift"] == {"apn": {"wanted": "m2m", "told": "somebody.else"}}
        await seen.say(TOPICS.request("accept_drift"), {"transaction": "c", "module": "pump"})
        done = await seen.wait(TOPICS.response("accept_drift"))
        assert done == {"transaction": "c", "status": "ok", "module": "pump", "settings": ["apn"]}
        await seen.wait(TOPICS.module("pump"), lambda module: module["drift"] == {})


@pytest.mark.parametrize(
    ("action", "wish", "code"),
    [
        ("accept_drift", {"module": "nobody"}, "unknown_module"),
        ("accept_drift", {"module": "pump", "settings": ["apn"]}, "unknown_field"),
        ("cancel", {"job": "nonsense"}, "unknown_job"),
        ("cancel", {"job": 7}, "invalid_value"),
        ("cancel", {"job": "x", "module": "pump"}, "unknown_field"),
        ("raw_at", {"modem": "stick", "command": "AT"}, "unknown_modem"),
        ("raw_at", {"command": "AT"}, "invalid_value"),
        ("ussd", {"modem": "stick", "code": "*100#"}, "unknown_modem"),
        ("restart_modem", {"modem": "stick", "module": "pump"}, "unknown_field"),
    ],
)
async def test_what_is_refused(mosquitto: Mosquitto, action: str, wish: dict[str, object], code: str) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.bridge_state)
        await seen.say(TOPICS.request(action), {"transaction": "a", **wish})
        answer = await seen.wait(TOPICS.response(action), _of("a"))
        assert (answer["status"], answer["error"]["code"]) == ("error", code)
