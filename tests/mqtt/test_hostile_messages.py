"""Whatever is raised while one message is handled costs that message; the next one is taken."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsm_meter_bridge.commands import handler as service
from gsm_meter_bridge.commands.gateways import Gateways
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.commands.repeats import Repeats
from gsm_meter_bridge.errors import LeaseLostError, TransitionError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import requests, responses
from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.storage import observations, store
from gsm_meter_bridge.storage.database import Shared
from tests.mqtt.conftest import TOPICS, Watcher, bridge, watcher
from tests.support.in_memory_bridge import world
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

SET, ANSWER = TOPICS.request("set"), TOPICS.response("set")
SECRET = "S3cr3t-4711"
# each callee, and the messages on whose way it lies
CALLEES: list[tuple[Any, str, tuple[str, ...]]] = [
    (Commands, "apply", ("set", "apply", "entity")),
    (Commands, "request_status", ("request_status",)),
    (Commands, "act", ("reboot",)),
    (Commands, "call", ("call",)),
    (Commands, "preview", ("plan",)),
    (Commands, "cancel", ("cancel",)),
    (Commands, "accept_drift", ("accept_drift",)),
    (Commands, "together", ("set", "request_status", "entity")),
    (Shared, "transaction", ("set", "apply", "request_status", "reboot", "entity")),
    (service, "check_changes", ("set", "apply", "plan", "entity")),
    (service, "make_plan", ("set", "apply", "plan", "entity")),
    (service, "what_to_ask", ("request_status",)),
    (observations, "facts", ("set", "apply", "plan", "call", "entity")),
    (observations, "readings_of", ("request_status",)),
    (observations, "accept_drift", ("accept_drift",)),
    (store, "accept", ("set", "apply", "request_status", "reboot", "call", "entity")),
    (store, "get", ("cancel",)),
    (store, "waiting", ("entity",)),
    (Repeats, "of", ("entity",)),
    (Gateways, "check", ("set", "apply", "request_status", "reboot", "entity")),
    (Gateways, "numbers", ("set", "plan", "call")),
    (responses, "accepted", ("set", "apply", "request_status", "reboot", "call")),
    (responses, "plan", ("plan",)),
    (responses, "done", ("plan", "accept_drift")),
    (requests, "read_payload", ("set", "apply", "plan", "cancel", "reboot", "entity")),
]
FIELDS: dict[str, dict[str, Any]] = {
    "set": {"module": "pump", "apn": "m2m"},
    "apply": {"module": "pump", "settings": {"apn": "m2m"}},
    "plan": {"module": "pump", "settings": {"apn": "m2m"}},
    "request_status": {"module": "pump"},
    "reboot": {"module": "pump"},
    "call": {"module": "pump"},
    "cancel": {"job": "x"},
    "accept_drift": {"module": "pump"},
}
RAISED = (
    ValueError(SECRET),
    KeyError(SECRET),
    RecursionError(SECRET),
    OverflowError(SECRET),
    AttributeError(SECRET),
    UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates"),
    TransitionError(SECRET),
    ZeroDivisionError(SECRET),
    MemoryError(SECRET),
)


def _message(name: str, transaction: str = "t") -> Incoming:
    if name == "entity":
        return _incoming(TOPICS.module_set("pump"), {"apn": "m2m"})
    return _incoming(TOPICS.request(name), {"transaction": transaction, **FIELDS[name]})


def _incoming(topic: str, document: object) -> Incoming:
    payload = json.dumps(document).encode()
    return Incoming(topic, payload, retained=False, redelivered=False, mid=1, qos=1)


def _raising(error: Exception) -> Any:
    def raises(*_: object, **__: object) -> Any:
        raise error

    return raises


def _health() -> Health:
    return Health(passes=lambda e: isinstance(e, LeaseLostError))


@given(st.sampled_from(CALLEES), st.sampled_from(RAISED), st.randoms())
def test_handler_answers_internal_error_and_continues_if_a_callee_raises(
    callee: tuple[Any, str, tuple[str, ...]], error: Exception, dice: Any
) -> None:
    owner, function, names = callee
    asyncio.run(_costs_one(owner, function, dice.choice(names), error))


async def _costs_one(owner: Any, function: str, name: str, error: Exception) -> None:
    health = _health()
    async with world() as w:
        handler = requests.RequestHandler(TOPICS, w.commands, health=health)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, function, _raising(error))
            if handler.lane(TOPICS.place(_message(name).topic)) is requests.Lane.STORED:
                outcome = await handler.handle(_message(name))
            else:
                outcome = await handler.handle_alone(_message(name))
        assert outcome.document is not None
        reported = outcome.document["error"]
        assert reported["code"] == "internal_error"
        if function != "read_payload" and name != "entity":
            assert outcome.document["transaction"] == "t"
        assert health.internal_errors >= 1
        assert SECRET not in json.dumps(outcome.document)
        following = await handler.handle(_message("set", "next"))
        assert following.document is not None
        assert following.document["status"] == "accepted"


async def test_failing_request_does_not_affect_others_of_its_batch() -> None:
    async with world() as w:
        handler = requests.RequestHandler(TOPICS, w.commands, health=_health())
        accept, calls = store.accept, iter(range(9))

        async def now_and_then(*given: Any) -> None:
            await accept(*given)
            if next(calls) % 2:
                raise ValueError(SECRET)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "accept", now_and_then)
            outcomes = await handler.handle_all([_message("request_status", f"t{n}") for n in range(5)])
        text = [o.document["status"] for o in outcomes if o.document is not None]
        assert text == ["accepted", "error", "accepted", "error", "accepted"]
        async with w.database.transaction() as tx:
            # what was stored before it failed is undone
            assert [j.transaction for j in await store.waiting(tx, "pump")] == ["t0", "t2", "t4"]


async def test_handler_raises_lease_lost_error_instead_of_answering() -> None:
    async with world() as w:
        handler = requests.RequestHandler(TOPICS, w.commands, health=_health())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "accept", _raising(LeaseLostError("gone")))
            with pytest.raises(LeaseLostError):
                await handler.handle(_message("set"))


POISON = [
    '{"transaction": "t", "x": ' + "1" * 5000 + "}",
    '{"transaction": "\\ud800", "module": "pump", "apn": "x"}',
    '{"transaction": "t", "module": "\\ud800", "apn": "x"}',
    '{"transaction": "t", "module": "pump", "apn": "\\ud800"}',
    '{"transaction": "t", "module": "pump", "csd_idle_timeout_s": 1e999}',
    '{"transaction": "t", "module": "pump", "csd_idle_timeout_s": NaN}',
    '{"transaction": "t", "module": "pump", "csd_idle_timeout_s": true}',
    '{"transaction": "t", "module": "pump", "apn": "a\\u0000"}',
    '{"transaction": "t", "module": "pump", "apn": "x", "deadline": "0001-01-01T00:00:00+14:00"}',
    '{"transaction": "t", "module": "pump", "apn": "x", "deadline": "9999-12-31T23:59:59-14:00"}',
    '{"transaction": "t", "module": "' + "x" * 30_000 + '", "apn": "x"}',
    '{"transaction": "t", "module": "pump", "' + "x" * 30_000 + '": "x"}',
    '{"transaction": "' + "x" * 30_000 + '", "module": "pump", "apn": "x"}',
    "[" * 60_000,
    '{"transaction": "t", "x": ' + "[" * 16_000,
    '{"a":' * 6_000,
    "x" * 100_000,
    "",
    "\ufeff{}",
    "null",
]


async def test_malformed_payload_is_answered_and_not_redelivered(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path, places = tmp_path / "bridge.db", [SET, TOPICS.request("plan"), TOPICS.module_set("pump")]
    async with watcher(mosquitto.port) as seen:
        async with bridge(mosquitto.port, path) as w:
            await seen.wait(TOPICS.module("pump"))
            for topic in places:
                for payload in POISON:
                    await seen.publish(topic, payload)
            await _wait_count(seen, ANSWER, len(POISON))
            await _wait_count(seen, TOPICS.response("plan"), len(POISON))
            await _wait_count(seen, TOPICS.event("pump"), len(POISON))
            answered = [a["error"]["code"] for a in seen.of(ANSWER)]
            assert set(answered) <= {"invalid_value", "unknown_module", "unknown_setting"}
            assert not w.radio.sent
            radio = w.radio
        seen.messages.clear()
        async with bridge(mosquitto.port, path, radio):
            await _is_well(seen)
            assert not seen.of(TOPICS.response("plan"))
            assert not seen.of(TOPICS.event("pump"))


async def _wait_count(seen: Watcher, topic: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(seen.of(topic)) < count:
            await asyncio.sleep(0.02)


async def _is_well(seen: Watcher) -> None:
    await seen.publish(SET, {"transaction": "well", "module": "attic", "apn": "x"})
    await seen.wait(ANSWER, lambda a: a["transaction"] == "well")
    assert len(seen.of(ANSWER)) == 1


async def test_request_that_raises_is_answered_and_not_redelivered(
    mosquitto: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bridge.db"
    async with watcher(mosquitto.port) as seen:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Commands, "apply", _raising(ValueError(SECRET)))
            async with bridge(mosquitto.port, path):
                await seen.wait(TOPICS.module("pump"))
                await seen.publish(SET, {"transaction": "p1", "module": "pump", "apn": "x"})
                await seen.publish(TOPICS.module_set("pump"), {"apn": "x"})
                document = await seen.wait(ANSWER)
                assert (document["transaction"], document["error"]["code"]) == ("p1", "internal_error")
                event = await seen.wait(TOPICS.event("pump"))
                assert event["error"]["code"] == "internal_error"
        seen.messages.clear()
        async with bridge(mosquitto.port, path) as w:
            await _is_well(seen)
            assert not seen.of(TOPICS.event("pump"))
            assert not w.radio.sent
    (logged_once,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert "ValueError" in logged_once.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.parametrize("payload", ["", "online", "[" * 60_000, "\0", "{}"], ids=range(5))
async def test_bridge_answers_requests_after_any_status_of_home_assistant(
    mosquitto: Mosquitto, payload: str
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.status, payload)
        await _is_well(seen)


@pytest.mark.parametrize("action", ["x" * 5000, " ", "é", "a.b", "$x", "set ", "SET", "%s%n"])
async def test_actions_with_strange_names_are_answered(mosquitto: Mosquitto, action: str) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.request(action), {"transaction": "s", "module": "pump"})
        document = await seen.wait(TOPICS.response(action))
        assert (document["transaction"], document["error"]["code"]) == ("s", "unknown_action")
        await seen.publish(TOPICS.module_set("module with blanks"), {"apn": "x"})
        event = await seen.wait(TOPICS.event("module with blanks"))
        assert event["error"]["code"] == "unknown_module"
