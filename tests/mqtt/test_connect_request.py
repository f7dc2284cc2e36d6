"""`connect` without `server` means the one server that is enabled."""

from __future__ import annotations

import json

import pytest

from gsm_meter_bridge.mqtt.client import Incoming
from gsm_meter_bridge.mqtt.requests import RequestHandler
from tests.mqtt.conftest import TOPICS
from tests.support.in_memory_bridge import OWN, world


@pytest.mark.parametrize(
    ("set_up", "more", "sent"),
    [
        ("S1S=a.b:1;S1E=1", {}, "1234;C1"),
        ("S0S=a.b:1;S0E=1", {}, "1234;C0"),
        ("S0S=a.b:1;S0E=1;S1S=a.b:1;S1E=1", {"server": 1}, "1234;C1"),
        ("S0S=a.b:1;S0E=1;S1S=a.b:1;S1E=1", {}, None),
        ("S0S=a.b:1", {}, None),
        ("S0S=a.b:1;S0E=1", {"server": None}, None),
    ],
)
async def test_connect_request_uses_given_server_or_the_only_enabled_one(
    set_up: str, more: dict[str, int | None], sent: str | None
) -> None:
    async with world() as w:
        w.radio.devices["pump"].receive(OWN, f"1234;{set_up}", 1e6)
        await w.know_all()
        before = len(w.texts("pump"))
        payload = json.dumps({"transaction": "t", "module": "pump", **more}).encode()
        message = Incoming(
            TOPICS.request("connect"), payload, retained=False, redelivered=False, mid=1, qos=1
        )
        outcome = await RequestHandler(TOPICS, w.commands).handle(message)
        await w.settle()
        assert outcome.document is not None
        if sent is None:
            assert outcome.document["error"]["code"] == "invalid_value"
            assert "server" in outcome.document["error"]["message"]
            assert len(w.texts("pump")) == before
        else:
            assert w.texts("pump")[before] == sent
