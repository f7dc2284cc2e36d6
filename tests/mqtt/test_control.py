"""Cancelling, and what is for administrators only, as other programs see it."""

from __future__ import annotations

from typing import Any

import pytest

from gsm_meter_bridge.storage.overview import MOST_SHOWN
from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.in_memory_bridge import factory_radio
from tests.support.mosquitto import Mosquitto


def _of(transaction: str) -> Any:
    return lambda answer: answer["transaction"] == transaction


async def test_cancel_request_ends_a_queued_job(mosquitto: Mosquitto) -> None:
    radio = factory_radio()
    radio.ready = False
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=radio):
        await seen.wait(TOPICS.bridge_state)
        await seen.publish(TOPICS.request("set"), {"transaction": "a", "module": "pump", "apn": "m2m"})
        accepted = await seen.wait(TOPICS.response("set"), _of("a"))
        await seen.publish(TOPICS.request("cancel"), {"transaction": "b", "job": accepted["job"]})
        done = await seen.wait(TOPICS.response("cancel"), _of("b"))
        assert done == {
            "transaction": "b",
            "status": "ok",
            "job": accepted["job"],
            "module": "pump",
            "state": "cancelled",
        }
        document = await seen.wait(
            TOPICS.response("set"), lambda a: a["transaction"] == "a" and a["status"] == "error"
        )
        assert document["error"]["code"] == "cancelled"
        await seen.publish(TOPICS.request("cancel"), {"transaction": "c", "job": accepted["job"]})
        again = await seen.wait(TOPICS.response("cancel"), _of("c"))
        assert again["error"]["code"] == "not_cancellable"


async def test_queued_job_is_listed_until_it_is_cancelled(mosquitto: Mosquitto) -> None:
    radio = factory_radio()
    radio.ready = False
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=radio):
        await seen.wait(TOPICS.bridge_state)
        await seen.publish(TOPICS.request("set"), {"transaction": "a", "module": "pump", "apn": "m2m"})
        accepted = await seen.wait(TOPICS.response("set"), _of("a"))
        for number, scope in enumerate(({}, {"module": "pump"})):
            await seen.publish(TOPICS.request("jobs"), {"transaction": f"j{number}", **scope})
            document = await seen.wait(TOPICS.response("jobs"), _of(f"j{number}"))
            (job,) = (job for job in document["jobs"] if job["job"] == accepted["job"])
            assert (job["module"], job["action"], job["state"]) == ("pump", "set", "queued")
            assert (job["cancellable"], job["step"], job["deadline"]) == (True, 1, accepted["deadline"])
            assert job["since"] <= job["deadline"]
        shown = await seen.wait(TOPICS.module("pump"), lambda module: module["jobs"])
        assert accepted["job"] in [one["job"] for one in shown["jobs"]]
        assert all(one["cancellable"] for one in shown["jobs"])
        await seen.publish(TOPICS.request("cancel"), {"transaction": "b", "job": accepted["job"]})
        await seen.wait(TOPICS.response("cancel"), _of("b"))
        await seen.publish(TOPICS.request("jobs"), {"transaction": "j2"})
        left = await seen.wait(TOPICS.response("jobs"), _of("j2"))
        assert accepted["job"] not in [job["job"] for job in left["jobs"]]
        await seen.wait(
            TOPICS.module("pump"), lambda m: accepted["job"] not in [one["job"] for one in m["jobs"]]
        )


async def test_module_document_lists_a_bounded_number_of_jobs(mosquitto: Mosquitto) -> None:
    radio = factory_radio()
    radio.ready = False
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, radio=radio):
        await seen.wait(TOPICS.bridge_state)
        for number in range(MOST_SHOWN + 5):
            request = {"transaction": f"a{number:02}", "module": "pump", "apn": f"apn{number}"}
            await seen.publish(TOPICS.request("set"), request)
        last = await seen.wait(TOPICS.response("set"), _of(f"a{MOST_SHOWN + 4:02}"))
        first = seen.of(TOPICS.response("set"))[0]
        shown = await seen.wait(TOPICS.module("pump"), lambda module: len(module["jobs"]) == MOST_SHOWN)
        ids = [one["job"] for one in shown["jobs"]]
        assert (ids[0], last["job"] in ids) == (first["job"], False)


async def test_module_document_shows_drift_until_it_is_accepted(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.request("set"), {"transaction": "a", "module": "pump", "apn": "m2m"})
        await seen.wait(TOPICS.response("set"), lambda a: a["status"] == "ok")
        w.radio.devices["pump"].receive("+79990000000", "1234;A=somebody.else", 0.0)
        await seen.publish(TOPICS.request("read_settings"), {"transaction": "b", "module": "pump"})
        drifted = await seen.wait(TOPICS.module("pump"), lambda module: module["drift"])
        assert drifted["drift"] == {"apn": {"desired": "m2m", "reported": "somebody.else"}}
        await seen.publish(TOPICS.request("accept_drift"), {"transaction": "c", "module": "pump"})
        done = await seen.wait(TOPICS.response("accept_drift"))
        assert done == {"transaction": "c", "status": "ok", "module": "pump", "settings": ["apn"]}
        await seen.wait(TOPICS.module("pump"), lambda module: module["drift"] == {})


@pytest.mark.parametrize(
    ("action", "fields", "code"),
    [
        ("accept_drift", {"module": "nobody"}, "unknown_module"),
        ("accept_drift", {"module": "pump", "settings": ["apn"]}, "unknown_field"),
        ("cancel", {"job": "nonsense"}, "unknown_job"),
        ("jobs", {"module": "nobody"}, "unknown_module"),
        ("jobs", {"module": 7}, "invalid_value"),
        ("jobs", {"job": "x"}, "unknown_field"),
        ("cancel", {"job": 7}, "invalid_value"),
        ("cancel", {"job": "x", "module": "pump"}, "unknown_field"),
        ("raw_at", {"modem": "stick", "command": "AT"}, "unknown_modem"),
        ("raw_at", {"command": "AT"}, "invalid_value"),
        ("ussd", {"modem": "stick", "code": "*100#"}, "unknown_modem"),
        ("restart_modem", {"modem": "stick", "module": "pump"}, "unknown_field"),
    ],
)
async def test_request_is_refused_if_a_field_is_unknown_or_invalid(
    mosquitto: Mosquitto, action: str, fields: dict[str, object], code: str
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.bridge_state)
        await seen.publish(TOPICS.request(action), {"transaction": "a", **fields})
        answer = await seen.wait(TOPICS.response(action), _of("a"))
        assert (answer["status"], answer["error"]["code"]) == ("error", code)
