"""A bridge with two modems: who talks through which, what one of them missing means, and administrators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mqtt.conftest import TOPICS, Watcher
from tests.support.mosquitto import Mosquitto
from tests.support.processes import BridgeProcess, Simulator

HUT, PUMP, CELLAR = "+79990000101", "+79990000201", "+79990000202"
LERS = "lers_gsm_mini"


@dataclass
class TwoModemStack:
    """Two cellular worlds, each with a modem of the same bridge."""

    lake: Simulator
    town: Simulator
    bridge: BridgeProcess


def _config(lake: Path, town: Path, port: int) -> dict[str, Any]:
    return {
        "bridge": {"id": "home", "name": "Test bridge"},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "modems": [
            {"id": "lake", "url": str(lake), "status_interval": 1, "allow_raw_commands": True},
            {"id": "town", "url": str(town), "status_interval": 1, "group": "north", "budget": {"day": 4}},
        ],
        "sms": {"reply_timeout": 5, "deadline": "2 min", "price": 2.5, "currency": "RUB"},
        "poll": {"initial_poll_spread": "30 d", "interval": "30 d"},
        "modules": [
            {"id": "hut", "family": LERS, "number": HUT, "modem": "lake"},
            {"id": "pump", "family": LERS, "number": PUMP, "group": "north"},
        ],
    }


@pytest.fixture
def stack(tmp_path: Path, broker: Mosquitto) -> Iterator[TwoModemStack]:
    worlds = []
    for name, number in (("lake", HUT), ("town", PUMP)):
        (tmp_path / name).mkdir()
        modules = {name: {"family": LERS, "msisdn": number}}
        worlds.append(Simulator(tmp_path / name, {"network": {"delay_s": 0.05}, "modules": modules}))
    lake, town = worlds
    with lake, town, BridgeProcess(tmp_path, _config(lake.link, town.link, broker.port)) as bridge:
        yield TwoModemStack(lake, town, bridge)


async def _ask(seen: Watcher, action: str, transaction: str, **fields: object) -> dict[str, Any]:
    await seen.publish(TOPICS.request(action), {"transaction": transaction, **fields})
    answer: dict[str, Any] = await seen.wait(
        TOPICS.response(action), lambda a: a["transaction"] == transaction and a["status"] != "accepted"
    )
    return answer


async def test_module_is_asked_through_its_own_modem(seen: Watcher, stack: TwoModemStack) -> None:
    for modem in ("lake", "town"):
        await seen.wait(TOPICS.modem(modem), lambda m: m["ready"])
    for module in ("hut", "pump"):
        assert (await _ask(seen, "request_status", module, module=module))["status"] == "ok"
    assert (stack.lake.sms_to(HUT), stack.town.sms_to(PUMP)) == (2, 2)
    town = await seen.wait(TOPICS.modem("town"), lambda m: m["sms_sent_today"] == 2)
    assert (town["budget_left"], town["cost_month"], town["currency"]) == (2, 5.0, "RUB")
    lake = await seen.wait(TOPICS.modem("lake"), lambda m: m["sms_sent_today"] == 2)
    assert lake["budget_left"] is None
    assert await seen.wait(TOPICS.discovery(TOPICS.modem_uid("town")))
    assert (await _ask(seen, "set", "apn", module="pump", apn="a"))["status"] == "ok"  # what is left
    refused = await _ask(seen, "set", "apn2", module="pump", apn="b")
    assert refused["error"]["code"] == "budget_exhausted"
    assert "modem town has 0 SMS left" in refused["error"]["message"]
    assert (await _ask(seen, "set", "apn3", module="hut", apn="b"))["status"] == "ok"


async def test_missing_modem_stops_only_its_own_modules(seen: Watcher, stack: TwoModemStack) -> None:
    await seen.wait(TOPICS.modem("town"), lambda m: m["ready"])
    stack.town.kill()
    gone = await seen.wait(TOPICS.modem("town"), lambda m: not m["connected"] and m["signal_dbm"] is None)
    assert gone["problem"]
    await seen.publish(TOPICS.request("request_status"), {"transaction": "p", "module": "pump"})
    assert (await _ask(seen, "request_status", "h", module="hut"))["status"] == "ok"
    stack.town.start()
    done = await seen.wait(
        TOPICS.response("request_status"), lambda a: a["transaction"] == "p" and a["status"] != "accepted"
    )
    assert done["status"] == "ok"
    assert stack.bridge.log.count("modem town is gone") == 1
    assert stack.bridge.log.count("modem town is back") == 1


async def test_administrator_commands_need_permission_of_modem(seen: Watcher, stack: TwoModemStack) -> None:
    for modem in ("lake", "town"):
        await seen.wait(TOPICS.modem(modem), lambda m: m["ready"])
    reported = await _ask(seen, "raw_at", "a", modem="lake", command="AT+CSQ")
    assert (reported["status"], reported["lines"]) == ("ok", ["+CSQ: 18,99"])
    balance = await _ask(seen, "ussd", "b", modem="lake", code="*100#")
    assert balance["text"] == "Balance 12.50"
    refused = await _ask(seen, "raw_at", "c", modem="town", command="AT")
    assert refused["error"]["code"] == "not_allowed"
    seen.messages.clear()
    assert (await _ask(seen, "restart_modem", "d", modem="lake"))["status"] == "ok"
    assert (await _ask(seen, "request_status", "e", module="hut"))["status"] == "ok"
