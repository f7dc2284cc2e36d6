"""Where what arrives goes, whatever the topics are called; what becomes of it when there is no room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gsm_meter_bridge.commands.actions import ACTIONS
from gsm_meter_bridge.commands.administration import Administration
from gsm_meter_bridge.commands.handler import Commands
from gsm_meter_bridge.errors import ModemError
from gsm_meter_bridge.health import Health
from gsm_meter_bridge.mqtt import intake
from gsm_meter_bridge.mqtt.arrivals import Arrivals, Incoming, Receipt
from gsm_meter_bridge.mqtt.client import Broker, MqttClient
from gsm_meter_bridge.mqtt.intake import Intake, IntakeListener
from gsm_meter_bridge.mqtt.requests import Lane, RequestHandler
from gsm_meter_bridge.mqtt.topics import Topics
from gsm_meter_bridge.storage.database import Database
from tests.mqtt.conftest import TOPICS, bridge, watcher
from tests.support.in_memory_bridge import world
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

OVERLAPPING = {
    "one for all": Topics("homeassistant", "home", "homeassistant", "homeassistant/status"),
    "prefix below requests": Topics("a", "home", "a/home/request", "a/status"),
    "prefix below modules": Topics("a", "home", "a/home/module", "a/home_status"),
    "base below the prefix": Topics("ha/x", "home", "ha", "ha/x/status"),
}


@pytest.mark.parametrize("topics", OVERLAPPING.values(), ids=OVERLAPPING)
async def test_bridge_handles_messages_if_topic_prefixes_overlap(
    mosquitto: Mosquitto, topics: Topics
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, topics=topics) as w:
        await seen.wait(topics.bridge_state, lambda d: d["state"] == "online")
        await seen.wait(topics.discovery(topics.module_uid("pump")))
        await seen.publish(topics.request("set"), {"transaction": "s", "module": "pump", "apn": "m2m"})
        done = await seen.wait(topics.response("set"), lambda d: d["status"] == "ok")
        assert done["after"] == {"apn": "m2m"}
        await seen.publish(topics.module_set("pump"), {"apn": "a b"})
        assert (await seen.wait(topics.event("pump"), lambda e: "error" in e))["action"] == "set"
        seen.messages.clear()
        await seen.publish(topics.status, "online")
        await seen.wait(topics.discovery(topics.module_uid("pump")))
        for action in ("config", "status", "explode"):
            await seen.publish(topics.request(action), {"transaction": action})
            document = await seen.wait(topics.response(action))
            assert (document["transaction"], document["error"]["code"]) == (action, "unknown_action")
        assert w.texts("pump").count("1234;A=m2m") == 1


def _message(action: str, *, redelivered: bool = False, **fields: Any) -> Incoming:
    payload = json.dumps({"transaction": "t", **fields}).encode()
    return Incoming(TOPICS.request(action), payload, retained=False, redelivered=redelivered, mid=1, qos=1)


async def test_actions_each_have_a_lane_and_an_answer() -> None:
    async with world() as w:
        handler = RequestHandler(TOPICS, w.commands)
        for action in (*ACTIONS, "explode"):
            message = _message(action)
            lane = handler.lane(TOPICS.place(message.topic))
            handle = handler.handle if lane is Lane.STORED else handler.handle_alone
            outcome = await handle(message)
            assert outcome.document is not None
            assert outcome.document["status"] == ("ok" if action == "jobs" else "error")
            assert outcome.document["transaction"] == "t"
    sends_nothing = {"plan", "cancel", "jobs", "accept_drift", "explode"}
    lanes = {a: handler.lane(TOPICS.place(TOPICS.request(a))) for a in (*ACTIONS, "explode")}
    assert {a for a, lane in lanes.items() if lane is Lane.AT_ONCE} == sends_nothing
    of_modems = {"raw_at", "ussd", "restart_modem", "sms_storage", "master_sim"}
    assert {a for a, lane in lanes.items() if lane is Lane.MODEM} == of_modems


class _Administration(Administration):
    """Counts what a modem is made to do."""

    def __init__(self) -> None:
        super().__init__({}, frozenset())
        self.codes: list[object] = []

    async def ussd(self, modem: str, code: object) -> str:
        self.codes.append(code)
        if code == "*1#":
            raise ModemError("no")
        return f"{modem}: 100"


async def test_redelivered_modem_command_is_not_executed_again() -> None:
    modem = _Administration()
    async with world() as w:
        handler = RequestHandler(TOPICS, w.commands, administration=modem)
        fields: dict[str, Any] = {"modem": "stick", "code": "*100#"}
        first = await handler.handle_alone(_message("ussd", **fields))
        again = await handler.handle_alone(_message("ussd", redelivered=True, **fields))
        assert first == again
        assert modem.codes == ["*100#"]
        # after a restart nobody knows what became of it
        handler = RequestHandler(TOPICS, w.commands, administration=modem)
        unknown = await handler.handle_alone(_message("ussd", redelivered=True, **fields))
        assert unknown.document is not None
        assert unknown.document["error"]["code"] == "uncertain"
        assert modem.codes == ["*100#"]


async def test_modem_transaction_is_executed_once_and_conflicts_with_other_commands() -> None:
    modem = _Administration()
    async with world() as w:
        handler = RequestHandler(TOPICS, w.commands, administration=modem)
        fields: dict[str, Any] = {"modem": "stick", "code": "*100#"}
        first = await handler.handle_alone(_message("ussd", **fields))
        assert await handler.handle_alone(_message("ussd", **fields)) == first
        others = (("ussd", {**fields, "code": "*101#"}), ("raw_at", {"modem": "stick", "command": "AT"}))
        for redelivered in (False, True):
            for action, other in others:
                again = await handler.handle_alone(_message(action, redelivered=redelivered, **other))
                assert again.document is not None
                assert again.document["error"]["code"] == "transaction_conflict"
    assert modem.codes == ["*100#"]


def _failing(error: Exception) -> Callable[..., Any]:
    def fails(*_: object, **__: object) -> Any:
        raise error

    return fails


async def test_requests_are_answered_storage_failed_if_database_is_full(mosquitto: Mosquitto) -> None:
    full = OperationalError("COMMIT", {}, Exception("disk full"))
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "transaction", _failing(full))
            for n in range(3):
                await seen.publish(
                    TOPICS.request("set"), {"transaction": f"f{n}", "module": "pump", "apn": "x"}
                )
            await seen.publish(TOPICS.request("accept_drift"), {"transaction": "d", "module": "pump"})
            await seen.publish(TOPICS.module_set("pump"), {"apn": "x"})
            for n in range(3):
                document = await seen.wait(
                    TOPICS.response("set"), partial(lambda t, a: a["transaction"] == t, f"f{n}")
                )
                assert document["error"]["code"] == "storage_failed"
            document = await seen.wait(TOPICS.response("accept_drift"))
            assert document["error"]["code"] == "storage_failed"
            event = await seen.wait(TOPICS.event("pump"))
            assert event["error"]["code"] == "storage_failed"
        await seen.publish(TOPICS.request("set"), {"transaction": "f9", "module": "pump", "apn": "x"})
        await seen.wait(TOPICS.response("set"), lambda a: a["transaction"] == "f9" and a["status"] == "ok")
        assert w.texts("pump").count("1234;A=x") == 1


async def test_requests_are_answered_overloaded_if_their_lane_is_full(mosquitto: Mosquitto) -> None:
    begun, free = asyncio.Event(), asyncio.Event()
    preview = Commands.preview

    async def slow(self: Commands, *given: Any) -> Any:
        begun.set()
        await free.wait()
        return await preview(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(intake._MESSAGES_AT_MOST, Lane.AT_ONCE, 3)
        patch.setattr(Commands, "preview", slow)
        async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
            await seen.wait(TOPICS.module("pump"))
            for n in range(9):
                request = {"transaction": f"p{n}", "module": "pump", "settings": {"apn": "x"}}
                await seen.publish(TOPICS.request("plan"), request)
                await asyncio.wait_for(begun.wait(), PATIENCE_S)  # the first is at work, the others wait
            answer = TOPICS.response("plan")
            refused = await seen.wait(answer)
            assert refused["error"]["code"] == "overloaded"
            await seen.wait(TOPICS.health, lambda h: [p["code"] for p in h["problems"]] == ["overloaded"])
            free.set()
            async with asyncio.timeout(PATIENCE_S):
                while len(seen.of(answer)) < 9:
                    await asyncio.sleep(0.02)
            text = sorted(a["status"] for a in seen.of(answer))
            assert text == ["error"] * 5 + ["ok"] * 4
            await seen.publish(TOPICS.request("request_status"), {"transaction": "s", "module": "pump"})
            seen.messages.clear()
            await seen.wait(TOPICS.health, lambda h: h["problems"] == [])


class _Deaf(MqttClient):
    """A client whose broker acknowledges nothing, so that there is no room for answers."""

    def __init__(self) -> None:
        super().__init__(Broker("127.0.0.1", 1), "deaf")
        self.incoming = Arrivals()
        self.answers: list[asyncio.Future[bool]] = []
        self.acknowledged: list[int] = []

    def publish(self, topic: str, payload: str, *, retain: bool) -> asyncio.Future[bool]:
        assert not retain
        assert json.loads(payload)["error"]["code"] == "overloaded"
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    async def wait_room(self) -> None:
        await asyncio.Event().wait()

    def acknowledge(self, message: Incoming | Receipt) -> None:
        self.acknowledged.append(message.mid)


async def test_intake_sorts_without_waiting_and_refuses_each_message_once() -> None:
    client = _Deaf()
    async with world() as w:
        handler = RequestHandler(TOPICS, w.commands)

        async def nothing(_: object) -> None:
            pass

        listener = IntakeListener({}, nothing, lambda _: None)
        sorter = Intake(client, TOPICS, w.database, handler, Health(), listener)
        sorter._lanes = {lane: intake.Waiting(0) for lane in Lane}
        task = asyncio.create_task(sorter._sort())
        for again in (False, True):
            for mid in range(1, 51):
                client.incoming.offer(replace(_message("set"), mid=mid, redelivered=again))
        async with asyncio.timeout(PATIENCE_S):
            while not client.incoming.empty():
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (len(client.answers), client.acknowledged) == (50, [])
        for answer in client.answers:
            answer.set_result(True)
        await asyncio.sleep(0)
        assert client.acknowledged == list(range(1, 51))
        task.cancel()
