"""How much Home Assistant discovers, and what becomes of the rest, on a real broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gsm_meter_bridge.mqtt.entities import ESSENTIAL
from gsm_meter_bridge.mqtt.options import Discovery
from gsm_meter_bridge.translations import Language
from tests.mqtt.conftest import IDENTITY, TOPICS, bridge, watcher
from tests.support.mosquitto import Mosquitto

DEVICES = (TOPICS.bridge_uid(), TOPICS.modem_uid("stick"), *map(TOPICS.module_uid, ("hut", "pump")))


def _kept(message: dict[str, Any]) -> dict[str, Any]:
    """The entities that Home Assistant makes; it removes those that have a platform alone."""
    return {key: entity for key, entity in message["cmps"].items() if set(entity) > {"p"}}


async def test_essential_discovery_removes_what_full_discovery_had(mosquitto: Mosquitto) -> None:
    topic = TOPICS.discovery(TOPICS.module_uid("hut"))
    async with watcher(mosquitto.port) as seen:
        async with bridge(mosquitto.port):
            full = await seen.wait(topic)
            assert (await seen.wait(TOPICS.bridge_info))["discovery"] == "full"
        seen.messages.clear()
        async with bridge(mosquitto.port, identity=replace(IDENTITY, discovery=Discovery.ESSENTIAL)):
            essential = await seen.wait(topic)
            assert (await seen.wait(TOPICS.bridge_info))["discovery"] == "essential"
    assert {key: e["p"] for key, e in full["cmps"].items()} == {
        key: e["p"] for key, e in essential["cmps"].items()
    }
    assert _kept(essential).keys() == ESSENTIAL
    assert sum(entity.get("en", True) for entity in _kept(essential).values()) <= 6
    assert {key: e["uniq_id"] for key, e in _kept(essential).items()} == {
        key: full["cmps"][key]["uniq_id"] for key in ESSENTIAL
    }


async def test_discovery_none_clears_former_discovery_messages(mosquitto: Mosquitto) -> None:
    async with bridge(mosquitto.port), watcher(mosquitto.port) as seen:
        for uid in DEVICES:
            await seen.wait(TOPICS.discovery(uid))
    identity = replace(IDENTITY, discovery=Discovery.NONE)
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, identity=identity):
        for uid in DEVICES:
            await seen.wait(TOPICS.discovery(uid), lambda payload: payload == b"")
        assert (await seen.wait(TOPICS.bridge_info, lambda i: i["discovery"] == "none"))["families"]
        # what is retained comes to whoever subscribes now
    async with watcher(mosquitto.port) as late:
        assert (await late.wait(TOPICS.module("hut")))["labels"]
        assert [uid for uid in DEVICES if late.of(TOPICS.discovery(uid))] == []


@pytest.mark.parametrize(
    ("language", "name", "shown"),
    [(Language.EN, "Registration", "Home network"), (Language.RU, "Регистрация", "Зарегистрирован")],
)
async def test_bridge_shows_names_and_values_in_the_configured_language(
    mosquitto: Mosquitto, language: Language, name: str, shown: str
) -> None:
    identity = replace(IDENTITY, language=language)
    async with watcher(mosquitto.port) as seen, bridge(mosquitto.port, identity=identity) as w:
        message = await seen.wait(TOPICS.discovery(TOPICS.module_uid("hut")))
        assert message["cmps"]["registration"]["name"] == name
        assert shown in message["cmps"]["registration"]["ops"]
        assert (await seen.wait(TOPICS.bridge_info))["language"] == language
        await seen.publish(TOPICS.module_set("hut"), {"request_status": True})
        document = await seen.wait(TOPICS.module("hut"), lambda d: d["registration"] == "home")
        assert document["labels"]["registration"] == shown
        assert w.modules
