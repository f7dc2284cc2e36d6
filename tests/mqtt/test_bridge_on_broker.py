"""The contract against a real broker: what is published, what is answered, what is never done twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.commands.admission import CommandOptions
from gsm_meter_bridge.mqtt import arrivals, discovery
from gsm_meter_bridge.mqtt.retained import StaleDevices
from gsm_meter_bridge.mqtt.topics import Topics
from tests.mqtt.conftest import TOPICS, Watcher, bridge, watcher
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

SET, SET_ANSWER = TOPICS.request("set"), TOPICS.response("set")


def _final(document: dict[str, Any]) -> bool:
    return document["status"] != "accepted"


async def _set(seen: Watcher, transaction: str, **fields: object) -> None:
    await seen.publish(SET, {"transaction": transaction, "module": "pump", **fields})


async def test_bridge_publishes_its_documents_and_discovery_at_start(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        assert await seen.wait(TOPICS.bridge_state) == {"state": "online"}
        info = await seen.wait(TOPICS.bridge_info)
        assert (info["contract"], info["module_count"]) == (2, 2)
        module = await seen.wait(TOPICS.module("hut"))
        assert (module["online"], module["last_seen"], module["signal_dbm"]) == (False, None, None)
        assert await seen.wait(TOPICS.availability("hut")) == {"state": "offline"}
        await seen.wait(TOPICS.modem("stick"))
        await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))
        configs = [t for t, _ in seen.messages if t.startswith("homeassistant/")]
        assert configs[0] == TOPICS.discovery(TOPICS.bridge_uid())


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
async def test_status_request_updates_module_document_and_availability(
    mosquitto: Mosquitto, protocol: str
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, protocol=protocol):
        await seen.wait(TOPICS.module("hut"))
        await seen.publish(TOPICS.request("request_status"), {"transaction": "s1", "module": "hut"})
        answer = await seen.wait(TOPICS.response("request_status"), _final)
        assert (answer["transaction"], answer["status"]) == ("s1", "ok")
        assert (answer["data"]["signal_dbm"], answer["data"]["band"]) == (-71, "lte_7")
        state = await seen.wait(TOPICS.module("hut"), lambda m: m["imei"] is not None)
        assert state["sources"]["imei"]["transport"] == "sms"
        await seen.wait(TOPICS.availability("hut"), lambda a: a["state"] == "online")


async def test_set_request_is_verified_and_repeats_no_secret(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await _set(seen, "c1", apn="m2m.example", apn_password="hunter2")
        accepted = await seen.wait(SET_ANSWER)
        assert (accepted["status"], accepted["transaction"], accepted["messages"]) == ("accepted", "c1", 3)
        done = await seen.wait(SET_ANSWER, _final)
        assert done["status"] == "ok"
        assert done["before"] == {"apn": "internet", "apn_password": ""}
        assert done["after"] == {"apn": "m2m.example", "apn_password": "***"}
        assert done["job"] == accepted["job"]
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["settings"]["apn"] == "m2m.example")
        assert "apn_password" not in state["settings"]
        event = await seen.wait(TOPICS.event("pump"))
        assert (event["event_type"], event["job"]) == ("command_succeeded", done["job"])
        assert w.radio.devices["pump"].state()["apn_password"] == "hunter2"
        text = [m for t, m in seen.messages if t != SET]
        assert "hunter2" not in json.dumps(text, default=str)


async def test_transaction_is_executed_once_if_it_is_repeated(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await _set(seen, "c1", apn="m2m")
        await _set(seen, "c1", apn="m2m")
        first = await seen.wait(SET_ANSWER, _final)
        await _set(seen, "c1", apn="m2m")
        await _set(seen, "c1", apn="other")
        refused = await seen.wait(SET_ANSWER, lambda d: d.get("error"))
        assert refused["error"]["code"] == "transaction_conflict"
        assert {d["job"] for d in seen.of(SET_ANSWER) if "job" in d} == {first["job"]}
        assert w.texts("pump").count("1234;A=m2m") == 1


@pytest.mark.parametrize(
    ("payload", "code", "message"),
    [
        ("not json", "invalid_value", "a JSON object"),
        ("[]", "invalid_value", "a JSON object"),
        ({"module": "pump", "apn": "x"}, "invalid_value", "transaction"),
        ({"transaction": "t", "apn": "x"}, "invalid_value", "module"),
        ({"transaction": "t", "module": "attic", "apn": "x"}, "unknown_module", "hut, pump"),
        ({"transaction": "t", "module": "pump"}, "invalid_value", "at least one setting"),
        ({"transaction": "t", "module": "pump", "apm": "x"}, "unknown_setting", "apn_user"),
        ({"transaction": "t", "module": "pump", "apn": "a b"}, "invalid_value", "'a b'"),
        ({"transaction": "t", "module": "pump", "apn": "x", "deadline": "soon"}, "invalid_value", "deadline"),
        (
            {"transaction": "t", "module": "pump", "apn": "x", "deadline": "2020-01-01T00:00:00Z"},
            "invalid_value",
            "future",
        ),
    ],
)
async def test_set_request_is_refused_and_sends_nothing_if_it_is_invalid(
    mosquitto: Mosquitto, payload: Any, code: str, message: str
) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(SET, payload)
        answer = await seen.wait(SET_ANSWER)
        assert answer["status"] == "error"
        assert answer["error"]["code"] == code
        assert message in answer["error"]["message"]
        assert not w.radio.sent


async def test_plan_request_returns_texts_and_sends_nothing(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        request = {"transaction": "p1", "module": "pump", "settings": {"csd_idle_timeout_s": 300}}
        await seen.publish(TOPICS.request("plan"), request)
        answer = await seen.wait(TOPICS.response("plan"))
        assert (answer["status"], answer["transaction"]) == ("ok", "p1")
        assert answer["plan"]["texts"] == ["***;T", "***;T=300", "***;T"]
        assert not w.radio.sent


async def test_apply_request_sets_many_settings_if_it_is_confirmed(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        settings = {"csd_idle_timeout_s": 300, "server.0.address": "a.example:9001"}
        request = {"transaction": "a1", "module": "pump", "settings": settings}
        await seen.publish(TOPICS.request("apply"), request)
        refused = await seen.wait(TOPICS.response("apply"))
        assert refused["error"]["code"] == "confirm_required"
        assert not w.radio.sent
        await seen.publish(TOPICS.request("apply"), request | {"transaction": "a2", "confirm": True})
        await seen.wait(TOPICS.response("apply"), lambda d: d["status"] == "accepted")
        async with asyncio.timeout(PATIENCE_S):
            while not w.texts("pump") or w.texts("pump")[-1].endswith(";REBOOT"):
                await asyncio.sleep(0.02)
                w.clock[0] += 0.5  # 25 times as fast, through the restart
                w.runner.wake()
        done = await seen.wait(TOPICS.response("apply"), lambda d: d["status"] not in ("accepted", "error"))
        assert (done["status"], done["after"]) == ("ok", settings)
        state = await seen.wait(TOPICS.module("pump"), lambda m: m["settings"].get("server.0.address"))
        assert state["settings"]["server.0.enabled"] is False


async def test_actions_reach_module_by_request_and_by_button(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.request("restore"), {"transaction": "r1", "module": "pump"})
        refused = await seen.wait(TOPICS.response("restore"))
        assert refused["error"]["code"] == "confirm_required"
        await seen.publish(TOPICS.request("connect"), {"transaction": "c1", "module": "pump", "server": 1})
        done = await seen.wait(TOPICS.response("connect"), _final)
        assert (done["status"], done["error"]["message"]) == ("error", "it knows no such server")
        await seen.publish(TOPICS.module_set("pump"), {"action": "disconnect"})
        event = await seen.wait(TOPICS.event("pump"), lambda e: e.get("action") == "disconnect")
        assert event["event_type"] == "command_succeeded"
        assert w.texts("pump") == ["1234;C1", "1234;D", "1234;I"]


async def test_unknown_action_is_answered_with_an_error(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.request("explode"), {"transaction": "t"})
        answer = await seen.wait(TOPICS.response("explode"))
        assert answer["error"]["code"] == "unknown_action"


async def test_entity_commands_read_status_and_set_apn(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.module_set("pump"), {"request_status": True})
        await seen.wait(TOPICS.module("pump"), lambda m: m["settings"]["apn"] is not None)
        await seen.publish(TOPICS.module_set("pump"), {"apn": "m2m"})
        done = await seen.wait(
            TOPICS.module("pump"), lambda m: (m["last_result"] or {}).get("action") == "set"
        )
        assert done["last_result"]["status"] == "ok"
        assert done["settings"]["apn"] == "m2m"
        assert w.texts("pump") == ["1234;I", "1234;A", "1234;A=m2m", "1234;A"]


async def test_invalid_entity_command_is_reported_as_an_event(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port) as w:
        await seen.wait(TOPICS.module("pump"))
        await seen.publish(TOPICS.module_set("pump"), {"apn": "a b"})
        event = await seen.wait(TOPICS.event("pump"))
        assert (event["event_type"], event["action"]) == ("command_failed", "set")
        assert "'a b'" in event["error"]["message"]
        assert not w.radio.sent


async def test_retained_request_is_ignored(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen:
        await _set(seen, "old", apn="x")
        await seen.publish(SET, {"transaction": "old", "module": "pump", "apn": "x"}, retain=True)
        async with bridge(mosquitto.port) as w:
            await seen.wait(TOPICS.module("pump"))
            await seen.publish(TOPICS.request("request_status"), {"transaction": "s", "module": "pump"})
            await seen.wait(TOPICS.response("request_status"), _final)
            assert w.radio.devices["pump"].state()["apn"] == "internet"
            assert not seen.of(SET_ANSWER)


async def test_requests_wait_at_the_broker_while_the_bridge_is_away(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = tmp_path / "bridge.db"
    async with watcher(mosquitto.port) as seen:
        async with bridge(mosquitto.port, path) as w:
            await seen.wait(TOPICS.module("pump"))
            radio = w.radio
        await _set(seen, "late", apn="m2m")
        async with bridge(mosquitto.port, path, radio):
            done = await seen.wait(SET_ANSWER, _final)
        assert (done["transaction"], done["status"]) == ("late", "ok")


async def test_outcome_is_published_after_restart_if_broker_was_unreachable(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = tmp_path / "bridge.db"
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, path) as w:
        await seen.wait(TOPICS.module("pump"))
        mosquitto.stop()
        job = await w.commands.apply("pump", {"apn": "m2m"}, CommandOptions("gone"))
        async with asyncio.timeout(PATIENCE_S):
            while not (await w.job(job)).state.final:
                await asyncio.sleep(0.02)
        radio = w.radio
    mosquitto.start()
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, path, radio):
        done = await seen.wait(SET_ANSWER, _final)
        assert (done["transaction"], done["status"]) == ("gone", "ok")


async def test_bridge_publishes_state_and_discovery_again_if_broker_restarts(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.module("pump"))
        mosquitto.kill()
        seen.messages.clear()
        mosquitto.start()
        assert await seen.wait(TOPICS.bridge_state, lambda s: s["state"] == "online")
        await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))


async def test_bridge_publishes_again_at_birth_message_of_home_assistant(mosquitto: Mosquitto) -> None:
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
        await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))
        await seen.wait(TOPICS.module("pump"))
        seen.messages.clear()
        await seen.publish(TOPICS.status, "online")
        await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))
        await seen.wait(TOPICS.module("hut"))


async def test_documents_of_a_removed_device_are_cleared(mosquitto: Mosquitto) -> None:
    gone = "old_shed"
    config = TOPICS.discovery(TOPICS.module_uid(gone))
    neighbour = Topics("gsm_meter_modem", "home_2", "homeassistant", "homeassistant/status")
    kept = neighbour.discovery(neighbour.bridge_uid())
    async with watcher(mosquitto.port) as seen:
        message = discovery.bridge_device(discovery.DiscoveryOptions(TOPICS), "x") | {
            "stat_t": TOPICS.module(gone)
        }
        await seen.publish(config, message, retain=True)
        await seen.publish(TOPICS.module(gone), {"online": True}, retain=True)
        await seen.publish(TOPICS.availability(gone), {"state": "online"}, retain=True)
        await seen.publish(
            kept, discovery.bridge_device(discovery.DiscoveryOptions(neighbour), "y"), retain=True
        )
        seen.messages.clear()
        async with bridge(mosquitto.port):
            for topic in (config, TOPICS.module(gone), TOPICS.availability(gone)):
                await seen.wait(topic, lambda payload: payload == b"")
            await seen.wait(TOPICS.module("pump"))
        assert b"" not in seen.of(kept)


async def test_reader_without_a_list_of_ids_finds_all_modules(mosquitto: Mosquitto) -> None:
    async with bridge(mosquitto.port) as w, watcher(mosquitto.port) as seen:
        await seen.wait(TOPICS.bridge_state, lambda state: state == {"state": "online"})
        async with watcher(mosquitto.port, "reader", ("watcher/ready", TOPICS.module("+"))) as reader:
            for module in w.modules.values():
                document = await reader.wait(TOPICS.module(module.id))
                assert (document["family"], document["name"]) == (module.family.id, module.name)
            found = {topic for topic, _ in reader.messages if topic.startswith(TOPICS.root)}
        assert found == set(map(TOPICS.module, w.modules))
        assert "modules" not in await seen.wait(TOPICS.bridge_info)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_document_of_contract_1_is_cleared(mosquitto: Mosquitto, protocol: str) -> None:
    former = f"{TOPICS.root}/bridge/callers"
    others = f"{TOPICS.base}/home_2/bridge/callers"
    async with watcher(mosquitto.port) as seen:
        for topic in (former, others, f"{TOPICS.root}/bridge/notes"):
            await seen.publish(topic, {"callers": []}, retain=True)
        seen.messages.clear()
        async with bridge(mosquitto.port, protocol=protocol):
            await seen.wait(former, lambda payload: payload == b"")
            await seen.wait(TOPICS.module("pump"))
        assert seen.of(others) == seen.of(f"{TOPICS.root}/bridge/notes") == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_document_of_a_module_without_discovery_is_cleared(mosquitto: Mosquitto, protocol: str) -> None:
    async with watcher(mosquitto.port) as seen:
        await seen.publish(TOPICS.module("old_shed"), {"online": True}, retain=True)
        seen.messages.clear()
        async with bridge(mosquitto.port, protocol=protocol):
            await seen.wait(TOPICS.module("old_shed"), lambda payload: payload == b"")
            await seen.wait(TOPICS.module("pump"))
        assert b"" not in seen.of(TOPICS.module("pump"))


@pytest.mark.parametrize("size", [1, 300_000, arrivals.WAITING_BYTES])
async def test_bridge_stays_online_if_others_retain_more_than_it_reads_at_once(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(arrivals, "WAITING_BYTES", size)
    searched, search = asyncio.Event(), StaleDevices.search

    async def search_and_publish(stale: StaleDevices) -> None:
        await search(stale)
        searched.set()

    monkeypatch.setattr(StaleDevices, "search", search_and_publish)
    device = json.dumps({"o": {"name": "another"}, "x": "y" * 100_000})
    async with watcher(mosquitto.port) as seen:
        for n in range(150):
            await seen.publish(f"homeassistant/device/{n}/config", device, retain=True)
        seen.messages.clear()
        async with bridge(mosquitto.port):
            await seen.wait(TOPICS.availability("pump"))
            await asyncio.wait_for(searched.wait(), PATIENCE_S)
            await _set(seen, "t", apn="m2m")
            assert (await seen.wait(SET_ANSWER, _final))["status"] == "ok"
        assert {"state": "offline"} not in seen.of(TOPICS.bridge_state)[:-1]
        assert seen.of(TOPICS.bridge_state).count({"state": "online"}) == 1
