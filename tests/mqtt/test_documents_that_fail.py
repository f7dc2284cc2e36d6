"""A document that cannot be made, or an outcome that cannot be told, costs itself and no other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gsm_meter_bridge.mqtt import discovery, responses
from gsm_meter_bridge.storage import store
from tests.mqtt.conftest import TOPICS, Watcher, bridge, watcher
from tests.support.in_memory_bridge import InMemoryBridge
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE_S

SET, ANSWER = TOPICS.request("set"), TOPICS.response("set")
SECRET = "S3cr3t-4711"


def _raising(error: Exception) -> Any:
    def raises(*_: object, **__: object) -> Any:
        raise error

    return raises


async def _is_well(seen: Watcher) -> None:
    await seen.publish(SET, {"transaction": "well", "module": "attic", "apn": "x"})
    await seen.wait(ANSWER, lambda a: a["transaction"] == "well")
    assert len(seen.of(ANSWER)) == 1


async def test_failing_discovery_of_a_module_does_not_block_other_documents(mosquitto: Mosquitto) -> None:
    made = discovery.module_payload

    def fails_for_the_hut(form: discovery.DiscoveryOptions, module: Any, *rest: Any) -> str:
        if module.id == "hut":
            raise ValueError(SECRET)
        return made(form, module, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "module_payload", fails_for_the_hut)
        async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
            await seen.wait(TOPICS.discovery(TOPICS.module_uid("pump")))
            await seen.wait(TOPICS.modem("stick"))
            health = await seen.wait(TOPICS.health, lambda h: h["internal_errors"])
            assert health["last_internal_error"]["kind"] == "ValueError"
            await _is_well(seen)


@pytest.mark.parametrize("function", ["overviews", "documents.module_state", "documents.modem_state"])
async def test_bridge_answers_requests_if_state_documents_cannot_be_built(
    mosquitto: Mosquitto, function: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"gsm_meter_bridge.mqtt.picture.{function}", _raising(KeyError(SECRET)))
        async with watcher(mosquitto.port) as seen, bridge(mosquitto.port):
            await seen.wait(TOPICS.health, lambda h: h["internal_errors"])
            await _is_well(seen)


async def test_outcome_that_cannot_be_built_does_not_block_other_outcomes(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path, made = tmp_path / "bridge.db", responses.command_event

    def fails_for_the_hut(job: Any) -> Any:
        if job.module == "hut":
            raise ValueError(SECRET)
        return made(job)

    async with watcher(mosquitto.port) as seen:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(responses, "command_event", fails_for_the_hut)
            async with bridge(mosquitto.port, path) as w:
                await seen.wait(TOPICS.module("pump"))
                for module in ("hut", "pump"):
                    request = {"transaction": module, "module": module}
                    await seen.publish(TOPICS.request("request_status"), request)
                answer = TOPICS.response("request_status")
                failed = await seen.wait(
                    answer, lambda a: a["transaction"] == "hut" and a["status"] == "error"
                )
                assert failed["error"]["code"] == "internal_error"
                await seen.wait(answer, lambda a: a["transaction"] == "pump" and a["status"] == "ok")
                await _wait_reported(w)
        seen.messages.clear()
        async with bridge(mosquitto.port, path):
            await _is_well(seen)
            assert not seen.of(TOPICS.event("hut"))
            assert not seen.of(answer)


async def _wait_reported(w: InMemoryBridge) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with w.database.transaction() as tx:
                if not await store.to_announce(tx, "home", w.now()):
                    return
            await asyncio.sleep(0.02)
