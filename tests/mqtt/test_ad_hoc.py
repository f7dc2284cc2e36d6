"""A number that is no configured module, as other programs ask it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gsm_meter_bridge.families import simulated_module
from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.in_memory_bridge import OWN, PUMP, FakeTransport, factory_radio
from tests.support.mosquitto import Mosquitto

NEW = "+79990000301"
OF_NUMBER = {"number": NEW, "family": "lers_gsm_mini", "password": "4711"}
ACTIONS: dict[str, dict[str, object]] = {
    "request_status": {},
    "request_identity": {},
    "read_settings": {},
    "set": {"apn": "m2m"},
    "plan": {"settings": {"apn": "m2m"}},
    "apply": {"settings": {"apn": "m2m"}},
}


def _radio() -> FakeTransport:
    radio = factory_radio()
    radio.devices = {**radio.devices, NEW: simulated_module("lers_gsm_mini", "4711", {"apn": "old"}, {})}
    return radio


def _last(transaction: str) -> Any:
    return lambda answer: answer["transaction"] == transaction and answer["status"] != "accepted"


async def test_unconfigured_number_is_asked_planned_and_set(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=_radio()):
        await seen.wait(TOPICS.bridge_state)
        await seen.publish(TOPICS.request("request_status"), {"transaction": "a", **OF_NUMBER})
        document = await seen.wait(TOPICS.response("request_status"), _last("a"))
        assert document["module"] == NEW
        assert document["status"] == "ok"
        assert document["data"]["signal_dbm"] is not None
        changes = {"settings": {"apn": "m2m"}}
        await seen.publish(TOPICS.request("plan"), {"transaction": "b", **OF_NUMBER, **changes})
        plan = await seen.wait(TOPICS.response("plan"), _last("b"))
        assert plan["plan"]["after"] == {"apn": "m2m"}
        await seen.publish(TOPICS.request("apply"), {"transaction": "c", **OF_NUMBER, **changes})
        done = await seen.wait(TOPICS.response("apply"), _last("c"))
        assert (done["status"], done["before"], done["after"]) == ("ok", {"apn": "old"}, {"apn": "m2m"})
        await seen.publish(TOPICS.request("set"), {"transaction": "d", **OF_NUMBER, "apn": "other"})
        assert (await seen.wait(TOPICS.response("set"), _last("d")))["after"] == {"apn": "other"}
        await seen.publish(TOPICS.request("apply"), {"transaction": "c", **OF_NUMBER, **changes})
        again = await seen.wait(
            TOPICS.response("apply"),
            lambda a: _last("c")(a) and seen.of(TOPICS.response("apply")).count(a) > 1,
        )
        assert again == done
        topics = {topic for topic, _ in seen.messages}
        assert not [t for t in topics if NEW.lstrip("+") in t]
        ours = [m for topic, m in seen.messages if "/request/" not in topic]
        assert "4711" not in json.dumps(ours, default=str)


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ({"number": PUMP}, "invalid_value", "it is that of pump"),
        ({"module": "pump"}, "invalid_value", "either module or number"),
        ({"number": "pump"}, "invalid_value", "international form"),
        ({"number": 7}, "invalid_value", "international form"),
        ({"family": "zigbee"}, "unknown_name", "energomera_gs04"),
        ({"family": None}, "invalid_value", "family"),
        ({"password": ["4711"]}, "invalid_value", "password"),
        ({"password": "47 11"}, "invalid_value", "password"),
        ({"family": 3}, "invalid_value", "lers_gsm_mini"),
        ({"name": "attic"}, "unknown_field", "name"),
        ({"profile": "assumed_status"}, "invalid_value", "the configuration of a module chooses it"),
        ({"profile": "/etc/passwd"}, "invalid_value", "the configuration of a module chooses it"),
    ],
)
async def test_request_by_number_is_refused_if_a_field_is_invalid(
    mosquitto: Mosquitto, more: dict[str, object], code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=_radio()):
        await seen.wait(TOPICS.bridge_state)
        for action, fields in ACTIONS.items():
            await seen.publish(TOPICS.request(action), {"transaction": "a", **fields, **OF_NUMBER, **more})
            answer = await seen.wait(TOPICS.response(action), _last("a"))
            if action == "set" and code == "unknown_field":
                assert answer["error"]["code"] == "unknown_setting"  # any other field is a setting
                continue
            assert (answer["status"], answer["error"]["code"]) == ("error", code), answer
            assert message in answer["error"]["message"]
            assert "4711" not in json.dumps(answer)
        assert "4711" not in caplog.text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"family": "lers_gsm_mini"}, "no family without number"),
        ({"password": "4711"}, "no password without number"),
        ({"profile": "assumed_status"}, "the configuration of a module chooses it"),
    ],
)
async def test_request_by_module_is_refused_if_it_has_fields_of_a_number(
    mosquitto: Mosquitto, more: dict[str, object], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.bridge_state)
        for action, fields in ACTIONS.items():
            await seen.publish(
                TOPICS.request(action), {"transaction": "a", "module": "pump", **fields, **more}
            )
            answer = await seen.wait(TOPICS.response(action), _last("a"))
            assert (answer["status"], answer["error"]["code"]) == ("error", "invalid_value"), answer
            assert message in answer["error"]["message"]
            assert "4711" not in json.dumps(answer)
        assert "4711" not in caplog.text


async def test_request_by_number_shows_masked_numbers_if_identifiers_are_masked(mosquitto: Mosquitto) -> None:
    radio = _radio()
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=radio, mask=True):
        await seen.wait(TOPICS.bridge_state)
        radio.ready = False
        apply = {"transaction": "a", **OF_NUMBER, **ACTIONS["apply"]}
        await seen.publish(TOPICS.request("apply"), apply)
        accepted = await seen.wait(TOPICS.response("apply"))
        await seen.publish(TOPICS.request("plan"), {**apply, "transaction": "b"})
        await seen.wait(TOPICS.response("plan"))
        await seen.publish(TOPICS.request("apply"), {**apply, "transaction": "c", "password": "1111"})
        refused = await seen.wait(TOPICS.response("apply"), _last("c"))
        assert refused["error"]["code"] == "number_in_use"
        for number in (PUMP, OWN):
            await seen.publish(
                TOPICS.request("set"), {**OF_NUMBER, "transaction": number[-4:], "number": number}
            )
            await seen.wait(TOPICS.response("set"), _last(number[-4:]))
        await seen.publish(TOPICS.request("jobs"), {"transaction": "d"})
        listed = await seen.wait(TOPICS.response("jobs"))
        assert [job["module"] for job in listed["jobs"]] == ["***0301"]
        await seen.publish(TOPICS.request("cancel"), {"transaction": "e", "job": accepted["job"]})
        assert (await seen.wait(TOPICS.response("cancel")))["module"] == "***0301"
        ended = await seen.wait(TOPICS.response("apply"), _last("a"))
        assert (ended["module"], ended["state"]) == ("***0301", "cancelled")
        radio.ready = True
        await seen.publish(TOPICS.request("request_status"), {"transaction": "f", **OF_NUMBER})
        document = await seen.wait(TOPICS.response("request_status"), _last("f"))
        assert (document["module"], document["data"]["number"]) == ("***0301", "***0301")
        for topic, message in seen.messages:
            shown = "" if "/request/" in topic else json.dumps(message, default=str)
            assert [number for number in (NEW, PUMP, OWN) if number in shown] == [], topic
