"""What is said of requests that are wrong: no secret in an answer, an event, a log or an error."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.encoding import dump
from gsm_meter_bridge.mqtt.requests import RequestHandler, RequestResult
from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.in_memory_bridge import world
from tests.support.mosquitto import Mosquitto

X = "S3cr3t 4711"
"""The secret; no module takes a blank in one."""
LONG = X * 900

# What somebody might send who mistypes; %s is the secret, its place the shape.
SHAPES = (
    '{"transaction": "t", "module": "pump", "apn_password": "%s",}',
    '{"transaction": "t", "module": "pump", "apn_password": "%s"',
    "{'transaction': 't', 'module': 'pump', 'apn_password': '%s'}",
    '{"transaction": "t" "module": "pump", "apn_password": "%s"}',
    "apn_password=%s",
    '"%s"',
    '["%s"]',
    '{"transaction": "t", "module": "pump", "apn_password": {"value": "%s"}}',
    '{"transaction": "t", "module": "pump", "apn_password": ["%s"]}',
    '{"transaction": "t", "module": "pump", "apn": {"password": "%s"}}',
    '{"transaction": "t", "module": "pump", "apn": ["m2m", "user", "%s"]}',
    '{"transaction": "t", "module": "pump", "%s": "apn_password"}',
    '{"transaction": "t", "module": "pump", "apn_password %s": true}',
    '{"transaction": "t", "module": "pump", "apn_password: %s": ""}',
    '{"transaction": "t", "module": "pump", "apn_password=%s": 1}',
    '{"transaction": "t", "module": "pump", "apn_pasword": "%s"}',
    '{"transaction": "t", "module": "pump", "access_password": "%s"}',
    '{"transaction": "t", "module": "pump", "access_password": "%s", "access_password": "%s"}',
    '{"transaction": "t", "module": "pump", "apn_password": "%s", "apn": NaN}',
    '{"transaction": "t", "module": "pump", "apn_password": "%s\\u0000"}',
    '{"transaction": "t", "module": "pump", "apn_password": "%s\\ud800"}',
    '{"transaction": "t", "module": "pump", "settings": "apn_password=%s"}',
    '{"transaction": "t", "module": "pump", "settings": ["apn_password", "%s"]}',
    '{"transaction": "t", "module": "pump", "settings": {"apn_password": ["%s"]}}',
    '{"transaction": "t", "module": "pump", "settings": {"%s": "apn_password"}}',
    '{"transaction": "t", "module": "pump", "settings": {"access_password": "%s"}}',
    '{"transaction": "t", "module": {"pump": "%s"}, "apn_password": "x"}',
    '{"transaction": {"t": "%s"}, "module": "pump"}',
    '{"transaction": "t", "module": "pump", "apn_password": "x", "confirm": {"%s": true}}',
    '{"transaction": "t", "module": "pump", "apn_password": "x", "deadline": ["%s"]}',
    '{"apn_password": "%s", "apn": 7}',
    '{"access_password": "%s"}',
    '{"action": {"set": "%s"}}',
    '{"action": ["%s"]}',
    '{"request_status": {"password": "%s"}}',
)
PLACES = {
    "set": TOPICS.request("set"),
    "apply": TOPICS.request("apply"),
    "plan": TOPICS.request("plan"),
    "cancel": TOPICS.request("cancel"),
    "ussd": TOPICS.request("ussd"),
    "reboot": TOPICS.request("reboot"),
    "entity": TOPICS.module_set("pump"),
}


def _message(topic: str, payload: str) -> Incoming:
    return Incoming(topic, payload.encode(), retained=False, redelivered=False, mid=1, qos=1)


def _error_message(outcome: RequestResult) -> str:
    assert outcome.document is not None
    return dump(outcome.document)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", [X, LONG], ids=["short", "long"])
async def test_error_of_a_malformed_request_repeats_no_secret(
    place: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with world() as w:
        requests = RequestHandler(TOPICS, w.commands)
        for shape in SHAPES:
            payload = shape.replace("%s", secret)
            outcome = await requests.handle(_message(PLACES[place], payload))
            text = _error_message(outcome)
            assert outcome.document is not None
            assert outcome.document["status"] == "error", shape
            assert outcome.document["error"]["code"] != "internal_error", shape
            assert X not in text, shape
            assert len(outcome.document["error"]["message"]) <= 300
    assert X not in caplog.text
    assert max(len(r.getMessage()) for r in caplog.records) < 600


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ('{"transaction": "t", "module": "pump", "apn": "a b"}', "apn: 'a b' is not allowed"),
        (
            '{"transaction": "t", "module": "pump", "csd_idle_timeout_s": 9.5}',
            "timeout_s: 9.5 is not",
        ),
        ('{"transaction": "t", "module": "attic", "apn": "x"}', "unknown module 'attic'; known: hut, pump"),
        ('{"transaction": "t", "module": "pump", "apm": "x"}', "'apm'"),
        ('{"transaction": "t", "module": "pump", "apn": "x", "deadline": "soon"}', "'soon'"),
        ('{"transaction": "t", "module": 7, "apn": "x"}', "module: 7 is not allowed"),
        ('{"transaction": "t", "module": "pump", "apn": "' + "x" * 30_000 + '"}', "xxx"),
    ],
)
async def test_error_repeats_a_wrong_value_if_it_is_no_secret(payload: str, shown: str) -> None:
    async with world() as w:
        outcome = await RequestHandler(TOPICS, w.commands).handle(_message(TOPICS.request("set"), payload))
        assert outcome.document is not None
        assert shown in outcome.document["error"]["message"]
        assert len(outcome.document["error"]["message"]) <= 300


async def test_bridge_answers_each_malformed_request_without_its_secret(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        for topic in PLACES.values():
            for shape in SHAPES:
                await seen.publish(topic, shape.replace("%s", X))
        # in the lane of what becomes jobs, and in the other one
        await seen.publish(TOPICS.request("request_status"), {"transaction": "last", "module": "attic"})
        await seen.wait(TOPICS.response("request_status"))
        await seen.publish(TOPICS.request("accept_drift"), {"transaction": "last", "module": "attic"})
        await seen.wait(TOPICS.response("accept_drift"))
        ours: list[Any] = [m for t, m in seen.messages if t not in PLACES.values()]
        answered = sum("error" in m and m.get("status") == "error" for m in ours if isinstance(m, dict))
        assert answered == len(PLACES) * len(SHAPES) + 2
        assert X not in json.dumps(ours, default=str)
    assert X not in caplog.text
